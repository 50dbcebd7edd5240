//! Taking the engine through a plan, one event at a time.

use std::path::PathBuf;

use super::plan::Instance;
use crate::engine::{
    BenchId, BenchRequest, BenchSample, Command, ContextInfo, EngineError, EngineEvent, ErrorKind,
    LoadId, LoadRequest, ModelInfo,
};
use crate::params::LoadParams;

/// A plan on its way: tells which command to send next and takes the events that answer it. It
/// knows no clock, so the same events give the same commands.
#[derive(Debug)]
pub struct Drive {
    path: PathBuf,
    plan: Vec<Instance>,
    repetitions: u32,
    warmup: bool,
    /// The instance that is prepared or measured.
    at: usize,
    next_id: u64,
    phase: Phase,
    /// What the engine runs, as it was asked for.
    running: Option<LoadParams>,
    model: Option<Box<ModelInfo>>,
    context: Option<Box<ContextInfo>>,
    samples: Vec<BenchSample>,
    cancelled: bool,
}

/// A model that the engine runs.
#[derive(Clone, Debug)]
pub struct Running {
    pub model: Box<ModelInfo>,
    pub context: Box<ContextInfo>,
    /// As they were asked for.
    pub params: LoadParams,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Preparing(LoadId),
    Measuring(BenchId),
    Over,
}

/// What follows from an event.
#[derive(Debug, Default)]
pub struct Turn {
    pub send: Option<Command>,
    pub news: Option<News>,
}

/// What there is to show.
#[derive(Clone, Debug)]
pub enum News {
    /// A repetition is done, the `n`-th of this instance.
    Sample {
        index: usize,
        n: usize,
    },
    Measured(Box<Measured>),
    /// An instance could not be measured; the next one follows.
    Failed {
        index: usize,
        error: EngineError,
    },
}

/// All repetitions of one instance.
#[derive(Clone, Debug)]
pub struct Measured {
    pub instance: Instance,
    pub model: ModelInfo,
    /// What the context came out as.
    pub context: ContextInfo,
    pub samples: Vec<BenchSample>,
}

impl Drive {
    /// A drive through `plan` with a model, whose commands carry ids from `first_id` on. A model
    /// that the engine runs already is replaced.
    pub fn new(
        path: PathBuf,
        plan: Vec<Instance>,
        repetitions: u32,
        warmup: bool,
        first_id: u64,
    ) -> Self {
        Self {
            path,
            plan,
            repetitions,
            warmup,
            at: 0,
            next_id: first_id,
            phase: Phase::Over,
            running: None,
            model: None,
            context: None,
            samples: Vec::new(),
            cancelled: false,
        }
    }

    /// The same drive on an engine that runs the model already, with these parameters.
    #[must_use]
    pub fn on(mut self, running: Running) -> Self {
        self.model = Some(running.model);
        self.context = Some(running.context);
        self.running = Some(running.params);
        self
    }

    /// The first command; `None` when the plan is empty.
    pub fn start(&mut self) -> Option<Command> {
        self.prepare()
    }

