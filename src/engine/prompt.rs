//! From a conversation to the tokens of a prompt.

use super::llama::{Side, Special, Vocab};
use super::{EngineError, ErrorKind, GenerateRequest};
use crate::chat::reasoning::{self, Tags};
use crate::chat::{ChatTemplate, Segment, SegmentKind, TemplateError, TemplateOptions};

/// The tokens of a prompt, and the tags of the thought that a new reply to it begins inside.
#[derive(Debug)]
pub(super) struct Made {
    pub tokens: Vec<i32>,
    pub thinking: Option<Tags>,
}

/// A prompt that was tokenised before. Whether a reply to it begins inside a thought, its last tokens
/// tell.
pub(super) fn exact(tokens: &[i32], vocab: Vocab<'_>) -> Made {
    /// More than any opening tag and the white space after it take.
    const END: usize = 16;
    let end = &tokens[tokens.len().saturating_sub(END)..];
    let text: String = end.iter().map(|token| vocab.text(*token)).collect();
    Made {
        tokens: tokens.to_vec(),
        thinking: reasoning::opened_by(&text),
    }
}

/// Renders and tokenises a conversation. Only what the template wrote can become control tokens.
///
/// # Errors
/// [`ErrorKind::Template`] when the template does not compile or refuses the conversation.
pub(super) fn tokens(
    request: &GenerateRequest,
    template: &Result<ChatTemplate, TemplateError>,
    vocab: Vocab<'_>,
) -> Result<Made, EngineError> {
    let options = TemplateOptions {
        system: request.reply.system.clone(),
        thinking: request.reply.thinking,
        reasoning_effort: request.reply.reasoning_effort.clone(),
        reply_so_far: request.reply_so_far.clone(),
    };
    let segments = match template {
        Ok(template) => template.render(&request.messages, &options),
        Err(error) => Err(error.clone()),
    };
    let mut segments = segments.map_err(|error| EngineError {
        kind: ErrorKind::Template,
        what: "making the prompt".into(),
        why: error.to_string(),
        hint: "the template is part of the model file; another conversion of the model may bring a working one".into(),
    })?;
    let thinking = reasoning::meet(&mut segments);
    Ok(Made {
        tokens: tokenize(&segments, vocab),
        thinking,
    })
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
            SegmentKind::Content => run.push(&segment.text),
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

    fn trim_end(&mut self) {
        self.text.truncate(self.text.trim_end().len());
    }

    fn end(&mut self, vocab: Vocab<'_>, tokens: &mut Vec<i32>) {
        vocab.tokenize(&self.text, Special::AsText, tokens);
        *self = Self::default();
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
