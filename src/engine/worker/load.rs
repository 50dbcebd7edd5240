//! Putting a model in place of the present one.

use std::path::Path;
use std::time::Instant;

use super::held::Held;
use super::mail::Patience;
use super::retune::{Parked, Weights};
use super::{Running, Slot, Worker, count_of};
use crate::engine::carry::{Cache, Carried, carry};
use crate::engine::groups::Groups;
use crate::engine::llama::{self, DetachedGrammar, OpenModel};
use crate::engine::scheduler::{StepBudget, Steps};
use crate::engine::{
    CameFrom, ContextInfo, EngineError, EngineEvent, KvOutcome, LetGo, LoadRequest, Missed,
    StopReason,
};
use crate::gguf;
use crate::params::LoadParams;
use crate::plan::Stay;

impl Worker {
    /// Answers [`crate::engine::Command::Load`].
    pub(super) fn load(&mut self, request: &LoadRequest) {
        let started = Instant::now();
        let id = request.id;
        let outcome = self.try_load(request);
        if outcome.is_ok() {
            self.hold_at_most(request.params.models_max);
        }
        let event = match (outcome, &self.running) {
            (Ok(came_from), Some(running)) => EngineEvent::Loaded {
                id,
                model: Box::new(running.open.info.clone()),
                context: Box::new(running.context_info.clone()),
                came_from,
                took: started.elapsed(),
            },
            (Ok(_), None) => EngineEvent::LoadFailed {
                id,
                error: super::retune::no_model(),
                running: false,
            },
            (Err(error), running) => EngineEvent::LoadFailed {
                id,
                error,
                running: running.is_some(),
            },
        };
        self.mail.outbox.push(event);
    }

    fn try_load(&mut self, request: &LoadRequest) -> Result<CameFrom, EngineError> {
        let LoadRequest { id, path, params } = request;
        // Everything that can be known beforehand, before the present model is given up.
        llama::check(params)?;
        if self.is_held(path, params) {
            self.swap(params);
            return Ok(CameFrom::Memory);
        }
        let facts = llama::validate(path)?;
        llama::check_heads(&facts, &params.context)?;
        llama::check_size(path, &facts, params)?;
        let mut parked = self.clear_the_way(path, &facts, params);
        let opened = llama::open_model(
            path,
            params,
            &mut self.mail.watch_load(*id, Patience::Cancellable),
        )
        .and_then(|open| {
            llama::open_context(&open, params, &self.interrupt)
                .map(|(context, info)| (open, context, info))
        });
        let (open, context, context_info) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                if let Some(parked) = parked.take() {
                    self.bring_back(*id, parked);
                }
                return Err(error);
            }
        };
        self.step_down(path, params);
        self.slots = (0..context_info.n_seq_max)
            .map(|_| Slot::default())
            .collect();
        let steps = if context_info.n_gpu_layers == 0 {
            Steps::CanStop
        } else {
            Steps::RunToEnd
        };
        self.budget = StepBudget::new(Some(expected_speed(&open, &context_info)), steps);
        self.groups = Groups::default();
        self.last_prompt = None;
        self.running = Some(Running {
            path: path.clone(),
            asked: params.clone(),
            context,
            context_info,
            open,
        });
        Ok(CameFrom::File)
    }

    /// Frees what the load of another model needs: first the one that is held, and where that is
    /// not enough the one that runs, which comes back if the load fails.
    fn clear_the_way(
        &mut self,
        path: &Path,
        facts: &gguf::Facts,
        params: &LoadParams,
    ) -> Option<Parked> {
        // With other parameters, or another file by now.
        if self.held.as_ref().is_some_and(|held| held.path() == path) {
            self.let_go(LetGo::LoadedAgain);
        }
        let running = self.running.as_ref().map(|running| &running.context_info);
        let held = self.held.as_ref().map(Held::context);
        let stay = llama::stays(facts, params, running, held);
        if stay != Stay::Both {
            self.let_go(LetGo::Memory);
        }
        if stay != Stay::Nothing {
            return None;
        }
        self.shelve_all();
        self.park(Weights::Free)
    }

    /// The model that runs makes way for another one that is loaded: it is held, or else its caches
    /// are put away.
    fn step_down(&mut self, path: &Path, params: &LoadParams) {
        self.end_slots();
        let another = |running: &Running| running.path != path;
        if params.models_max > 1 && self.running.as_ref().is_some_and(another) {
            self.let_go(LetGo::Replaced);
            self.hold();
        } else {
            self.shelve_all();
            self.running = None;
        }
    }

    /// Ends the replies of the model that makes way.
    pub(super) fn end_slots(&mut self) {
        for index in 0..self.slots.len() {
            self.finish(index, StopReason::Cancelled);
            self.note_lost(index, Missed::OtherModel);
        }
    }

    /// Puts the conversations into the context that runs now and tells what became of them.
    pub(super) fn restore(&mut self, saved: Vec<Saved>, layout: Layout) -> KvOutcome {
        let Some(running) = &mut self.running else {
            return KvOutcome::Untouched;
        };
        let capacity = running.capacity();
        let caches: Vec<Cache> = self.slots.iter().map(Slot::cache).collect();
        let mut old: Vec<Option<(Slot, Saved)>> = std::mem::take(&mut self.slots)
            .into_iter()
            .zip(saved)
            .map(Some)
            .collect();
        let (mut kept, mut lost, mut put_away) = (0, 0, 0);
        let mut reason = match &layout {
            Layout::Same => String::from("llama.cpp did not take the saved cache"),
            Layout::Other(reason) => reason.clone(),
        };
        let mut failed = Vec::new();
        for (index, Carried { place, fits }) in carry(&caches, capacity).into_iter().enumerate() {
            let Some((mut slot, saved)) = old[place].take() else {
                continue;
            };
            slot.shares = false;
            let is_same = layout == Layout::Same;
            let state = saved.state.as_ref().filter(|_| fits && is_same);
            let restored =
                state.map(|state| running.context.restore(super::sequence(index), state));
            // Before anything else is asked of llama.cpp.
            let refused = match restored {
                Some(false) => llama::failure_reason(),
                _ => None,
            };
            if restored == Some(true) || slot.n_cached == 0 {
                kept += slot.n_cached;
            } else {
                let n_cached = slot.n_cached;
                if fits {
                    running.context.clear(super::sequence(index));
                }
                // Chats that nobody is in find it on the shelf when they go on.
                let why = if is_same && index > 0 && slot.reply.is_none() {
                    put_away += n_cached;
                    self.shelf.put(&slot.tokens[..n_cached], || saved.state);
                    refused.unwrap_or_else(|| TOO_SMALL.to_owned())
                } else {
                    lost += n_cached;
                    reason = refused.unwrap_or(reason);
                    reason.clone()
                };
                if let Some(conversation) = slot.conversation {
                    let why = Missed::Retuned(why);
                    self.lost.note(conversation, count_of(n_cached), why);
                }
                slot.forget_cache();
            }
            if index >= capacity.n_sequences {
                continue;
            }
            if let Some(reply) = &mut slot.reply {
                let model = &running.open.model;
                if let Err(error) = reply.sampler.attach(saved.grammar, &slot.tokens, model) {
                    failed.push((index, error));
                }
            }
            self.slots.push(slot);
        }
        self.slots.resize_with(capacity.n_sequences, Slot::default);
        if put_away > 0 {
            running.context_info.notes.push(left_out(put_away));
        }
        for (index, error) in failed {
            self.fail(index, error);
        }
        if lost == 0 {
            KvOutcome::Kept {
                tokens: count_of(kept),
            }
        } else {
            KvOutcome::Prefill {
                tokens: count_of(lost),
                reason,
            }
        }
    }

    /// Brings back what ran before; its replies end with an error when even that fails.
    pub(super) fn bring_back(&mut self, id: crate::engine::LoadId, mut parked: Parked) {
        let asked = parked.asked.clone();
        match self.resume(id, &mut parked, &asked, Patience::Restoring) {
            Ok(()) => {
                let outcome = self.restore(parked.saved, Layout::Same);
                tracing::info!(?outcome, "what ran before runs again");
            }
            Err(error) => {
                tracing::error!(%error, "what ran before cannot be brought back");
                for index in 0..self.slots.len() {
                    self.fail(index, error.clone());
                }
                while let Some(waiting) = self.queue.pop_front() {
                    self.mail.outbox.push(EngineEvent::Failed {
                        request: waiting.request.id,
                        error: error.clone(),
                    });
                }
                self.slots.clear();
            }
        }
    }
}

