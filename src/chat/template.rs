//! The model's own Jinja chat template, rendered as transformers would.
//!
//! Which characters come from a content is known exactly for any template that only tests,
//! strips, splits, joins and prints contents: a second rendering has each content between marks,
//! and its text without them must equal the plain rendering. For a template that slices or
//! compares contents and so tells the two apart, everything that cannot be the template's for
//! certain counts as content (`shapes`): no typed control token ever becomes one.
//!
//! A template is a program from a file that somebody uploaded. It reaches nothing but the
//! messages, and its steps and output are bounded; the memory of its variables is not.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use minijinja::{Environment, Error, ErrorKind, Value};

use super::conversation::{Conversation, has_harmless_names};
use super::marked::{Marked, has_marks};
use super::{Message, Segment, SegmentKind, jinja, named, shapes};

/// Output beyond the contents themselves, and how many times a template may repeat those.
const MAX_OUTPUT: usize = 1 << 20;
const MAX_REPEATS: usize = 16;

/// What stands in for a system message to see whether the template heeds any.
const OTHER_SYSTEM: &str = "another system message";

/// A compiled chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    env: Environment<'static>,
    bos: String,
    eos: String,
}

/// What a template is given beside the messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TemplateOptions {
    /// Not empty = a system message before all others.
    pub system: String,
    /// `Some` is passed as `enable_thinking` and `thinking`.
    pub thinking: Option<bool>,
    /// Not empty = passed as `reasoning_effort`.
    pub reasoning_effort: String,
    /// The beginning of the assistant's reply, when one is continued.
    pub reply_so_far: String,
}

/// A template that could not be compiled or rendered; says where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chat template failed{}: {reason}", .line.map(|line| format!(" at line {line}")).unwrap_or_default())]
pub struct TemplateError {
    pub line: Option<usize>,
    pub reason: String,
}

impl ChatTemplate {
    /// Compiles a template; `bos` and `eos` are the texts of those tokens, as templates expect them.
    ///
    /// # Errors
    /// When the source is not valid Jinja.
    pub fn new(source: &str, bos: &str, eos: &str) -> Result<Self, TemplateError> {
        Ok(Self {
            env: contained(|| jinja::environment(source))?,
            bos: bos.to_owned(),
            eos: eos.to_owned(),
        })
    }

    /// The ChatML template, for models that bring none.
    pub fn chatml() -> Self {
        let env = jinja::environment(named::CHATML).unwrap_or_default();
        Self {
            env,
            bos: String::new(),
            eos: "<|im_end|>".to_owned(),
        }
    }

    /// Renders a conversation up to where the assistant speaks; neighbouring segments differ in
    /// kind and none is empty.
    ///
    /// Where a template refuses system messages or leaves them out, they are put before the text
    /// of the first user message instead.
    ///
    /// # Errors
    /// When the template refuses the messages or fails.
    pub fn render(
        &self,
        messages: &[Message],
        options: &TemplateOptions,
    ) -> Result<Vec<Segment>, TemplateError> {
        self.render_all(Conversation::from(messages), options)
    }

    /// The same for messages with all their fields, tools, documents and variables.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_all(
        &self,
        conversation: Conversation,
        options: &TemplateOptions,
    ) -> Result<Vec<Segment>, TemplateError> {
        let run = Run::new(self, options)?;
        let (taken, plain) = run.plain(conversation.with_system(&options.system))?;
        let marked = run.marked(&taken).filter(|marked| marked.text == plain);
        let marked = marked.unwrap_or_else(|| {
            let contents = taken.contents();
            let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
            shapes::guess(&plain, &contents, &[&self.bos, &self.eos])
        });
        Ok(segments(marked, &options.reply_so_far))
    }
}

/// One call of `render`: what all its renderings share.
struct Run<'a> {
    template: &'a ChatTemplate,
    context: BTreeMap<&'static str, Value>,
}

impl<'a> Run<'a> {
    fn new(template: &'a ChatTemplate, options: &TemplateOptions) -> Result<Self, TemplateError> {
        let effort = &options.reasoning_effort;
        if !effort
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        {
            let reason = format!(
                "the reasoning effort {effort:?} should be one word, such as low, medium or high"
            );
            return Err(TemplateError { line: None, reason });
        }
        let mut context = BTreeMap::from([
            ("bos_token", Value::from(&template.bos)),
            ("eos_token", Value::from(&template.eos)),
            ("add_generation_prompt", Value::from(true)),
            ("tools", Value::from(())),
            ("documents", Value::from(())),
            (jinja::NOW, Value::from(Timestamp::now().as_millisecond())),
        ]);
        if let Some(thinking) = options.thinking {
            context.insert("enable_thinking", thinking.into());
            context.insert("thinking", thinking.into());
        }
        if !effort.is_empty() {
            context.insert("reasoning_effort", effort.into());
        }
        Ok(Self { template, context })
    }

