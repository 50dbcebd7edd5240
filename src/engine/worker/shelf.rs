//! KV caches between the context and the shelf.

use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::step::cut;
use super::{Slot, Worker, sequence};
use crate::engine::llama::{self, Context};
use crate::engine::shelf::{Shelf, WORTH_KEEPING};
use crate::gguf;
use crate::hex;
use crate::params::ShelfParams;

impl Worker {
    /// Puts the caches of all conversations away, before the context or the program ends.
    pub(super) fn shelve_all(&mut self) {
        for index in 0..self.slots.len() {
            self.shelve(index);
        }
    }

    /// Puts the cache of one conversation away, before something else takes its place.
    pub(super) fn shelve(&mut self, index: usize) {
        if let (Some(running), Some(slot)) = (&mut self.running, self.slots.get(index)) {
            put(&mut self.shelf, &mut running.context, index, slot);
        }
    }

    /// Turns to the caches that the running model can use.
    pub(super) fn turn_shelf(&mut self) {
        let Some(running) = &self.running else {
            self.shelf.turn_to("", ShelfParams::default());
            return;
        };
        let layout = format!("{:?}", running.context_info.params.context.layout());
        match key(&running.path, &layout) {
            Ok(key) => self.shelf.turn_to(&key, running.asked.shelf),
            Err(error) => {
                tracing::warn!(%error, "no KV caches are kept: the model's file cannot be read");
                self.shelf.turn_to("", ShelfParams::default());
            }
        }
    }

    /// Brings a kept cache into a slot whose sequence has the first `keep` tokens of the prompt,
    /// where it saves more; gives how many tokens are there then. `whole` models use all of a
    /// kept cache or none.
    pub(super) fn fetch(
        &mut self,
        index: usize,
        prompt: &[i32],
        keep: usize,
        whole: bool,
    ) -> usize {
        // The last token of a prompt is decoded to get logits.
        let most = prompt.len().saturating_sub(1);
        let head = &prompt[..most];
        if self.shelf.knows(head, whole) < keep + WORTH_KEEPING {
            return keep;
        }
        let Some(found) = self.shelf.find(head, whole) else {
            return keep;
        };
        let seq = sequence(index);
        loop {
            let Some(running) = &mut self.running else {
                return 0;
            };
            running.context.clear(seq);
            if running.context.restore(seq, &found.state) {
                break;
            }
            if !self.forget_idle(Some(index)) {
                tracing::info!("a kept KV cache did not fit into the context");
                return 0;
            }
        }
        let common = crate::engine::slots::common_prefix(&found.tokens, head);
        let Some(running) = &mut self.running else {
            return 0;
        };
        let n_swa = running.open.facts.n_swa;
        if common < found.tokens.len() && !cut(&mut running.context, seq, common, n_swa, !whole) {
            running.context.clear(seq);
            return 0;
        }
        tracing::info!(tokens = common, "a kept KV cache saves prefill");
        common
    }
}

/// Puts the cache of a slot of that context on the shelf of its model.
pub(super) fn put(shelf: &mut Shelf, context: &mut Context, index: usize, slot: &Slot) {
    let cached = &slot.tokens[..slot.n_cached.min(slot.tokens.len())];
    shelf.put(cached, || context.save(sequence(index)));
}

/// Names the caches of one model in one layout: what llama.cpp writes depends on its version, too.
fn key(path: &Path, layout: &str) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(llama::version());
    hash.update(layout);
    hash.update(gguf::fingerprint(path)?);
    Ok(hex::digits(&hash.finalize()[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_file_and_layout() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model");
        let with = |bytes: &[u8], layout: &str| {
            std::fs::write(&path, bytes).expect("the disk");
            key(&path, layout).expect("the file")
        };
        let first = with(b"weights", "f16");
        assert_eq!(first.len(), 16);
        assert_eq!(with(b"weights", "f16"), first);
        assert_ne!(with(b"weights", "q8_0"), first);
        assert_ne!(with(b"Weights", "f16"), first);
        assert!(key(&folder.path().join("none"), "").is_err());
    }
}
