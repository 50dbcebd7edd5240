//! The Jinja environment that transformers gives chat templates, in minijinja.

use std::borrow::Cow;

use jiff::{Timestamp, fmt::strtime, tz::TimeZone};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, escape_formatter};

use super::{json, methods, python};

/// The name of the one template of an environment.
pub const NAME: &str = "chat template";
/// The variable that holds the time of rendering, in milliseconds: one moment for all renderings.
pub const NOW: &str = "_now_ms";
/// Steps a rendering may take: some hundred a message are usual.
const FUEL: u64 = 10_000_000;

/// Compiles a template with the settings, functions and filters that templates count on.
///
/// # Errors
/// When the source is not valid.
pub fn environment(source: &str) -> Result<Environment<'static>, Error> {
    let mut env = Environment::new();
    env.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    env.set_fuel(Some(FUEL));
    env.set_formatter(format_like_python);
    env.set_unknown_method_callback(methods::call);
    env.add_function("raise_exception", raise_exception);
    env.add_function("strftime_now", strftime_now);
    env.add_filter("tojson", json::tojson);
    env.add_filter("trim", methods::trim);
    env.add_filter("length", methods::length);
    env.add_filter("count", methods::length);
    env.add_filter("string", python::string);
    env.add_test("sequence", python::is_sequence);
    env.add_test("iterable", python::is_iterable);
    env.add_template_owned(NAME, without_generation_tags(source).into_owned())?;
    Ok(env)
}

fn format_like_python(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::String | ValueKind::Number => {
            escape_formatter(out, state, value)
        }
        _ => Ok(out.write_str(&python::text(value)?)?),
    }
}

fn raise_exception(reason: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, reason))
}

fn strftime_now(state: &State, format: &str) -> Result<String, Error> {
    let bad = |error: jiff::Error| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!("strftime_now({format:?}): {error}"),
        )
    };
    let millis = state
        .lookup(NOW)
        .and_then(|now| i64::try_from(now).ok())
        .unwrap_or_default();
    let now = Timestamp::from_millisecond(millis)
        .map_err(bad)?
        .to_zoned(TimeZone::system());
    strtime::format(format, &now).map_err(bad)
}

/// `{% generation %}` marks the assistant's text for training; to rendering it is nothing.
fn without_generation_tags(source: &str) -> Cow<'_, str> {
    if !source.contains("generation") {
        return Cow::Borrowed(source);
    }
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, tag)) = rest.split_once("{%") {
        let Some((inside, after)) = tag.split_once("%}") else {
            break;
        };
        let word = inside.trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace());
        let inside = match word {
            "generation" => Cow::Owned(inside.replacen(word, "if true", 1)),
            "endgeneration" => Cow::Owned(inside.replacen(word, "endif", 1)),
            _ => Cow::Borrowed(inside),
        };
        out.push_str(before);
        out.push_str("{%");
        out.push_str(&inside);
        out.push_str("%}");
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}
