//! Jinja's filters where minijinja's differ from them, on text that may carry marks.

use minijinja::value::{Kwargs, Tuple, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use super::marked::Marked;
use super::{json, methods, python};

/// Gives the filters to an environment, in place of its own.
pub fn add(env: &mut Environment) {
    env.add_filter("tojson", json::tojson);
    env.add_filter("trim", trim);
    env.add_filter("length", length);
    env.add_filter("count", length);
    env.add_filter("string", python::string);
    env.add_filter("items", items);
    env.add_filter("replace", replace);
    env.add_filter("int", int);
    env.add_filter("float", float);
    for name in ["e", "escape", "forceescape"] {
        env.add_filter(name, escape);
    }
}

/// `trim`, which is `strip` by another name.
fn trim(value: &Value, chars: Option<&str>) -> Result<Value, Error> {
    Ok(methods::strip(&python::text(value)?, chars))
}

/// `length`: characters of a text, marks not counted.
fn length(value: &Value) -> Result<usize, Error> {
    match value.as_str() {
        Some(encoded) => Ok(Marked::read(encoded).text.chars().count()),
        None if value.is_undefined() => Ok(0),
        None => value
            .len()
            .ok_or_else(|| invalid(&format!("{} has no length", value.kind()))),
    }
}

/// `items`: pairs of a mapping, none of what is not there.
fn items(value: &Value) -> Result<Vec<Value>, Error> {
    match value.kind() {
        ValueKind::Undefined => Ok(Vec::new()),
        ValueKind::Map => value
            .try_iter()?
            .map(|key| Ok(Tuple::from([key.clone(), value.get_item(&key)?]).into()))
            .collect(),
        kind => Err(invalid(&format!(
            "items: {kind} is not a mapping of names to values"
        ))),
    }
}

/// `replace(old, new, count)`
fn replace(value: &Value, old: &str, new: &str, count: Option<usize>) -> Result<String, Error> {
    let text = python::text(value)?;
    Ok(match count {
        Some(count) => text.replacen(old, new, count),
        None => text.replace(old, new),
    })
}

/// `int(default=0, base=10)`: the default for what is no number.
fn int(
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    named: Kwargs,
) -> Result<Value, Error> {
    let default = default
        .map_or_else(|| named.get("default"), |given| Ok(Some(given)))?
        .unwrap_or_else(|| Value::from(0));
    let base = base
        .map_or_else(|| named.get("base"), |given| Ok(Some(given)))?
        .unwrap_or(10);
    named.assert_all_used()?;
    let read = match value.as_str() {
        None => number(value).map(f64::trunc),
        Some(encoded) => {
            let text = Marked::read(encoded).text;
            if let Some(whole) = whole(text.trim(), base) {
                return Ok(whole.into());
            }
            text.trim().parse().ok().map(f64::trunc)
        }
    };
    // A float beyond these has no exact whole number to give.
    let fits = |float: &f64| float.abs() < i64::MAX as f64;
    Ok(match read.filter(fits) {
        Some(float) => (float as i64).into(),
        None => default,
    })
}

/// A whole number in a base of 2 to 36, with the prefix of that base or without.
fn whole(text: &str, base: u32) -> Option<i64> {
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        3..=36 => "",
        _ => return None,
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let digits = digits.strip_prefix(prefix).unwrap_or(digits);
    i64::from_str_radix(&format!("{sign}{digits}"), base).ok()
}

/// `float(default=0.0)`: the default for what is no number.
fn float(value: &Value, default: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let default = default
        .map_or_else(|| named.get("default"), |given| Ok(Some(given)))?
        .unwrap_or_else(|| Value::from(0.0));
    named.assert_all_used()?;
    let read = match value.as_str() {
        Some(encoded) => Marked::read(encoded).text.trim().parse().ok(),
        None => number(value),
    };
    Ok(read.map_or(default, Value::from))
}

/// A number, or a truth value as the number that Python takes it for.
fn number(value: &Value) -> Option<f64> {
    match value.kind() {
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        _ => f64::try_from(value.clone()).ok(),
    }
}

/// `escape`, with the entities that MarkupSafe writes.
fn escape(value: &Value) -> Result<String, Error> {
    let text = python::text(value)?;
    if value.is_safe() {
        return Ok(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    Ok(out)
}

fn invalid(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str) -> String {
        let mut env = Environment::new();
        add(&mut env);
        env.render_str(source, ()).expect("renders")
    }

    #[test]
    fn numbers_are_read_as_in_python() {
        let ints = "{{ '3'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ '3.7'|int }} {{ -3.7|int }} {{ '0x1f'|int(base=16) }} {{ none|int }} {{ true|int }} {{ ' 12\n'|int(default=-1) }}";
        assert_eq!(render(ints), "3 0 7 3 -3 31 0 1 12");
        let floats = "{{ '3.5'|float }} {{ 'x'|float }} {{ 3|float }} {{ 'x'|float(1.5) }}";
        assert_eq!(render(floats), "3.5 0.0 3.0 1.5");
    }

    #[test]
    fn texts_are_replaced_and_escaped_as_in_python() {
        let replaced = "{{ 'aaa'|replace('a', 'b') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ 5|replace('5', '6') }}";
        assert_eq!(render(replaced), "bbb bba 6");
        assert_eq!(
            render("{{ '<a> & \"b\" \\'c\\''|e }}"),
            "&lt;a&gt; &amp; &#34;b&#34; &#39;c&#39;"
        );
    }

    #[test]
    fn what_is_not_there_has_no_items() {
        let pairs = "{% for k, v in {'a': 1}|items %}{{ k }}{{ v }}{% endfor %}";
        assert_eq!(render(pairs), "a1");
        let none = "{% for k, v in missing|items %}{{ k }}{% else %}none{% endfor %}";
        assert_eq!(render(none), "none");
    }
}
