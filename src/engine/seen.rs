//! The prompt as the model sees it, and the sizes of texts in tokens.

use super::llama::Vocab;
use crate::chat::Segment;

/// A prompt: the rendered text with who wrote what of it, and its tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    pub segments: Vec<Segment>,
    pub tokens: Vec<PromptToken>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptToken {
    pub id: i32,
    /// Its text; a token may hold only a part of a character.
    pub piece: Vec<u8>,
    /// A control token and not text.
    pub is_special: bool,
}

/// Which prompt is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptOf {
    /// The one that the reply was made from.
    Reply,
    /// The one that it would be made from now.
    Now,
}

/// How long a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextSize {
    pub tokens: u32,
    /// Bytes of it that hold no more tokens than there is room for, on a character's boundary.
    pub fitting: usize,
}

impl Prompt {
    pub(super) fn new(segments: Vec<Segment>, tokens: &[i32], vocab: Vocab<'_>) -> Self {
        let token = |&id: &i32| PromptToken {
            id,
            piece: vocab.bytes(id),
            is_special: vocab.is_control(id),
        };
        Self {
            segments,
            tokens: tokens.iter().map(token).collect(),
        }
    }
}
