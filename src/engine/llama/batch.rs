//! The tokens of one decode step.

use std::ptr;

use llama_cpp_sys_2 as sys;

/// A batch that keeps its memory between steps.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    tokens: Vec<i32>,
    positions: Vec<i32>,
    counts: Vec<i32>,
    sequences: Vec<i32>,
    sequence_lists: Vec<*mut i32>,
    outputs: Vec<i8>,
}

/// Whether logits are wanted after a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    None,
    Logits,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.tokens.clear();
        self.positions.clear();
        self.counts.clear();
        self.sequences.clear();
        self.outputs.clear();
    }

    /// Adds a token and returns its index in the batch.
    pub(crate) fn add(&mut self, token: i32, position: i32, sequence: i32, output: Output) -> i32 {
        let index = self.tokens.len();
        self.tokens.push(token);
        self.positions.push(position);
        self.counts.push(1);
        self.sequences.push(sequence);
        self.outputs.push(i8::from(output == Output::Logits));
        i32::try_from(index).unwrap_or(i32::MAX)
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// llama.cpp's view; valid until the batch changes or moves.
    pub(super) fn native(&mut self) -> sys::llama_batch {
        self.sequence_lists.clear();
        self.sequence_lists
            .extend(self.sequences.iter_mut().map(ptr::from_mut));
        sys::llama_batch {
            n_tokens: i32::try_from(self.tokens.len()).unwrap_or(i32::MAX),
            token: self.tokens.as_mut_ptr(),
            embd: ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.counts.as_mut_ptr(),
            seq_id: self.sequence_lists.as_mut_ptr(),
            logits: self.outputs.as_mut_ptr(),
        }
    }
}
