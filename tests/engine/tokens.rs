//! Looking inside tokens: records, branches at a token, replies made again, previews.

use llmdeck::engine::trace::{Ids, Stage, Trace};
use llmdeck::engine::{
    Command, ConversationId, EngineEvent, Exact, GenerateRequest, Origin, PreviewRequest,
    RequestId, StopReason,
};
use llmdeck::params::{LoadMode, ReplyParams, SamplerKind, SamplingParams};

use crate::harness::{Engine, Reply, at_most, endless, small, user};

/// A reply with all that was told of how it came about.
struct Told {
    reply: Reply,
    trace: Trace,
    origin: Origin,
    ids: Ids,
}

fn listen(engine: &mut Engine, id: RequestId) -> Told {
    let mut trace = Trace::default();
    let mut made = None;
    let reply = engine
        .reply_and(id, |_, event| match event {
            EngineEvent::Traced {
                request,
                trace: next,
            } if *request == id => trace.append(next.clone()),
            EngineEvent::Made {
                request,
                origin,
                ids,
            } if *request == id => made = Some((origin.clone(), ids.clone())),
            _ => {}
        })
        .unwrap();
    let (origin, ids) = made.expect("what made it is told before it ends");
    Told {
        reply,
        trace,
        origin: *origin,
        ids,
    }
}

fn ask(engine: &mut Engine, sampling: SamplingParams, reply: ReplyParams) -> Told {
    let id = engine.ask(1, &[user("What does top-k do?")], sampling, reply);
    listen(engine, id)
}

fn exactly(
    engine: &mut Engine,
    conversation: u64,
    exact: Exact,
    sampling: SamplingParams,
    reply: ReplyParams,
) -> Told {
    let id = generate(engine, conversation, exact, sampling, reply);
    listen(engine, id)
}

fn generate(
    engine: &mut Engine,
    conversation: u64,
    exact: Exact,
    sampling: SamplingParams,
    reply: ReplyParams,
) -> RequestId {
    let id = RequestId(1000 + conversation);
    engine.send(Command::Generate(Box::new(GenerateRequest {
        id,
        conversation: ConversationId(conversation),
        messages: Vec::new(),
        reply_so_far: String::new(),
        exact: Some(exact),
        sampling,
        reply,
    })));
    id
}

fn recorded(n_probs: u32) -> SamplingParams {
    SamplingParams {
        n_probs,
        seed: Some(3),
        ignore_eos: true,
        ..SamplingParams::default()
    }
}

#[test]
fn every_token_is_told_with_what_each_stage_did() {
    let mut engine = Engine::loaded(small());
    let told = ask(&mut engine, recorded(10), at_most(20));
    assert_eq!(told.trace.tokens.len(), 20);
    assert_eq!(told.ids.chosen.len(), 20);
    let mut text = Vec::new();
    for (at, token) in told.trace.tokens.iter().enumerate() {
        assert_eq!(token.at as usize, at);
        assert_eq!(token.token, told.ids.chosen[at]);
        text.extend_from_slice(&told.trace.pieces[&token.token]);
        let stages: Vec<Stage> = token.stages.iter().map(|stage| stage.stage).collect();
        // The end of the reply is forbidden, which is a bias.
        assert_eq!(
            stages,
            [
                Stage::LogitBias,
                Stage::TopK,
                Stage::TopP,
                Stage::MinP,
                Stage::Temperature
            ]
        );
        assert!(token.candidates.len() >= 10);
        for pair in token.candidates.windows(2) {
            assert!(pair[0].p >= pair[1].p);
        }
        for (at, stage) in token.stages.iter().enumerate() {
            let sum: f32 = token
                .candidates
                .iter()
                .filter_map(|one| one.after.get(at))
                .sum();
            assert!(sum <= 1.0 + 1e-4, "{sum}");
            assert!((0.0..=1.0).contains(&stage.mass));
        }
        assert!(token.chosen().unwrap().drawn(&token.stages) > 0.0);
        assert!(token.entropy >= 0.0);
    }
    assert_eq!(String::from_utf8(text).unwrap(), told.reply.text);
    assert_eq!(told.origin.fingerprint.len(), 64);
    assert_eq!(told.origin.seed, 3);
    assert_eq!(told.origin.batches.sequences, 1);
}

