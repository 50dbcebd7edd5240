//! From a conversation to the tokens of a prompt.

use std::ops::Range;

use super::llama::{Side, Special, Vocab};
use super::templates::Templates;
use super::{EngineError, ErrorKind, GenerateRequest};
use crate::chat::{Conversation, Segment, SegmentKind, TemplateOptions};
use crate::params::ReplyParams;

/// A rendered prompt and its tokens.
#[derive(Debug)]
pub(super) struct Made {
    pub segments: Vec<Segment>,
    pub tokens: Vec<i32>,
}

/// Renders and tokenises what is to be answered. Only what the template wrote can become control
/// tokens.
///
/// # Errors
/// As [`make`].
pub(super) fn of(
    request: &GenerateRequest,
    templates: &mut Templates,
    vocab: Vocab<'_>,
) -> Result<Made, EngineError> {
    let conversation = Conversation::from(request.messages.as_slice());
    let so_far = &request.reply_so_far;
    make(conversation, &request.reply, so_far, templates, vocab)
}

/// The same for a conversation with all its fields.
///
/// # Errors
/// [`ErrorKind::Template`] when the template does not compile or refuses the conversation,
/// [`ErrorKind::BadParameter`] when the parameters choose one that there is not.
pub(super) fn make(
    conversation: Conversation,
    reply: &ReplyParams,
    reply_so_far: &str,
    templates: &mut Templates,
    vocab: Vocab<'_>,
) -> Result<Made, EngineError> {
    let options = TemplateOptions {
        system: reply.system.clone(),
        thinking: reply.thinking,
        reasoning_effort: reply.reasoning_effort.clone(),
        reply_so_far: reply_so_far.to_owned(),
    };
    let variables = &reply.template.variables;
    let conversation = conversation
        .with_variables(variables)
        .map_err(|why| EngineError {
            kind: ErrorKind::BadParameter,
            what: format!("using chat-template-kwargs {variables}"),
            why,
            hint: r#"give a JSON object, such as {"enable_thinking": false}"#.into(),
        })?;
    let template = templates.choose(&reply.template)?;
    let segments = template
        .render_all(conversation, &options)
        .map_err(|error| templates.refused(&error))?;
    let tokens = tokenize(&segments, vocab);
    Ok(Made { segments, tokens })
}

/// Tokens of a prompt, as one tokenisation of the whole text would give them, but for control
/// tokens that people or the model wrote: those stay text.
///
/// The text is cut at the control tokens of the template's own text and nowhere else: where the
/// template ends and a message begins, a token may span both.
fn tokenize(segments: &[Segment], vocab: Vocab<'_>) -> Vec<i32> {
    let mut tokens = Vec::new();
    let mut run = Run::default();
    for segment in segments {
        match segment.kind {
            SegmentKind::Content => run.push_content(&segment.text),
            SegmentKind::Template => template_text(&segment.text, vocab, &mut run, &mut tokens),
        }
    }
    run.end(vocab, &mut tokens);
    let bos = vocab.bos();
    if bos >= 0 && vocab.adds_bos() && tokens.first() != Some(&bos) {
        tokens.insert(0, bos);
    }
    tokens
}

fn template_text(text: &str, vocab: Vocab<'_>, run: &mut Run, tokens: &mut Vec<i32>) {
    let mut parsed = Vec::new();
    vocab.tokenize(text, Special::Parse, &mut parsed);
    let mut rest = text;
    for token in parsed.into_iter().filter(|token| vocab.is_control(*token)) {
        let name = vocab.text(token);
        // One that is not there by name was not written by the template.
        let Some((before, after)) = rest.split_once(&name).filter(|_| !name.is_empty()) else {
            continue;
        };
        run.push(before);
        if vocab.strips(token, Side::Left) {
            run.trim_end();
        }
        run.end(vocab, tokens);
        tokens.push(token);
        run.trims_start = vocab.strips(token, Side::Right);
        rest = after;
    }
    run.push(rest);
}

