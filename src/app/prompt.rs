//! The view of the prompt that the model saw: its text, or its tokens one by one.

use std::collections::BTreeSet;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::scroll::Scrolled;
use super::update::{IsError, notice};
use super::{Action, Effect, State, View, replies};
use crate::chat::{Segment, SegmentKind};
use crate::engine::{Command, EngineError, Prompt, PromptOf, RequestId};

/// Columns of the frame around the view.
const AROUND: u16 = 4;

/// The prompt that is shown.
#[derive(Debug, Default)]
pub struct PromptState {
    /// The answer that is waited for.
    asked: Option<RequestId>,
    pub shown: Option<Result<Shown, String>>,
    pub form: PromptForm,
    pub scrolled: Scrolled,
}

/// A prompt, laid out.
#[derive(Debug)]
pub struct Shown {
    pub of: PromptOf,
    prompt: Prompt,
    width: u16,
    /// The text in rows of that width.
    pub text: Vec<Vec<Piece>>,
}

/// In what form a prompt is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PromptForm {
    #[default]
    Text,
    Tokens,
}

/// A stretch of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub kind: PieceKind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// A control token.
    Special,
    /// Other text of the template.
    Template,
    /// What people or the model wrote.
    Content,
}

impl Shown {
    /// Tokens of the prompt.
    pub fn n_tokens(&self) -> usize {
        self.prompt.tokens.len()
    }

    /// How many of them are control tokens.
    pub fn n_special(&self) -> usize {
        let special = self.prompt.tokens.iter().filter(|token| token.is_special);
        special.count()
    }

    /// A token: its id, its text, and whether it is a control token.
    pub fn token(&self, at: usize) -> Option<(i32, String, bool)> {
        let token = self.prompt.tokens.get(at)?;
        let piece = String::from_utf8_lossy(&token.piece);
        Some((token.id, format!("{piece:?}"), token.is_special))
    }

    fn rows(&self, form: PromptForm) -> usize {
        match form {
            PromptForm::Text => self.text.len(),
            PromptForm::Tokens => self.n_tokens(),
        }
    }
}

/// Asks for the prompt of the selected reply, or of the last one.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    let request = match replies::past_request(state) {
        Ok(request) => request,
        Err(why) => {
            state.view = View::Deck;
            return notice(state, why, IsError::No);
        }
    };
    state.prompt = PromptState {
        asked: Some(request.id),
        ..PromptState::default()
    };
    vec![Effect::Engine(Command::ShowPrompt(Box::new(request)))]
}

/// Takes the prompt in.
pub(super) fn on_shown(
    state: &mut State,
    request: RequestId,
    of: PromptOf,
    prompt: Result<Box<Prompt>, EngineError>,
) {
    if state.prompt.asked != Some(request) {
        return;
    }
    state.prompt.asked = None;
    let width = width(state);
    state.prompt.shown = Some(match prompt {
        Ok(prompt) => Ok(Shown {
            of,
            text: rows(&prompt, width),
            width,
            prompt: *prompt,
        }),
        Err(error) => Err(error.to_string()),
    });
    clamp(state);
}

/// The screen has another size.
pub(super) fn resized(state: &mut State) {
    let width = width(state);
    if let Some(Ok(shown)) = &mut state.prompt.shown
        && shown.width != width
    {
        shown.text = rows(&shown.prompt, width);
        shown.width = width;
    }
    clamp(state);
}

/// What the view makes of an action.
pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let prompt = &mut state.prompt;
    match action {
        Action::Toggle => {
            prompt.form = match prompt.form {
                PromptForm::Text => PromptForm::Tokens,
                PromptForm::Tokens => PromptForm::Text,
            };
            prompt.scrolled = Scrolled::default();
        }
        _ => prompt.scrolled.perform(action)?,
    }
    clamp(state);
    Some(vec![])
}

