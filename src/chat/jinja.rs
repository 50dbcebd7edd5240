//! The Jinja environment that transformers gives chat templates, in minijinja.

use jiff::{Timestamp, fmt::strtime, tz::TimeZone};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, escape_formatter};
use minijinja_contrib::globals::joiner;

use super::{filters, methods, python, source};

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
pub fn environment(template: &str) -> Result<Environment<'static>, Error> {
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
    env.add_function("dict", python::dict);
    env.add_function("joiner", joiner);
    filters::add(&mut env);
    env.add_test("callable", python::is_callable);
    env.add_test("sequence", python::is_sequence);
    env.add_test("iterable", python::is_sequence);
    env.add_template_owned(NAME, source::prepare(template).into_owned())?;
    Ok(env)
}

fn format_like_python(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::String => escape_formatter(out, state, value),
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
