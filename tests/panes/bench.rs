//! The view of measurements, in progress and ended.

use std::time::Duration;

use llmdeck::app::{MeasureEnd, MeasureRun, Question, State, View};
use llmdeck::bench::{self, Instance, Measured, Origin, Record, stats::Interval};
use llmdeck::engine::{BenchSample, BenchTest, ContextInfo, ModelInfo};
use llmdeck::params::{Overrides, Param, Params, Value};
use llmdeck::tune::{Candidate, Fate, Finding, Goal, Outcome};

/// Results of one test at several depths, as a measurement made them.
fn record(n_depth: u32, milliseconds: [u64; 3]) -> Record {
    let test = BenchTest {
        n_prompt: 0,
        n_gen: 32,
        n_depth,
    };
    let measured = Measured {
        instance: Instance {
            test,
            params: Params::default().load(),
            given: [("threads".to_owned(), "2".to_owned())].into(),
        },
        model: ModelInfo {
            description: "qwen2 0.5B Q8_0".to_owned(),
            ..ModelInfo::default()
        },
        context: ContextInfo::default(),
        samples: milliseconds
            .map(|took| BenchSample {
                took: Duration::from_millis(took),
                first_token: Duration::from_millis(took / 32),
            })
            .to_vec(),
    };
    let origin = Origin {
        time: "2026-01-31T12:00:00Z".to_owned(),
        ..Origin::default()
    };
    Record::new(&measured, origin)
}

/// A curve is measured, and one was measured before.
pub fn measuring(size: (u16, u16)) -> State {
    let mut state = State::new(size);
    state.view = View::Bench;
    state.bench.selected = 1;
    state.bench.run = Some(MeasureRun {
        question: Question::Bench(bench::Prepared::Depth),
        tests: ["tg32", "tg32 @ d256", "tg32 @ d1024"]
            .map(str::to_owned)
            .to_vec(),
        repetitions: 3,
        at: (2, 1),
        search: None,
        records: vec![
            record(0, [1_000, 1_010, 990]),
            record(256, [1_300, 1_310, 1_290]),
        ],
        findings: Vec::new(),
        failed: Vec::new(),
        end: None,
    });
    let earlier = record(0, [1_100, 1_110, 1_090]);
    state.bench.history = Some(Ok(vec![earlier, record(0, [1_000, 1_010, 990])]));
    state
}

/// A search has ended and found something.
pub fn tuned(size: (u16, u16)) -> State {
    let mut state = measuring(size);
    let interval = |low, middle, high| Some(Interval { low, middle, high });
    let two = Overrides::from([(Param::Threads, Value::Int(2))]);
    let candidate = |values: &Overrides, rate, ratio| Candidate {
        values: values.clone(),
        fate: Fate::In,
        rounds: 4,
        rate,
        ratio,
        first: None,
    };
    let finding = Finding {
        axis: "threads",
        winner: 1,
        candidates: vec![
            candidate(&Overrides::new(), interval(99.0, 100.0, 101.0), None),
            candidate(
                &two,
                interval(118.0, 120.0, 122.0),
                interval(1.18, 1.2, 1.22),
            ),
        ],
    };
    let outcome = Outcome {
        test: BenchTest::default(),
        findings: vec![finding.clone()],
        values: two,
        last: Some(finding.clone()),
        cancelled: false,
        out_of_time: false,
        would_do: None,
    };
    state.bench.selected = 5;
    state.bench.run = Some(MeasureRun {
        question: Question::Tune(Goal::Decode),
        tests: Vec::new(),
        repetitions: 0,
        at: (0, 0),
        search: Some((BenchTest::default(), 1)),
        records: Vec::new(),
        findings: vec![finding],
        failed: Vec::new(),
        end: Some(MeasureEnd::Found {
            outcome: Box::new(outcome),
            kept: Some(Ok("/data/llmdeck/profiles/a.toml".into())),
        }),
    });
    state
}
