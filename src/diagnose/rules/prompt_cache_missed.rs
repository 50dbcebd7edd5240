//! A prompt that was computed again although its beginning had been there.

use crate::diagnose::{Facts, Finding, Fix};

/// Tokens computed again, and their share of what could have been reused, from which on it counts.
const TOKENS: u32 = 256;
const SHARE: f64 = 0.5;

pub fn rule(facts: &Facts) -> Option<Finding> {
    let reply = &facts.reply;
    let (could, reused) = (reply.could_reuse?, reply.prompt_reused?);
    let again = could.saturating_sub(reused);
    if again < TOKENS || f64::from(again) < SHARE * f64::from(could) {
        return None;
    }
    let seconds = reply.prefill.map(|rate| f64::from(again) / rate);
    let cost = seconds.map_or(String::new(), |seconds| format!(", {seconds:.1} s"));
    let why = reply.missed_because.as_deref();
    let why = why.map_or(String::new(), |why| format!(": {why}"));
    let advice = reply.missed_advice.as_deref();
    Some(Finding {
        rule: "prompt-cache-missed",
        what: "the prompt was computed again instead of being reused".into(),
        evidence: format!("{again} of {could} tokens again{cost}{why}"),
        gain: None,
        fix: Fix::Do(
            advice
                .unwrap_or("keep what stands first the same: the system prompt, the oldest turns")
                .into(),
        ),
    })
}
