//! What a reply thinks before it answers.

use super::Reply;
use crate::chat::reasoning::{STYLES, Splitter, Tags};
use crate::engine::Timings;
use crate::store::ThoughtTimings;

/// The thoughts of one reply, and what tells them apart from its answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thought {
    pub text: String,
    /// Tokens until the thought ended, of all that the engine had told of by then.
    pub tokens: u32,
    /// Milliseconds from the first token to the end of the thought; 0 = not known.
    pub took_ms: f64,
    splitter: Splitter,
    /// All that the model wrote before its answer, tags too.
    before: String,
}

/// Whether thoughts are shown, or one line in their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Folding {
    #[default]
    Folded,
    Unfolded,
}

impl Folding {
    pub fn other(self) -> Self {
        match self {
            Self::Folded => Self::Unfolded,
            Self::Unfolded => Self::Folded,
        }
    }
}

impl Thought {
    /// A thought that was saved, with the answer it came to. Which tags stood around it is not kept:
    /// the most common ones stand in for them.
    pub fn saved(text: String, answer: &str, took: Option<ThoughtTimings>) -> Self {
        const TAGS: Tags = STYLES[0];
        let thought = text.trim();
        let (before, splitter) = if thought.is_empty() {
            (String::new(), Splitter::answering())
        } else if answer.is_empty() {
            (format!("{}\n{thought}", TAGS.open), Splitter::inside(TAGS))
        } else {
            let before = format!("{}\n{thought}\n{}\n\n", TAGS.open, TAGS.close);
            (before, Splitter::answering())
        };
        let took = took.unwrap_or_default();
        Self {
            text,
            tokens: took.tokens,
            took_ms: took.ms,
            splitter,
            before,
        }
    }

    /// The same thought before another answer.
    pub(super) fn before(&self, answer: &str) -> Self {
        if self.before.is_empty() || self.goes_on() {
            return Self::saved(self.text.clone(), answer, self.timings());
        }
        self.clone()
    }

    /// What it took, where that is known.
    pub(super) fn timings(&self) -> Option<ThoughtTimings> {
        (self.tokens > 0).then_some(ThoughtTimings {
            tokens: self.tokens,
            ms: self.took_ms,
        })
    }

    /// Whether there is anything to show of it.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Whether the reply is still thinking.
    pub fn goes_on(&self) -> bool {
        self.splitter.is_thinking()
    }
}

impl Reply {
    /// The template has opened this tag, so the reply begins inside it.
    pub(super) fn begins_inside(&mut self, tags: Tags) {
        if self.text.is_empty() && self.thought.before.is_empty() {
            self.thought.splitter = Splitter::inside(tags);
        }
    }

    /// Takes new text in: thoughts and answer, each to its place.
    pub(super) fn take(&mut self, text: &str, timings: &Timings) {
        let thought = &mut self.thought;
        let was_thinking = thought.goes_on() || self.text.is_empty();
        let parts = thought.splitter.push(text);
        thought.text.push_str(&parts.thought);
        if self.text.is_empty() {
            thought.before.push_str(text);
            if !parts.answer.is_empty() {
                let answered = parts.answer.len() + thought.splitter.held();
                let kept = thought.before.len().saturating_sub(answered);
                thought.before.truncate(kept);
            }
        }
        if was_thinking && !thought.text.is_empty() {
            thought.tokens = timings.predicted_n;
            thought.took_ms = timings.predicted_ms;
        }
        self.text.push_str(&parts.answer);
    }

    /// No more text comes: what was held back is what it looks like.
    pub(super) fn settle(&mut self) {
        let rest = self.thought.splitter.finish();
        if self.text.is_empty() {
            let before = &mut self.thought.before;
            before.truncate(before.len().saturating_sub(rest.answer.len()));
        }
        self.thought.text.push_str(&rest.thought);
        self.text.push_str(&rest.answer);
    }

    /// All that the model wrote, as it must be given back when the reply goes on.
    pub(super) fn written(&self) -> String {
        format!("{}{}", self.thought.before, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::ReplyState;
    use crate::engine::RequestId;

    fn reply() -> Reply {
        Reply::new(RequestId(1), String::new())
    }

    fn at(tokens: u32) -> Timings {
        Timings {
            predicted_n: tokens,
            predicted_ms: f64::from(tokens) * 10.0,
            ..Timings::default()
        }
    }

    #[test]
    fn thoughts_and_answer_are_told_apart_and_given_back_whole() {
        let mut reply = reply();
        let all = "<think>\nhm\n</think>\n\nYes, it is.";
        for (number, piece) in ["<thi", "nk>\nh", "m\n</thi", "nk>\n\nYe", "s, it is."]
            .into_iter()
            .enumerate()
        {
            reply.take(piece, &at(number as u32 + 1));
        }
        reply.settle();
        assert_eq!(
            (reply.thought.text.trim(), &*reply.text),
            ("hm", "Yes, it is.")
        );
        assert_eq!(reply.written(), all);
        assert_eq!((reply.thought.tokens, reply.thought.took_ms), (4, 40.0));
        assert_eq!(reply.state, ReplyState::Sent);
    }

    #[test]
    fn a_reply_that_begins_inside_gives_back_what_it_wrote_itself() {
        let mut reply = reply();
        reply.begins_inside(STYLES[0]);
        reply.take("hm\n</think>\n\nYes", &at(3));
        assert_eq!((&*reply.thought.text, &*reply.text), ("hm\n", "Yes"));
        assert_eq!(reply.written(), "hm\n</think>\n\nYes");
    }

    #[test]
    fn a_reply_without_thoughts_has_none() {
        let mut reply = reply();
        reply.take("Use <", &at(1));
        reply.take("b> tags", &at(2));
        assert!(reply.thought.is_empty());
        assert_eq!(
            (reply.thought.tokens, reply.written().as_str()),
            (0, "Use <b> tags")
        );
    }

    #[test]
    fn what_looked_like_a_tag_is_shown_in_the_end() {
        let mut reply = reply();
        reply.take("<", &at(1));
        assert_eq!(reply.text, "");
        reply.settle();
        assert_eq!((&*reply.text, &*reply.written()), ("<", "<"));
    }
}
