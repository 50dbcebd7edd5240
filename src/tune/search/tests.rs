//! Searches on a machine in virtual time.

use super::*;
use crate::engine::CameFrom;
use crate::params::{GpuLayers, Value};
use crate::tune::Fate;

/// A machine in virtual time: seconds a test takes with given parameters.
struct Machine<F> {
    seconds: F,
    clock: f64,
    /// When the measurement that is asked for is given up.
    deadline: f64,
    params: Option<LoadParams>,
    /// Tokens that fit with a given `n_ubatch`.
    n_ctx: fn(u32) -> u32,
    /// Layers that fit on its GPU.
    n_gpu_layers: u32,
    reloads: usize,
}

impl<F: FnMut(&LoadParams, BenchTest) -> f64> Machine<F> {
    fn new(seconds: F) -> Self {
        Self {
            seconds,
            clock: 0.0,
            deadline: f64::INFINITY,
            params: None,
            n_ctx: |_| 4096,
            n_gpu_layers: 0,
            reloads: 0,
        }
    }

    fn context(&self, params: &LoadParams) -> Box<ContextInfo> {
        Box::new(ContextInfo {
            params: params.clone(),
            n_ctx: (self.n_ctx)(params.context.n_ubatch),
            n_batch: params.context.n_batch,
            n_ubatch: params.context.n_ubatch,
            n_threads: 4,
            n_threads_batch: 4,
            n_gpu_layers: match params.model.n_gpu_layers {
                GpuLayers::Count(layers) => layers,
                GpuLayers::Auto | GpuLayers::All => self.n_gpu_layers,
            },
            ..ContextInfo::default()
        })
    }

    fn answer(&mut self, command: Command) -> Vec<EngineEvent> {
        match command {
            Command::Load(request) => {
                self.clock += 1.0;
                self.reloads += 1;
                let context = self.context(&request.params);
                self.params = Some(request.params.clone());
                vec![EngineEvent::Loaded {
                    id: request.id,
                    model: Box::default(),
                    context,
                    came_from: CameFrom::File,
                    took: Duration::from_secs(1),
                }]
            }
            Command::Retune { id, params } => {
                if params.context.type_k == "q4_0" {
                    let error = EngineError {
                        kind: ErrorKind::BadParameter,
                        what: "a context".into(),
                        why: "this model cannot".into(),
                        hint: String::new(),
                    };
                    let running = true;
                    return vec![EngineEvent::RetuneFailed { id, error, running }];
                }
                let context = self.context(&params);
                self.params = Some(*params);
                vec![EngineEvent::Retuned {
                    id,
                    context,
                    kv: crate::engine::KvOutcome::Untouched,
                    took: Duration::ZERO,
                }]
            }
            Command::Bench(request) => {
                let params = self.params.clone().unwrap();
                let took = (self.seconds)(&params, request.test);
                self.clock += took * if request.warmup { 2.0 } else { 1.0 };
                if self.clock > self.deadline {
                    self.clock = self.deadline;
                    return vec![];
                }
                let sample = BenchSample {
                    took: Duration::from_secs_f64(took),
                    first_token: Duration::ZERO,
                };
                let id = request.id;
                vec![
                    EngineEvent::BenchSample { id, sample },
                    EngineEvent::BenchDone {
                        id,
                        cores_taken: None,
                    },
                ]
            }
            other => panic!("{other:?}"),
        }
    }

    fn search(&mut self, request: Request) -> (Outcome, Vec<Finding>) {
        let mut search = Search::new(request);
        let mut next = Some(search.start());
        let (mut findings, mut outcome) = (Vec::new(), None);
        while let Some(command) = next.take() {
            let deadline = search.deadline();
            self.deadline = deadline.map_or(f64::INFINITY, |at| at.as_secs_f64());
            let mut events = self.answer(command);
            if events.is_empty() {
                let Some(Command::CancelBench(id)) = search.give_up() else {
                    panic!("a measurement is given up once");
                };
                let error = EngineError {
                    kind: ErrorKind::Cancelled,
                    what: "measuring".into(),
                    why: "it was stopped".into(),
                    hint: String::new(),
                };
                events.push(EngineEvent::BenchFailed { id, error });
            }
            for event in events {
                let elapsed = Duration::from_secs_f64(self.clock);
                let turn = search.on_event(&event, elapsed);
                next = turn.send;
                for news in turn.news {
                    match news {
                        News::Found(finding) => findings.push(finding),
                        News::Ended(ended) => outcome = Some(*ended),
                        News::Failed(error) => panic!("{error}"),
                        News::Began { .. } => {}
                    }
                }
            }
        }
        assert!(search.is_over());
        (outcome.expect("an end"), findings)
    }
}

fn request(goal: Goal) -> Request {
    Request {
        path: "a.gguf".into(),
        base: Params::default(),
        goal,
        budget: Duration::from_secs(1000),
        n_depth: 0,
        cache_types: false,
        n_gpus: 0,
        n_cores: 8,
        first_id: 1,
    }
}

