//! What each action does.

use std::time::Duration;

use super::moving::{Step, Towards, scroll_chat, step};
use super::overlay::{Overlay, PickList, PromptOverlay};
use super::slash::complete;
use super::summary::{self, Then};
use super::update::{IsError, notice};
use super::{Action, ChatState, Effect, Pane, Reading, State, Timer, TokensState, View};
use super::{
    attach, chats, conversation, copying, export, held, help, keys, library, marking, metrics,
    outline, params, persona, replies, retune, sessions, tokens, versions, view, why,
};
use crate::engine::Command;
use crate::engine::ConversationId;
use crate::keymap::Context;
use crate::params::{Param, Value};

/// The second Ctrl-C must come within this time.
const QUIT_TIME: Duration = Duration::from_secs(2);
/// The order in which Tab goes round.
const ROUND: [Pane; 3] = [Pane::Composer, Pane::Chat, Pane::Parameters];

/// Does an action where the keys are now.
pub(super) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    if state.overlay.is_none()
        && let Some(effects) = view::perform(state, action)
    {
        return effects;
    }
    match action {
        Action::Help => {
            let top = help::opens_at(&state.keymap, keys::context(state), state.size.1);
            open(state, Overlay::Help { top })
        }
        Action::Palette => open_palette(state),
        Action::ChoosePreset => open_presets(state),
        Action::ChooseTheme => open_themes(state),
        Action::ChoosePersona => persona::show_list(state),
        Action::ShowSessions => chats::show_list(state),
        Action::LoadModel => library::ask_which(state),
        Action::SwapModels => held::come_back(state),
        Action::LetGo => held::let_go(state),
        Action::Quit => vec![Effect::Quit],
        Action::Interrupt => interrupt(state),
        Action::EndOfInput if state.composer.is_empty() => vec![Effect::Quit],
        Action::EndOfInput => {
            state.composer.area.delete_next_char();
            vec![]
        }
        Action::Redraw => vec![Effect::Redraw],
        Action::Suspend => vec![Effect::Suspend],
        Action::Cancel => cancel(state),
        Action::FocusNext => go_round(state, 1),
        Action::FocusPrevious => go_round(state, ROUND.len() - 1),
        Action::ShowChat => show(state, Pane::Chat),
        Action::ShowParameters => show(state, Pane::Parameters),
        Action::ShowSpeed => show(state, Pane::Speed),
        Action::ShowGauges => show(state, Pane::Gauges),
        Action::ShowLog => show(state, Pane::Log),
        Action::ShowDownloads => view::toggle(state, View::Downloads),
        Action::PauseDownload | Action::CancelDownload => vec![],
        Action::ShowMetrics => view::toggle(state, View::Metrics),
        Action::ExportCsv | Action::ExportJson | Action::ExportText => {
            metrics::perform(state, action).unwrap_or_default()
        }
        Action::Earlier
        | Action::Later
        | Action::ZoomIn
        | Action::ZoomOut
        | Action::Freeze
        | Action::NextGpu => vec![],
        Action::ShowWhy => why::open(state),
        Action::ShowBench => view::toggle(state, View::Bench),
        Action::ShowTokens => view::toggle(state, View::Tokens),
        Action::ShowCompare => view::toggle(state, View::Compare),
        // They mean something in the view of comparisons only, which has had them already.
        Action::ColumnPrevious
        | Action::ColumnNext
        | Action::ColumnAdd
        | Action::ColumnRemove
        | Action::ColumnRetry
        | Action::ColumnStop
        | Action::ColumnVary
        | Action::ColumnKeep
        | Action::ColumnSave
        | Action::CompareChoose
        | Action::CompareWords
        | Action::CompareTogether
        | Action::CompareBlind
        | Action::CompareStanding
        | Action::CompareExport => vec![],
        Action::ShowModels => view::toggle(state, View::Models),
        Action::Send if state.completion.is_chosen() => complete::take(state),
        Action::Send => replies::send(state),
        Action::NewLine => {
            state.composer.new_line();
            vec![]
        }
        Action::OpenEditor => vec![Effect::Edit(state.composer.text())],
        Action::HistoryPrevious => {
            state.composer.history_previous();
            vec![]
        }
        Action::HistoryNext => {
            state.composer.history_next();
            vec![]
        }
        Action::NewChat => new_chat(state),
        Action::PreviousMessage
        | Action::NextMessage
        | Action::PreviousVersion
        | Action::NextVersion
        | Action::EditMessage
        | Action::KeepEdit
        | Action::Regenerate
        | Action::Continue
        | Action::Undo
        | Action::DeleteMessage
        | Action::Restore
        | Action::Fork => versions::perform(state, action),
        Action::PinChat | Action::RenameChat | Action::TagChat | Action::DeleteChat => {
            chats::perform(state, action)
        }
        Action::ShowTree => outline::show(state),
        Action::ExportChat => export::export(state, ""),
        Action::MarkLines => marking::begin(state),
        Action::CopyReply => copying::copy(state),
        Action::CopyRaw => copying::copy_raw(state),
        Action::NextCode => copying::walk(state, copying::Towards::End),
        Action::PreviousCode => copying::walk(state, copying::Towards::Start),
        Action::ShowRaw => {
            state.chat.reading = match state.chat.reading {
                Reading::Markdown => Reading::Raw,
                Reading::Raw => Reading::Markdown,
            };
            vec![]
        }
        Action::UnfoldThoughts => {
            state.chat.thoughts = state.chat.thoughts.other();
            vec![]
        }
        Action::ChatPageUp => scroll_chat(state, Step::Page, Towards::Start),
        Action::ChatPageDown => scroll_chat(state, Step::Page, Towards::End),
        Action::ChatEnd => scroll_chat(state, Step::All, Towards::End),
        Action::RaiseContext => {
            let Some((_, context)) = &state.model.running else {
                return notice(state, "No model is loaded.", IsError::No);
            };
            let raised = i64::from(context.n_ctx) * 2;
            retune::set(state, Param::CtxSize, Value::Int(raised))
        }
        Action::DropOldest => replies::drop_oldest(state),
        Action::Summarise => summary::begin(state, Then::Nothing),
        Action::ShowPrompt => view::toggle(state, View::Prompt),
        Action::ShowContext => view::toggle(state, View::Context),
        Action::Up => step(state, Step::Line, Towards::Start),
        Action::Down => step(state, Step::Line, Towards::End),
        Action::PageUp => step(state, Step::Page, Towards::Start),
        Action::PageDown => step(state, Step::Page, Towards::End),
        Action::HalfPageUp => step(state, Step::HalfPage, Towards::Start),
        Action::HalfPageDown => step(state, Step::HalfPage, Towards::End),
        Action::Top => step(state, Step::All, Towards::Start),
        Action::Bottom => step(state, Step::All, Towards::End),
        Action::Accept => accept(state),
        Action::Complete => complete(state),
        Action::StepDown
        | Action::StepUp
        | Action::BigStepDown
        | Action::BigStepUp
        | Action::EditValue
        | Action::Toggle
        | Action::ResetOne
        | Action::ResetAll
        | Action::Filter
        | Action::Apply
        | Action::Discard => params::perform(state, action),
        // They mean something in the view of models alone.
        Action::ModelDetails
        | Action::SortModels
        | Action::FitFilter
        | Action::Favourite
        | Action::RemoveModel => vec![],
    }
}