/// Why a chat that nobody is in left the context.
const TOO_SMALL: &str = "the context holds less than before";

/// What becomes of chats that nobody is in and that find no room.
pub(super) fn left_out(tokens: usize) -> String {
    format!("{tokens} tokens of other chats find no room and are put away")
}

/// What was kept of a slot while its context was gone.
#[derive(Debug, Default)]
pub(super) struct Saved {
    pub state: Option<Vec<u8>>,
    pub grammar: Option<DetachedGrammar>,
}

/// Whether a saved cache fits the new context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Same,
    Other(String),
}

/// Prompt tokens per second to expect before anything was measured: two floating-point operations
/// a parameter and token, at a careful 50 GFLOP/s a core. Only the first step depends on it.
fn expected_speed(open: &OpenModel, context: &ContextInfo) -> f64 {
    const FLOPS_PER_CORE: f64 = 5e10;
    const GPU: f64 = 4096.0;
    if context.n_gpu_layers > 0 {
        return GPU;
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let per_token = 2.0 * open.info.n_params.max(1) as f64;
    f64::from(context.n_threads_batch) * FLOPS_PER_CORE / per_token
}

/// Whether the caches of two parameter sets hold their tokens in the same form.
pub(super) fn layout(old: &LoadParams, new: &LoadParams) -> Layout {
    let name = |kind: &str| {
        if kind.is_empty() {
            "f16".to_owned()
        } else {
            kind.to_owned()
        }
    };
    let turns_values = llama::turns_values(old, new);
    let (old, new) = (&old.context, &new.context);
    for (what, old, new) in [
        ("K", &old.type_k, &new.type_k),
        ("V", &old.type_v, &new.type_v),
    ] {
        if name(old) != name(new) {
            return Layout::Other(format!(
                "the {what} cache changes from {} to {}",
                name(old),
                name(new)
            ));
        }
    }
    // A cache holds keys that RoPE has turned already.
    if old.rope != new.rope {
        return Layout::Other("the RoPE parameters change".into());
    }
    if turns_values {
        return Layout::Other("flash attention keeps values the other way round".into());
    }
    if llama::streams(old) != llama::streams(new) {
        return Layout::Other("the cache is divided between sequences in another way".into());
    }
    Layout::Same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_follows_cache_types_and_rope() {
        let params = |type_k: &str| {
            let mut params = LoadParams::default();
            params.context.type_k = type_k.into();
            params
        };
        assert_eq!(layout(&params(""), &params("f16")), Layout::Same);
        assert!(
            matches!(layout(&params("f16"), &params("q8_0")), Layout::Other(why) if why.contains("q8_0"))
        );
        let mut turned = params("f16");
        turned.context.rope.freq_base = 5000.0;
        assert!(matches!(layout(&params("f16"), &turned), Layout::Other(_)));
    }
}
