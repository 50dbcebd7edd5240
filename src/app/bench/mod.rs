//! The view of measurements: questions to choose from, what is measured now, what was measured before.
//!
//! ```text
//! Accept ─► Effect::Measure(Order) ─► runtime drives the engine ─► Event::Measure(News)
//! ```
//! While something is measured nothing else changes the model; at the end it is brought back to the
//! values in force.

mod order;
mod run;
#[cfg(test)]
mod tests;

pub use order::{End, Measure, News, Order, Work};
pub use run::{Progress, Run};

use super::update::{IsError, notice};
use super::{Action, Effect, State, retune};
use crate::bench::{self, Axis, Prepared, Record, Running};
use crate::params::{Overrides, Source};
use crate::tune::{self, Goal};

/// How long a search may take, in seconds.
pub const BUDGET_S: u64 = 120;
/// Repetitions of a test.
const REPETITIONS: u32 = 3;
/// Numbers that one measurement may give to its commands.
const IDS: u64 = 1 << 20;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Bench(Prepared),
    Tune(Goal),
    /// Take back what tuning found for this model.
    Undo,
}

/// Every question, its words, and what is done to answer it.
pub const QUESTIONS: [(Question, &str, &str); 8] = [
    (
        Question::Bench(Prepared::Now),
        "speed now",
        "pp512 and tg128 with the values in force",
    ),
    (
        Question::Bench(Prepared::Depth),
        "speed over context depth",
        "pp128 and tg32, the context ever fuller",
    ),
    (
        Question::Bench(Prepared::GpuLayers),
        "speed over n-gpu-layers",
        "pp128 and tg32, from no layer to all that lie on GPUs now",
    ),
    (
        Question::Bench(Prepared::Threads),
        "speed over threads",
        "pp128 and tg32, from one thread to all cores",
    ),
    (
        Question::Tune(Goal::Balanced),
        "tune for prompt and reply",
        "tries values until it is certain which are faster, at most 120 s",
    ),
    (
        Question::Tune(Goal::Decode),
        "tune for decode",
        "the same for long replies",
    ),
    (
        Question::Tune(Goal::Prefill),
        "tune for prefill",
        "the same for long prompts",
    ),
    (
        Question::Undo,
        "undo tuning",
        "runs this model with its usual values again",
    ),
];

/// What the view shows.
#[derive(Debug, Default)]
pub struct BenchState {
    /// Index into [`QUESTIONS`].
    pub selected: usize,
    /// The measurement in progress, or the last one.
    pub run: Option<Run>,
    /// Every result kept, oldest first, or why it could not be read; `None` until it was.
    pub history: Option<Result<Vec<Record>, String>>,
    /// Cores this process may use; 0 = not known.
    pub n_cores: usize,
    /// Rows of the results scrolled down.
    pub scroll: usize,
}

impl BenchState {
    /// Whether something is measured now.
    pub fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(Run::is_running)
    }
}

/// The effects of showing the view.
pub(super) fn enter(_: &mut State) -> Vec<Effect> {
    vec![Effect::Measure(Measure::Read)]
}

/// What the view makes of an action.
pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let page = usize::from(state.size.1 / 2);
    let bench = &mut state.bench;
    let last = QUESTIONS.len() - 1;
    match action {
        Action::Up => bench.selected = bench.selected.saturating_sub(1),
        Action::Down => bench.selected = (bench.selected + 1).min(last),
        Action::Top => bench.selected = 0,
        Action::Bottom => bench.selected = last,
        Action::PageUp | Action::HalfPageUp => bench.scroll = bench.scroll.saturating_sub(page),
        Action::PageDown | Action::HalfPageDown => bench.scroll += page,
        Action::Accept => {
            let question = QUESTIONS[bench.selected].0;
            return Some(begin(state, question));
        }
        Action::Cancel if bench.is_running() => {
            return Some(vec![Effect::Measure(Measure::Cancel)]);
        }
        _ => return None,
    }
    Some(vec![])
}

/// Begins to measure.
fn begin(state: &mut State, question: Question) -> Vec<Effect> {
    match order(state, question) {
        Ok(Measure::Begin(order)) => {
            state.bench.run = Some(Run::new(question, &order));
            state.bench.scroll = 0;
            vec![Effect::Measure(Measure::Begin(order))]
        }
        Ok(other) => vec![Effect::Measure(other)],
        Err(why) => notice(state, why, IsError::Yes),
    }
}

fn order(state: &mut State, question: Question) -> Result<Measure, String> {
    if state.bench.is_running() {
        return Err("Something is measured already; Esc ends it.".into());
    }
    if state.model.loading.is_some() || !state.model.asked.is_empty() {
        return Err("The model is being loaded or changed; wait until it runs.".into());
    }
    let Some((model, context)) = state.model.running.clone() else {
        return Err(retune::no_model(state));
    };
    let params = &state.params.values;
    let work = match question {
        Question::Undo => return Ok(Measure::Undo(model.path.clone())),
        Question::Bench(what) => Work::Bench {
            plan: bench::prepare(what, params, &context, state.bench.n_cores)?,
            repetitions: REPETITIONS,
            first_id: state.reserve_ids(IDS),
        },
        Question::Tune(goal) => {
            let mut base = params.clone();
            // Without what an earlier search found.
            base.replace(Source::Tuned, Overrides::new());
            let n_gpus = context.devices.iter().filter(|device| device.name != "CPU");
            Work::Tune(Box::new(tune::Request {
                path: model.path.clone(),
                base,
                goal,
                budget: std::time::Duration::from_secs(BUDGET_S),
                n_depth: 0,
                cache_types: false,
                n_gpus: n_gpus.count(),
                n_cores: state.bench.n_cores,
                first_id: state.reserve_ids(IDS),
            }))
        }
    };
    let running = Running {
        model,
        context,
        params: state.params.values.load(),
    };
    Ok(Measure::Begin(Box::new(Order { running, work })))
}

/// Takes the runtime's word in.
pub(super) fn on_news(state: &mut State, news: News) -> Vec<Effect> {
    match news {
        News::History(history) => {
            state.bench.history = Some(history);
            vec![]
        }
        News::Tuned { path, values } => {
            state.params.tuned.insert(path, values.clone());
            state.params.values.replace(Source::Tuned, values);
            vec![]
        }
        News::Undone(Ok((path, how))) => {
            state.params.tuned.remove(&path);
            let mut effects = retune::change(state, |params| {
                params.values.replace(Source::Tuned, Overrides::new());
            });
            effects.extend(notice(state, how, IsError::No));
            effects
        }
        News::Undone(Err(why)) => notice(state, why, IsError::Yes),
        News::Over(end) => {
            if let Some(run) = &mut state.bench.run {
                run.end(end);
            }
            let mut effects = retune::again(state);
            effects.push(Effect::Measure(Measure::Read));
            effects
        }
        News::Progress(progress) => {
            if let Some(run) = &mut state.bench.run {
                run.take(progress);
            }
            vec![]
        }
    }
}

impl Question {
    /// The axis over which its results make curves.
    pub fn axis(self) -> Axis {
        match self {
            Self::Bench(Prepared::Depth) => Axis::Depth,
            Self::Bench(Prepared::GpuLayers) => Axis::GpuLayers,
            Self::Bench(Prepared::Threads) => Axis::Threads,
            _ => Axis::Test,
        }
    }

    pub fn words(self) -> &'static str {
        let entry = QUESTIONS.iter().find(|(question, ..)| *question == self);
        entry.map_or("", |(_, words, _)| words)
    }
}
