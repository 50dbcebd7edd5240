//! Searching axis by axis, one event at a time.

use std::path::PathBuf;
use std::time::Duration;

use super::axes::{Axis, Goal, axes};
use super::outcome::{Candidate, Finding, Outcome};
use super::race::{FEWEST, Race, certain};
use super::trial::{LONG_ENOUGH, first_test, less, test};
use crate::bench::stats;
use crate::engine::{
    BenchId, BenchRequest, BenchSample, BenchTest, Command, ContextInfo, EngineError, EngineEvent,
    ErrorKind, LoadId, LoadRequest, ModelInfo,
};
use crate::params::{LoadParams, Overrides, Param, Params};

/// The chance that any choice of a search is wrong, shared out over its races.
const ERROR: f64 = 0.05;
/// The chance that an interval shown does not hold the true figure.
const SHOWN_ERROR: f64 = 0.05;
/// The part of the budget that the last comparison, of the result with the start, can count on.
const LAST: f64 = 0.2;
/// A candidate that takes so many times as long as the first is not measured to the end.
const HOPELESS: f64 = 8.0;

/// What is asked of a search.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: PathBuf,
    /// The values in force; none of a profile made before.
    pub base: Params,
    pub goal: Goal,
    pub budget: Duration,
    /// Tokens in the KV cache while it is measured.
    pub n_depth: u32,
    /// Whether quantised KV caches may be tried.
    pub cache_types: bool,
    /// GPUs that layers may go to.
    pub n_gpus: usize,
    /// Cores to use.
    pub n_cores: usize,
    /// The first number for commands; larger ones follow.
    pub first_id: u64,
}

/// A search on its way: tells which command to send next and takes the events that answer it. It
/// knows no clock: the time since its start is given with each event.
#[derive(Debug)]
pub struct Search {
    request: Request,
    next_id: u64,
    phase: Phase,
    /// What the engine runs, as it was asked for.
    running: Option<LoadParams>,
    model: Option<Box<ModelInfo>>,
    /// What the values in force came out as.
    start: Option<Box<ContextInfo>>,
    test: BenchTest,
    axes: std::vec::IntoIter<Axis>,
    /// An estimate of the budget with which every candidate is measured.
    would_do: Option<Duration>,
    /// Each race's share of the error.
    error: f64,
    racing: Option<(Axis, Race, Stage)>,
    /// Seconds after the start until which the race may go on.
    until: f64,
    /// A race was ended before it was decided, or an axis left out.
    hurried: bool,
    /// The values that the engine is brought to, beside those in force.
    trying: Overrides,
    /// What the axes chose so far.
    chosen: Overrides,
    findings: Vec<Finding>,
    sample: Option<BenchSample>,
    /// Seconds after the start, at the last event.
    now: f64,
    /// When the measurement in progress began.
    since: f64,
    /// The measurement in progress was given up for taking too long.
    given_up: bool,
    cancelled: bool,
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Loading(LoadId),
    /// The engine is brought to a candidate's values.
    Preparing(LoadId),
    /// How long a token takes, to choose the size of the test.
    Sizing(BenchId),
    Measuring(BenchId),
    Over,
}

/// Which race it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Axis,
    /// The result against the start.
    Last,
}

/// What follows from an event.
#[derive(Debug, Default)]
pub struct Turn {
    pub send: Option<Command>,
    pub news: Vec<News>,
}

/// What there is to show.
#[derive(Clone, Debug)]
pub enum News {
    /// The model runs and the test is chosen; that many axes will be searched.
    Began {
        test: BenchTest,
        axes: usize,
    },
    /// An axis is decided.
    Found(Finding),
    Ended(Box<Outcome>),
    Failed(EngineError),
}

impl Search {
    pub fn new(request: Request) -> Self {
        Self {
            next_id: request.first_id,
            request,
            phase: Phase::Over,
            running: None,
            model: None,
            start: None,
            test: BenchTest::default(),
            axes: Vec::new().into_iter(),
            would_do: None,
            error: ERROR,
            racing: None,
            until: 0.0,
            hurried: false,
            trying: Overrides::new(),
            chosen: Overrides::new(),
            findings: Vec::new(),
            sample: None,
            now: 0.0,
            since: 0.0,
            given_up: false,
            cancelled: false,
            outcome: None,
        }
    }

    /// The same search on an engine that runs the model already.
    #[must_use]
    pub fn on(mut self, model: Box<ModelInfo>) -> Self {
        self.model = Some(model);
        self
    }

