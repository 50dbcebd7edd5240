//! Why tokens that a conversation had in the KV cache are computed again. Pure.

use std::collections::VecDeque;
use std::fmt;

use super::ConversationId;
use crate::chat::{Message, Role, Segment, SegmentKind, reasoning};

/// The reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The prompt is another one from there on.
    Differs(Part),
    /// The template leaves out what the model thought before earlier answers.
    Thinking,
    /// The context was full, and its middle was forgotten.
    Shifted,
    /// Another conversation needed its place in the context.
    Taken,
    OtherModel,
    /// The load parameters changed; why the cache did not fit any more.
    Retuned(String),
    /// The prompt goes on otherwise than the cache, and this kind of memory cannot be cut.
    CannotGoBack,
}

/// A part of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    System,
    /// The template's own text before the first message.
    Head,
    /// The template's own text after that message.
    After(usize),
    /// A message: its place, from 1, and whose it is.
    Message(usize, Role),
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(part) => write!(f, "{part}"),
            Self::Thinking => {
                write!(f, "the template leaves out the thinking of earlier replies")
            }
            Self::Shifted => write!(f, "the context was full and its middle was forgotten"),
            Self::Taken => write!(f, "another chat took its place in the context"),
            Self::OtherModel => write!(f, "another model was loaded"),
            Self::Retuned(why) => write!(f, "{why}"),
            Self::CannotGoBack => write!(
                f,
                "the prompt differs from the cache, and this model's memory cannot be cut there"
            ),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => write!(f, "the system prompt is another one"),
            Self::Head => write!(
                f,
                "what the template writes before the first message changed, as a date does"
            ),
            Self::After(place) => {
                write!(f, "what the template writes after message {place} changed")
            }
            Self::Message(place, Role::Assistant) => write!(
                f,
                "message {place}, a reply, is in the prompt otherwise than it was made"
            ),
            Self::Message(place, _) => write!(f, "message {place} is another one"),
        }
    }
}

impl Missed {
    /// What keeps it from happening again.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Differs(Part::System | Part::Head) => {
                "keep what stands first the same: the system prompt, dates in it"
            }
            Self::Differs(_) => "all after a change is computed again: change late messages",
            Self::Thinking => {
                "a template that keeps thoughts (chat-template), or thinking off, keeps the cache"
            }
            Self::Shifted => "a larger ctx-size holds all of it",
            Self::Taken => "parallel keeps more chats in the context, ctx-size more of each",
            Self::OtherModel => {
                "each model has caches of its own; models-max 2 keeps those of the one before"
            }
            Self::Retuned(_) => "change cache types and RoPE before long chats",
            Self::CannotGoBack => {
                "with swa-full a sliding window can go back; recurrent models cannot"
            }
        }
    }
}

/// The part of a prompt that a byte of its text lies in.
pub(super) fn part_at(segments: &[Segment], messages: &[Message], at: usize) -> Part {
    /// Tokens need not end where a segment does: what begins so few bytes later is meant.
    const NEAR: usize = 3;
    let (mut end, mut place) = (0, 0);
    let mut part = Part::Head;
    for segment in segments {
        let begin = end;
        end += segment.text.len();
        match segment.kind {
            SegmentKind::Content => {
                part = message_with(&segment.text, messages, &mut place);
            }
            SegmentKind::Template => {
                part = match place {
                    0 => Part::Head,
                    place => Part::After(place),
                };
            }
        }
        let near = match segment.kind {
            // Its last bytes belong to what follows.
            SegmentKind::Template if end > begin + NEAR => NEAR,
            _ => 0,
        };
        if at + near < end {
            break;
        }
    }
    part
}

/// The message that a stretch of the prompt is of: the first from `place` on that says it; what no
/// message says, the system prompt does.
fn message_with(text: &str, messages: &[Message], place: &mut usize) -> Part {
    let text = text.trim();
    let from = place.saturating_sub(1);
    let says = |message: &&Message| !text.is_empty() && message.content.contains(text);
    let found = messages.iter().enumerate().skip(from);
    let found = found
        .filter(|(_, message)| says(message))
        .map(|(at, _)| at)
        .next();
    match found {
        Some(at) => {
            *place = at + 1;
            match messages[at].role {
                Role::System => Part::System,
                role => Part::Message(at + 1, role),
            }
        }
        None if *place == 0 => Part::System,
        None => Part::Message(*place, messages[*place - 1].role),
    }
}

