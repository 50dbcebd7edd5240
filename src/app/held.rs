//! The model that is held in memory beside the one that runs: going back to it, letting it go, and
//! what a load would make of both.

use std::path::Path;

use super::retune::{self, OF_MODEL};
use super::update::{IsError, note, notice};
use super::{Effect, State, library};
use crate::engine::{Command, HeldModel, LetGo};
use crate::library::{Estimate, RunningThen};
use crate::params::Params;
use crate::units;

/// The model that ran before.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub model: HeldModel,
    /// The values in force when it was replaced.
    values: Params,
}

/// The engine holds a model from now on. It says so before the next one is confirmed.
pub(super) fn taken(state: &mut State, model: HeldModel) {
    let values = state.model.confirmed.clone();
    state.model.held = Some(Held { model, values });
}

/// The engine holds none any more.
pub(super) fn gone(state: &mut State, name: &str, why: LetGo) -> Vec<Effect> {
    state.model.held = None;
    let said = format!("{name} is not held any more: {why}.");
    let mut effects = library::memory_changed(state);
    match why {
        // It was not asked for, and must not be missed.
        LetGo::Memory => note(state, said, IsError::No),
        _ => effects.extend(notice(state, said, IsError::No)),
    }
    effects
}

/// Lets the held model run again, with the values that belong to it.
pub(super) fn come_back(state: &mut State) -> Vec<Effect> {
    let Some(held) = &state.model.held else {
        return notice(state, NONE, IsError::No);
    };
    let (path, values) = (held.model.model.path.clone(), held.values_now(state));
    retune::load_held(state, path, values)
}

/// Frees the memory of the held model.
pub(super) fn let_go(state: &mut State) -> Vec<Effect> {
    match state.model.held {
        Some(_) => vec![Effect::Engine(Command::LetGo)],
        None => notice(state, NONE, IsError::No),
    }
}

const NONE: &str = "No model is held beside the one that runs.";

impl Held {
    /// The values that it would be loaded with now: the deck's, and its own.
    fn values_now(&self, state: &State) -> Params {
        let mut values = state.params.values.clone();
        for source in OF_MODEL {
            values.take_from(source, self.values.clone());
        }
        values
    }
}

impl State {
    /// The held model, if it is the one at that path.
    pub fn held_at(&self, path: &Path) -> Option<&HeldModel> {
        let held = self.model.held.as_ref().map(|held| &held.model);
        held.filter(|held| held.model.path == path)
    }

    /// Whether the model at that path runs.
    pub fn runs(&self, path: &Path) -> bool {
        let running = self.model.running.as_ref();
        running.is_some_and(|(model, _)| model.path == path)
    }

