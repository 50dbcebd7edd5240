//! Other load parameters for the running model; conversations and replies go on.

use std::path::PathBuf;
use std::time::Instant;

use super::forecast::HeldThen;
use super::load::{Saved, layout};
use super::mail::Patience;
use super::{Running, Worker, sequence};
use crate::engine::llama::{self, OpenModel};
use crate::engine::{EngineError, EngineEvent, ErrorKind, KvOutcome, LetGo, LoadId};
use crate::gguf;
use crate::params::LoadParams;
use crate::plan;

/// A model put aside while memory is needed for something else.
#[derive(Debug)]
pub(super) struct Parked {
    pub path: PathBuf,
    pub asked: LoadParams,
    /// The weights, where they could stay.
    pub open: Option<OpenModel>,
    /// One for each slot.
    pub saved: Vec<Saved>,
}

/// What becomes of the weights while a model is put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weights {
    Stay,
    Free,
}

impl Worker {
    /// Answers [`crate::engine::Command::Retune`].
    pub(super) fn retune(&mut self, id: LoadId, params: LoadParams) {
        let started = Instant::now();
        let models_max = params.models_max;
        let outcome = self.try_retune(id, params);
        if outcome.is_ok() {
            self.hold_at_most(models_max);
        }
        let event = match (outcome, &self.running) {
            (Ok(kv), Some(running)) => EngineEvent::Retuned {
                id,
                context: Box::new(running.context_info.clone()),
                kv,
                took: started.elapsed(),
            },
            (Ok(_), None) => EngineEvent::RetuneFailed {
                id,
                error: no_model(),
                running: false,
            },
            (Err(error), running) => EngineEvent::RetuneFailed {
                id,
                error,
                running: running.is_some(),
            },
        };
        self.mail.outbox.push(event);
    }

    fn try_retune(&mut self, id: LoadId, params: LoadParams) -> Result<KvOutcome, EngineError> {
        self.check_retune(&params)?;
        let Some(running) = &mut self.running else {
            return Err(no_model());
        };
        if params.is_same_load(&running.asked) {
            running.set_threads(params);
            return Ok(KvOutcome::Untouched);
        }
        let weights = if params.model == running.asked.model {
            Weights::Stay
        } else {
            Weights::Free
        };
        if weights == Weights::Free {
            check_file(running)?;
        }
        let layout = layout(&running.asked, &params);
        // What cannot be foreseen fails below, and costs nothing that is held.
        if let Ok((_, HeldThen::Gone)) = self.look_ahead(&params) {
            self.let_go(LetGo::Memory);
        }
        let Some(mut parked) = self.park(weights) else {
            return Err(no_model());
        };
        let resumed = self
            .resume(id, &mut parked, &params, Patience::Cancellable)
            .and_then(|()| {
                let (n_ctx, n_seq) = self.running.as_ref().map_or((0, 0), |running| {
                    (running.context_info.n_ctx, running.context_info.n_seq_max)
                });
                self.check_room(n_ctx, n_seq)
            });
        match resumed {
            Ok(()) => Ok(self.restore(parked.saved, layout)),
            Err(error) => {
                let opened = self
                    .running
                    .take()
                    .map(|running| running.open)
                    .or(parked.open.take());
                parked.open = opened.filter(|_| weights == Weights::Stay);
                self.bring_back(id, parked);
                Err(error)
            }
        }
    }

    /// Refuses what can be known not to work, before anything that runs is touched.
    pub(super) fn check_retune(&self, params: &LoadParams) -> Result<(), EngineError> {
        llama::check(params)?;
        let running = self.running.as_ref().ok_or_else(no_model)?;
        if params.is_same_load(&running.asked) {
            return Ok(());
        }
        let n_seq_max = llama::sequences(&params.context)?;
        let (n_ctx, unified) = (params.context.n_ctx, llama::is_unified(&params.context));
        if n_ctx > 0 {
            self.check_room(plan::n_ctx_seq(n_ctx, n_seq_max, unified), n_seq_max)?;
        }
        llama::check_heads(&running.open.header, &params.context)?;
        llama::check_size(&running.path, &running.open.header, params)
    }