/// Noise that is the same every time, of about that size.
fn wobble(size: f64) -> impl FnMut() -> f64 {
    let mut at = 0.0_f64;
    move || {
        at += 1.0;
        1.0 + size * (at * 12.9898).sin()
    }
}

/// Decoding is fastest with two threads, and flash attention does nothing.
fn by_threads(mut noise: impl FnMut() -> f64) -> impl FnMut(&LoadParams, BenchTest) -> f64 {
    move |params, test| {
        let threads = match params.threads.n_threads {
            2 => 0.6,
            1 => 0.9,
            _ => 1.0,
        };
        f64::from(test.n_gen + test.n_prompt) * 0.01 * threads * noise()
    }
}

#[test]
fn the_faster_value_is_found_and_what_does_nothing_is_left_alone() {
    let mut machine = Machine::new(by_threads(wobble(0.01)));
    let (outcome, findings) = machine.search(request(Goal::Decode));
    assert_eq!(
        outcome.values,
        Overrides::from([(Param::Threads, Value::Int(2))])
    );
    assert_eq!(findings.len(), 2);
    assert_eq!(findings[0].winner, 0, "flash attention stays as it was");
    let last = outcome.last.unwrap();
    let ratio = last.candidates[1].ratio.unwrap();
    assert!(ratio.low > 1.6 && ratio.high < 1.72, "{ratio:?}");
    assert!(!outcome.out_of_time && !outcome.cancelled);
    assert_eq!(machine.reloads, 1);
}

#[test]
fn where_nothing_matters_nothing_is_changed() {
    let mut noise = wobble(0.05);
    let mut machine = Machine::new(move |_: &LoadParams, test: BenchTest| {
        f64::from(test.n_gen + test.n_prompt) * 0.001 * noise()
    });
    let (outcome, findings) = machine.search(request(Goal::Balanced));
    assert_eq!(outcome.values, Overrides::new());
    assert_eq!(outcome.last, None);
    assert_eq!(findings.len(), 4);
    assert!(findings.iter().all(|finding| finding.winner == 0));
}

