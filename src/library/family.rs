//! What a chat template tells of a model: whose form it has, and what the model can do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::chat::reasoning::STYLES;

/// Forms of chat templates, by the marks that stand around messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Family {
    #[serde(rename = "ChatML")]
    ChatMl,
    #[serde(rename = "Llama 2")]
    Llama2,
    #[serde(rename = "Llama 3")]
    Llama3,
    #[serde(rename = "Llama 4")]
    Llama4,
    Mistral,
    Gemma,
    Phi,
    #[serde(rename = "GLM")]
    Glm,
    Zephyr,
    Harmony,
    DeepSeek,
    Command,
    Granite,
    Kimi,
    Alpaca,
    Vicuna,
    /// None of these.
    #[serde(rename = "its own")]
    Own,
}

/// Marks that only one family has, those that others contain last.
const MARKS: [(&str, Family); 18] = [
    ("<|im_user|>", Family::Kimi),
    ("<|im_start|>", Family::ChatMl),
    ("<|start_header_id|>", Family::Llama3),
    ("<|header_start|>", Family::Llama4),
    ("<<SYS>>", Family::Llama2),
    ("[INST]", Family::Mistral),
    ("<start_of_turn>", Family::Gemma),
    ("<|turn>", Family::Gemma),
    ("<|start_of_role|>", Family::Granite),
    ("<|START_OF_TURN_TOKEN|>", Family::Command),
    ("<｜User｜>", Family::DeepSeek),
    ("<|channel|>", Family::Harmony),
    ("[gMASK]", Family::Glm),
    ("<|end|>", Family::Phi),
    ("<|user|>", Family::Zephyr),
    ("### Instruction", Family::Alpaca),
    ("USER:", Family::Vicuna),
    ("'USER: '", Family::Vicuna),
];

impl Family {
    /// The family of a template's source.
    pub fn of(template: &str) -> Self {
        let mark = MARKS.iter().find(|(mark, _)| template.contains(mark));
        mark.map_or(Self::Own, |(_, family)| *family)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::ChatMl => "ChatML",
            Self::Llama2 => "Llama 2",
            Self::Llama3 => "Llama 3",
            Self::Llama4 => "Llama 4",
            Self::Mistral => "Mistral",
            Self::Gemma => "Gemma",
            Self::Phi => "Phi",
            Self::Glm => "GLM",
            Self::Zephyr => "Zephyr",
            Self::Harmony => "Harmony",
            Self::DeepSeek => "DeepSeek",
            Self::Command => "Command",
            Self::Granite => "Granite",
            Self::Kimi => "Kimi",
            Self::Alpaca => "Alpaca",
            Self::Vicuna => "Vicuna",
            Self::Own => "its own",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a template has room for beside messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaks {
    /// Tools can be offered to the model.
    pub tools: bool,
    /// The model thinks before it answers.
    pub thinking: bool,
}

impl Speaks {
    pub fn of(template: &str) -> Self {
        const VARIABLES: [&str; 3] = ["enable_thinking", "reasoning_content", "reasoning_effort"];
        let tags = STYLES.iter().map(|style| style.open);
        Self {
            tools: has_word(template, "tools"),
            thinking: VARIABLES
                .into_iter()
                .chain(tags)
                .any(|thought| template.contains(thought)),
        }
    }
}

/// Whether a name is used as such, and not as a part of another.
fn has_word(text: &str, word: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(inner) && !after.is_some_and(inner)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_by_their_marks() {
        for (template, family) in [
            ("{{'<|im_start|>' + role}}", Family::ChatMl),
            ("<|start_header_id|>user", Family::Llama3),
            ("[INST] <<SYS>>", Family::Llama2),
            ("[INST] {{m}} [/INST]", Family::Mistral),
            ("<start_of_turn>model", Family::Gemma),
            (
                "<|start|>assistant<|channel|>final<|message|>x<|end|>",
                Family::Harmony,
            ),
            ("<|user|>\nhi<|end|>", Family::Phi),
            ("<|user|>\nhi</s>", Family::Zephyr),
            ("{{ messages }}", Family::Own),
        ] {
            assert_eq!(Family::of(template), family, "{template}");
        }
    }

    #[test]
    fn abilities_are_names_a_template_uses() {
        let speaks = Speaks::of("{% if tools %}{{ tools | tojson }}{% endif %}<think>");
        assert!(speaks.tools && speaks.thinking);
        assert!(Speaks::of("<|START_THINKING|>{{ m }}<|END_THINKING|>").thinking);
        let speaks = Speaks::of("{{ my_tools_list }} thinking");
        assert!(!speaks.tools && !speaks.thinking);
    }
}
