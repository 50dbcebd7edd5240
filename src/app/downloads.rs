//! The view of downloads: what the Hub has, what of it comes here.

use std::path::PathBuf;

use super::update::{IsError, notice};
use super::{Action, Effect, LineEdit, State, View, retune};
use crate::hub::{
    Command, Event, Leftovers, Offer, Progress, Pulled, Question, Rate, Wanted, was_stopped,
};
use crate::keymap::{Context, Key};

/// Downloads that run at the same time; the others wait.
const AT_ONCE: usize = 2;

/// What the view shows.
#[derive(Debug, Default)]
pub struct DownloadsState {
    /// The words to look for, or a name as `llmdeck models pull` takes it.
    pub line: LineEdit,
    pub list: Offers,
    /// Index into the list.
    pub selected: usize,
    /// Every download since the start, the oldest first.
    pub downloads: Vec<Download>,
    /// Index into `downloads`.
    pub chosen: usize,
    pub part: Part,
    /// What the list answers.
    question: Option<Question>,
    /// The number of the question asked last; answers to others come too late.
    asked: u64,
}

/// The part of the view that has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The line and the list below it.
    #[default]
    Offers,
    Downloads,
}

#[derive(Debug, Default)]
pub enum Offers {
    #[default]
    Asking,
    Failed(String),
    Here(Vec<Offer>),
}

/// A download.
#[derive(Clone, Debug)]
pub struct Download {
    pub id: u64,
    pub name: String,
    pub wanted: Wanted,
    pub phase: Phase,
    pub progress: Progress,
    pub rate: Rate,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    Waiting,
    Running,
    /// Told to stop, for a pause.
    Pausing,
    Paused,
    /// Told to stop for good.
    Cancelling,
    /// The model's first file.
    Done(PathBuf),
    Failed(String),
}

/// The effects of showing the view.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    state.downloads.part = Part::Offers;
    match state.downloads.question {
        None => ask(state, Question::First),
        Some(_) => vec![],
    }
}

/// What has the keys: the line, where one types, or the list of downloads.
pub(super) fn context(state: &State) -> Context {
    match state.downloads.part {
        Part::Offers => Context::Prompt,
        Part::Downloads => Context::Downloads,
    }
}

/// Puts pasted text into the line.
pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    state.downloads.part = Part::Offers;
    state.downloads.line.insert(text.trim());
    vec![]
}

/// What the view makes of an action.
pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let page = isize::try_from(state.size.1 / 2).unwrap_or(1);
    let effects = match action {
        Action::Up => step(state, -1),
        Action::Down => step(state, 1),
        Action::PageUp | Action::ChatPageUp => step(state, -page),
        Action::PageDown | Action::ChatPageDown => step(state, page),
        Action::FocusNext | Action::FocusPrevious | Action::Complete => go_over(state),
        Action::Accept => accept(state),
        Action::PauseDownload => pause(state),
        Action::CancelDownload => cancel(state),
        Action::Cancel if state.downloads.part == Part::Downloads => go_over(state),
        Action::Cancel if !is_first(state) => {
            state.downloads.line = LineEdit::default();
            ask(state, Question::First)
        }
        _ => return None,
    };
    Some(effects)
}

/// Types into the line; a letter means the line again.
pub(super) fn type_key(state: &mut State, key: Key) -> Vec<Effect> {
    if state.downloads.part == Part::Offers {
        state.downloads.line.type_key(key);
    }
    vec![]
}

/// Takes in what became of what was asked.
pub(super) fn on_hub(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Answer { number, rows } => {
            if number == state.downloads.asked {
                state.downloads.selected = 0;
                state.downloads.list = match rows {
                    Ok(rows) => Offers::Here(rows),
                    Err(error) => Offers::Failed(sentence(&error)),
                };
            }
            vec![]
        }
        Event::Progress {
            id,
            at_ms,
            progress,
        } => {
            if let Some(download) = find(state, id) {
                download.rate.note(at_ms, progress.here);
                download.progress = progress;
            }
            vec![]
        }
        Event::Ended { id, outcome } => ended(state, id, outcome),
    }
}

impl Download {
    /// Whether nothing more will happen by itself.
    fn rests(&self) -> bool {
        matches!(
            self.phase,
            Phase::Done(_) | Phase::Failed(_) | Phase::Paused
        )
    }
}

fn sentence(error: &crate::hub::HubError) -> String {
    match error.hint.as_str() {
        "" => error.to_string(),
        hint => format!("{error}\n{hint}"),
    }
}

fn find(state: &mut State, id: u64) -> Option<&mut Download> {
    state
        .downloads
        .downloads
        .iter_mut()
        .find(|download| download.id == id)
}