fn open(state: &mut State, overlay: Overlay) -> Vec<Effect> {
    state.overlay = Some(overlay);
    vec![]
}

fn open_palette(state: &mut State) -> Vec<Effect> {
    let context = keys::context(state);
    let items = Action::all()
        .filter(|action| action.stands_alone())
        .map(|action| {
            (
                action,
                action.what().to_owned(),
                state.keymap.hint(context, action).unwrap_or_default(),
            )
        })
        .collect();
    open(state, Overlay::Palette(PickList::new(items)))
}

fn open_presets(state: &mut State) -> Vec<Effect> {
    let items: Vec<_> = state
        .presets
        .iter()
        .map(|preset| {
            (
                preset.name.clone(),
                preset.name.clone(),
                preset.description.clone(),
            )
        })
        .collect();
    let current = items
        .iter()
        .position(|(name, ..)| Some(name) == state.params.preset.as_ref());
    open(
        state,
        Overlay::Presets(PickList::new(items).with_selected(current)),
    )
}

fn open_themes(state: &mut State) -> Vec<Effect> {
    let items: Vec<_> = state
        .themes
        .iter()
        .map(|name| (name.clone(), name.clone(), String::new()))
        .collect();
    let current = items.iter().position(|(name, ..)| *name == state.theme);
    open(
        state,
        Overlay::Themes(PickList::new(items).with_selected(current)),
    )
}

