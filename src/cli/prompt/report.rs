//! A prompt as JSON and as text.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::chat::SegmentKind;
use crate::cli::{lossy, sanitise};
use crate::engine::Prompt;
use crate::engine::llama::Vocabulary;
use crate::params::TemplateParams;
use crate::units::counted;

/// The object of `prompt --json`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(serialize_with = "lossy::path")]
    pub model_path: PathBuf,
    /// Where the template is from: `model`, a name, `jinja` from the command line, or a path.
    pub template: String,
    /// The rendered prompt; no beginning-of-sequence token that the model adds is in it.
    pub text: String,
    /// The text in pieces, by who wrote them.
    pub segments: Vec<Segment>,
    pub n_tokens: usize,
    pub tokens: Vec<Token>,
}

#[derive(Debug, Serialize)]
pub(super) struct Segment {
    /// `template`: may hold control tokens; `content`: never does.
    pub kind: &'static str,
    pub text: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Token {
    pub id: i32,
    /// Its text; replacement characters stand for parts of characters.
    pub piece: String,
    /// The bytes of a piece that is no whole text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Vec<u8>>,
    /// Whether it is a control token.
    pub special: bool,
}

impl Report {
    pub(super) fn new(
        model: &Path,
        chosen: &TemplateParams,
        vocabulary: &Vocabulary,
        prompt: Prompt,
    ) -> Self {
        let template = if !chosen.file.is_empty() {
            chosen.file.clone()
        } else if chosen.source.contains('{') {
            "jinja".to_owned()
        } else if !chosen.source.is_empty() {
            chosen.source.clone()
        } else if vocabulary.brings_template() {
            "model".to_owned()
        } else {
            "chatml".to_owned()
        };
        let segments = prompt.segments.into_iter().map(|segment| Segment {
            kind: match segment.kind {
                SegmentKind::Template => "template",
                SegmentKind::Content => "content",
            },
            text: segment.text,
        });
        let segments: Vec<Segment> = segments.collect();
        let tokens = prompt.tokens.into_iter().map(|token| Token {
            id: token.id,
            piece: String::from_utf8_lossy(&token.piece).into_owned(),
            bytes: std::str::from_utf8(&token.piece)
                .is_err()
                .then_some(token.piece),
            special: token.is_special,
        });
        let tokens: Vec<Token> = tokens.collect();
        Self {
            model_path: model.to_owned(),
            template,
            text: segments.iter().map(|s| s.text.as_str()).collect(),
            segments,
            n_tokens: tokens.len(),
            tokens,
        }
    }

    /// For people: the text with its tokens below, sanitised.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "template {}, {}",
            sanitise::line(&self.template),
            counted(self.n_tokens, "token")
        );
        for segment in &self.segments {
            let _ = writeln!(out, "\n[{}]", segment.kind);
            let mut sanitiser = sanitise::Sanitiser::default();
            let text = sanitiser.piece(&segment.text);
            out.push_str(&text);
            if !text.ends_with('\n') {
                out.push('\n');
            }
        }
        out.push_str("\n[tokens]\n");
        for token in &self.tokens {
            let mark = if token.special { "  special" } else { "" };
            let _ = writeln!(out, "{:>7}  {:?}{mark}", token.id, token.piece);
        }
        out
    }
}
