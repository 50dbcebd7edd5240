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

use jiff::Timestamp;
use minijinja::{Environment, Error, ErrorKind, Value};

use super::marked::{Marked, has_marks};
use super::{Message, Role, Segment, SegmentKind, jinja, shapes};

/// Output beyond the contents themselves, and how many times a template may repeat those.
const MAX_OUTPUT: usize = 1 << 20;
const MAX_REPEATS: usize = 16;

/// ChatML, which most models without a template of their own follow.
const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\
                      {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

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
    /// `Some` is passed as `enable_thinking`.
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
            env: jinja::environment(source)?,
            bos: bos.to_owned(),
            eos: eos.to_owned(),
        })
    }

    /// The ChatML template, for models that bring none.
    pub fn chatml() -> Self {
        let env = jinja::environment(CHATML).unwrap_or_default();
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
        let run = Run::new(self, options)?;
        let (messages, plain) = run.plain(with_system(messages, &options.system))?;
        let contents: Vec<&str> = messages.iter().map(|m| m.content.as_str()).collect();
        let marked = run.marked(&messages).filter(|marked| marked.text == plain);
        let marked =
            marked.unwrap_or_else(|| shapes::guess(&plain, &contents, &[&self.bos, &self.eos]));
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
        }
        if !effort.is_empty() {
            context.insert("reasoning_effort", effort.into());
        }
        Ok(Self { template, context })
    }

    /// The text a template makes of the messages, and the messages as it took them.
    fn plain(&self, messages: Vec<Message>) -> Result<(Vec<Message>, String), TemplateError> {
        let direct = self.text(&messages, str::to_owned);
        let heard = |text: &String| {
            messages
                .iter()
                .all(|m| m.role != Role::System || text.contains(m.content.trim()))
        };
        if !direct.as_ref().is_ok_and(heard)
            && let Some(merged) = without_system(&messages)
            && let Ok(text) = self.text(&merged, str::to_owned)
        {
            return Ok((merged, text));
        }
        Ok((messages, direct?))
    }

    /// The same with the contents marked; `None` when that cannot be.
    fn marked(&self, messages: &[Message]) -> Option<Marked> {
        let source = self.template.env.get_template(jinja::NAME).ok()?;
        let others = [source.source(), &self.template.bos, &self.template.eos];
        if others
            .into_iter()
            .chain(messages.iter().map(|m| m.content.as_str()))
            .any(has_marks)
        {
            return None;
        }
        let text = self
            .text(messages, |content| Marked::content(content).encode())
            .ok()?;
        Marked::decode(&text)
    }

    fn text(
        &self,
        messages: &[Message],
        content: impl Fn(&str) -> String,
    ) -> Result<String, TemplateError> {
        let mut context = self.context.clone();
        let list: Vec<Value> = messages
            .iter()
            .map(|m| message_value(m.role, content(&m.content)))
            .collect();
        context.insert("messages", list.into());
        let bytes: usize = messages.iter().map(|m| m.content.len()).sum();
        let mut out = Bounded {
            text: Vec::new(),
            room: MAX_OUTPUT + MAX_REPEATS * bytes,
        };
        self.template
            .env
            .get_template(jinja::NAME)?
            .render_captured_to(context, &mut out)?;
        Ok(String::from_utf8_lossy(&out.text).into_owned())
    }
}

fn message_value(role: Role, content: String) -> Value {
    let role = match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    Value::from_pairs([
        ("role", Value::from(role)),
        ("content", Value::from(content)),
    ])
}

fn with_system(messages: &[Message], system: &str) -> Vec<Message> {
    let first = (!system.is_empty()).then(|| Message {
        role: Role::System,
        content: system.to_owned(),
    });
    first.into_iter().chain(messages.iter().cloned()).collect()
}

/// The messages with all that the system said put before what the user said first.
fn without_system(messages: &[Message]) -> Option<Vec<Message>> {
    let (system, mut others): (Vec<_>, Vec<_>) = messages
        .iter()
        .cloned()
        .partition(|m| m.role == Role::System);
    if system.is_empty() {
        return None;
    }
    let user = others.iter_mut().find(|m| m.role == Role::User)?;
    let mut texts: Vec<String> = system.into_iter().map(|m| m.content).collect();
    texts.push(std::mem::take(&mut user.content));
    user.content = texts.join("\n\n");
    Some(others)
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