/// Ctrl-C: stops what runs; a second one soon after quits.
fn interrupt(state: &mut State) -> Vec<Effect> {
    if state.quit_armed.is_some() {
        return vec![Effect::Quit];
    }
    let mut effects = stop(state);
    if effects.is_empty() {
        effects = tokens::stop_recording(state);
    }
    let number = state.next_id();
    state.quit_armed = Some(number);
    effects.extend(notice(state, "Ctrl+C again quits.", IsError::No));
    effects.push(Effect::After(Timer::QuitArmed(number), QUIT_TIME));
    effects
}

/// Stops the load in progress, or else the reply: a change of parameters that is stopped lets the
/// reply go on.
pub fn stop(state: &State) -> Vec<Effect> {
    let load = retune::cancel(state);
    if !load.is_empty() {
        return load;
    }
    let reply = state
        .chat
        .running()
        .map(|request| Effect::Engine(Command::Cancel(request)));
    let summary = summary::stop(state);
    reply.into_iter().chain(summary).collect()
}

/// Esc: closes what is open, else stops what runs, else goes back to writing.
fn cancel(state: &mut State) -> Vec<Effect> {
    match state.overlay.take() {
        Some(Overlay::Themes(_)) => return vec![Effect::UseTheme(state.theme.clone())],
        Some(Overlay::Ask(ask)) => return chats::back(state, ask.list),
        Some(_) => return vec![],
        None => {}
    }
    if state.focus == Pane::Composer && state.completion.close() {
        return vec![];
    }
    if state.focus == Pane::Parameters && state.params.stop_typing() {
        return vec![];
    }
    if state.focus == Pane::Chat && state.chat.marking.take().is_some() {
        return vec![];
    }
    if state.focus == Pane::Chat && state.chat.code.take().is_some() {
        return vec![];
    }
    let effects = stop(state);
    if effects.is_empty() {
        if state.focus == Pane::Chat && state.chat.selected.take().is_some() {
            return vec![];
        }
        if state.focus == Pane::Composer && versions::stop_editing(state) {
            return vec![];
        }
        state.focus = Pane::Composer;
        state.side = None;
    }
    effects
}

/// Shows a pane and gives it the keys; shown already, it goes away again.
fn show(state: &mut State, pane: Pane) -> Vec<Effect> {
    let came_back = std::mem::take(&mut state.view) != View::Deck;
    if state.focus == pane && !came_back {
        state.focus = Pane::Composer;
        state.side = None;
    } else {
        state.focus = pane;
        state.side = (pane != Pane::Chat).then_some(pane);
    }
    vec![]
}

fn go_round(state: &mut State, steps: usize) -> Vec<Effect> {
    let at = ROUND
        .iter()
        .position(|pane| *pane == state.focus)
        .unwrap_or(0);
    let pane = ROUND[(at + steps) % ROUND.len()];
    state.focus = pane;
    state.side = (pane == Pane::Parameters).then_some(pane);
    vec![]
}

/// Begins a new chat with the deck's own settings; a reply in progress is stopped first.
pub(super) fn new_chat(state: &mut State) -> Vec<Effect> {
    let next = state.next_conversation();
    let mut effects = leave_for(state, next);
    effects.extend(conversation::leave(state));
    state.focus = Pane::Composer;
    state.side = None;
    effects
}

