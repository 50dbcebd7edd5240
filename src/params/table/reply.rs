//! A reply around its sampling. A change takes effect with the next reply.

use super::build::row;
use crate::params::{Cost, Group, Param, Spec};

const fn reply(param: Param, name: &'static str) -> Spec {
    row(Group::Reply, Cost::NextReply, param, name)
}

pub(super) const ROWS: &[Spec] = &[
    reply(Param::NPredict, "n-predict")
        .short(&["n"])
        .aliases(&["predict", "num_predict", "max_tokens", "max_new_tokens", "max_output_tokens", "max_length"])
        .int((1, 16_777_216), 0, &[("unlimited", -1)], -1)
        .help("The most tokens in one reply; unlimited runs until the model ends its turn or the context is full."),
    reply(Param::Stop, "stop")
        .short(&["r"])
        .aliases(&["reverse-prompt", "stopStrings", "stop_sequence", "custom_stopping_strings"])
        .text(r"strings with commas between; spaces count; `\n` new line, `\,` comma, `\\` backslash", "")
        .help("A reply ends where one of these strings appears, and the string is not shown."),
    reply(Param::Keep, "keep")
        .aliases(&["num_keep", "n_keep"])
        .int((0, 16_777_216), 64, &[("all", -1)], 0)
        .help("Prompt tokens that stay at the front when the context shifts; only matters with context-shift on."),
    reply(Param::ContextShift, "context-shift")
        .aliases(&["ctx-shift"])
        .help("When the context is full, drops the oldest half instead of ending the reply, and so forgets it; a prompt longer than the context still fails."),
    reply(Param::System, "system")
        .short(&["sys"])
        .aliases(&["system-prompt"])
        .text("free text", "")
        .help("Instructions in front of every conversation; a change means the whole conversation is prefilled again."),
    reply(Param::Reasoning, "reasoning")
        .short(&["rea"])
        .aliases(&["think", "thinking", "enable_thinking"])
        .choice(&["auto", "on", "off"], "auto")
        .help("Asks a thinking model to think or not, if its template knows the switch; off answers sooner, often worse on hard questions."),
    reply(Param::ReasoningEffort, "reasoning-effort")
        .choice(&["default", "minimal", "low", "medium", "high", "xhigh", "max"], "default")
        .help("How long a model should think, for templates that know levels (gpt-oss and others); more effort is more tokens before the answer."),
    reply(Param::ReasoningBudget, "reasoning-budget")
        .aliases(&["thinking_budget"])
        .int((0, 1_048_576), 0, &[("unlimited", -1)], -1)
        .missing("the engine does not end a model's thinking after a number of tokens yet")
        .help("Tokens a model may think before it is made to answer."),
    reply(Param::ReasoningFormat, "reasoning-format")
        .choice(&["auto", "none", "deepseek", "deepseek-legacy"], "auto")
        .missing("thinking is not split from the answer yet: it stays in the text as the model wrote it")
        .help("How llama-server returns thinking over its HTTP interface."),
    reply(Param::ChatTemplate, "chat-template")
        .text("a name such as chatml, llama3, mistral-v3, gemma, or Jinja itself", "")
        .help("Uses another chat template than the model's own, by llama.cpp's name for it; for models that bring none or one that fails."),
    reply(Param::ChatTemplateFile, "chat-template-file")
        .text("the path of a Jinja file", "")
        .help("Uses the chat template in this file, read anew for every reply; it goes before chat-template."),
    reply(Param::ChatTemplateKwargs, "chat-template-kwargs")
        .text(r#"a JSON object, such as {"enable_thinking": false}"#, "")
        .help("Variables for the chat template beyond those with a parameter of their own."),
];