    /// All is measured, or it was ended.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    pub fn plan(&self) -> &[Instance] {
        &self.plan
    }

    /// It was ended before all was measured.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// Ends the drive soon, by this command; the event that answers it, or one that was on its
    /// way, still has to be given to [`Self::on_event`].
    pub fn cancel(&mut self) -> Option<Command> {
        self.cancelled = true;
        match self.phase {
            Phase::Preparing(id) => Some(Command::CancelLoad(id)),
            Phase::Measuring(id) => Some(Command::CancelBench(id)),
            Phase::Over => None,
        }
    }

    /// Takes an event; those that answer something else change nothing.
    pub fn on_event(&mut self, event: &EngineEvent) -> Turn {
        match (self.phase, event) {
            (
                Phase::Preparing(awaited),
                EngineEvent::Loaded {
                    id, model, context, ..
                },
            ) if *id == awaited => {
                self.model = Some(model.clone());
                self.context = Some(context.clone());
                self.measure()
            }
            (Phase::Preparing(awaited), EngineEvent::Retuned { id, context, .. })
                if *id == awaited =>
            {
                self.context = Some(context.clone());
                self.measure()
            }
            (
                Phase::Preparing(awaited),
                EngineEvent::LoadFailed { id, error, running }
                | EngineEvent::RetuneFailed { id, error, running },
            ) if *id == awaited => {
                if !running {
                    self.model = None;
                }
                // What runs now, if anything, is not what was asked for.
                self.running = None;
                self.failed(error)
            }
            (Phase::Measuring(awaited), EngineEvent::BenchSample { id, sample })
                if *id == awaited =>
            {
                self.samples.push(*sample);
                Turn {
                    send: None,
                    news: Some(News::Sample {
                        index: self.at,
                        n: self.samples.len(),
                    }),
                }
            }
            (Phase::Measuring(awaited), EngineEvent::BenchDone { id }) if *id == awaited => {
                let news = self.measured();
                self.at += 1;
                Turn {
                    send: self.prepare(),
                    news,
                }
            }
            (Phase::Measuring(awaited), EngineEvent::BenchFailed { id, error })
                if *id == awaited =>
            {
                self.failed(error)
            }
            _ => Turn::default(),
        }
    }

    fn measured(&mut self) -> Option<News> {
        Some(News::Measured(Box::new(Measured {
            instance: self.plan.get(self.at)?.clone(),
            model: self.model.as_deref()?.clone(),
            context: self.context.as_deref()?.clone(),
            samples: std::mem::take(&mut self.samples),
        })))
    }

    fn failed(&mut self, error: &EngineError) -> Turn {
        self.samples.clear();
        if error.kind == ErrorKind::Cancelled {
            self.cancelled = true;
            self.phase = Phase::Over;
            return Turn::default();
        }
        let news = News::Failed {
            index: self.at,
            error: error.clone(),
        };
        self.at += 1;
        Turn {
            send: self.prepare(),
            news: Some(news),
        }
    }

    /// Brings the engine to the parameters of the next instance.
    fn prepare(&mut self) -> Option<Command> {
        let next = self.plan.get(self.at).filter(|_| !self.cancelled);
        let Some(params) = next.map(|one| one.params.clone()) else {
            self.phase = Phase::Over;
            return None;
        };
        if self.model.is_some() && self.running.as_ref() == Some(&params) {
            return self.measure().send;
        }
        let id = LoadId(self.id());
        self.phase = Phase::Preparing(id);
        self.running = Some(params.clone());
        Some(if self.model.is_none() {
            Command::Load(Box::new(LoadRequest {
                id,
                path: self.path.clone(),
                // The model that was measured before takes no memory from this one.
                params: LoadParams {
                    models_max: 1,
                    ..params
                },
            }))
        } else {
            Command::Retune {
                id,
                params: Box::new(params),
            }
        })
    }

    fn measure(&mut self) -> Turn {
        let next = self.plan.get(self.at).filter(|_| !self.cancelled);
        let Some(test) = next.map(|one| one.test) else {
            self.phase = Phase::Over;
            return Turn::default();
        };
        let id = BenchId(self.id());
        self.phase = Phase::Measuring(id);
        Turn {
            send: Some(Command::Bench(BenchRequest {
                id,
                test,
                repetitions: self.repetitions,
                warmup: self.warmup,
            })),
            news: None,
        }
    }

    fn id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::{Tests, plan};
    use crate::engine::fake::{self, Script};
    use crate::params::{Param, Params, Value};

    fn instances(threads: &[i64]) -> Vec<Instance> {
        let tests = Tests {
            n_prompt: vec![200],
            n_gen: vec![20],
            pairs: vec![],
            n_depth: vec![0],
        };
        let values = threads.iter().copied().map(Value::Int).collect();
        plan(&Params::default(), &[(Param::Threads, values)], &tests).unwrap()
    }

    /// Drives the fake engine to the end; returns the commands by name, and the news.
    async fn driven(drive: &mut Drive, cancel_at: Option<usize>) -> (Vec<&'static str>, Vec<News>) {
        let (engine, mut events) = fake::start(Script::default());
        let (mut commands, mut news) = (Vec::new(), Vec::new());
        let mut next = drive.start();
        while !drive.is_over() {
            if let Some(command) = next.take() {
                commands.push(match command {
                    Command::Load(_) => "load",
                    Command::Retune { .. } => "retune",
                    Command::Bench(_) => "bench",
                    _ => "other",
                });
                engine.send(command).unwrap();
            }
            let turn = drive.on_event(&events.recv().await.unwrap());
            next = turn.send;
            news.extend(turn.news);
            if !drive.is_cancelled()
                && cancel_at == Some(news.len())
                && let Some(cancel) = drive.cancel()
            {
                engine.send(cancel).unwrap();
            }
        }
        (commands, news)
    }

    fn drive(path: &str, threads: &[i64]) -> Drive {
        Drive::new(path.into(), instances(threads), 2, true, 1)
    }

    #[tokio::test(start_paused = true)]
    async fn every_instance_is_measured_with_its_parameters() {
        let (commands, news) = driven(&mut drive("a.gguf", &[1, 2]), None).await;
        let once = ["load", "bench", "retune", "bench"];
        assert_eq!(commands[..4], once);
        assert_eq!(commands[4..], ["retune", "bench", "retune", "bench"]);
        let measured: Vec<&Measured> = news
            .iter()
            .filter_map(|news| match news {
                News::Measured(measured) => Some(&**measured),
                _ => None,
            })
            .collect();
        assert_eq!(measured.len(), 4);
        // The fake engine prefills 200 tokens a second and decodes 20.
        for one in measured {
            assert_eq!(
                one.samples
                    .iter()
                    .map(|sample| sample.took)
                    .collect::<Vec<_>>(),
                [Duration::from_secs(1); 2]
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_parameters_are_not_loaded_again() {
        let mut plan = instances(&[1]);
        plan[1] = plan[0].clone();
        let mut drive = Drive::new("a.gguf".into(), plan, 1, false, 1);
        assert_eq!(driven(&mut drive, None).await.0, ["load", "bench", "bench"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_and_the_next_one_tried() {
        let (commands, news) = driven(&mut drive("no-model.txt", &[1]), None).await;
        assert_eq!(commands, ["load", "load"]);
        assert!(matches!(
            news.as_slice(),
            [News::Failed { index: 0, .. }, News::Failed { index: 1, .. }]
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_measured_with_the_parameters_of_another_test() {
        let mut plan = instances(&[1]);
        // More than the fake engine has room for, twice the same.
        plan[1].params.context.n_ctx = 1_000_000;
        plan.push(plan[1].clone());
        plan.push(plan[0].clone());
        let mut drive = Drive::new("a.gguf".into(), plan, 1, false, 1);
        let (commands, news) = driven(&mut drive, None).await;
        let expected = ["load", "bench", "retune", "retune", "retune", "bench"];
        assert_eq!(commands, expected);
        let failed: Vec<usize> = news
            .iter()
            .filter_map(|news| match news {
                News::Failed { index, .. } => Some(*index),
                _ => None,
            })
            .collect();
        assert_eq!(failed, [1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_ended_at_any_time() {
        for at in 0..6 {
            let mut drive = drive("a.gguf", &[1, 2]);
            let (_, news) = driven(&mut drive, Some(at)).await;
            assert!(drive.is_cancelled() && drive.is_over());
            // What had been measured already can still be told.
            assert!(news.len() <= at + 1, "{at}: {news:?}");
        }
    }

    #[test]
    fn events_of_others_change_nothing() {
        let mut drive = drive("a.gguf", &[1]);
        assert!(drive.start().is_some());
        let id = BenchId(99);
        assert!(
            drive
                .on_event(&EngineEvent::BenchDone { id })
                .send
                .is_none()
        );
        assert!(!drive.is_over());
    }
}
