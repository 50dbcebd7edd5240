//! The context is nearly full: soon something must be left out or the reply ends.

use crate::diagnose::{Facts, Finding, Fix};
use crate::params::{Param, Value};

/// The share from which on it is nearly full.
const SHARE: f64 = 0.9;

pub fn rule(facts: &Facts) -> Option<Finding> {
    let (used, n_ctx) = (facts.context.used?, facts.context.n_ctx?);
    if n_ctx == 0 || f64::from(used) < SHARE * f64::from(n_ctx) {
        return None;
    }
    let raised = i64::from(n_ctx) * 2;
    let trained = facts
        .model
        .n_ctx_train
        .is_none_or(|trained| i64::from(trained) >= raised);
    Some(Finding {
        rule: "context-full",
        what: "the context is nearly full".into(),
        evidence: format!("{used} of {n_ctx} tokens are used"),
        gain: None,
        fix: if trained {
            Fix::Set(Param::CtxSize, Value::Int(raised))
        } else {
            Fix::Do(
                "leave the oldest turns out (- in the chat): the model was not trained with more"
                    .into(),
            )
        },
    })
}
