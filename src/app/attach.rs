//! Files on their way into a message.
//!
//! ```text
//! /read or a drop ─► Effect::ReadFiles ─► Event::Files ─► Command::Count ─► Counted ─► an offer ─► chips
//! ```
//! What is attached goes with the next message; until then it stands beside the composer.

use super::overlay::{Overlay, PickList};
use super::update::{IsError, notice};
use super::{Effect, State};
use crate::attach::{self, File};
use crate::engine::{Command, CountId, TextSize};
use crate::units::{count, counted};

/// Tokens kept free for the reply when a file is offered, at most; less in a small context.
const FOR_THE_REPLY: u32 = 512;

/// The files of the next message.
#[derive(Debug, Default)]
pub struct AttachState {
    pub files: Vec<Attached>,
    asked: Option<Asked>,
}

/// A file that goes with the next message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    pub file: File,
    /// `None` until they are counted.
    pub tokens: Option<u32>,
}

/// What is being counted.
#[derive(Debug)]
enum Asked {
    /// Files that may be attached.
    Offer(CountId, Vec<File>, u32),
    /// Those that are.
    Chips(CountId),
}

/// Where a path comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was asked for.
    Command,
    /// It was pasted; when it leads to no file, it was text.
    Paste,
}

/// A question about files: how much of them is attached?
#[derive(Clone, Debug, PartialEq)]
pub struct AttachOffer {
    pub question: String,
    pub list: PickList<AttachChoice>,
}

/// An answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachChoice {
    Attach(Vec<Attached>),
    Leave,
}

/// Reads files that were asked for by name.
///
/// # Errors
/// When no name is given.
pub(super) fn read(state: &mut State, typed: &str) -> Result<Vec<Effect>, String> {
    if typed.is_empty() {
        return Err("/read PATH, for instance /read notes.md or /read src/*.rs".to_owned());
    }
    let mut effects = notice(state, format!("Reading {typed} …"), IsError::No);
    effects.push(read_files(typed, Origin::Command));
    Ok(effects)
}

/// Looks whether a pasted text is a dropped file; `None` when it cannot be.
pub(super) fn dropped(text: &str) -> Option<Effect> {
    attach::looks_like_path(text).then(|| read_files(text, Origin::Paste))
}

fn read_files(typed: &str, origin: Origin) -> Effect {
    Effect::ReadFiles {
        typed: typed.to_owned(),
        origin,
    }
}

/// Takes what was read.
pub(super) fn on_read(
    state: &mut State,
    typed: &str,
    origin: Origin,
    read: Result<Vec<File>, String>,
) -> Vec<Effect> {
    let files = match (read, origin) {
        (Ok(files), _) => files,
        (Err(_), Origin::Paste) => {
            state.composer.paste(typed);
            return vec![];
        }
        (Err(why), Origin::Command) => {
            if state.composer.is_empty() {
                state.composer.set(&format!("/read {typed}"));
            }
            return notice(state, why, IsError::Yes);
        }
    };
    let id = CountId(state.next_id());
    let room = room(state);
    let texts = files.iter().map(|file| file.text.clone()).collect();
    state.attach.asked = Some(Asked::Offer(id, files, room));
    vec![Effect::Engine(Command::Count { id, texts, room })]
}

/// Takes the number of tokens of files.
pub(super) fn on_counted(state: &mut State, id: CountId, sizes: &[TextSize]) {
    match state.attach.asked.take() {
        Some(Asked::Offer(asked, files, room)) if asked == id => {
            let offer = offer(state, files, sizes, room);
            state.overlay = Some(Overlay::Attach(offer));
        }
        Some(Asked::Chips(asked)) if asked == id => {
            for (chip, size) in state.attach.files.iter_mut().zip(sizes) {
                chip.tokens = Some(size.tokens).filter(|tokens| *tokens > 0);
            }
        }
        other => state.attach.asked = other,
    }
}

/// Does what was chosen.
pub(super) fn choose(state: &mut State, choice: Option<&AttachChoice>) -> Vec<Effect> {
    let Some(AttachChoice::Attach(files)) = choice else {
        return vec![];
    };
    state.attach.files.extend(files.iter().cloned());
    recount(state)
}

/// Takes the file attached last away again.
///
/// # Errors
/// When none is.
pub(super) fn detach(state: &mut State) -> Result<Vec<Effect>, String> {
    let gone = state.attach.files.pop();
    let gone = gone.ok_or("No file is attached.")?;
    let said = format!("{} is not attached any more.", gone.file.name);
    Ok(notice(state, said, IsError::No))
}