/// Whether what comes after a text is a thought.
pub(super) fn is_thought(before: &str, after: &str) -> bool {
    let opens = |style: &reasoning::Tags| after.trim_start().starts_with(style.open);
    reasoning::STYLES.iter().any(opens) || ends_in_thought(before)
}

/// Whether a thought is open where a text ends.
fn ends_in_thought(text: &str) -> bool {
    let last = |tag: fn(&reasoning::Tags) -> &'static str| {
        reasoning::STYLES
            .iter()
            .filter_map(|style| text.rfind(tag(style)))
            .max()
    };
    last(|style| style.open) > last(|style| style.close)
}

/// Conversations whose cache left the context without their doing.
#[derive(Debug, Default)]
pub(super) struct Lost {
    newest_last: VecDeque<(ConversationId, u32, Missed)>,
}

impl Lost {
    /// More are not remembered.
    const MOST: usize = 64;

    /// So many tokens of a conversation left, and why.
    pub(super) fn note(&mut self, conversation: ConversationId, tokens: u32, why: Missed) {
        self.newest_last
            .retain(|(other, ..)| *other != conversation);
        if self.newest_last.len() == Self::MOST {
            self.newest_last.pop_front();
        }
        self.newest_last.push_back((conversation, tokens, why));
    }

    pub(super) fn take(&mut self, conversation: ConversationId) -> Option<(u32, Missed)> {
        let of = |(other, ..): &(ConversationId, u32, Missed)| *other == conversation;
        let at = self.newest_last.iter().position(of)?;
        let (_, tokens, why) = self.newest_last.remove(at)?;
        Some((tokens, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: Role, content: &str) -> Message {
        Message::new(role, content)
    }

    fn segments(parts: &[(SegmentKind, &str)]) -> Vec<Segment> {
        let segment = |(kind, text): &(SegmentKind, &str)| Segment {
            kind: *kind,
            text: (*text).into(),
        };
        parts.iter().map(segment).collect()
    }

    #[test]
    fn a_byte_is_in_the_part_that_wrote_it() {
        use SegmentKind::{Content, Template};
        let messages = [
            message(Role::User, "Why?"),
            message(Role::Assistant, "<think>hm</think>Because."),
            message(Role::User, "And how?"),
        ];
        let prompt = segments(&[
            (Template, "<s>Today is Monday. "),
            (Content, "Be brief."),
            (Template, "</s><user>"),
            (Content, "Why?"),
            (Template, "</s><model>"),
            (Content, "Because."),
            (Template, "</s><user>"),
            (Content, "And how?"),
            (Template, "</s><model>"),
        ]);
        let text: String = prompt.iter().map(|segment| segment.text.as_str()).collect();
        let part = |text_at: &str, more: usize| {
            part_at(&prompt, &messages, text.find(text_at).unwrap() + more)
        };
        assert_eq!(part("Monday", 0), Part::Head);
        assert_eq!(part("Be brief.", 3), Part::System);
        assert_eq!(part("Why?", 0), Part::Message(1, Role::User));
        assert_eq!(part("Why?", 2), Part::Message(1, Role::User));
        // A token that also holds the end of the tag before.
        assert_eq!(
            part("<model>Because.", 6),
            Part::Message(2, Role::Assistant)
        );
        assert_eq!(part("<model>Because.", 1), Part::After(1));
        assert_eq!(part("And how?", 4), Part::Message(3, Role::User));
        assert_eq!(part_at(&prompt, &messages, text.len()), Part::After(3));
    }

    #[test]
    fn a_thought_is_open_until_it_is_closed() {
        assert!(is_thought("<think>hm", "m"));
        assert!(is_thought("<think>a</think>b<think>", ""));
        assert!(is_thought("so", "\n<think>hm"));
        assert!(!is_thought("<think>hm</think> so", "so"));
        assert!(!is_thought("so", "what <think> means"));
    }

    #[test]
    fn the_newest_losses_are_remembered_once() {
        let mut lost = Lost::default();
        for number in 0..100 {
            lost.note(ConversationId(number), 1, Missed::Taken);
        }
        lost.note(ConversationId(99), 7, Missed::OtherModel);
        assert_eq!(lost.take(ConversationId(0)), None);
        assert_eq!(lost.take(ConversationId(99)), Some((7, Missed::OtherModel)));
        assert_eq!(lost.take(ConversationId(99)), None);
    }
}