/// Puts an empty chat in place of the present one.
pub(super) fn leave_for(state: &mut State, next: ConversationId) -> Vec<Effect> {
    let mut effects: Vec<_> = state
        .chat
        .running()
        .map(|request| Effect::Engine(Command::Cancel(request)))
        .into_iter()
        .collect();
    versions::stop_editing(state);
    effects.extend(tokens::stop_recording(state));
    effects.extend(sessions::left(state));
    state.chat = ChatState {
        viewport: state.chat.viewport,
        reading: state.chat.reading,
        thoughts: state.chat.thoughts,
        ..ChatState::new(next)
    };
    state.tokens = TokensState::default();
    state.speed.begin();
    state.speed.context_used = 0;
    state.view = View::Deck;
    effects
}

fn accept(state: &mut State) -> Vec<Effect> {
    match state.overlay.take() {
        Some(Overlay::Palette(list)) => match list.chosen() {
            Some(action) => perform(state, *action),
            None => vec![],
        },
        Some(Overlay::Presets(list)) => match list.chosen() {
            Some(name) => params::use_preset(state, &name.clone())
                .unwrap_or_else(|why| notice(state, why, IsError::Yes)),
            None => vec![],
        },
        Some(Overlay::Themes(list)) => {
            let name = list.chosen().unwrap_or(&state.theme).clone();
            use_theme(state, name)
        }
        Some(Overlay::ContextFull(list)) => match list.chosen() {
            Some(choice) => replies::make_room(state, *choice),
            None => vec![],
        },
        Some(Overlay::Attach(offer)) => attach::choose(state, offer.list.chosen()),
        Some(Overlay::TemplateFailed(list)) => match list.chosen() {
            Some(Some(name)) => replies::use_template(state, name),
            _ => vec![],
        },
        Some(Overlay::Sessions(list)) => match list.chosen() {
            Some(id) => sessions::open(state, *id),
            None => vec![],
        },
        Some(Overlay::Resume(list)) => sessions::resume(state, &list),
        Some(Overlay::Ask(ask)) => chats::answer(state, ask),
        Some(Overlay::Tree(list)) => match list.chosen() {
            Some(node) => versions::go_to(state, *node),
            None => vec![],
        },
        Some(Overlay::Personas(list)) => match list.chosen() {
            Some(name) => persona::take_on(state, &name.clone())
                .unwrap_or_else(|why| notice(state, why, IsError::Yes)),
            None => vec![],
        },
        Some(Overlay::Why(list)) => why::mend(state, &list),
        Some(Overlay::LoadModel(mut prompt)) => {
            let chosen = prompt.chosen().map(str::to_owned);
            let path = chosen.unwrap_or_else(|| prompt.line.text.trim().to_owned());
            if path.ends_with('/') && path != prompt.line.text {
                state.overlay = Some(Overlay::LoadModel(PromptOverlay::new(path.as_str())));
                return vec![Effect::ListPaths(path)];
            }
            if path.is_empty() || path.ends_with('/') {
                prompt.error = Some(
                    "Type a model's name, or the path of a .gguf file; Tab completes it.".into(),
                );
                return open(state, Overlay::LoadModel(prompt));
            }
            match library::resolve(state, &path) {
                Ok(place) => retune::load_as(state, place, Some(&path)),
                Err(why) => {
                    prompt.error = Some(why);
                    open(state, Overlay::LoadModel(prompt))
                }
            }
        }
        Some(Overlay::Help { .. }) => vec![],
        None if keys::context(state) == Context::Prompt => params::accept(state),
        None => vec![],
    }
}

/// Uses a theme until the program ends, and says how to keep it.
pub(super) fn use_theme(state: &mut State, name: String) -> Vec<Effect> {
    let said = format!("{name} for this session; theme = \"{name}\" in config.toml keeps it.");
    state.theme.clone_from(&name);
    let mut effects = vec![Effect::UseTheme(name)];
    effects.extend(notice(state, said, IsError::No));
    effects
}

/// Tab in a path or a command.
fn complete(state: &mut State) -> Vec<Effect> {
    if state.overlay.is_none() && state.completion.is_open() {
        return complete::take(state);
    }
    let Some(Overlay::LoadModel(prompt)) = &mut state.overlay else {
        return vec![];
    };
    prompt.complete();
    prompt.selected = None;
    vec![Effect::ListPaths(prompt.line.text.clone())]
}
