//! Text that goes wrong, which costs all the tokens that nobody wants.

use crate::diagnose::{Facts, Finding, Fix};
use crate::params::{Param, Value};

pub fn rule(facts: &Facts) -> Option<Finding> {
    let wrong = facts.reply.degenerate.as_deref()?;
    let no_template = facts.model.has_chat_template == Some(false);
    let mark = wrong.contains("in the text");
    let what = match (no_template, mark) {
        (true, _) => "the output goes wrong, and the model brings no chat template",
        (false, true) => {
            "marks of the chat template are in the output: the template may be the wrong one"
        }
        (false, false) => "the output repeats itself",
    };
    Some(Finding {
        rule: "degenerate-output",
        what: what.into(),
        evidence: wrong.to_owned(),
        gain: None,
        fix: if no_template || mark {
            Fix::Do("give the model's own template with chat-template-file, or take another conversion of the model".into())
        } else {
            Fix::Set(Param::RepeatPenalty, Value::Float(1.1))
        },
    })
}
