//! The list of saved chats: finding one, and what can be done with it there.

use super::overlay::{Ask, LineEdit, Overlay, PickList};
use super::saving::Saving;
use super::sessions::Deleted;
use super::update::{IsError, notice};
use super::{Action, Effect, State, perform};
use crate::store::{Command, Conversation, ConversationId, Hit};
use crate::units::counted;

/// What is asked about a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatQuestion {
    Title(ConversationId),
    /// Separated by spaces or commas.
    Tags(ConversationId),
}

/// Opens the list of saved chats.
pub(super) fn show_list(state: &mut State) -> Vec<Effect> {
    match state.sessions.saving {
        Saving::On => {
            state.overlay = Some(Overlay::Sessions(PickList::new(vec![])));
            search(String::new())
        }
        Saving::Off => notice(state, "There is no store of chats.", IsError::Yes),
        Saving::Incognito => notice(
            state,
            "An incognito deck neither saves nor shows chats.",
            IsError::No,
        ),
    }
}

/// Asks for the chats in which these words were said.
pub(super) fn search(words: String) -> Vec<Effect> {
    vec![Effect::Store(Command::List { words })]
}

/// Shows what was found; the selection stays on its chat.
pub(super) fn listed(
    state: &mut State,
    words: &str,
    now_ms: i64,
    list: Vec<Conversation>,
    hits: Vec<Hit>,
) {
    let Some(Overlay::Sessions(shown)) = &mut state.overlay else {
        return;
    };
    if shown.filter != words {
        return;
    }
    let selected = shown.chosen().copied();
    let items = list
        .iter()
        .map(|one| (one.id, title(one), about(one, now_ms)));
    *shown = PickList::new(items.collect()).with_filter(words);
    for hit in hits {
        shown.also(hit.conversation, &hit.title, &hit.snippet);
    }
    if let Some(id) = selected {
        shown.select(&id);
    }
    state.sessions.list = list;
}

/// Does an action on the selected chat of the list, or else on the one on the screen.
pub(super) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    let id = match &state.overlay {
        Some(Overlay::Sessions(list)) => list.chosen().copied(),
        _ => state.sessions.current,
    };
    let Some(id) = id else {
        let said = "This chat is not saved yet: say something first.";
        return notice(state, said, IsError::No);
    };
    match action {
        Action::PinChat => {
            let pinned = !known(state, id).is_some_and(|one| one.pinned);
            vec![Effect::Store(Command::SetPinned { id, pinned })]
        }
        Action::RenameChat => {
            let title = known(state, id).map(title).unwrap_or_default();
            ask(state, ChatQuestion::Title(id), title)
        }
        Action::TagChat => {
            let tags = known(state, id).map(|one| one.tags.join(" "));
            ask(state, ChatQuestion::Tags(id), tags.unwrap_or_default())
        }
        Action::DeleteChat => delete(state, id),
        _ => vec![],
    }
}

/// Does what was answered, and goes back to the list if it came from there.
pub(super) fn answer(state: &mut State, ask: Ask) -> Vec<Effect> {
    let text = ask.line.text.trim().to_owned();
    let command = match ask.question {
        ChatQuestion::Title(id) => Command::Rename { id, title: text },
        ChatQuestion::Tags(id) => Command::SetTags {
            id,
            tags: tags(&text),
        },
    };
    let mut effects = vec![Effect::Store(command)];
    effects.extend(back(state, ask.list));
    effects
}

/// The list that a question was asked from comes back.
pub(super) fn back(state: &mut State, list: Option<Box<PickList<ConversationId>>>) -> Vec<Effect> {
    let Some(list) = list else {
        return vec![];
    };
    let effects = search(list.filter.clone());
    state.overlay = Some(Overlay::Sessions(*list));
    effects
}

/// Words and commas to tags.
pub(super) fn tags(text: &str) -> Vec<String> {
    text.split([',', ' '])
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(super) fn title(conversation: &Conversation) -> String {
    match conversation.title.trim() {
        "" => format!("chat {}", conversation.id.0),
        title => title.to_owned(),
    }
}

fn delete(state: &mut State, id: ConversationId) -> Vec<Effect> {
    let mut effects = vec![];
    if state.sessions.current == Some(id) {
        effects.extend(perform::new_chat(state));
    }
    state.sessions.deleted = Some(Deleted::Chat(id));
    effects.push(Effect::Store(Command::Delete(id)));
    let context = super::context(state);
    let key = state.keymap.hint(context, Action::Restore);
    let key = key.unwrap_or_else(|| "/restore".to_owned());
    effects.extend(notice(
        state,
        format!("Deleted; {key} brings it back."),
        IsError::No,
    ));
    effects
}

fn ask(state: &mut State, question: ChatQuestion, text: String) -> Vec<Effect> {
    let list = match state.overlay.take() {
        Some(Overlay::Sessions(list)) => Some(Box::new(list)),
        _ => None,
    };
    state.overlay = Some(Overlay::Ask(Ask {
        question,
        line: LineEdit::new(text),
        list,
    }));
    vec![]
}

/// A chat as the list had it last.
fn known(state: &State, id: ConversationId) -> Option<&Conversation> {
    state.sessions.list.iter().find(|one| one.id == id)
}

fn about(conversation: &Conversation, now_ms: i64) -> String {
    let pinned = if conversation.pinned { "pinned, " } else { "" };
    let tags: String = conversation
        .tags
        .iter()
        .map(|tag| format!(" [{tag}]"))
        .collect();
    format!(
        "{pinned}{}, {}{tags}",
        age(conversation.changed_ms, now_ms),
        counted(conversation.messages, "message")
    )
}

/// How long ago, or for what is older than a month the day, by UTC.
fn age(then_ms: i64, now_ms: i64) -> String {
    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let passed = now_ms.saturating_sub(then_ms);
    match passed {
        ..MINUTE => "just now".to_owned(),
        MINUTE..HOUR => format!("{} min ago", passed / MINUTE),
        HOUR..DAY => format!("{} h ago", passed / HOUR),
        _ if passed < 31 * DAY => format!("{} d ago", passed / DAY),
        _ => jiff::Timestamp::from_millisecond(then_ms).map_or_else(
            |_| "long ago".to_owned(),
            |time| time.strftime("%Y-%m-%d").to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_the_largest_unit_that_fits() {
        let now = 1_800_000_000_000;
        for (passed, told) in [
            (-5, "just now"),
            (59_000, "just now"),
            (60_000, "1 min ago"),
            (3_599_000, "59 min ago"),
            (7_200_000, "2 h ago"),
            (86_400_000 * 30, "30 d ago"),
            (86_400_000 * 40, "2026-12-06"),
        ] {
            assert_eq!(age(now - passed, now), told);
        }
    }

    #[test]
    fn tags_are_words() {
        assert_eq!(tags("rust, llm  kv"), ["rust", "llm", "kv"]);
        assert_eq!(tags(" , "), [""; 0]);
    }
}
