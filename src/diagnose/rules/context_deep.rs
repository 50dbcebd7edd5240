//! So many tokens in the context that reading them costs more than a little.

use crate::diagnose::{Facts, Finding, Fix, Gain};
use crate::params::{Param, Value};

/// The share of what a token reads from which on it counts.
const SHARE: f64 = 0.25;
/// What q8_0 saves of f16: 8.5 of 16 bits a value; keys are half of the cache.
const Q8_SAVES: f64 = 7.5 / 16.0;

/// Gain of 8-bit keys: bytes read now / bytes read with them.
pub fn rule(facts: &Facts) -> Option<Finding> {
    let (kv, all) = (facts.kv_read()?, facts.bytes_per_token()?);
    let share = kv / all;
    if share < SHARE {
        return None;
    }
    let used = facts.context.used?;
    let evidence = format!(
        "{used} tokens in the context are {:.0} % of what each new token reads",
        share * 100.0
    );
    let what = "the conversation is long, and every token reads all of it".to_owned();
    let is_half = facts.context.cache_type.as_deref() == Some("f16");
    if is_half && facts.context.flash_attn == Some(true) {
        return Some(Finding {
            rule: "context-deep",
            what,
            evidence,
            gain: Gain::new(
                all / (all - Q8_SAVES * kv / 2.0),
                "bytes read with f16 / bytes read with q8_0",
            ),
            fix: Fix::Set(Param::CacheTypeK, Value::Text("q8_0".into())),
        });
    }
    Some(Finding {
        rule: "context-deep",
        what,
        evidence,
        gain: Gain::new(
            all / (all - kv),
            "bytes read now / bytes read by an empty chat",
        ),
        fix: Fix::Do("begin a new chat, or leave the oldest turns out (- in the chat)".into()),
    })
}