/// The text of a message with the files that are attached, which are taken.
pub(super) fn with_files(state: &mut State, typed: &str) -> String {
    let chips = std::mem::take(&mut state.attach.files);
    let files: Vec<File> = chips.into_iter().map(|chip| chip.file).collect();
    attach::join(typed, &files)
}

/// The same text, with the files left where they are.
pub(super) fn as_sent(state: &State, typed: &str) -> String {
    let chips = state.attach.files.iter();
    let files: Vec<File> = chips.map(|chip| chip.file.clone()).collect();
    attach::join(typed, &files)
}

/// Puts a message back where it was written, its files beside it.
pub(super) fn take_back(state: &mut State, text: &str) -> Vec<Effect> {
    let (typed, files) = attach::split(text);
    state.composer.set(typed);
    let chips = files
        .into_iter()
        .map(|file| Attached { file, tokens: None });
    state.attach.files = chips.collect();
    recount(state)
}

/// Counts what is attached, where that is not known.
fn recount(state: &mut State) -> Vec<Effect> {
    if state.attach.files.iter().all(|chip| chip.tokens.is_some()) {
        return vec![];
    }
    let id = CountId(state.next_id());
    state.attach.asked = Some(Asked::Chips(id));
    let chips = state.attach.files.iter();
    let texts = chips.map(|chip| chip.file.text.clone()).collect();
    vec![Effect::Engine(Command::Count { id, texts, room: 0 })]
}

/// Tokens free for files: what the context holds, less what is in it, what is attached already,
/// and some for the reply.
fn room(state: &State) -> u32 {
    let Some((_, context)) = &state.model.running else {
        return 0;
    };
    let attached = state.attach.files.iter().filter_map(|chip| chip.tokens);
    let attached: u32 = attached.sum();
    let reply = FOR_THE_REPLY.min(context.n_ctx / 4);
    context
        .n_ctx
        .saturating_sub(state.speed.context_used)
        .saturating_sub(attached)
        .saturating_sub(reply)
}

fn offer(state: &State, files: Vec<File>, sizes: &[TextSize], room: u32) -> AttachOffer {
    let labels: Vec<String> = files.iter().map(File::label).collect();
    let what = labels.join(", ");
    let total: u32 = sizes.iter().map(|size| size.tokens).sum();
    let part = part(&files, sizes, room);
    let chips = files.into_iter().zip(sizes).map(|(file, size)| Attached {
        file,
        tokens: Some(size.tokens).filter(|tokens| *tokens > 0),
    });
    let all = AttachChoice::Attach(chips.collect());
    let leave = (
        AttachChoice::Leave,
        "Leave it".to_owned(),
        "nothing is attached".to_owned(),
    );
    let add = |label: &str, about: String| (all.clone(), label.to_owned(), about);
    if state.model.running.is_none() {
        let about = "tokens are counted when a model is loaded".to_owned();
        return AttachOffer {
            question: what,
            list: PickList::new(vec![add("Attach", about), leave]),
        };
    }
    if total <= room {
        let tokens = counted(total, "token");
        let (free, room) = (count((room - total).into()), count(room.into()));
        let about = format!("{tokens}; {free} stay free");
        return AttachOffer {
            question: format!("{what}: {tokens}, and there is room for {room}."),
            list: PickList::new(vec![add("Attach", about), leave]),
        };
    }
    let over = total - room;
    let mut items = Vec::new();
    if let Some((part, about)) = part {
        let label = "Attach the part that fits".to_owned();
        items.push((AttachChoice::Attach(part), label, about));
    }
    items.push(add(
        "Attach all of it",
        format!("{} more than fit", counted(over, "token")),
    ));
    items.push(leave);
    AttachOffer {
        question: format!(
            "{what}: {}, {} more than there is room for ({} are free).",
            counted(total, "token"),
            count(over.into()),
            count(room.into()),
        ),
        list: PickList::new(items),
    }
}

/// What fits: whole files in order, or else the beginning of the first.
fn part(files: &[File], sizes: &[TextSize], room: u32) -> Option<(Vec<Attached>, String)> {
    let mut left = room;
    let mut whole = Vec::new();
    for (file, size) in files.iter().zip(sizes) {
        let Some(rest) = left.checked_sub(size.tokens) else {
            break;
        };
        left = rest;
        whole.push(Attached {
            file: file.clone(),
            tokens: Some(size.tokens),
        });
    }
    if !whole.is_empty() {
        let about = format!("{} of {} files", whole.len(), files.len());
        return Some((whole, about));
    }
    let first = attach::first_part(files.first()?, sizes.first()?.fitting);
    let about = first.note.clone();
    let chip = Attached {
        file: first,
        tokens: None,
    };
    (!chip.file.text.trim().is_empty()).then(|| (vec![chip], about))
}
