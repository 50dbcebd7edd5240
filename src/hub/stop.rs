//! The wish to stop, from another thread.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use ureq::Agent;

/// Stops what runs with it: transfers are broken off where they stand, pauses end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// What is broken off.
    agents: Vec<Agent>,
}

impl Stop {
    /// Breaks off; whoever comes later does not begin.
    pub fn stop(&self) {
        let agents = {
            let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.stopped = true;
            std::mem::take(&mut state.agents)
        };
        self.0.changed.notify_all();
        for agent in agents {
            agent.shutdown();
        }
    }

    pub fn is_stopped(&self) -> bool {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).stopped
    }

    /// Breaks this one off, too.
    pub(super) fn ends(&self, agent: &Agent) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            agent.clone().shutdown();
        } else {
            state.agents.push(agent.clone());
        }
    }

    /// Waits; true when it was stopped before the time was over.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .0
            .changed
            .wait_timeout_while(state, time, |state| !state.stopped);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }
}
