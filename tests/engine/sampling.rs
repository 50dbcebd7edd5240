//! Sampling through real chains.

use llmdeck::engine::{Command, EngineEvent, ErrorKind, StopReason};
use llmdeck::params::{Mirostat, ReplyParams, SamplerKind, SamplingParams};

use crate::harness::{Engine, at_most, endless, greedy, small, user};

const QUESTION: &str = "What does temperature do?";

fn answer(engine: &mut Engine, sampling: SamplingParams) -> String {
    engine
        .answer(1, &[user(QUESTION)], sampling, at_most(24))
        .text
}

#[test]
fn a_seed_gives_the_same_text_and_another_seed_another() {
    let mut engine = Engine::loaded(small());
    let seeded = |seed| SamplingParams {
        seed: Some(seed),
        temp: 1.5,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        ..SamplingParams::default()
    };
    let first = answer(&mut engine, seeded(1));
    assert_eq!(first, answer(&mut engine, seeded(1)));
    assert_ne!(first, answer(&mut engine, seeded(2)));
}

#[test]
fn a_seed_is_drawn_and_told() {
    let mut engine = Engine::loaded(small());
    let drawn = SamplingParams {
        temp: 1.5,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        ..SamplingParams::default()
    };
    let id = engine.ask(1, &[user(QUESTION)], drawn.clone(), at_most(24));
    let mut seed = None;
    let reply = engine
        .reply_and(id, |_, event| {
            if let EngineEvent::Queued { seed: told, .. } = event {
                seed = Some(*told);
            }
        })
        .unwrap();
    assert_eq!(
        answer(&mut engine, SamplingParams { seed, ..drawn }),
        reply.text
    );
}

#[test]
fn greedy_is_greedy_through_any_chain() {
    let mut engine = Engine::loaded(small());
    let plain = answer(&mut engine, greedy());
    let top_one = SamplingParams {
        temp: 1.0,
        top_k: 1,
        ..SamplingParams::default()
    };
    assert_eq!(answer(&mut engine, top_one), plain);
    let logit_bias = vec![(0, 0.0)];
    assert_eq!(
        answer(
            &mut engine,
            SamplingParams {
                logit_bias,
                ..greedy()
            }
        ),
        plain,
        "through the whole list of candidates"
    );
}

#[test]
fn every_sampler_can_be_in_the_chain() {
    let mut engine = Engine::loaded(small());
    let order = vec![
        SamplerKind::Penalties,
        SamplerKind::Dry,
        SamplerKind::TopNSigma,
        SamplerKind::TopK,
        SamplerKind::TypicalP,
        SamplerKind::TopP,
        SamplerKind::MinP,
        SamplerKind::Xtc,
        SamplerKind::Temperature,
    ];
    let all = SamplingParams {
        seed: Some(3),
        order: order.clone(),
        temp: 0.9,
        dynatemp_range: 0.3,
        top_k: 50,
        top_p: 0.95,
        min_p: 0.01,
        typ_p: 0.95,
        top_n_sigma: 3.0,
        xtc_probability: 0.5,
        xtc_threshold: 0.1,
        penalty_repeat: 1.1,
        penalty_freq: 0.1,
        dry_multiplier: 0.8,
        dry_sequence_breakers: vec!["\n".into()],
        ..SamplingParams::default()
    };
    assert!(!answer(&mut engine, all.clone()).is_empty());
    for mirostat in [Mirostat::V1, Mirostat::V2] {
        assert!(
            !answer(
                &mut engine,
                SamplingParams {
                    mirostat,
                    ..all.clone()
                }
            )
            .is_empty()
        );
    }
    assert!(
        !answer(
            &mut engine,
            SamplingParams {
                adaptive_target: 0.5,
                ..all.clone()
            }
        )
        .is_empty()
    );
    let infill = SamplingParams {
        order: [order, vec![SamplerKind::Infill]].concat(),
        ..all
    };
    let id = engine.ask(1, &[user(QUESTION)], infill, at_most(4));
    engine.reply(id).unwrap();
}

