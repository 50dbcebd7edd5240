//! What a retune would do, told before it is done.

use super::Worker;
use super::load::{Layout, layout};
use crate::engine::llama;
use crate::engine::reply::count_of;
use crate::engine::{Change, EngineError, EngineEvent, Forecast, KvOutcome, LoadId};
use crate::params::LoadParams;

impl Worker {
    /// Answers [`crate::engine::Command::Foresee`].
    pub(super) fn foresee(&mut self, id: LoadId, params: &LoadParams) {
        let outcome = self.try_foresee(params).map(Box::new);
        self.mail.outbox.push(EngineEvent::Foreseen { id, outcome });
    }

    fn try_foresee(&self, params: &LoadParams) -> Result<Forecast, EngineError> {
        let running = self.running.as_ref().ok_or_else(super::retune::no_model)?;
        self.check_retune(params)?;
        let asked = &running.asked;
        let change = if params.model != asked.model {
            Change::Reload
        } else if params.context != asked.context {
            Change::NewContext
        } else {
            Change::Live
        };
        let forecast = llama::forecast(&running.open, &running.context_info, change, params)?;
        Ok(Forecast {
            kv: self.expect_of_cache(change, params),
            ..forecast
        })
    }

    /// What becomes of the tokens in the cache. Some architectures refuse a saved cache, which only
    /// trying shows.
    fn expect_of_cache(&self, change: Change, params: &LoadParams) -> KvOutcome {
        let Some(running) = self.running.as_ref().filter(|_| change != Change::Live) else {
            return KvOutcome::Untouched;
        };
        let tokens = count_of(self.slots.iter().map(|slot| slot.n_cached).sum());
        let reason = match layout(&running.asked, params) {
            Layout::Other(reason) => Some(reason),
            Layout::Same if llama::turns_values(&running.asked, params) => {
                Some("flash attention keeps values the other way round".into())
            }
            Layout::Same => None,
        };
        match reason {
            Some(reason) if tokens > 0 => KvOutcome::Prefill { tokens, reason },
            _ => KvOutcome::Kept { tokens },
        }
    }
}