#[test]
fn what_costs_context_or_fails_is_refused_with_the_reason() {
    // Larger batches are much faster, but the largest leaves less context.
    let mut noise = wobble(0.01);
    let mut machine = Machine::new(move |params: &LoadParams, test: BenchTest| {
        let per_token = 10.0 / f64::from(params.context.n_ubatch);
        f64::from(test.n_prompt) * per_token * 0.01 * noise()
    });
    machine.n_ctx = |n_ubatch| if n_ubatch > 1024 { 2048 } else { 4096 };
    let (outcome, findings) = machine.search(Request {
        cache_types: true,
        budget: Duration::from_secs(100_000),
        ..request(Goal::Prefill)
    });
    assert_eq!(
        outcome.values,
        Overrides::from([(Param::UbatchSize, Value::Int(1024))])
    );
    let refused: Vec<String> = findings
        .iter()
        .flat_map(|finding| &finding.candidates)
        .filter_map(|candidate| match &candidate.fate {
            Fate::Refused(why) => Some(why.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].contains("this model cannot"), "{refused:?}");
    assert!(
        refused[1].contains("only 2048 instead of 4096"),
        "{refused:?}"
    );
}

#[test]
fn fewer_layers_on_a_gpu_win_only_where_they_are_faster() {
    for (gpu, layers) in [(0.5, None), (2.0, Some(0))] {
        let mut noise = wobble(0.01);
        let mut machine = Machine::new(move |params: &LoadParams, test: BenchTest| {
            let on_gpu = match params.model.n_gpu_layers {
                GpuLayers::Count(layers) => f64::from(layers) / 24.0,
                GpuLayers::Auto | GpuLayers::All => 1.0,
            };
            let threads = if params.threads.n_threads == 2 {
                0.5
            } else {
                1.0
            };
            let layer = on_gpu * gpu + (1.0 - on_gpu);
            f64::from(test.n_gen) * 0.01 * layer * threads * noise()
        });
        machine.n_gpu_layers = 24;
        let (outcome, _) = machine.search(Request {
            n_gpus: 1,
            ..request(Goal::Decode)
        });
        let chosen = outcome.values.get(&Param::NGpuLayers).cloned();
        assert_eq!(chosen, layers.map(Value::Int));
        // What was found after it holds beside it.
        assert_eq!(outcome.values[&Param::Threads], Value::Int(2));
    }
}

#[test]
fn the_budget_ends_it_and_only_what_was_confirmed_is_chosen() {
    for seconds in [1, 3, 5, 8, 12, 20, 40] {
        let mut machine = Machine::new(by_threads(wobble(0.01)));
        let (outcome, _) = machine.search(Request {
            budget: Duration::from_secs(seconds),
            ..request(Goal::Decode)
        });
        assert_eq!(outcome.last.is_some(), !outcome.values.is_empty());
        // Loading is not cut short.
        let over = machine.clock - f64::from(u32::try_from(seconds).unwrap());
        assert!(over <= 1.0, "{seconds}: {over}");
    }
}

#[test]
fn rate_and_ratio_agree_though_candidates_leave_early() {
    // The machine slows down while it is measured, so later rounds are slower than earlier ones.
    let mut noise = wobble(0.02);
    let mut slower = 1.0;
    let mut machine = Machine::new(move |params: &LoadParams, test: BenchTest| {
        slower *= 1.01;
        let threads = match params.threads.n_threads {
            2 => 0.97,
            1 => 1.3,
            _ => 1.0,
        };
        f64::from(test.n_gen) * 0.01 * threads * slower * noise()
    });
    let (_, findings) = machine.search(request(Goal::Decode));
    let threads = findings.last().unwrap();
    let first = threads.candidates[0].rate.unwrap().middle;
    let mut left_early = 0;
    for candidate in &threads.candidates[1..] {
        let (Some(rate), Some(ratio)) = (candidate.rate, candidate.ratio) else {
            continue;
        };
        left_early += usize::from(candidate.first.is_some());
        let of = candidate.first.unwrap_or(first);
        assert!((rate.middle / of - ratio.middle).abs() < 1e-9);
    }
    assert!(left_early > 0);
}

#[test]
fn a_budget_too_small_for_any_comparison_is_told_with_one_that_would_do() {
    let search = |seconds| {
        Machine::new(by_threads(wobble(0.01))).search(Request {
            budget: Duration::from_secs(seconds),
            ..request(Goal::Decode)
        })
    };
    // Loading takes a second, so the time is up before a test is chosen.
    let (outcome, findings) = search(1);
    assert!(outcome.is_empty() && outcome.out_of_time && findings.is_empty());
    assert_eq!(outcome.would_do, None);
    let (outcome, _) = search(2);
    assert!(outcome.is_empty() && outcome.out_of_time);
    let would_do = outcome.would_do.expect("an estimate").as_secs() + 1;
    let (outcome, findings) = search(would_do);
    assert!(!outcome.is_empty());
    let candidates = findings.iter().flat_map(|finding| &finding.candidates);
    assert!(candidates.into_iter().all(|one| one.rounds >= FEWEST));
}

#[test]
fn a_hopeless_candidate_does_not_eat_the_budget() {
    let mut noise = wobble(0.01);
    let mut machine = Machine::new(move |params: &LoadParams, test: BenchTest| {
        let threads = match params.threads.n_threads {
            8 => 1000.0,
            2 => 0.6,
            _ => 1.0,
        };
        f64::from(test.n_gen) * 0.01 * threads * noise()
    });
    let (outcome, findings) = machine.search(request(Goal::Decode));
    assert_eq!(
        outcome.values,
        Overrides::from([(Param::Threads, Value::Int(2))])
    );
    let threads = findings.last().unwrap();
    let slow = threads
        .candidates
        .iter()
        .find(|one| one.values.get(&Param::Threads) == Some(&Value::Int(8)));
    assert_eq!(slow.unwrap().fate, Fate::Slower);
    assert!(!outcome.out_of_time);
    assert!(machine.clock < 300.0, "{}", machine.clock);
}

#[test]
fn it_can_be_ended_at_any_time_without_a_result() {
    let mut machine = Machine::new(by_threads(wobble(0.01)));
    let mut search = Search::new(request(Goal::Decode));
    let mut next = Some(search.start());
    let mut outcome = None;
    for step in 0..100 {
        let Some(command) = next.take() else { break };
        if step == 9 {
            assert!(search.cancel().is_some());
        }
        for event in machine.answer(command) {
            let turn = search.on_event(&event, Duration::from_secs_f64(machine.clock));
            next = turn.send;
            outcome = turn.news.into_iter().last().or(outcome);
        }
    }
    assert!(search.is_over());
    assert!(
        matches!(outcome, Some(News::Ended(ended)) if ended.cancelled && ended.values.is_empty())
    );
}

#[test]
fn a_model_that_cannot_be_loaded_is_a_failure() {
    let mut search = Search::new(request(Goal::Decode));
    let Command::Load(load) = search.start() else {
        panic!("a load comes first");
    };
    let error = EngineError {
        kind: ErrorKind::BadData,
        what: "loading a.gguf".into(),
        why: "no GGUF".into(),
        hint: String::new(),
    };
    let event = EngineEvent::LoadFailed {
        id: load.id,
        error,
        running: false,
    };
    let turn = search.on_event(&event, Duration::ZERO);
    assert!(matches!(turn.news.as_slice(), [News::Failed(_)]));
    assert!(search.is_over());
}