    /// The text a template makes of a conversation, and the conversation as it took it.
    fn plain(&self, given: Conversation) -> Result<(Conversation, String), TemplateError> {
        let direct = self.text(&given);
        if !direct
            .as_ref()
            .is_ok_and(|text| self.heeds_system(&given, text))
            && let Some(merged) = given.without_system()
            && let Ok(text) = self.text(&merged)
        {
            return Ok((merged, text));
        }
        Ok((given, direct?))
    }

    /// Whether what the system said has any part in the text: it is in it, or the text would be
    /// another without it.
    fn heeds_system(&self, given: &Conversation, text: &str) -> bool {
        given.system().all(|said| text.contains(said.trim()))
            || self
                .text(&given.with_other_system(OTHER_SYSTEM))
                .map_or(true, |other| other != text)
    }

    /// The same with the contents marked; `None` when that cannot be.
    fn marked(&self, given: &Conversation) -> Option<Marked> {
        let source = self.template.env.get_template(jinja::NAME).ok()?;
        let others = [source.source(), &self.template.bos, &self.template.eos];
        let marks = others.into_iter().any(has_marks)
            || given.contents().iter().any(|text| has_marks(text));
        if marks || !has_harmless_names(given) {
            return None;
        }
        Marked::decode(&self.text(&given.marked()).ok()?)
    }

    fn text(&self, given: &Conversation) -> Result<String, TemplateError> {
        let mut context: BTreeMap<&str, Value> = self.context.clone();
        for (name, value) in &given.variables {
            context.insert(name, value.clone());
        }
        context.insert("messages", Value::from(given.messages.clone()));
        let bytes: usize = given.contents().iter().map(String::len).sum();
        let mut out = Bounded {
            text: Vec::new(),
            room: MAX_OUTPUT + MAX_REPEATS * bytes,
        };
        contained(|| {
            let template = self.template.env.get_template(jinja::NAME)?;
            template.render_captured_to(context, &mut out).map(drop)
        })?;
        Ok(String::from_utf8_lossy(&out.text).into_owned())
    }
}

/// Runs a part of minijinja. It panics on some slices that step backwards (3.0.5); a template from
/// a file must not end the program.
fn contained<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, TemplateError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => Ok(result?),
        Err(_) => Err(TemplateError {
            line: None,
            reason: "the template engine cannot do what it asks for, such as a slice that steps \
                     backwards beyond the end"
                .to_owned(),
        }),
    }
}

fn segments(marked: Marked, reply_so_far: &str) -> Vec<Segment> {
    let mut out: Vec<Segment> = Vec::new();
    let mut push = |kind, text: &str| match out.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.kind == kind => last.text.push_str(text),
        _ => out.push(Segment {
            kind,
            text: text.to_owned(),
        }),
    };
    let mut done = 0;
    for span in marked.spans {
        push(SegmentKind::Template, &marked.text[done..span.start]);
        push(SegmentKind::Content, &marked.text[span.clone()]);
        done = span.end;
    }
    push(SegmentKind::Template, &marked.text[done..]);
    push(SegmentKind::Content, reply_so_far);
    out
}

/// Collects output up to a limit.
struct Bounded {
    text: Vec<u8>,
    room: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room = self.room.checked_sub(bytes.len()).ok_or_else(|| {
            io::Error::other("the template writes far more text than the conversation has")
        })?;
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<Error> for TemplateError {
    fn from(error: Error) -> Self {
        let reason = match (
            error.kind(),
            error.detail(),
            std::error::Error::source(&error),
        ) {
            (ErrorKind::OutOfFuel, ..) => "it takes far too many steps".to_owned(),
            (ErrorKind::WriteFailure, _, Some(source)) => source.to_string(),
            (ErrorKind::InvalidOperation, Some(detail), _) => detail.to_owned(),
            (kind, Some(detail), _) => format!("{kind}: {detail}"),
            (kind, None, _) => kind.to_string(),
        };
        Self {
            line: error.line(),
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
