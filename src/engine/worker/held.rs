//! Two models in memory: the one that ran before is held beside the one that runs, with its KV
//! caches.

use std::path::Path;

use super::prompt::LastPrompt;
use super::{Running, Slot, Worker, count_of, shelf};
use crate::engine::groups::Groups;
use crate::engine::scheduler::StepBudget;
use crate::engine::shelf::Shelf;
use crate::engine::{ContextInfo, EngineEvent, HeldModel, LetGo};
use crate::gguf;
use crate::params::{LoadParams, ShelfParams};

/// The model that ran before, with all that is its own.
pub(super) struct Held {
    model: Running,
    slots: Vec<Slot>,
    budget: StepBudget,
    groups: Groups,
    shelf: Shelf,
    last_prompt: Option<LastPrompt>,
}

impl Held {
    pub(super) fn path(&self) -> &Path {
        &self.model.path
    }

    pub(super) fn name(&self) -> &str {
        &self.model.open.info.name
    }

    pub(super) fn context(&self) -> &ContextInfo {
        &self.model.context_info
    }

    /// Puts its caches away, one at a time: memory may be short.
    fn put_away(&mut self, limits: ShelfParams) {
        self.shelf.set_limits(ShelfParams { ram: 0, ..limits });
        for (index, slot) in self.slots.iter().enumerate() {
            shelf::put(&mut self.shelf, &mut self.model.context, index, slot);
        }
        self.shelf.put_away();
    }

    fn tell(&self) -> EngineEvent {
        EngineEvent::Held(Box::new(HeldModel {
            model: self.model.open.info.clone(),
            context: self.model.context_info.clone(),
            asked: self.model.asked.clone(),
            tokens: count_of(self.slots.iter().map(|slot| slot.n_cached).sum()),
        }))
    }
}

impl Worker {
    /// Whether a load means the model that is held: the same file with the same parameters.
    pub(super) fn is_held(&self, path: &Path, params: &LoadParams) -> bool {
        let Some(held) = self.held.as_ref().filter(|held| held.path() == path) else {
            return false;
        };
        // A file that cannot be read any more says nothing against what is in memory.
        let known = &held.model.open.info.fingerprint;
        let is_unchanged = gguf::fingerprint(path).map_or(true, |now| now == *known);
        is_unchanged && held.model.asked.is_same_load(params)
    }

    /// Lets the held model run again, and holds the one that runs in its place.
    pub(super) fn swap(&mut self, params: &LoadParams) {
        let Some(back) = self.held.take() else {
            return;
        };
        self.end_slots();
        self.hold();
        for slot in &back.slots {
            // Its cache is back before anybody missed it.
            slot.conversation.and_then(|one| self.lost.take(one));
        }
        let Held {
            model,
            slots,
            budget,
            groups,
            shelf,
            last_prompt,
        } = back;
        tracing::info!(name = model.open.info.name, "the model held runs again");
        let running = self.running.insert(model);
        running.set_threads(params.clone());
        self.slots = slots;
        self.budget = budget;
        self.groups = groups;
        self.shelf = shelf;
        self.last_prompt = last_prompt;
    }

    /// Holds the model that runs, whose replies have ended.
    pub(super) fn hold(&mut self) {
        let Some(model) = self.running.take() else {
            return;
        };
        let empty = self.shelf.another();
        let held = Held {
            model,
            slots: std::mem::take(&mut self.slots),
            budget: self.budget.clone(),
            groups: std::mem::take(&mut self.groups),
            shelf: std::mem::replace(&mut self.shelf, empty),
            last_prompt: self.last_prompt.take(),
        };
        tracing::info!(name = held.name(), "the model from before is held");
        self.mail.outbox.push(held.tell());
        self.held = Some(held);
    }

    /// Frees the model that is held, if any, and says so.
    pub(super) fn let_go(&mut self, why: LetGo) {
        if let Some(name) = self.free_held() {
            tracing::info!(name, %why, "a model is not held any more");
            self.mail.outbox.push(EngineEvent::LetGo { name, why });
        }
    }

    /// Frees the model that is held and keeps its caches on disk; gives its name.
    pub(super) fn free_held(&mut self) -> Option<String> {
        let mut held = self.held.take()?;
        held.put_away(held.model.asked.shelf);
        Some(held.name().to_owned())
    }

    /// Holds no model beside the one that runs where only one is wanted.
    pub(super) fn hold_at_most(&mut self, models_max: u32) {
        if models_max < 2 {
            self.let_go(LetGo::OneAtMost);
        }
    }
}
