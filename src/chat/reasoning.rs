//! What a model thinks before it answers, told apart from the answer while both stream.
//!
//! A reply begins to think with its first characters or not at all: a tag further down is something
//! the answer speaks of. Where the template ends with the opening tag, the reply begins inside.

use super::{Segment, SegmentKind};

/// The tags that models put around their thoughts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tags {
    pub open: &'static str,
    pub close: &'static str,
}

const fn tags(open: &'static str, close: &'static str) -> Tags {
    Tags { open, close }
}

/// The styles that model families use, those with a longer beginning first where two begin alike.
pub const STYLES: &[Tags] = &[
    // DeepSeek-R1, Qwen, QwQ, GLM, SmolLM, MiniMax, Hunyuan, LFM, Nemotron, Kimi, Granite 4.
    tags("<think>", "</think>"),
    tags("<thinking>", "</thinking>"),
    tags("<thought>", "</thought>"),
    tags("<reasoning>", "</reasoning>"),
    // MiniMax M3.
    tags("<mm:think>", "</mm:think>"),
    // Magistral, Ministral.
    tags("[THINK]", "[/THINK]"),
    // Seed-OSS.
    tags("<seed:think>", "</seed:think>"),
    // Kimi-VL.
    tags("◁think▷", "◁/think▷"),
    // Command R7B, Command A.
    tags("<|START_THINKING|>", "<|END_THINKING|>"),
    // Apertus.
    tags("<|inner_prefix|>", "<|inner_suffix|>"),
    // OpenThinker, Sky-T1.
    tags("<|begin_of_thought|>", "<|end_of_thought|>"),
    // Solar Open.
    tags("<|think|>", "<|end|>"),
    // Gemma 4, and the Gemma models with unused tokens.
    tags("<|channel>thought", "<channel|>"),
    tags("<unused94>thought", "<unused95>"),
];

/// GPT-OSS writes its reply in channels: everything but `final` is thought.
const CHANNEL: &str = "<|channel|>";
const MESSAGE: &str = "<|message|>";
const CHANNEL_ENDS: [&str; 4] = ["<|end|>", "<|return|>", "<|call|>", "<|start|>"];
const ANSWER: &str = "final";

/// What stood around the answer of a model that wraps it.
const ANSWER_MARKS: [&str; 4] = [
    "<|START_RESPONSE|>",
    "<|END_RESPONSE|>",
    "<|begin_of_solution|>",
    "<|end_of_solution|>",
];

/// Every control token a reply may hold in which thoughts are told apart from the answer.
pub fn marks() -> impl Iterator<Item = &'static str> {
    STYLES
        .iter()
        .flat_map(|style| [style.open, style.close])
        .chain([CHANNEL, MESSAGE])
        .chain(CHANNEL_ENDS)
        .chain(ANSWER_MARKS)
}

/// The style whose opening tag a prompt ends with, so that the reply begins inside.
pub fn opened_by(prompt: &str) -> Option<Tags> {
    let end = prompt.trim_end();
    STYLES
        .iter()
        .find(|style| end.ends_with(style.open))
        .copied()
}

/// Fits a reply to the end of its prompt, where the template may have opened a thought: one that goes
/// on must not open it again. Gives the tags when a new reply begins inside.
pub fn meet(prompt: &mut [Segment]) -> Option<Tags> {
    let last = prompt
        .iter()
        .rposition(|segment| segment.kind == SegmentKind::Template)?;
    let (template, after) = prompt.split_at_mut(last + 1);
    let template = &template.last()?.text;
    let tags = opened_by(template)?;
    let Some(reply) = after.first_mut() else {
        return Some(tags);
    };
    if let Some(rest) = reply.text.trim_start().strip_prefix(tags.open) {
        let rest = match template.ends_with('\n') {
            true => rest.strip_prefix('\n').unwrap_or(rest),
            false => rest,
        };
        reply.text = rest.to_owned();
    }
    None
}

/// What new text of a reply is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    pub thought: String,
    pub answer: String,
}

/// Tells thoughts and answer apart; text is given to it in any pieces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Splitter {
    state: State,
    /// Text that may be the beginning of a tag.
    held: String,
    /// The last character of the thought.
    last: Option<char>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    /// Nothing but white space so far.
    #[default]
    Start,
    /// Inside, before the first character of the thought.
    Entering(Inside),
    Thinking(Inside),
    /// Between the channels of GPT-OSS.
    Header,
    /// After the thought, before the first character of the answer.
    Leaving,
    Answer,
    /// The answer in its channel.
    Channel,
}

/// What ends a thought.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Inside {
    Tags(&'static str),
    Channel,
}

impl Splitter {
    /// For a reply that begins inside, because the template opened the tag.
    pub fn inside(tags: Tags) -> Self {
        Self {
            state: State::Entering(Inside::Tags(tags.close)),
            ..Self::default()
        }
    }

    /// For a reply that goes on with an answer.
    pub fn answering() -> Self {
        Self {
            state: State::Answer,
            ..Self::default()
        }
    }