fn is_first(state: &State) -> bool {
    state.downloads.question == Some(Question::First) && state.downloads.line.text.is_empty()
}

fn ask(state: &mut State, question: Question) -> Vec<Effect> {
    let number = state.next_id();
    let downloads = &mut state.downloads;
    downloads.asked = number;
    downloads.question = Some(question.clone());
    downloads.list = Offers::Asking;
    downloads.selected = 0;
    vec![Effect::Hub(Command::Ask { number, question })]
}

fn step(state: &mut State, rows: isize) -> Vec<Effect> {
    let downloads = &mut state.downloads;
    let (at, count) = match downloads.part {
        Part::Offers => match &downloads.list {
            Offers::Here(offers) => (&mut downloads.selected, offers.len()),
            _ => return vec![],
        },
        Part::Downloads => (&mut downloads.chosen, downloads.downloads.len()),
    };
    *at = at.saturating_add_signed(rows).min(count.saturating_sub(1));
    vec![]
}

fn go_over(state: &mut State) -> Vec<Effect> {
    let downloads = &mut state.downloads;
    downloads.part = match downloads.part {
        Part::Offers if !downloads.downloads.is_empty() => Part::Downloads,
        _ => Part::Offers,
    };
    vec![]
}

/// Enter: searches for what was typed, opens a repository, begins a download, loads what came.
fn accept(state: &mut State) -> Vec<Effect> {
    let downloads = &state.downloads;
    if downloads.part == Part::Downloads {
        let chosen = downloads.downloads.get(downloads.chosen);
        let Some(Phase::Done(path)) = chosen.map(|download| download.phase.clone()) else {
            return pause(state);
        };
        state.view = View::Deck;
        return retune::load(state, path);
    }
    let words = downloads.line.text.trim().to_owned();
    let answers = match &downloads.question {
        Some(Question::Search(asked)) => *asked == words,
        Some(_) => words.is_empty(),
        None => false,
    };
    if !answers {
        return look_for(state, words);
    }
    let Offers::Here(offers) = &downloads.list else {
        return vec![];
    };
    match offers.get(downloads.selected).cloned() {
        Some(Offer::Repo { repo, .. }) => {
            state.downloads.line = LineEdit::default();
            ask(state, Question::Models(repo))
        }
        Some(Offer::Model { wanted, .. }) => begin(state, wanted),
        None => vec![],
    }
}

/// What is typed is a name, when it reads as one with a choice in it; else words.
fn look_for(state: &mut State, words: String) -> Vec<Effect> {
    if words.is_empty() {
        return ask(state, Question::First);
    }
    match Wanted::parse(&words) {
        Ok(Wanted::Repo {
            repo,
            pick: crate::hub::Pick::Usual,
        }) => {
            state.downloads.line = LineEdit::default();
            ask(state, Question::Models(repo))
        }
        Ok(wanted) => {
            state.downloads.line = LineEdit::default();
            begin(state, wanted)
        }
        Err(_) => ask(state, Question::Search(words)),
    }
}

fn begin(state: &mut State, wanted: Wanted) -> Vec<Effect> {
    let same = |download: &Download| {
        download.wanted == wanted && !matches!(download.phase, Phase::Failed(_))
    };
    if state.downloads.downloads.iter().any(same) {
        return notice(state, "It is among the downloads already.", IsError::No);
    }
    let id = state.next_id();
    state.downloads.downloads.push(Download {
        id,
        name: wanted.to_string(),
        wanted,
        phase: Phase::Waiting,
        progress: Progress::default(),
        rate: Rate::default(),
    });
    next(state)
}

/// Lets those run that wait, as many as may.
fn next(state: &mut State) -> Vec<Effect> {
    let downloads = &mut state.downloads.downloads;
    let running = downloads
        .iter()
        .filter(|download| !download.rests() && download.phase != Phase::Waiting)
        .count();
    let waiting = downloads
        .iter_mut()
        .filter(|download| download.phase == Phase::Waiting);
    waiting
        .take(AT_ONCE.saturating_sub(running))
        .map(|download| {
            download.phase = Phase::Running;
            download.rate = Rate::default();
            let (id, wanted) = (download.id, download.wanted.clone());
            Effect::Hub(Command::Pull { id, wanted })
        })
        .collect()
}