    /// What becomes of the models in memory when the one at that path is loaded, in a few words;
    /// `None` while none runs.
    pub fn beside(&self, path: &Path, estimate: &Estimate) -> Option<String> {
        if self.runs(path) {
            return Some("it runs now".to_owned());
        }
        let (running, _) = self.model.running.as_ref()?;
        if let Some(held) = &self.model.held
            && held.model.model.path == path
        {
            let tokens = units::counted(held.model.tokens, "token");
            return Some(match held.model.is_what(&held.values_now(self).load()) {
                true => format!("held: runs at once, {tokens} in its KV cache"),
                false => "held with other parameters: it is loaded again".to_owned(),
            });
        }
        let name = &running.name;
        let also = self.model.held.as_ref().map(|held| &held.model.model.name);
        let also = also.map_or(String::new(), |held| format!("; {held} goes"));
        Some(match estimate.running {
            RunningThen::None => return None,
            RunningThen::Held => format!("estimate: {name} stays held beside it{also}"),
            RunningThen::Replaced => format!("{name} goes: models-max is 1"),
            RunningThen::Gone { lacks } => {
                let lacks = units::bytes(lacks);
                format!("estimate: {name} goes, {lacks} too few for both{also}")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::{press, ready};
    use crate::app::{Event, update};
    use crate::engine::{CameFrom, ContextInfo, DeviceMemory, EngineEvent, ModelInfo};
    use crate::params::{Overrides, Param, Source, Value};

    /// `m` was replaced by `n` and is held. The context of each was tuned.
    fn holding() -> State {
        let mut state = ready();
        let tuned = |n_ctx| Overrides::from([(Param::CtxSize, Value::Int(n_ctx))]);
        state.params.tuned = [
            ("/m.gguf".into(), tuned(1024)),
            ("/n.gguf".into(), tuned(2048)),
        ]
        .into();
        for (from, to) in [("/x.gguf", "/m.gguf"), ("/m.gguf", "/n.gguf")] {
            let effects = retune::load(&mut state, to.into());
            let request = request(&effects);
            let before = held(&state, from);
            tell(&mut state, EngineEvent::Held(Box::new(before)));
            loaded(&mut state, &request, CameFrom::File);
        }
        state
    }

    fn held(state: &State, path: &str) -> HeldModel {
        let device = DeviceMemory {
            weights: 3 << 30,
            ..DeviceMemory::default()
        };
        HeldModel {
            model: model(path),
            context: ContextInfo {
                devices: vec![device],
                ..ContextInfo::default()
            },
            asked: state.model.confirmed.load(),
            tokens: 1234,
        }
    }

    fn model(path: &str) -> ModelInfo {
        let name = path.trim_matches('/').trim_end_matches(".gguf");
        ModelInfo {
            path: path.into(),
            name: name.to_owned(),
            has_chat_template: true,
            ..ModelInfo::default()
        }
    }

    fn request(effects: &[Effect]) -> crate::engine::LoadRequest {
        let mut loads = effects.iter().filter_map(|effect| match effect {
            Effect::Engine(Command::Load(request)) => Some((**request).clone()),
            _ => None,
        });
        loads.next().expect("a load")
    }

    fn tell(state: &mut State, event: EngineEvent) {
        update(state, Event::Engine(event));
    }

    fn loaded(state: &mut State, request: &crate::engine::LoadRequest, came_from: CameFrom) {
        let event = EngineEvent::Loaded {
            id: request.id,
            model: Box::new(model(request.path.to_str().unwrap())),
            context: Box::default(),
            came_from,
            took: std::time::Duration::ZERO,
        };
        tell(state, event);
    }

    fn beside(state: &State, path: &str, running: RunningThen) -> String {
        let estimate = Estimate {
            running,
            ..Estimate::default()
        };
        state.beside(Path::new(path), &estimate).expect("words")
    }

    #[test]
    fn a_model_goes_back_to_the_values_that_it_ran_with() {
        let mut state = holding();
        let asked = state
            .model
            .held
            .as_ref()
            .map(|held| held.model.asked.clone());
        let effects = press(&mut state, &["alt+o"]);
        let request = request(&effects);
        assert_eq!(request.path, Path::new("/m.gguf"));
        assert_eq!(
            (request.params.context.n_ctx, Some(&request.params)),
            (1024, asked.as_ref())
        );
        let other = held(&state, "/n.gguf");
        tell(&mut state, EngineEvent::Held(Box::new(other)));
        loaded(&mut state, &request, CameFrom::Memory);
        let said = &state.notice.as_ref().expect("a notice").text;
        assert_eq!(said, "m runs again: it was held, nothing was read.");
        assert_eq!(state.params.values.get(Param::CtxSize), Value::Int(1024));
        assert!(state.held_at(Path::new("/n.gguf")).is_some());
    }

    #[test]
    fn what_a_load_makes_of_both_models_is_said_beforehand() {
        let mut state = holding();
        let said = [
            beside(&state, "/n.gguf", RunningThen::Held),
            beside(&state, "/m.gguf", RunningThen::Held),
            beside(&state, "/x.gguf", RunningThen::Held),
            beside(&state, "/x.gguf", RunningThen::Gone { lacks: 5 << 30 }),
            beside(&state, "/x.gguf", RunningThen::Replaced),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        it runs now
        held: runs at once, 1,234 tokens in its KV cache
        estimate: n stays held beside it; m goes
        estimate: n goes, 5.0 GiB too few for both; m goes
        n goes: models-max is 1
        ");
        // What the session sets holds for every model: the one held was loaded without it.
        let _ = state
            .params
            .values
            .set(Source::Session, Param::CtxSize, Value::Int(512));
        assert_eq!(
            beside(&state, "/m.gguf", RunningThen::Held),
            "held with other parameters: it is loaded again"
        );
        state.model.held = None;
        let said = beside(&state, "/x.gguf", RunningThen::Gone { lacks: 5 << 30 });
        assert_eq!(said, "estimate: n goes, 5.0 GiB too few for both");
    }

    #[test]
    fn a_model_that_had_to_go_is_told_where_it_stays() {
        let mut state = holding();
        let effects = crate::app::tests::say(&mut state, "/let-go");
        let lets_go = |effect: &Effect| matches!(effect, Effect::Engine(Command::LetGo));
        assert!(effects.iter().any(lets_go));
        let gone = |why| EngineEvent::LetGo {
            name: "m".into(),
            why,
        };
        tell(&mut state, gone(LetGo::Asked));
        let notes = state.chat.entries.len();
        assert!(state.model.held.is_none());
        tell(&mut state, gone(LetGo::Memory));
        assert_eq!(state.chat.entries.len(), notes + 1);
        let effects = press(&mut state, &["alt+o"]);
        assert!(
            !effects
                .iter()
                .any(|effect| matches!(effect, Effect::Engine(_)))
        );
        assert_eq!(
            state.notice.as_ref().map(|notice| notice.text.as_str()),
            Some(NONE)
        );
    }
}