fn clamp(state: &mut State) {
    let height = state.size.1.saturating_sub(AROUND);
    let prompt = &mut state.prompt;
    let rows = match &prompt.shown {
        Some(Ok(shown)) => shown.rows(prompt.form),
        _ => 0,
    };
    prompt.scrolled.fit(rows, height.into());
}

fn width(state: &State) -> u16 {
    state.size.0.saturating_sub(AROUND).max(8)
}

/// The text of a prompt in rows, by who wrote it, with the control tokens told apart.
fn rows(prompt: &Prompt, width: u16) -> Vec<Vec<Piece>> {
    let special: BTreeSet<String> = prompt
        .tokens
        .iter()
        .filter(|token| token.is_special && !token.piece.is_empty())
        .map(|token| String::from_utf8_lossy(&token.piece).into_owned())
        .collect();
    let mut rows = Rows {
        rows: vec![Vec::new()],
        column: 0,
        width: width.into(),
    };
    for segment in &prompt.segments {
        for (kind, text) in stretches(segment, &special) {
            rows.push(kind, text);
        }
    }
    rows.rows
}

/// A segment cut at the control tokens in it.
fn stretches<'a>(segment: &'a Segment, special: &BTreeSet<String>) -> Vec<(PieceKind, &'a str)> {
    if segment.kind == SegmentKind::Content {
        return vec![(PieceKind::Content, &segment.text)];
    }
    let mut out = Vec::new();
    let mut rest = segment.text.as_str();
    while let Some((at, token)) = special
        .iter()
        .filter_map(|token| Some((rest.find(token.as_str())?, token)))
        .min_by_key(|(at, token)| (*at, std::cmp::Reverse(token.len())))
    {
        let end = at + token.len();
        out.push((PieceKind::Template, &rest[..at]));
        out.push((PieceKind::Special, &rest[at..end]));
        rest = &rest[end..];
    }
    out.push((PieceKind::Template, rest));
    out
}

/// Rows being filled.
struct Rows {
    rows: Vec<Vec<Piece>>,
    column: usize,
    width: usize,
}

impl Rows {
    fn push(&mut self, kind: PieceKind, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.rows.push(Vec::new());
                self.column = 0;
            }
            for grapheme in line.graphemes(true) {
                // A tab has no width of its own.
                let (shown, width) = match grapheme {
                    "\t" => ("    ", 4),
                    other => (other, other.width()),
                };
                if self.column + width > self.width {
                    self.rows.push(Vec::new());
                    self.column = 0;
                }
                self.column += width;
                let Some(row) = self.rows.last_mut() else {
                    return;
                };
                match row.last_mut() {
                    Some(last) if last.kind == kind => last.text.push_str(shown),
                    _ => row.push(Piece {
                        kind,
                        text: shown.to_owned(),
                    }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::PromptToken;

    #[test]
    fn rows_keep_who_wrote_what_and_break_at_the_width() {
        let segment = |kind, text: &str| Segment {
            kind,
            text: text.into(),
        };
        let token = |piece: &str, is_special| PromptToken {
            id: 1,
            piece: piece.into(),
            is_special,
        };
        let prompt = Prompt {
            segments: vec![
                segment(SegmentKind::Template, "<|s|>user\n"),
                segment(SegmentKind::Content, "typed <|s|>"),
                segment(SegmentKind::Template, "<|e|>\n"),
            ],
            tokens: vec![
                token("<|s|>", true),
                token("user", false),
                token("<|e|>", true),
            ],
        };
        let shown: Vec<String> = rows(&prompt, 8)
            .iter()
            .map(|row| {
                let piece = |piece: &Piece| match piece.kind {
                    PieceKind::Special => format!("[{}]", piece.text),
                    PieceKind::Template => piece.text.clone(),
                    PieceKind::Content => format!("«{}»", piece.text),
                };
                row.iter().map(piece).collect()
            })
            .collect();
        assert_eq!(shown, ["[<|s|>]use", "r", "«typed <|»", "«s|>»[<|e|>]", ""]);
    }
}