/// Pauses what runs, goes on with what rests.
fn pause(state: &mut State) -> Vec<Effect> {
    let chosen = state.downloads.chosen;
    let Some(download) = state.downloads.downloads.get_mut(chosen) else {
        return vec![];
    };
    match download.phase {
        Phase::Running => {
            download.phase = Phase::Pausing;
            let (id, leftovers) = (download.id, Leftovers::Keep);
            vec![Effect::Hub(Command::Stop { id, leftovers })]
        }
        Phase::Waiting => {
            download.phase = Phase::Paused;
            vec![]
        }
        Phase::Paused | Phase::Failed(_) => {
            download.phase = Phase::Waiting;
            next(state)
        }
        Phase::Pausing | Phase::Cancelling | Phase::Done(_) => vec![],
    }
}

/// Stops what runs for good and throws away what came; takes what rests off the list.
fn cancel(state: &mut State) -> Vec<Effect> {
    let chosen = state.downloads.chosen;
    let Some(download) = state.downloads.downloads.get_mut(chosen) else {
        return vec![];
    };
    if matches!(download.phase, Phase::Running | Phase::Pausing) {
        download.phase = Phase::Cancelling;
        let (id, leftovers) = (download.id, Leftovers::Discard);
        return vec![Effect::Hub(Command::Stop { id, leftovers })];
    }
    if download.phase != Phase::Cancelling {
        let id = download.id;
        take_off(state, id);
    }
    vec![]
}

fn take_off(state: &mut State, id: u64) {
    let downloads = &mut state.downloads;
    downloads.downloads.retain(|download| download.id != id);
    downloads.chosen = downloads
        .chosen
        .min(downloads.downloads.len().saturating_sub(1));
    if downloads.downloads.is_empty() {
        downloads.part = Part::Offers;
    }
}

