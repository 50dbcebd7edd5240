//! The sequences that a comparison borrows: while it goes on or is looked at, the context has one for
//! each column; then the values before are in force again.
//!
//! Both ways the engine makes a new context and carries the KV caches over, so giving back costs no
//! prefill. Keeping them would: another model that is held was opened with the values before.

use crate::app::{Effect, State, View, retune};
use crate::compare;
use crate::engine::ContextInfo;
use crate::params::{Param, Params, Source, Value};

/// What a comparison set.
#[derive(Debug, Default)]
pub(super) struct Borrowed(Vec<Loan>);

#[derive(Debug)]
struct Loan {
    param: Param,
    asked: Value,
    /// What the session had given before, if anything.
    own: Option<Value>,
}

/// A sequence for each column, where the context has fewer.
pub(super) fn borrow(state: &mut State, columns: usize) -> Vec<Effect> {
    let has = |(_, context): &(_, Box<ContextInfo>)| context.n_seq_max as usize;
    let running = state.model.running.as_ref();
    if running.is_none_or(|running| has(running) >= columns) || state.bench.is_running() {
        return vec![];
    }
    let mut borrowed = state.compare.borrowed.take().unwrap_or_default();
    let effects = retune::change(state, |params| {
        borrowed.give_back(&mut params.values);
        borrowed = Borrowed::ask(&mut params.values, columns);
    });
    state.compare.borrowed = Some(borrowed);
    effects
}

/// Gives back what was borrowed once nobody looks at the comparison and no column goes on.
pub(in crate::app) fn give_back(state: &mut State) -> Vec<Effect> {
    let run = state.compare.run.as_ref();
    let is_used = state.view == View::Compare || run.is_some_and(super::Run::is_running);
    if is_used || state.model.loading.is_some() || state.bench.is_running() {
        return vec![];
    }
    match state.compare.borrowed.take() {
        Some(mut borrowed) => retune::change(state, |params| {
            borrowed.give_back(&mut params.values);
        }),
        None => vec![],
    }
}

impl Borrowed {
    fn ask(values: &mut Params, columns: usize) -> Self {
        let loans = compare::sequences_for(columns).into_iter();
        let loans = loans.map(|(param, asked)| {
            let own = of_session(values, param);
            // Both are allowed for every model.
            let _ = values.set(Source::Session, param, asked.clone());
            Loan { param, asked, own }
        });
        Self(loans.collect())
    }

    /// What was set by hand since stays.
    fn give_back(&mut self, values: &mut Params) {
        for loan in self.0.drain(..) {
            if of_session(values, loan.param) != Some(loan.asked) {
                continue;
            }
            values.reset(loan.param);
            if let Some(own) = loan.own {
                // It was in force before, so it is allowed.
                let _ = values.set(Source::Session, loan.param, own);
            }
        }
    }
}

fn of_session(values: &Params, param: Param) -> Option<Value> {
    (values.source(param) == Source::Session).then(|| values.get(param))
}
