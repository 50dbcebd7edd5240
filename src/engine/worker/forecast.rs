//! What a retune would do, told before it is done.

use super::load::{Layout, layout, left_out};
use super::{Slot, Worker};
use crate::engine::carry::{Cache, Capacity, carry};
use crate::engine::llama::{self, Neighbour};
use crate::engine::reply::count_of;
use crate::engine::{Change, EngineError, EngineEvent, Forecast, KvOutcome, LetGo, LoadId};
use crate::params::LoadParams;

/// What becomes of the model that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeldThen {
    /// It stays, or none is held.
    AsNow,
    Gone,
}

impl Worker {
    /// Answers [`crate::engine::Command::Foresee`].
    pub(super) fn foresee(&mut self, id: LoadId, params: &LoadParams) {
        let outcome = self.try_foresee(params).map(Box::new);
        self.mail.outbox.push(EngineEvent::Foreseen { id, outcome });
    }

    fn try_foresee(&self, params: &LoadParams) -> Result<Forecast, EngineError> {
        self.check_retune(params)?;
        let (mut forecast, held) = self.look_ahead(params)?;
        if let (Some(model), HeldThen::Gone) = (&self.held, held) {
            let note = format!("{} is let go: {}", model.name(), LetGo::Memory);
            forecast.notes.push(note);
        }
        self.expect_of_cache(&mut forecast, params);
        Ok(forecast)
    }

    /// What a change comes to but for the cache. The model that is held goes where the running one
    /// would get less beside it.
    pub(super) fn look_ahead(
        &self,
        params: &LoadParams,
    ) -> Result<(Forecast, HeldThen), EngineError> {
        let running = self.running.as_ref().ok_or_else(super::retune::no_model)?;
        let change = if params.model != running.asked.model {
            Change::Reload
        } else if params.context != running.asked.context {
            Change::NewContext
        } else {
            Change::Live
        };
        let (open, now) = (&running.open, &running.context_info);
        let with = |neighbour| llama::forecast(open, now, change, params, neighbour);
        let Some(held) = &self.held else {
            return Ok((with(None)?, HeldThen::AsNow));
        };
        match with(Some(Neighbour::Stays(held.context()))) {
            Ok(forecast) if forecast.fits && forecast.notes.is_empty() => {
                Ok((forecast, HeldThen::AsNow))
            }
            _ => Ok((with(Some(Neighbour::Goes(held.context())))?, HeldThen::Gone)),
        }
    }

    /// What becomes of the tokens in the cache. Some architectures refuse a saved cache, which only
    /// trying shows.
    fn expect_of_cache(&self, forecast: &mut Forecast, params: &LoadParams) {
        let changes = forecast.change != Change::Live;
        let Some(running) = self.running.as_ref().filter(|_| changes) else {
            return;
        };
        let reason = match layout(&running.asked, params) {
            Layout::Other(reason) => Some(reason),
            Layout::Same => None,
        };
        let caches: Vec<Cache> = self.slots.iter().map(Slot::cache).collect();
        let total = caches.iter().map(|cache| cache.n_cached).sum();
        if let Some(reason) = reason.filter(|_| total > 0) {
            let tokens = count_of(total);
            forecast.kv = KvOutcome::Prefill { tokens, reason };
            return;
        }
        let capacity = Capacity {
            n_sequences: llama::sequences(&params.context)
                .map_or(usize::MAX, |count| count as usize),
            n_ctx: forecast.n_ctx as usize,
            shared: llama::is_unified(&params.context),
        };
        let carried = carry(&caches, capacity);
        let fits = carried.iter().filter(|one| one.fits);
        let kept = fits.map(|one| caches[one.place].n_cached).sum();
        forecast.kv = KvOutcome::Kept {
            tokens: count_of(kept),
        };
        if total > kept {
            forecast.notes.push(left_out(total - kept));
        }
    }
}
