//! Values as Python prints and tests them.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind};

/// Values nested deeper than this are refused.
const MAX_DEPTH: usize = 64;

/// `str(value)`
pub fn text(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Undefined => Ok(String::new()),
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        _ => {
            let mut out = String::new();
            write(value, &mut out, 0)?;
            Ok(out)
        }
    }
}

/// A number as Python prints it: the shortest digits that mean it, from 1e16 on and below 1e-4 with an exponent.
pub fn number(value: &Value) -> String {
    let plain = value.to_string();
    if value.is_integer() {
        return plain;
    }
    let Ok(float) = f64::try_from(value.clone()) else {
        return plain;
    };
    if !float.is_finite() {
        return plain.to_lowercase();
    }
    let scientific = format!("{float:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) => match exponent.parse::<i32>() {
            Ok(power @ (..-4 | 16..)) => {
                let sign = if power < 0 { '-' } else { '+' };
                format!("{digits}e{sign}{:02}", power.abs())
            }
            _ => plain,
        },
        None => plain,
    }
}

/// The filter `string`.
pub fn string(value: &Value) -> Result<String, Error> {
    text(value)
}

/// The function `dict`: of a mapping or of pairs, and of names with their values.
pub fn dict(given: Option<&Value>, named: Kwargs) -> Result<Value, Error> {
    let mut members: Vec<(Value, Value)> = Vec::new();
    if let Some(given) = given {
        for item in given.try_iter()? {
            members.push(match given.kind() {
                ValueKind::Map => (item.clone(), given.get_item(&item)?),
                _ => (item.get_item_by_index(0)?, item.get_item_by_index(1)?),
            });
        }
    }
    for name in named.args() {
        members.push((name.into(), named.get(name)?));
    }
    Ok(Value::from_pairs(members))
}

/// The test `callable`.
pub fn is_callable(value: &Value) -> bool {
    value.kind() == ValueKind::Plain
}

/// The test `sequence`: what has a length and items by number or name, texts and objects too, and
/// parts of a list, which come as iterables.
pub fn is_sequence(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::Seq
            | ValueKind::String
            | ValueKind::Map
            | ValueKind::Iterable
            | ValueKind::Undefined
    )
}

/// `repr(value)`
fn write(value: &Value, out: &mut String, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        let reason = "the value is nested too deeply to be printed";
        return Err(Error::new(ErrorKind::InvalidOperation, reason));
    }
    match value.kind() {
        ValueKind::None => out.push_str("None"),
        ValueKind::Bool if value.is_true() => out.push_str("True"),
        ValueKind::Bool => out.push_str("False"),
        ValueKind::Number => out.push_str(&number(value)),
        ValueKind::String => quoted(value.as_str().unwrap_or_default(), out),
        ValueKind::Seq | ValueKind::Iterable => {
            let tuple = value.is_tuple();
            out.push(if tuple { '(' } else { '[' });
            for (at, item) in value.try_iter()?.enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write(&item, out, depth + 1)?;
            }
            if tuple && value.len() == Some(1) {
                out.push(',');
            }
            out.push(if tuple { ')' } else { ']' });
        }
        ValueKind::Map => {
            out.push('{');
            for (at, key) in value.try_iter()?.enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write(&key, out, depth + 1)?;
                out.push_str(": ");
                write(&value.get_item(&key)?, out, depth + 1)?;
            }
            out.push('}');
        }
        _ => out.push_str(&value.to_string()),
    }
    Ok(())
}

/// A string in the quotes that Python chooses.
fn quoted(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_shown(c) => out.push(c),
            c => out.push_str(&match u32::from(c) {
                code @ ..0x100 => format!("\\x{code:02x}"),
                code => format!("\\u{code:04x}"),
            }),
        }
    }
    out.push(quote);
}

/// Whether Python shows a character as it is; those of common use that it does not are here: control
/// characters, spaces but the plain one, and marks of direction and width.
fn is_shown(c: char) -> bool {
    c == ' '
        || !(c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
}

#[cfg(test)]
mod tests {
    use minijinja::Environment;

    use super::*;

    #[test]
    fn values_print_as_in_python() {
        let env = Environment::new();
        let value = env
            .compile_expression("{'a': [1, 2.5, true, none], 'b': \"it's\", 'c': 'a\\n\"\\''}")
            .and_then(|e| e.eval(()))
            .expect("a value");
        assert_eq!(
            text(&value).expect("prints"),
            "{'a': [1, 2.5, True, None], 'b': \"it's\", 'c': 'a\\n\"\\''}"
        );
    }

    #[test]
    fn numbers_print_as_in_python() {
        let shown = |value: Value| number(&value);
        assert_eq!(
            shown(Value::from(12_345_678_901_234_567_890u64)),
            "12345678901234567890"
        );
        let floats = [
            1.0,
            -2.5,
            1e15,
            1e16,
            1.5e20,
            1e-4,
            1e-5,
            1e-7,
            2.5e-100,
            f64::NAN,
        ];
        let printed = floats.map(|float| shown(float.into()));
        let python = "1.0 -2.5 1000000000000000.0 1e+16 1.5e+20 0.0001 1e-05 1e-07 2.5e-100 nan";
        assert_eq!(printed.join(" "), python);
    }
}