#[test]
fn nothing_is_recorded_unless_asked_for_and_it_can_change_on_the_way() {
    let mut engine = Engine::loaded(small());
    let plain = ask(&mut engine, recorded(0), at_most(30));
    assert!(plain.trace.tokens.is_empty());
    let id = engine.ask(2, &[user("What does top-k do?")], recorded(0), at_most(30));
    let mut trace = Trace::default();
    let mut count = 0;
    let reply = engine
        .reply_and(id, |engine, event| match event {
            EngineEvent::Tokens { .. } => {
                count += 1;
                if count == 3 {
                    engine.send(Command::Resample {
                        request: id,
                        sampling: Box::new(recorded(4)),
                    });
                }
            }
            EngineEvent::Traced { trace: next, .. } => trace.append(next.clone()),
            _ => {}
        })
        .unwrap();
    // Recording starts in mid-reply and changes nothing of what is drawn.
    assert_eq!(reply.text, plain.reply.text);
    let first = trace.tokens.first().expect("some were recorded").at;
    assert!(first >= 3);
    assert_eq!(trace.tokens.len(), 30 - first as usize);
}

#[test]
fn the_same_tokens_and_seed_make_the_same_reply_again() {
    let first = ask(&mut Engine::loaded(small()), recorded(5), at_most(40));
    let again = exactly(
        &mut Engine::loaded(small()),
        9,
        Exact {
            prompt: first.ids.prompt.clone(),
            reply: Vec::new(),
            forced: Vec::new(),
        },
        recorded(5),
        at_most(40),
    );
    assert_eq!(again.ids, first.ids);
    assert_eq!(again.reply.text, first.reply.text);
    assert_eq!(again.trace.tokens, first.trace.tokens);
    assert_eq!(again.origin, first.origin);
}

#[test]
fn a_branch_under_a_grammar_survives_a_reload() {
    let mut engine = Engine::loaded(small());
    let sampling = SamplingParams {
        grammar: r#"root ::= ("ab" [0-9]){12}"#.into(),
        seed: Some(3),
        ..SamplingParams::default()
    };
    let first = ask(&mut engine, sampling.clone(), ReplyParams::default());
    let exact = Exact {
        prompt: first.ids.prompt.clone(),
        reply: first.ids.chosen[..first.ids.chosen.len() / 2].to_vec(),
        forced: Vec::new(),
    };
    let id = generate(&mut engine, 2, exact, sampling, ReplyParams::default());
    let mut retuned = false;
    let branch = engine
        .reply_and(id, |engine, event| {
            if matches!(event, EngineEvent::Tokens { .. }) && !retuned {
                retuned = true;
                let mut params = small();
                params.model.load_mode = LoadMode::None;
                engine.retune(params);
            }
        })
        .unwrap();
    assert_eq!(branch.reason, StopReason::EndOfTurn);
    assert_eq!(branch.text.len(), 36, "{}", branch.text);
}

#[test]
fn another_candidate_branches_there_and_shares_the_cache_of_all_before_it() {
    let mut engine = Engine::loaded(small());
    let first = ask(&mut engine, recorded(5), at_most(24));
    let token = &first.trace.tokens[10];
    let other = token
        .candidates
        .iter()
        .find(|candidate| candidate.token != token.token)
        .unwrap();
    let mut begin = first.ids.chosen[..10].to_vec();
    begin.push(other.token);
    let exact = Exact {
        prompt: first.ids.prompt.clone(),
        reply: begin.clone(),
        forced: Vec::new(),
    };
    let branch = exactly(&mut engine, 1, exact, endless(), at_most(8));
    // The last token is decoded for its logits, and nothing else.
    assert_eq!(branch.reply.timings.prompt_n, 1);
    assert_eq!(
        branch.reply.timings.cache_n as usize,
        first.ids.prompt.len() + 10
    );
    assert_eq!(branch.ids.chosen[..11], begin);
    assert_eq!(branch.ids.chosen.len(), 19);
    assert_eq!(branch.origin.begun_with, 11);
    // Its text begins with the text of the tokens it was given.
    let mut text = Vec::new();
    for token in &first.ids.chosen[..10] {
        text.extend_from_slice(&first.trace.pieces[token]);
    }
    text.extend_from_slice(&first.trace.pieces[&other.token]);
    let text = String::from_utf8(text).unwrap();
    assert!(
        branch.reply.text.starts_with(&text),
        "{}",
        branch.reply.text
    );
}

#[test]
fn a_reply_is_recorded_after_it_was_made_as_if_it_had_been_at_once() {
    let first = ask(&mut Engine::loaded(small()), recorded(5), at_most(30));
    let plain = ask(&mut Engine::loaded(small()), recorded(0), at_most(30));
    assert_eq!(plain.ids, first.ids);
    let exact = Exact {
        prompt: plain.ids.prompt.clone(),
        reply: Vec::new(),
        forced: plain.ids.chosen.clone(),
    };
    // Another seed would draw other tokens.
    let other = SamplingParams {
        seed: Some(99),
        ..recorded(5)
    };
    let later = exactly(&mut Engine::loaded(small()), 1, exact, other, at_most(30));
    assert_eq!(later.ids, first.ids);
    assert_eq!(later.trace.tokens, first.trace.tokens);
    assert_eq!(later.reply.text, first.reply.text);
}