    /// Refuses a context that a conversation in use does not fit into.
    fn check_room(&self, n_ctx: u32, n_seq_max: u32) -> Result<(), EngineError> {
        let refuse = |what: String, why: String, hint: &str| {
            Err(EngineError {
                kind: ErrorKind::BadParameter,
                what,
                why,
                hint: hint.into(),
            })
        };
        // Replies, or else the chat that was used last: all others may leave the context.
        let replying = self.slots.iter().filter(|slot| slot.reply.is_some());
        let longest = replying.map(|slot| slot.tokens.len()).max();
        let last = || self.slots.iter().max_by_key(|slot| slot.last_used);
        let used = longest.or_else(|| last().map(|slot| slot.n_cached));
        let used = used.unwrap_or(0);
        if used > n_ctx as usize {
            return refuse(
                format!("ctx-size {n_ctx}"),
                format!("the conversation uses {used} tokens"),
                "choose a larger ctx-size, or clear the conversation first",
            );
        }
        let busy = self
            .slots
            .iter()
            .filter(|slot| slot.reply.is_some())
            .count();
        if busy > n_seq_max as usize {
            return refuse(
                format!("parallel {n_seq_max}"),
                format!("{busy} replies are being made"),
                "wait for them or stop some",
            );
        }
        Ok(())
    }

    /// Saves every conversation and puts the model aside; `None` when there is none.
    pub(super) fn park(&mut self, weights: Weights) -> Option<Parked> {
        let mut running = self.running.take()?;
        let saved = self.slots.iter_mut().enumerate().map(|(index, slot)| {
            let state = if slot.n_cached > 0 {
                running.context.save(sequence(index))
            } else {
                None
            };
            let grammar = match (&mut slot.reply, weights) {
                (Some(reply), Weights::Free) => reply.sampler.detach(),
                _ => None,
            };
            Saved { state, grammar }
        });
        let saved = saved.collect();
        let Running {
            path,
            asked,
            context,
            open,
            ..
        } = running;
        drop(context);
        Some(Parked {
            path,
            asked,
            open: (weights == Weights::Stay).then_some(open),
            saved,
        })
    }

    /// Opens the parked model with those parameters; what was opened before an error stays in `parked`.
    pub(super) fn resume(
        &mut self,
        id: LoadId,
        parked: &mut Parked,
        params: &LoadParams,
        patience: Patience,
    ) -> Result<(), EngineError> {
        let open = match parked.open.take() {
            Some(open) => open,
            None => llama::open_model(
                &parked.path,
                params,
                &mut self.mail.watch_load(id, patience),
            )?,
        };
        let opened = llama::open_context(&open, params, &self.interrupt);
        // llama.cpp cannot be stopped while it makes a context, which takes long when it is large.
        let stopped = patience == Patience::Cancellable && self.mail.is_stopped(id, patience);
        match opened {
            Ok(_) if stopped => {
                parked.open = Some(open);
                Err(was_stopped())
            }
            Ok((context, context_info)) => {
                self.running = Some(Running {
                    path: parked.path.clone(),
                    asked: params.clone(),
                    context,
                    context_info,
                    open,
                });
                Ok(())
            }
            Err(error) => {
                parked.open = Some(open);
                Err(error)
            }
        }
    }
}

/// Refuses to read weights again from a file that is not the one they came from: what runs could not
/// be brought back either, and the KV cache would be another model's.
fn check_file(running: &Running) -> Result<(), EngineError> {
    let (path, known) = (&running.path, &running.open.info.fingerprint);
    llama::validate(path)?;
    let now = gguf::fingerprint(path).unwrap_or_default();
    if known.is_empty() || now == *known {
        return Ok(());
    }
    Err(EngineError {
        kind: ErrorKind::BadData,
        what: format!("reading {} again", path.display()),
        why: "it is not the file any more that the model was loaded from".into(),
        hint: "load it as another model, or put the old file back".into(),
    })
}

impl Running {
    /// Threads are all that differs: nothing else is touched.
    pub(super) fn set_threads(&mut self, asked: LoadParams) {
        let threads = llama::Threads::resolve(asked.threads, self.open.facts.size_bytes);
        self.compute_with(threads);
        self.asked = asked;
    }

    /// Computes with that many threads from now on, or with as many as the system gives.
    pub(super) fn compute_with(&mut self, threads: llama::Threads) {
        self.context.set_threads(threads);
        let threads = self.context.threads();
        self.context_info.n_threads = threads.single.unsigned_abs();
        self.context_info.n_threads_batch = threads.batch.unsigned_abs();
        self.context_info.params.threads = crate::params::ThreadParams {
            n_threads: threads.single,
            n_threads_batch: threads.batch,
        };
    }
}

fn was_stopped() -> EngineError {
    EngineError {
        kind: ErrorKind::Cancelled,
        what: "changing load parameters".into(),
        why: "it was stopped".into(),
        hint: String::new(),
    }
}

pub(super) fn no_model() -> EngineError {
    EngineError {
        kind: ErrorKind::NoModel,
        what: "changing load parameters".into(),
        why: "no model is loaded".into(),
        hint: "load one first".into(),
    }
}