/// Text between two control tokens.
#[derive(Default)]
struct Run {
    text: String,
    /// Byte ranges of the text that people or the model wrote.
    contents: Vec<Range<usize>>,
    /// The control token before it takes the white space that follows.
    trims_start: bool,
}

impl Run {
    fn push(&mut self, text: &str) {
        let text = if self.trims_start && self.text.is_empty() {
            text.trim_start()
        } else {
            text
        };
        self.text.push_str(text);
    }

    fn push_content(&mut self, text: &str) {
        let start = self.text.len();
        self.push(text);
        self.contents.push(start..self.text.len());
    }

    fn trim_end(&mut self) {
        self.text.truncate(self.text.trim_end().len());
    }

    /// Tokenises the text. llama.cpp recognises user-defined tokens in any text: those that steer
    /// a conversation are torn where they were typed.
    fn end(&mut self, vocab: Vocab<'_>, tokens: &mut Vec<i32>) {
        let run = std::mem::take(self);
        let mut done = 0;
        for tear in run.tears(vocab) {
            vocab.tokenize(&run.text[done..tear], Special::AsText, tokens);
            done = tear;
        }
        vocab.tokenize(&run.text[done..], Special::AsText, tokens);
    }

    /// Places inside of control tokens that were typed, in order.
    fn tears(&self, vocab: Vocab<'_>) -> Vec<usize> {
        if !self.text.contains("<|") && !self.text.contains("<｜") {
            return Vec::new();
        }
        let mut parsed = Vec::new();
        vocab.tokenize(&self.text, Special::AsText, &mut parsed);
        let mut at = 0;
        let mut tears = Vec::new();
        for token in parsed {
            let length = vocab.bytes(token).len();
            let typed = |range: &Range<usize>| range.start < at + length && at < range.end;
            let inside = at + '<'.len_utf8();
            if vocab.is_control(token)
                && self.contents.iter().any(typed)
                && self.text.is_char_boundary(inside)
                && inside < self.text.len()
            {
                tears.push(inside);
            }
            at += length;
        }
        tears
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::llama;
    use crate::params::LoadParams;

    fn segment(kind: SegmentKind, text: impl Into<String>) -> Segment {
        Segment {
            kind,
            text: text.into(),
        }
    }

    fn conversation(contents: &[String]) -> Vec<Segment> {
        let mut segments = Vec::new();
        for content in contents {
            // `User:` and no control token before the content: a token may span the border.
            segments.push(segment(SegmentKind::Template, "<|im_start|>user\nUser: "));
            segments.push(segment(SegmentKind::Content, content.as_str()));
            segments.push(segment(SegmentKind::Template, " ok<|im_end|>\n"));
        }
        segments
    }

    #[test]
    fn borders_between_template_and_content_leave_no_trace() {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/guide.gguf");
        llama::init();
        let open =
            llama::open_model(&guide, &LoadParams::default(), &mut |_| true).expect("the guide");
        let vocab = open.model.vocab();
        let contents =
            proptest::collection::vec("[ a-zA-Z.,!\\n]{0,12}|temperature|<\\|im_end\\|>", 1..4);
        proptest!(ProptestConfig::with_cases(200), |(contents in contents)| {
            let segments = conversation(&contents);
            let ours = tokenize(&segments, vocab);
            let whole: String = segments.iter().map(|segment| segment.text.as_str()).collect();
            let mut at_once = Vec::new();
            vocab.tokenize(&whole, Special::Parse, &mut at_once);
            let typed = contents.iter().any(|content| content.contains("<|im_end|>"));
            if !typed {
                prop_assert_eq!(&ours, &at_once);
            }
            // Two control tokens a message, whatever was typed.
            let control = ours.iter().filter(|token| vocab.is_control(**token)).count();
            prop_assert_eq!(control, 2 * contents.len());
            let text: String = ours.iter().map(|token| vocab.text(*token)).collect();
            prop_assert_eq!(text, whole);
        });
    }
}