    /// Whether the model is thinking.
    pub fn is_thinking(&self) -> bool {
        matches!(
            self.state,
            State::Entering(_) | State::Thinking(_) | State::Header
        )
    }

    /// Bytes held back, because they may be the beginning of a tag.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes the next text of the reply.
    pub fn push(&mut self, text: &str) -> Parts {
        self.held.push_str(text);
        let mut parts = Parts::default();
        while self.step(&mut parts) {}
        parts
    }

    /// The reply has ended: what was held back is what it looks like.
    pub fn finish(&mut self) -> Parts {
        let held = std::mem::take(&mut self.held);
        let mut parts = Parts::default();
        match self.state {
            State::Thinking(_) => parts.thought = held,
            State::Answer | State::Channel | State::Start => parts.answer = held,
            State::Entering(_) | State::Header | State::Leaving => {}
        }
        parts
    }

    /// Takes as much as can be decided; false when more text is needed.
    fn step(&mut self, parts: &mut Parts) -> bool {
        match self.state {
            State::Start => self.start(),
            State::Entering(inside) => self.skip_space(State::Thinking(inside)),
            State::Leaving => self.skip_space(State::Answer),
            State::Thinking(inside) => self.thinking(inside, &mut parts.thought),
            State::Header => self.header(),
            State::Answer => {
                let taken = self.until(&ANSWER_MARKS);
                parts.answer.push_str(&taken.text);
                taken.mark.is_some()
            }
            State::Channel => {
                let taken = self.until(&CHANNEL_ENDS);
                parts.answer.push_str(&taken.text);
                if taken.mark.is_some() {
                    self.state = State::Header;
                }
                taken.mark.is_some()
            }
        }
    }

    fn start(&mut self) -> bool {
        let begin = self.held.trim_start();
        let space = self.held.len() - begin.len();
        if begin.is_empty() {
            return false;
        }
        if begin.starts_with(CHANNEL) {
            self.held.drain(..space);
            self.state = State::Header;
            return true;
        }
        if let Some(style) = STYLES.iter().find(|style| begin.starts_with(style.open)) {
            self.held.drain(..space + style.open.len());
            self.state = State::Entering(Inside::Tags(style.close));
            return true;
        }
        let opens = STYLES.iter().map(|style| style.open).chain([CHANNEL]);
        if opens.into_iter().any(|open| open.starts_with(begin)) {
            return false;
        }
        self.state = State::Answer;
        true
    }

    fn skip_space(&mut self, next: State) -> bool {
        let space = self.held.len() - self.held.trim_start().len();
        self.held.drain(..space);
        if self.held.is_empty() {
            return false;
        }
        self.state = next;
        true
    }

    fn thinking(&mut self, inside: Inside, thought: &mut String) -> bool {
        let Inside::Tags(close) = inside else {
            let taken = self.until(&CHANNEL_ENDS);
            thought.push_str(&taken.text);
            if taken.mark.is_some() {
                self.state = State::Header;
            }
            return taken.mark.is_some();
        };
        let Some(at) = self.held.find(close) else {
            let taken = self.until(&[close]);
            self.think(&taken.text, thought);
            return false;
        };
        let text: String = self.held.drain(..at).collect();
        self.think(&text, thought);
        let quote = self.last.filter(|last| matches!(last, '`' | '"' | '\''));
        match (quote, self.held[close.len()..].chars().next()) {
            // Whether the tag stands in quotes, the next character tells.
            (Some(_), None) => return false,
            // One that the model thinks about.
            (Some(before), Some(after)) if before == after => self.think(close, thought),
            _ => self.state = State::Leaving,
        }
        self.held.drain(..close.len());
        true
    }

    fn think(&mut self, text: &str, thought: &mut String) {
        thought.push_str(text);
        self.last = text.chars().next_back().or(self.last);
    }

    /// The name of a channel stands between two marks; what is before it says who speaks.
    fn header(&mut self) -> bool {
        let Some(end) = self.held.find(MESSAGE) else {
            return false;
        };
        let header = &self.held[..end];
        let name = header
            .rfind(CHANNEL)
            .map_or("", |at| &header[at + CHANNEL.len()..]);
        self.state = if name.trim().starts_with(ANSWER) {
            State::Channel
        } else {
            State::Entering(Inside::Channel)
        };
        self.held.drain(..end + MESSAGE.len());
        true
    }

    /// Takes the text before the first of these marks, and that mark; without any, all that cannot be
    /// the beginning of one.
    fn until<'m>(&mut self, marks: &[&'m str]) -> Taken<'m> {
        let first = marks
            .iter()
            .filter_map(|mark| Some((self.held.find(mark)?, *mark)))
            .min();
        if let Some((at, mark)) = first {
            let text = self.held[..at].to_owned();
            self.held.drain(..at + mark.len());
            return Taken {
                text,
                mark: Some(mark),
            };
        }
        let longest = marks.iter().map(|mark| mark.len()).max().unwrap_or(0);
        let mut keep = self.held.len().saturating_sub(longest);
        while keep < self.held.len()
            && !(self.held.is_char_boundary(keep)
                && marks
                    .iter()
                    .any(|mark| mark.starts_with(&self.held[keep..])))
        {
            keep += 1;
        }
        let rest = self.held.split_off(keep);
        Taken {
            text: std::mem::replace(&mut self.held, rest),
            mark: None,
        }
    }
}

