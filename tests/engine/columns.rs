//! Replies to one prompt side by side: one prefill, one batch, each with a sampler of its own.

use std::collections::HashMap;

use llmdeck::engine::{
    Command, ConversationId, EngineEvent, PrefixSharing, PreviewRequest, RequestId, StopReason,
    Timings,
};
use llmdeck::params::{LoadParams, ReplyParams, SamplingParams};

use crate::fixture;
use crate::harness::{Engine, at_most, endless, small, user};

const QUESTION: &str = "What does temperature do, and when is a low one better than a high one? \
                        Tell me about top-k and top-p as well, and how they work together.";

fn room_for(columns: u32) -> LoadParams {
    let mut params = small();
    params.context.n_ctx = 2048;
    params.context.n_seq_max = columns;
    params
}

fn hot(seed: u32) -> SamplingParams {
    SamplingParams {
        seed: Some(seed),
        temp: 1.5,
        ignore_eos: true,
        ..SamplingParams::default()
    }
}

/// What a column came to.
#[derive(Debug, Default)]
struct Column {
    text: String,
    reason: Option<StopReason>,
    timings: Timings,
    total: u32,
}

/// Collects all of them to their ends, with a look at every event.
fn collect(
    engine: &mut Engine,
    ids: &[RequestId],
    mut look: impl FnMut(&mut Engine, &EngineEvent),
) -> HashMap<RequestId, Column> {
    let mut columns: HashMap<RequestId, Column> =
        ids.iter().map(|id| (*id, Column::default())).collect();
    while columns.values().any(|column| column.reason.is_none()) {
        let event = engine.event();
        look(engine, &event);
        match event {
            EngineEvent::Prefill { request, total, .. } => {
                if let Some(column) = columns.get_mut(&request) {
                    column.total = total;
                }
            }
            EngineEvent::Tokens { request, text, .. } => {
                if let Some(column) = columns.get_mut(&request) {
                    column.text.push_str(&text);
                }
            }
            EngineEvent::Finished {
                request,
                reason,
                timings,
                ..
            } => {
                if let Some(column) = columns.get_mut(&request) {
                    column.reason = Some(reason);
                    column.timings = timings;
                }
            }
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    columns
}

fn texts(ids: &[RequestId], columns: &HashMap<RequestId, Column>) -> Vec<String> {
    ids.iter().map(|id| columns[id].text.clone()).collect()
}

/// Asks the same of so many columns at once.
fn ask(engine: &mut Engine, columns: u64, reply: &ReplyParams) -> Vec<RequestId> {
    let question = [user(QUESTION)];
    (1..=columns)
        .map(|n| engine.ask(n, &question, hot(n as u32), reply.clone()))
        .collect()
}

#[test]
fn columns_need_one_prefill_and_begin_within_a_step() {
    let mut engine = Engine::loaded(room_for(8));
    let ids = ask(&mut engine, 8, &at_most(20));
    // How many tokens each column had when another one began.
    let mut seen: HashMap<RequestId, usize> = HashMap::new();
    let mut ahead = 0;
    let columns = collect(&mut engine, &ids, |_, event| {
        if let EngineEvent::Tokens { request, ids, .. } = event {
            if !seen.contains_key(request) {
                ahead = seen.values().copied().max().unwrap_or(0).max(ahead);
            }
            *seen.entry(*request).or_default() += ids.len();
        }
    });
    let total = columns[&ids[0]].total;
    let prefilled: u32 = columns.values().map(|column| column.timings.prompt_n).sum();
    assert_eq!(
        prefilled,
        total + 7,
        "the prompt once, and its last token for each other column"
    );
    assert!(columns.values().all(|column| {
        column.timings.cache_n + column.timings.prompt_n == total
            && column.timings.predicted_n == 20
    }));
    assert!(
        ahead <= 2,
        "a column was {ahead} tokens ahead of another's first"
    );
    let mut texts: Vec<&str> = columns
        .values()
        .map(|column| column.text.as_str())
        .collect();
    texts.sort_unstable();
    texts.dedup();
    assert!(texts.len() > 1, "each column has a seed of its own");
}

#[test]
fn a_shared_prefill_changes_no_word() {
    let alone = |seed| {
        let mut engine = Engine::loaded(room_for(1));
        let id = engine.ask(1, &[user(QUESTION)], hot(seed), at_most(16));
        engine.reply(id).unwrap().text
    };
    let mut engine = Engine::loaded(room_for(3));
    let ids = ask(&mut engine, 3, &at_most(16));
    let columns = collect(&mut engine, &ids, |_, _| {});
    for (seed, id) in (1..).zip(&ids) {
        assert_eq!(columns[id].text, alone(seed));
    }
}

/// From eight tokens on steps are tried in groups as well: no reply may miss one or get one twice.
#[test]
fn nine_columns_go_on_whichever_way_their_steps_are_decoded() {
    let alone = {
        let mut engine = Engine::loaded(room_for(1));
        let id = engine.ask(1, &[user(QUESTION)], endless(), at_most(24));
        engine.reply(id).unwrap().text
    };
    let mut engine = Engine::loaded(room_for(9));
    let question = [user(QUESTION)];
    let ids: Vec<RequestId> = (1..=9)
        .map(|n| engine.ask(n, &question, endless(), at_most(24)))
        .collect();
    let columns = collect(&mut engine, &ids, |_, _| {});
    for id in &ids {
        assert_eq!(columns[id].timings.predicted_n, 24);
        assert_eq!(columns[id].text, alone);
    }
}

#[test]
fn another_system_prompt_shares_what_it_can() {
    let mut engine = Engine::loaded(room_for(4));
    let long = "You are a guide to a workbench for language models, and you answer in few and plain words about what it can do.";
    let with = |system: String| ReplyParams {
        system,
        ..at_most(8)
    };
    let systems = [
        long.to_owned(),
        format!("{long} Be brief."),
        format!("{long} Be kind."),
    ];
    let ids: Vec<RequestId> = (1..)
        .zip(systems)
        .map(|(n, system)| engine.ask(n, &[user(QUESTION)], endless(), with(system)))
        .collect();
    let columns = collect(&mut engine, &ids, |_, _| {});
    let shared = columns[&ids[0]].total / 4;
    for id in &ids[1..] {
        let timings = columns[id].timings;
        assert!(timings.cache_n > shared, "{timings:?}");
        assert_eq!(timings.cache_n + timings.prompt_n, columns[id].total);
    }
}

#[test]
fn a_column_ends_is_stopped_and_is_added_while_others_run() {
    let mut engine = Engine::loaded(room_for(4));
    let ids = ask(&mut engine, 3, &at_most(60));
    let question = [user(QUESTION)];
    let (mut tokens, mut added, mut early) = (0, None, None);
    let columns = collect(&mut engine, &ids, |engine, event| match event {
        EngineEvent::Tokens { .. } => {
            tokens += 1;
            if tokens == 30 {
                engine.send(Command::Cancel(ids[1]));
                added = Some(engine.ask(9, &question, hot(9), at_most(5)));
            }
        }
        EngineEvent::Finished {
            request, timings, ..
        } if Some(*request) == added => early = Some(*timings),
        _ => {}
    });
    assert_eq!(columns[&ids[1]].reason, Some(StopReason::Cancelled));
    for id in [ids[0], ids[2]] {
        assert_eq!(columns[&id].reason, Some(StopReason::MaxTokens(60)));
    }
    let added = added.expect("thirty tokens came");
    let timings = early.unwrap_or_else(|| engine.reply(added).unwrap().timings);
    assert_eq!((timings.prompt_n, timings.predicted_n), (1, 5));
}

#[test]
fn when_the_first_is_stopped_in_prefill_another_computes() {
    let mut params = room_for(3);
    // Small steps, so that the stop comes in between.
    params.context.n_batch = 32;
    params.context.n_ubatch = 32;
    let mut engine = Engine::loaded(params);
    let ids = ask(&mut engine, 3, &at_most(8));
    engine.send(Command::Cancel(ids[0]));
    let columns = collect(&mut engine, &ids, |_, _| {});
    assert_eq!(columns[&ids[0]].reason, Some(StopReason::Cancelled));
    let total = columns[&ids[1]].total;
    let prefilled: u32 = columns.values().map(|column| column.timings.prompt_n).sum();
    assert!(prefilled <= total + 2 + 32, "{prefilled} of {total}");
    for id in &ids[1..] {
        assert_eq!(columns[id].timings.predicted_n, 8);
    }
}

#[test]
fn a_retune_keeps_the_columns() {
    let expected = {
        let mut engine = Engine::loaded(room_for(3));
        let ids = ask(&mut engine, 3, &at_most(40));
        let columns = collect(&mut engine, &ids, |_, _| {});
        texts(&ids, &columns)
    };
    for n_ctx in [4096, 512] {
        let mut engine = Engine::loaded(room_for(3));
        let ids = ask(&mut engine, 3, &at_most(40));
        let mut tokens = 0;
        let mut outcome = None;
        let columns = collect(&mut engine, &ids, |engine, event| match event {
            EngineEvent::Tokens { .. } => {
                tokens += 1;
                if tokens == 20 {
                    let mut params = room_for(6);
                    params.context.n_ctx = n_ctx;
                    engine.retune(params);
                }
            }
            EngineEvent::Retuned { context, .. } => outcome = Some(context.n_seq_max),
            EngineEvent::RetuneFailed { error, .. } => panic!("{error}"),
            _ => {}
        });
        assert_eq!(outcome, Some(6));
        assert_eq!(texts(&ids, &columns), expected, "with ctx-size {n_ctx}");
    }
}

#[test]
fn more_columns_than_the_cache_holds_are_all_made() {
    let mut params = room_for(6);
    params.context.n_ctx = 256;
    let mut engine = Engine::loaded(params);
    let ids = ask(&mut engine, 6, &at_most(48));
    let columns = collect(&mut engine, &ids, |_, _| {});
    for column in columns.values() {
        assert_eq!(column.reason, Some(StopReason::MaxTokens(48)));
    }
}

#[test]
fn a_recurrent_model_prefills_each_column_and_says_so() {
    let (mut engine, sharing) = fixture_engine(&["--arch", "mamba2", "--layers", "2"]);
    assert_eq!(sharing, PrefixSharing::Recurrent);
    let ids = ask(&mut engine, 3, &at_most(6));
    let columns = collect(&mut engine, &ids, |_, _| {});
    for column in columns.values() {
        assert_eq!(column.timings.prompt_n, column.total);
        assert_eq!(column.timings.predicted_n, 6);
    }
}

#[test]
fn the_next_token_of_a_recurrent_model_is_known_from_where_its_reply_ended() {
    let (mut engine, _) = fixture_engine(&["--arch", "mamba2", "--layers", "2"]);
    let id = engine.ask(1, &[user(QUESTION)], hot(1), at_most(4));
    engine.reply(id).unwrap();
    engine.send(Command::Preview(Box::new(PreviewRequest {
        conversation: ConversationId(1),
        sampling: SamplingParams {
            n_probs: 3,
            ..hot(1)
        },
    })));
    let outcome = loop {
        if let EngineEvent::Previewed { outcome, .. } = engine.event() {
            break outcome;
        }
    };
    let trace = outcome.unwrap();
    assert_eq!(trace.tokens.len(), 1);
    assert!(trace.tokens[0].candidates.len() >= 3);
    // The state was not touched: the reply goes on and reuses it.
    let id = engine.ask(1, &[user(QUESTION)], hot(1), at_most(4));
    assert_eq!(engine.reply(id).unwrap().timings.predicted_n, 4);
}

#[test]
fn a_sliding_window_shares_while_it_reaches() {
    let arguments = [
        "--arch", "gemma3", "--layers", "6", "--window", "32", "--tied",
    ];
    let (mut engine, sharing) = fixture_engine(&arguments);
    assert_eq!(sharing, PrefixSharing::InWindow);
    let ids = ask(&mut engine, 3, &at_most(6));
    let columns = collect(&mut engine, &ids, |_, _| {});
    let total = columns[&ids[0]].total;
    let prefilled: u32 = columns.values().map(|column| column.timings.prompt_n).sum();
    assert_eq!(prefilled, total + 2);
    // What is shared says the same as what is computed alone.
    let (mut alone, _) = fixture_engine(&arguments);
    let id = alone.ask(1, &[user(QUESTION)], hot(3), at_most(6));
    assert_eq!(columns[&ids[2]].text, alone.reply(id).unwrap().text);
}

/// An engine that runs a small model of random weights.
fn fixture_engine(arguments: &[&str]) -> (Engine, PrefixSharing) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let mut arguments = arguments.to_vec();
    arguments.push(path.to_str().unwrap());
    fixture::run(&arguments).unwrap();
    let mut engine = Engine::start();
    let mut params = room_for(3);
    params.model.load_mode = llmdeck::params::LoadMode::None;
    let (_, context) = engine.load(&path, params).unwrap();
    (engine, context.sharing)
}