#[test]
fn a_reply_may_be_made_to_end_and_ids_of_another_model_are_refused() {
    let mut engine = Engine::loaded(small());
    let sampling = SamplingParams {
        seed: Some(3),
        ..SamplingParams::default()
    };
    let first = ask(&mut engine, sampling.clone(), at_most(200));
    assert_eq!(first.reply.reason, StopReason::EndOfTurn);
    let end = *first.ids.chosen.last().unwrap();
    let exact = Exact {
        prompt: first.ids.prompt.clone(),
        reply: vec![first.ids.chosen[0], end],
        forced: Vec::new(),
    };
    let ended = exactly(&mut engine, 1, exact, sampling.clone(), at_most(8));
    assert_eq!(ended.reply.reason, StopReason::EndOfTurn);
    assert_eq!(ended.reply.tokens, 0);
    for id in [-1, i32::MAX] {
        let request = RequestId(2000);
        engine.send(Command::Generate(Box::new(GenerateRequest {
            id: request,
            conversation: ConversationId(1),
            messages: Vec::new(),
            reply_so_far: String::new(),
            exact: Some(Exact {
                prompt: vec![id],
                reply: Vec::new(),
                forced: Vec::new(),
            }),
            sampling: sampling.clone(),
            reply: at_most(1),
        })));
        assert!(engine.reply(request).unwrap_err().why.contains("no token"));
    }
}

#[test]
fn a_preview_tells_of_the_next_token_and_generates_nothing() {
    let mut engine = Engine::loaded(small());
    let preview = |engine: &mut Engine, sampling: SamplingParams| {
        engine.send(Command::Preview(Box::new(PreviewRequest {
            conversation: ConversationId(1),
            sampling,
        })));
        loop {
            if let EngineEvent::Previewed { outcome, .. } = engine.event() {
                return outcome;
            }
        }
    };
    assert!(
        preview(&mut engine, recorded(3)).is_err(),
        "nothing was said"
    );
    let first = ask(&mut engine, endless(), at_most(12));
    let wide = SamplingParams {
        order: vec![SamplerKind::TopK],
        top_k: 30,
        n_probs: 3,
        ..SamplingParams::default()
    };
    let narrow = SamplingParams {
        top_k: 2,
        ..wide.clone()
    };
    let wide_trace = preview(&mut engine, wide.clone()).unwrap();
    assert_eq!(wide_trace.tokens[0].stages[0].kept, 30);
    // It is the token after the last one, which the reply was cut off at.
    let longer = ask(&mut Engine::loaded(small()), endless(), at_most(13));
    let next = longer.ids.chosen[12];
    let told = wide_trace.tokens[0].candidates.iter();
    assert!(
        told.clone().any(|one| one.token == next),
        "{next} is likeliest"
    );
    let narrow = preview(&mut engine, narrow).unwrap();
    assert_eq!(narrow.tokens[0].stages[0].kept, 2);
    assert!(narrow.tokens[0].stages[0].mass <= wide_trace.tokens[0].stages[0].mass);
    assert!(narrow.tokens[0].candidates.len() >= 3);
    // Asked again it is the same: the cache is as it was.
    assert_eq!(
        preview(&mut engine, wide).unwrap().tokens[0].entropy,
        wide_trace.tokens[0].entropy
    );
    // And the chat goes on from its cache.
    let exact = Exact {
        prompt: first.ids.prompt.clone(),
        reply: first.ids.chosen.clone(),
        forced: Vec::new(),
    };
    let next = exactly(&mut engine, 1, exact, endless(), at_most(4));
    assert_eq!(next.reply.timings.prompt_n, 1);
}

#[test]
fn a_preview_during_a_reply_waits_for_its_next_token() {
    let mut engine = Engine::loaded(small());
    let id = engine.ask(1, &[user("Hello")], endless(), at_most(60));
    let mut asked = false;
    let mut answers = 0;
    let reply = engine
        .reply_and(id, |engine, event| match event {
            EngineEvent::Tokens { .. } if !asked => {
                asked = true;
                engine.send(Command::Preview(Box::new(PreviewRequest {
                    conversation: ConversationId(1),
                    sampling: recorded(3),
                })));
            }
            EngineEvent::Previewed { outcome, .. } => {
                assert_eq!(outcome.as_ref().unwrap().tokens.len(), 1);
                answers += 1;
            }
            _ => {}
        })
        .unwrap();
    assert_eq!((reply.tokens, answers), (60, 1));
}