    /// The first command.
    pub fn start(&mut self) -> Command {
        let params = self.request.base.load();
        let phase = if self.model.is_some() {
            Phase::Preparing
        } else {
            Phase::Loading
        };
        self.load(params, phase)
    }

    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Ends the search soon, by this command; the event that answers it, or one that was on its
    /// way, still has to be given to [`Self::on_event`].
    pub fn cancel(&mut self) -> Option<Command> {
        self.cancelled = true;
        match self.phase {
            Phase::Loading(id) | Phase::Preparing(id) => Some(Command::CancelLoad(id)),
            Phase::Sizing(id) | Phase::Measuring(id) => Some(Command::CancelBench(id)),
            Phase::Over => None,
        }
    }

    /// When the measurement in progress takes too long, counted from the start: when the budget
    /// is up, or when a candidate takes many times as long as the first one did.
    pub fn deadline(&self) -> Option<Duration> {
        let budget = self.request.budget.as_secs_f64();
        let slow = match (self.phase, &self.racing) {
            (Phase::Sizing(_), _) => budget,
            (Phase::Measuring(_), Some((_, race, _))) => {
                let first = stats::mean(&race.seconds(0));
                if first > 0.0 && race.next() != Some(0) {
                    // The warm-up takes as long again.
                    self.since + 2.0 * HOPELESS * first
                } else {
                    budget
                }
            }
            _ => return None,
        };
        Some(Duration::from_secs_f64(slow.min(budget).max(0.0)))
    }

    /// Gives the measurement in progress up, by this command; for when [`Self::deadline`] has passed.
    pub fn give_up(&mut self) -> Option<Command> {
        match self.phase {
            Phase::Sizing(id) | Phase::Measuring(id) if !self.given_up => {
                self.given_up = true;
                Some(Command::CancelBench(id))
            }
            _ => None,
        }
    }

    /// Takes an event that came `elapsed` after the start; those that answer something else change
    /// nothing.
    pub fn on_event(&mut self, event: &EngineEvent, elapsed: Duration) -> Turn {
        self.now = elapsed.as_secs_f64();
        match (self.phase, event) {
            (
                Phase::Loading(awaited) | Phase::Preparing(awaited),
                EngineEvent::Loaded {
                    id, model, context, ..
                },
            ) if *id == awaited => {
                self.model = Some(model.clone());
                self.prepared(context)
            }
            (Phase::Preparing(awaited), EngineEvent::Retuned { id, context, .. })
                if *id == awaited =>
            {
                self.prepared(context)
            }
            (
                Phase::Loading(awaited) | Phase::Preparing(awaited),
                EngineEvent::LoadFailed { id, error, running }
                | EngineEvent::RetuneFailed { id, error, running },
            ) if *id == awaited => {
                if !running {
                    self.model = None;
                }
                // After a failure the values before run again, or none; either way they are set anew.
                self.running = None;
                self.failed(error)
            }
            (
                Phase::Sizing(awaited) | Phase::Measuring(awaited),
                EngineEvent::BenchSample { id, sample },
            ) if *id == awaited => {
                self.sample = Some(*sample);
                Turn::default()
            }
            (Phase::Sizing(awaited), EngineEvent::BenchDone { id }) if *id == awaited => {
                self.sized()
            }
            (Phase::Measuring(awaited), EngineEvent::BenchDone { id }) if *id == awaited => {
                if let (Some(sample), Some((_, race, _))) = (self.sample.take(), &mut self.racing)
                    && let Some(arm) = race.next()
                {
                    race.record(arm, sample.took.as_secs_f64());
                }
                self.go_on()
            }
            (
                Phase::Sizing(awaited) | Phase::Measuring(awaited),
                EngineEvent::BenchFailed { id, error },
            ) if *id == awaited => self.failed(error),
            _ => Turn::default(),
        }
    }

    /// The engine runs what was asked for.
    fn prepared(&mut self, context: &ContextInfo) -> Turn {
        if self.cancelled {
            return self.end();
        }
        let Some(start) = &self.start else {
            self.start = Some(Box::new(context.clone()));
            let id = BenchId(self.id());
            self.phase = Phase::Sizing(id);
            return Turn {
                send: Some(self.bench(id, first_test(self.request.goal), true)),
                news: Vec::new(),
            };
        };
        let own_layers = self.trying.contains_key(&Param::NGpuLayers);
        if let Some(why) = less(start, context, own_layers)
            && let Some((_, race, _)) = &mut self.racing
            && let Some(arm) = race.next()
        {
            race.refuse(arm, why);
            return self.go_on();
        }
        self.measure()
    }

