//! Text to tokens and back.

use std::ffi::c_char;
use std::marker::PhantomData;

use llama_cpp_sys_2 as sys;

use crate::chat::reasoning;

/// The vocabulary of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vocab<'model> {
    pointer: *const sys::llama_vocab,
    model: PhantomData<&'model ()>,
}

/// Whether text may name control tokens such as `<|im_end|>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    /// The template's own text.
    Parse,
    /// What people and models wrote: control tokens stay text.
    AsText,
}

/// A side of a control token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Vocab<'_> {
    /// # Safety
    /// The pointer belongs to a model that lives as long as the lifetime chosen for the result.
    pub(super) unsafe fn from_raw(pointer: *const sys::llama_vocab) -> Self {
        Self {
            pointer,
            model: PhantomData,
        }
    }

    pub(super) fn as_ptr(&self) -> *const sys::llama_vocab {
        self.pointer
    }

    /// Number of tokens; 0 for a model without a vocabulary.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: the vocabulary is alive.
        usize::try_from(unsafe { sys::llama_vocab_n_tokens(self.pointer) }).unwrap_or(0)
    }

    /// Whether the model has a tokenizer at all.
    pub(crate) fn has_tokenizer(&self) -> bool {
        // SAFETY: the vocabulary is alive.
        unsafe { sys::llama_vocab_type(self.pointer) != sys::LLAMA_VOCAB_TYPE_NONE }
    }

    /// Appends the tokens of a text; no token is added at its ends.
    pub(crate) fn tokenize(&self, text: &str, special: Special, tokens: &mut Vec<i32>) {
        let Ok(length) = i32::try_from(text.len()) else {
            return;
        };
        if length == 0 {
            return;
        }
        let start = tokens.len();
        // Some tokenizers put a space token in front.
        let mut room = text.len() + 2;
        for _ in 0..2 {
            tokens.resize(start + room, 0);
            // SAFETY: the text and the free part of the list are given with their lengths.
            let written = unsafe {
                sys::llama_tokenize(
                    self.pointer,
                    text.as_ptr().cast::<c_char>(),
                    length,
                    tokens[start..].as_mut_ptr(),
                    i32::try_from(room).unwrap_or(i32::MAX),
                    false,
                    special == Special::Parse,
                )
            };
            if let Ok(written) = usize::try_from(written) {
                tokens.truncate(start + written);
                return;
            }
            room = written.unsigned_abs() as usize;
        }
        tokens.truncate(start);
    }

    /// Appends the bytes of a token. Control tokens have none, but for those that tell a thought from
    /// an answer.
    pub(crate) fn piece(&self, token: i32, bytes: &mut Vec<u8>) {
        let before = bytes.len();
        self.render(token, false, bytes);
        if bytes.len() == before {
            let text = self.text(token);
            if !text.is_empty() && reasoning::marks().any(|mark| mark.starts_with(&text)) {
                bytes.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// The text of a token, control tokens too; empty for "no such token".
    pub(crate) fn text(&self, token: i32) -> String {
        String::from_utf8_lossy(&self.bytes(token)).into_owned()
    }

    /// The bytes of a token, control tokens too; none for "no such token".
    pub(crate) fn bytes(&self, token: i32) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.render(token, true, &mut bytes);
        bytes
    }

    fn render(&self, token: i32, special: bool, bytes: &mut Vec<u8>) {
        if !self.knows(token) {
            return;
        }
        let start = bytes.len();
        let mut room = 32;
        for _ in 0..2 {
            bytes.resize(start + room, 0);
            // SAFETY: the free part of the list is given with its length; the token is known, for
            // others llama.cpp throws.
            let written = unsafe {
                sys::llama_token_to_piece(
                    self.pointer,
                    token,
                    bytes[start..].as_mut_ptr().cast::<c_char>(),
                    i32::try_from(room).unwrap_or(i32::MAX),
                    0,
                    special,
                )
            };
            if let Ok(written) = usize::try_from(written) {
                bytes.truncate(start + written);
                return;
            }
            room = written.unsigned_abs() as usize;
        }
        bytes.truncate(start);
    }

    /// Whether the token ends a generation: end of sequence, of turn, of message.
    pub(crate) fn is_end(&self, token: i32) -> bool {
        // SAFETY: the vocabulary is alive.
        unsafe { sys::llama_vocab_is_eog(self.pointer, token) }
    }

    /// Whether a token steers the conversation instead of being text. Some conversions store such
    /// tokens as user-defined ones; their shape tells them from `<think>` and the like.
    pub(crate) fn is_control(&self, token: i32) -> bool {
        self.has_attribute(token, sys::LLAMA_TOKEN_ATTR_CONTROL)
            || self.has_attribute(token, sys::LLAMA_TOKEN_ATTR_USER_DEFINED)
                && has_control_shape(&self.text(token))
    }

    /// Whether a control token takes the white space on that side of it, as some models' do.
    pub(crate) fn strips(&self, token: i32, side: Side) -> bool {
        let attribute = match side {
            Side::Left => sys::LLAMA_TOKEN_ATTR_LSTRIP,
            Side::Right => sys::LLAMA_TOKEN_ATTR_RSTRIP,
        };
        self.has_attribute(token, attribute)
    }

    fn knows(&self, token: i32) -> bool {
        usize::try_from(token).is_ok_and(|token| token < self.len())
    }

    fn has_attribute(&self, token: i32, attribute: sys::llama_token_attr) -> bool {
        // SAFETY: the vocabulary is alive and the token is one of its.
        self.knows(token)
            && unsafe { sys::llama_vocab_get_attr(self.pointer, token) } & attribute != 0
    }

    /// Beginning of sequence; negative when there is none.
    pub(crate) fn bos(&self) -> i32 {
        // SAFETY: the vocabulary is alive.
        unsafe { sys::llama_vocab_bos(self.pointer) }
    }

    /// End of sequence; negative when there is none.
    pub(crate) fn eos(&self) -> i32 {
        // SAFETY: the vocabulary is alive.
        unsafe { sys::llama_vocab_eos(self.pointer) }
    }

    /// Whether prompts of this model begin with [`Self::bos`].
    pub(crate) fn adds_bos(&self) -> bool {
        // SAFETY: the vocabulary is alive.
        unsafe { sys::llama_vocab_get_add_bos(self.pointer) }
    }

    /// Tokens that the model's file says must never be generated.
    pub(crate) fn suppressed(&self) -> &[i32] {
        let mut count = 0;
        // SAFETY: the vocabulary is alive; the list it returns lives with it.
        let list = unsafe { sys::llama_vocab_get_suppress_tokens(self.pointer, &raw mut count) };
        let count = usize::try_from(count).unwrap_or(0);
        if list.is_null() || count == 0 {
            return &[];
        }
        // SAFETY: not null, and that many tokens long.
        unsafe { std::slice::from_raw_parts(list, count) }
    }
}

/// `<|…|>`, with either of the bars in use.
fn has_control_shape(text: &str) -> bool {
    let inside = |open: &str, close: &str| {
        text.strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
            .is_some_and(|name| !name.is_empty())
    };
    inside("<|", "|>") || inside("<｜", "｜>")
}

#[cfg(test)]
mod tests {
    use super::super::model::Model;
    use super::super::options::ModelOptions;
    use super::*;

    #[test]
    fn a_token_that_does_not_exist_has_no_text() {
        let path = std::path::Path::new("models/guide.gguf");
        let model = Model::load(path, &ModelOptions::vocabulary(), &mut |_| true);
        let model = model.expect("the built-in model");
        let vocab = model.vocab();
        let last = i32::try_from(vocab.len()).expect("a small vocabulary") - 1;
        assert!(!vocab.bytes(last).is_empty());
        for unknown in [last + 1, i32::MAX, -1] {
            let mut piece = Vec::new();
            vocab.piece(unknown, &mut piece);
            assert!(piece.is_empty() && vocab.bytes(unknown).is_empty());
            assert!(!vocab.is_end(unknown) && !vocab.is_control(unknown));
        }
    }

    #[test]
    fn the_shape_of_control_tokens() {
        for token in ["<|user|>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"] {
            assert!(has_control_shape(token), "{token}");
        }
        for token in ["<think>", "<tool_call>", "<||>", "a<|b|>", " "] {
            assert!(!has_control_shape(token), "{token}");
        }
    }
}