#[test]
fn a_penalty_changes_what_repeats() {
    let mut engine = Engine::loaded(small());
    let long = |engine: &mut Engine, sampling| {
        engine
            .answer(1, &[user(QUESTION)], sampling, at_most(80))
            .text
    };
    let plain = long(&mut engine, endless());
    let penalised = long(
        &mut engine,
        SamplingParams {
            penalty_repeat: 1.5,
            penalty_last_n: -1,
            ..endless()
        },
    );
    assert_ne!(plain, penalised);
}

#[test]
fn a_grammar_is_kept_to() {
    let mut engine = Engine::loaded(small());
    let reply = engine.answer(
        1,
        &[user(QUESTION)],
        SamplingParams {
            grammar: r#"root ::= "yes" | "no""#.into(),
            ..greedy()
        },
        ReplyParams::default(),
    );
    assert!(
        ["yes", "no"].contains(&reply.text.as_str()),
        "{}",
        reply.text
    );
    assert_eq!(reply.reason, StopReason::EndOfTurn);
}

#[test]
fn a_json_schema_is_kept_to() {
    let mut engine = Engine::loaded(small());
    let json_schema = r#"{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false}"#;
    let sampling = SamplingParams {
        json_schema: json_schema.into(),
        ..greedy()
    };
    let reply = engine.answer(1, &[user(QUESTION)], sampling, at_most(60));
    let value: serde_json::Value = serde_json::from_str(&reply.text).unwrap();
    assert!(value["ok"].is_boolean(), "{value}");
}

#[test]
fn a_grammar_that_does_not_compile_is_refused() {
    let mut engine = Engine::loaded(small());
    for sampling in [
        SamplingParams {
            grammar: "root ::= [".into(),
            ..greedy()
        },
        SamplingParams {
            json_schema: "{".into(),
            ..greedy()
        },
        SamplingParams {
            penalty_repeat: 0.0,
            ..greedy()
        },
    ] {
        let id = engine.ask(1, &[user(QUESTION)], sampling, at_most(4));
        assert_eq!(engine.reply(id).unwrap_err().kind, ErrorKind::BadParameter);
    }
    assert!(
        !answer(&mut engine, greedy()).is_empty(),
        "the engine goes on"
    );
}

#[test]
fn sampling_can_change_in_the_middle() {
    let mut engine = Engine::loaded(small());
    let id = engine.ask(1, &[user(QUESTION)], endless(), at_most(400));
    let mut changed = false;
    let reply = engine
        .reply_and(id, |engine, event| {
            if matches!(event, EngineEvent::Tokens { .. }) && !changed {
                changed = true;
                // One token far above all others, whichever it is. The grammar is for the next
                // reply: this one is in the middle of its text.
                let sampling = Box::new(SamplingParams {
                    logit_bias: vec![(87, 1e4)],
                    grammar: r#"root ::= "never""#.into(),
                    ..endless()
                });
                engine.send(Command::Resample {
                    request: id,
                    sampling,
                });
            }
        })
        .unwrap();
    let mut end = reply.text.chars().rev().take(20);
    let last = end.next().expect("some text");
    assert!(end.all(|character| character == last), "{}", reply.text);
    assert_eq!(reply.reason, StopReason::MaxTokens(400));
}

/// A bias of nothing takes the long way over all candidates.
#[test]
fn choosing_the_highest_first_chooses_the_same() {
    let mut engine = Engine::loaded(small());
    for seed in 0..8 {
        let short = SamplingParams {
            seed: Some(seed),
            temp: 1.5,
            ..SamplingParams::default()
        };
        let long = SamplingParams {
            logit_bias: vec![(5, 0.0)],
            ..short.clone()
        };
        assert_eq!(answer(&mut engine, short), answer(&mut engine, long));
    }
}