struct Taken<'m> {
    text: String,
    mark: Option<&'m str>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Splits a whole reply.
    fn split(text: &str, opened: Option<Tags>) -> Parts {
        let mut splitter = opened.map_or_else(Splitter::default, Splitter::inside);
        let mut parts = splitter.push(text);
        let rest = splitter.finish();
        parts.thought.push_str(&rest.thought);
        parts.answer.push_str(&rest.answer);
        parts.thought.truncate(parts.thought.trim_end().len());
        parts
    }

    fn parts(text: &str) -> (String, String) {
        let parts = split(text, None);
        (parts.thought, parts.answer)
    }

    fn pair(thought: &str, answer: &str) -> (String, String) {
        (thought.to_owned(), answer.to_owned())
    }

    #[test]
    fn every_style_is_told_apart() {
        for style in STYLES {
            let text = format!("{}\nhm, so\n{}\n\nThe answer.", style.open, style.close);
            assert_eq!(
                parts(&text),
                pair("hm, so", "The answer."),
                "{}",
                style.open
            );
        }
    }

    #[test]
    fn channels_are_thoughts_but_for_the_final_one() {
        let text = "<|channel|>analysis<|message|>User asks.<|end|><|start|>assistant<|channel|>final<|message|>Hi!<|return|>";
        assert_eq!(parts(text), pair("User asks.", "Hi!"));
    }

    #[test]
    fn a_reply_that_the_template_began_starts_inside() {
        let opened = opened_by("<|im_start|>assistant\n<think>\n");
        assert_eq!(opened, Some(STYLES[0]));
        let found = split("so\n</think>\n\nyes", opened);
        assert_eq!(
            (found.thought.as_str(), found.answer.as_str()),
            ("so", "yes")
        );
        assert_eq!(opened_by("<think>\n\n</think>\n\n"), None);
    }

    #[test]
    fn a_reply_that_goes_on_does_not_open_the_thought_again() {
        let segment = |kind, text: &str| Segment {
            kind,
            text: text.to_owned(),
        };
        let open = || segment(SegmentKind::Template, "assistant\n<think>\n");
        assert_eq!(meet(&mut [open()]), Some(STYLES[0]));
        let mut prompt = [open(), segment(SegmentKind::Content, "<think>\nhm")];
        assert_eq!(meet(&mut prompt), None);
        assert_eq!(prompt[1].text, "hm");
        let plain = segment(SegmentKind::Template, "assistant\n");
        let mut prompt = [plain, segment(SegmentKind::Content, "<think>\nhm")];
        assert_eq!(meet(&mut prompt), None);
        assert_eq!(prompt[1].text, "<think>\nhm");
    }

    #[test]
    fn tags_further_down_belong_to_the_answer() {
        let text = "Use `<think>` and </think>.";
        assert_eq!(parts(text), pair("", text));
        assert_eq!(
            parts("<think>about \"</think>\" or `</think>`</think>ok"),
            pair("about \"</think>\" or `</think>`", "ok")
        );
    }

    #[test]
    fn an_empty_thought_is_none() {
        assert_eq!(parts("<think>\n\n</think>\n\nHello"), pair("", "Hello"));
    }

    #[test]
    fn a_thought_without_end_stays_one() {
        assert_eq!(parts("<think>\nand then"), pair("and then", ""));
        assert_eq!(parts("<thi"), pair("", "<thi"));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            text in "(<think>|</think>|\\[THINK\\]|\\[/THINK\\]|<\\|channel\\|>|final|analysis|<\\|message\\|>|<\\|end\\|>|<|◁think▷|◁|[a `\n]){0,24}",
            inside in any::<bool>(),
            cuts in prop::collection::vec(0_usize..120, 0..12),
        ) {
            let opened = inside.then_some(STYLES[0]);
            let whole = split(&text, opened);
            let mut splitter = opened.map_or_else(Splitter::default, Splitter::inside);
            let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| text.is_char_boundary(*cut)).collect();
            cuts.push(0);
            cuts.push(text.len());
            cuts.sort_unstable();
            let mut grown = Parts::default();
            for pair in cuts.windows(2) {
                let found = splitter.push(&text[pair[0]..pair[1]]);
                grown.thought.push_str(&found.thought);
                grown.answer.push_str(&found.answer);
            }
            let rest = splitter.finish();
            grown.thought.push_str(&rest.thought);
            grown.answer.push_str(&rest.answer);
            grown.thought.truncate(grown.thought.trim_end().len());
            prop_assert_eq!(grown, whole);
        }
    }
}