    /// Chooses the test and the axes.
    fn sized(&mut self) -> Turn {
        let (Some(sample), Some(start)) = (self.sample.take(), self.start.clone()) else {
            return self.end();
        };
        let request = &self.request;
        self.test = test(request, sample, &start);
        let found = axes(
            request.goal,
            &request.base,
            &start,
            self.test.n_prompt,
            request.n_gpus,
            request.n_cores,
            request.cache_types,
        );
        #[expect(clippy::cast_precision_loss, reason = "a few axes")]
        let races = (found.len() + 1) as f64;
        self.error = ERROR / races;
        self.would_do = Some(enough(&found, self.now, sample, request.budget));
        let news = News::Began {
            test: self.test,
            axes: found.len(),
        };
        self.axes = found.into_iter();
        let mut turn = self.go_on();
        turn.news.insert(0, news);
        turn
    }

    /// The next measurement, race or end.
    fn go_on(&mut self) -> Turn {
        if self.cancelled {
            return self.end();
        }
        let mut news = Vec::new();
        let used = self.now;
        let budget = self.request.budget.as_secs_f64();
        loop {
            if let Some((axis, race, _)) = &mut self.racing {
                if used >= self.until {
                    self.hurried |= race.next().is_some();
                    race.stop();
                }
                if let Some(arm) = race.next() {
                    let values = axis.candidates.get(arm).cloned().unwrap_or_default();
                    let send = Some(self.prepare(&values));
                    return Turn { send, news };
                }
                if let Some(found) = self.decide() {
                    news.push(News::Found(found));
                }
                continue;
            }
            let left = budget * (1.0 - LAST) - used;
            #[expect(clippy::cast_precision_loss, reason = "a few axes")]
            let share = left / self.axes.len().max(1) as f64;
            if let Some(axis) = (left > 0.0).then(|| self.axes.next()).flatten() {
                let race = Race::new(axis.candidates.len(), self.error);
                self.until = used + share;
                self.racing = Some((axis, race, Stage::Axis));
            } else if self.outcome.is_none() && !self.chosen.is_empty() && used < budget {
                self.until = budget;
                self.begin_last();
            } else {
                let mut turn = self.end();
                news.append(&mut turn.news);
                return Turn { send: None, news };
            }
        }
    }

    /// The result against the start.
    fn begin_last(&mut self) {
        let axis = Axis {
            name: "all together",
            candidates: vec![Overrides::new(), std::mem::take(&mut self.chosen)],
        };
        let race = Race::new(2, self.error);
        self.racing = Some((axis, race, Stage::Last));
    }

    /// Takes a race that is over into account; the finding of an axis, to be shown.
    fn decide(&mut self) -> Option<Finding> {
        let (axis, race, stage) = self.racing.take()?;
        let winner = race.winner();
        let tokens = f64::from(self.test.n_prompt) + f64::from(self.test.n_gen);
        let candidates = axis.candidates.iter().zip(race.arms()).enumerate();
        let candidates: Vec<Candidate> = candidates
            .map(|(index, (values, arm))| {
                let rates = |seconds: &[f64]| -> Vec<f64> {
                    let rates = seconds.iter().map(|seconds| (tokens / seconds).ln());
                    rates.collect()
                };
                // Both from the rounds that the ratio compares, so that the figures agree.
                let (first, own) = race.shared(index);
                let more = own.len() < race.seconds(0).len();
                let rate = certain(&rates(&own), SHOWN_ERROR);
                Candidate {
                    values: values.clone(),
                    fate: arm.fate.clone(),
                    rounds: own.len(),
                    rate: rate.map(|rate| rate.map(f64::exp)),
                    ratio: race.ratio(index, SHOWN_ERROR).filter(|_| index > 0),
                    first: (more && rate.is_some()).then(|| stats::mean(&rates(&first)).exp()),
                }
            })
            .collect();
        let values = axis.candidates.into_iter().nth(winner).unwrap_or_default();
        let finding = Finding {
            axis: axis.name,
            candidates,
            winner,
        };
        match stage {
            Stage::Axis => {
                self.chosen.extend(values);
                self.findings.push(finding.clone());
                Some(finding)
            }
            Stage::Last => {
                let out_of_time = self.hurried || !self.axes.as_slice().is_empty();
                self.outcome = Some(Outcome {
                    test: self.test,
                    findings: std::mem::take(&mut self.findings),
                    values,
                    last: Some(finding),
                    cancelled: false,
                    out_of_time,
                    would_do: self.would_do,
                });
                None
            }
        }
    }