fn ended(state: &mut State, id: u64, outcome: Result<Pulled, crate::hub::HubError>) -> Vec<Effect> {
    let Some(download) = find(state, id) else {
        return vec![];
    };
    let said = match outcome {
        Ok(pulled) => {
            download.phase = Phase::Done(pulled.path);
            download.progress.here = pulled.bytes;
            download.progress.total = Some(pulled.bytes);
            Some((format!("{} is here.", download.name), IsError::No))
        }
        Err(error) if was_stopped(&error) && download.phase == Phase::Cancelling => {
            take_off(state, id);
            None
        }
        Err(error) if was_stopped(&error) => {
            download.phase = Phase::Paused;
            None
        }
        Err(error) => {
            download.phase = Phase::Failed(sentence(&error));
            Some((
                format!("{} failed: {}", download.name, error.why),
                IsError::Yes,
            ))
        }
    };
    let mut effects = next(state);
    if let Some((text, is_error)) = said {
        effects.extend(notice(state, text, is_error));
    }
    effects
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Event as AppEvent, update};
    use crate::hub::{ErrorKind, HubError, RepoId};

    fn press(state: &mut State, keys: &[&str]) -> Vec<Effect> {
        let mut effects = vec![];
        for key in keys {
            effects = update(state, AppEvent::Key(key.parse().unwrap()));
        }
        effects
    }

    fn tell(state: &mut State, event: Event) -> Vec<Effect> {
        update(state, AppEvent::Hub(event))
    }

    fn commands(effects: &[Effect]) -> Vec<Command> {
        let hub = effects.iter().filter_map(|effect| match effect {
            Effect::Hub(command) => Some(command.clone()),
            _ => None,
        });
        hub.collect()
    }

    fn model(name: &str) -> Offer {
        Offer::Model {
            wanted: Wanted::parse(name).unwrap(),
            bytes: 5,
            is_estimate: false,
            fits: Some(true),
            about: String::new(),
        }
    }

    fn shown(offers: Vec<Offer>) -> State {
        let mut state = State::new((80, 24));
        let effects = press(&mut state, &["alt+g"]);
        let [
            Command::Ask {
                number,
                question: Question::First,
            },
        ] = commands(&effects)[..]
        else {
            panic!("{effects:?}")
        };
        tell(
            &mut state,
            Event::Answer {
                number,
                rows: Ok(offers),
            },
        );
        state
    }

    #[test]
    fn words_are_searched_and_names_are_taken() {
        let mut state = shown(vec![]);
        let effects = press(&mut state, &["q", "w", "e", "n", "enter"]);
        let [
            Command::Ask {
                number,
                question: Question::Search(words),
            },
        ] = &commands(&effects)[..]
        else {
            panic!("{effects:?}")
        };
        assert_eq!(words, "qwen");
        let repo = RepoId::parse("a/b").unwrap();
        let offer = Offer::Repo {
            repo: repo.clone(),
            downloads: 1,
            license: String::new(),
            gated: false,
        };
        // An answer to an earlier question comes too late.
        tell(
            &mut state,
            Event::Answer {
                number: number - 1,
                rows: Ok(vec![]),
            },
        );
        assert!(matches!(state.downloads.list, Offers::Asking));
        tell(
            &mut state,
            Event::Answer {
                number: *number,
                rows: Ok(vec![offer]),
            },
        );
        let effects = press(&mut state, &["enter"]);
        assert!(
            matches!(&commands(&effects)[..], [Command::Ask { question: Question::Models(asked), .. }] if *asked == repo)
        );
        let effects = press(&mut state, &["a", "/", "b", ":", "Q", "8", "enter"]);
        assert!(
            matches!(&commands(&effects)[..], [Command::Pull { wanted, .. }] if wanted.to_string() == "a/b:Q8")
        );
    }

    #[test]
    fn two_run_and_the_third_waits_for_its_turn() {
        let names = ["a/b:Q1", "a/b:Q2", "a/b:Q3"];
        let mut state = shown(names.map(model).to_vec());
        let mut ids = vec![];
        for (index, pulls) in [(0, 1), (1, 1), (2, 0)] {
            state.downloads.selected = index;
            let commands = commands(&press(&mut state, &["enter"]));
            assert_eq!(commands.len(), pulls);
            ids.extend(commands.into_iter().filter_map(|command| match command {
                Command::Pull { id, .. } => Some(id),
                _ => None,
            }));
        }
        // The same once more is not begun twice.
        assert!(commands(&press(&mut state, &["enter"])).is_empty());
        let pulled = Pulled {
            name: names[0].into(),
            path: "/m.gguf".into(),
            bytes: 5,
            fetched: 1,
            sha256: None,
        };
        let effects = tell(
            &mut state,
            Event::Ended {
                id: ids[0],
                outcome: Ok(pulled),
            },
        );
        assert!(
            matches!(&commands(&effects)[..], [Command::Pull { wanted, .. }] if wanted.to_string() == names[2])
        );
        // What came is loaded by Enter.
        let effects = press(&mut state, &["tab", "enter"]);
        assert_eq!(state.view, View::Deck);
        assert!(
            matches!(
                &effects[..],
                [Effect::Engine(crate::engine::Command::Load(_)), ..]
            ),
            "{effects:?}"
        );
    }

    #[test]
    fn pauses_go_on_and_what_is_cancelled_is_gone() {
        let mut state = shown(vec![model("a/b:Q1")]);
        press(&mut state, &["enter", "tab"]);
        let id = state.downloads.downloads[0].id;
        let stopped = || HubError::new(ErrorKind::Stopped, "downloading", "it was stopped");
        let effects = press(&mut state, &["space"]);
        assert_eq!(
            commands(&effects),
            [Command::Stop {
                id,
                leftovers: Leftovers::Keep
            }]
        );
        tell(
            &mut state,
            Event::Ended {
                id,
                outcome: Err(stopped()),
            },
        );
        assert_eq!(state.downloads.downloads[0].phase, Phase::Paused);
        let effects = press(&mut state, &["space"]);
        assert!(matches!(&commands(&effects)[..], [Command::Pull { .. }]));
        let failed = HubError::new(ErrorKind::Network, "downloading", "cut").hint("again");
        tell(
            &mut state,
            Event::Ended {
                id,
                outcome: Err(failed),
            },
        );
        assert!(
            matches!(&state.downloads.downloads[0].phase, Phase::Failed(why) if why.contains("again"))
        );
        press(&mut state, &["space"]);
        let effects = press(&mut state, &["del"]);
        assert_eq!(
            commands(&effects),
            [Command::Stop {
                id,
                leftovers: Leftovers::Discard
            }]
        );
        tell(
            &mut state,
            Event::Ended {
                id,
                outcome: Err(stopped()),
            },
        );
        assert!(state.downloads.downloads.is_empty());
        assert_eq!(state.downloads.part, Part::Offers);
        // Events of what is gone mean nothing.
        tell(
            &mut state,
            Event::Ended {
                id,
                outcome: Err(stopped()),
            },
        );
    }

    #[test]
    fn esc_goes_back_step_by_step() {
        let mut state = shown(vec![model("a/b:Q1")]);
        press(&mut state, &["enter", "tab", "esc"]);
        assert_eq!(
            (state.view, state.downloads.part),
            (View::Downloads, Part::Offers)
        );
        press(&mut state, &["x", "esc"]);
        assert!(state.downloads.line.text.is_empty());
        assert_eq!(state.view, View::Downloads);
        press(&mut state, &["esc"]);
        assert_eq!(state.view, View::Deck);
    }
}