    /// Brings the engine to a candidate, or measures it when it runs already.
    fn prepare(&mut self, values: &Overrides) -> Command {
        let together: Overrides = self
            .chosen
            .clone()
            .into_iter()
            .chain(values.clone())
            .collect();
        let params = self.request.base.with(&together).load();
        self.trying = together;
        if self.running.as_ref() == Some(&params) {
            let id = BenchId(self.id());
            self.phase = Phase::Measuring(id);
            return self.bench(id, self.test, false);
        }
        self.load(params, Phase::Preparing)
    }

    fn measure(&mut self) -> Turn {
        let id = BenchId(self.id());
        self.phase = Phase::Measuring(id);
        Turn {
            send: Some(self.bench(id, self.test, true)),
            news: Vec::new(),
        }
    }

    fn load(&mut self, params: LoadParams, phase: fn(LoadId) -> Phase) -> Command {
        let id = LoadId(self.id());
        self.phase = phase(id);
        self.running = Some(params.clone());
        if self.model.is_some() {
            Command::Retune {
                id,
                params: Box::new(params),
            }
        } else {
            Command::Load(Box::new(LoadRequest {
                id,
                path: self.request.path.clone(),
                params,
            }))
        }
    }

    fn bench(&mut self, id: BenchId, test: BenchTest, warmup: bool) -> Command {
        self.since = self.now;
        // It can come to its end before it is given up.
        self.given_up = false;
        Command::Bench(BenchRequest {
            id,
            test,
            repetitions: 1,
            warmup,
        })
    }

    /// A candidate cannot be used; without one the search itself has failed.
    fn failed(&mut self, error: &EngineError) -> Turn {
        if std::mem::take(&mut self.given_up) && !self.cancelled {
            let Some((_, race, _)) = &mut self.racing else {
                // The time was up before there was a test to race with.
                self.hurried = true;
                return self.end();
            };
            match race.next() {
                Some(arm) if arm > 0 && self.now < self.request.budget.as_secs_f64() => {
                    race.drop_out(arm);
                }
                _ => {
                    self.hurried = true;
                    race.stop();
                }
            }
            return self.go_on();
        }
        if self.cancelled || error.kind == ErrorKind::Cancelled {
            self.cancelled = true;
            return self.end();
        }
        if let Some((_, race, _)) = &mut self.racing
            && let Some(arm) = race.next().filter(|&arm| arm > 0)
        {
            race.refuse(arm, error.to_string());
            return self.go_on();
        }
        self.phase = Phase::Over;
        Turn {
            send: None,
            news: vec![News::Failed(error.clone())],
        }
    }

    fn end(&mut self) -> Turn {
        self.phase = Phase::Over;
        let undone = self.racing.is_some() || !self.axes.as_slice().is_empty();
        let outcome = self.outcome.take().unwrap_or_else(|| Outcome {
            test: self.test,
            findings: std::mem::take(&mut self.findings),
            // Nothing that the last comparison has not confirmed.
            values: Overrides::new(),
            last: None,
            cancelled: self.cancelled,
            out_of_time: self.hurried || undone || !self.chosen.is_empty(),
            would_do: self.would_do,
        });
        Turn {
            send: None,
            news: vec![News::Ended(Box::new(outcome))],
        }
    }

    fn id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }
}

/// An estimate of the budget that lets every candidate be measured in as many rounds as bounds need,
/// after `used` seconds and a first, short test: each axis has an equal share of it, a test takes as
/// long as it should or as the short one did, its warm-up as long again, and as long again the change
/// to the candidate.
fn enough(axes: &[Axis], used: f64, sample: BenchSample, budget: Duration) -> Duration {
    let longest = axes.iter().map(|axis| axis.candidates.len()).max();
    let turns = FEWEST * axes.len() * longest.unwrap_or(0);
    let turn = 3.0 * sample.took.as_secs_f64().max(LONG_ENOUGH);
    #[expect(clippy::cast_precision_loss, reason = "a few candidates")]
    let seconds = (used + turns as f64 * turn) / (1.0 - LAST);
    // One that was too small is not the answer.
    let seconds = seconds.max(2.0 * budget.as_secs_f64());
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
