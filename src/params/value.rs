//! One value of a parameter: parsing, range checks, display.

use super::text;
use super::{DefaultValue, Kind, Spec, Support};

/// A value; which variant is right follows from the parameter's [`Kind`].
/// Choices and free text are `Text`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
}

/// Why a value was refused. The message names the parameter, the value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("{name}: '{given}' is not {expected}")]
    Malformed {
        name: &'static str,
        given: String,
        expected: String,
    },
    #[error("{name}: {given} is outside {min} to {max}")]
    OutOfRange {
        name: &'static str,
        given: String,
        min: String,
        max: String,
    },
    #[error("{name} is known but cannot be set: {reason}")]
    Missing {
        name: &'static str,
        reason: &'static str,
    },
}

impl Spec {
    /// The default as a value.
    pub fn default_value(&self) -> Value {
        match self.default {
            DefaultValue::Int(number) => Value::Int(number),
            DefaultValue::Float(number) => Value::Float(number),
            DefaultValue::Bool(on) => Value::Bool(on),
            DefaultValue::Text(text) => Value::Text(text.to_owned()),
        }
    }

    /// Reads what a user typed: a number (whole ones also as `32k` = 32 × 1024), a word of the
    /// kind, `on`/`off`, a choice, or text in the form of the hint.
    ///
    /// # Errors
    /// When it is malformed, out of range, or the parameter is not supported.
    pub fn parse(&self, text: &str) -> Result<Value, ValueError> {
        let value = self
            .read(text)
            .ok_or_else(|| self.malformed(text, self.expected()))?;
        let value = match value {
            Value::Text(text) if matches!(self.kind, Kind::Text { .. }) => Value::Text(
                text::normalise(self.param, &text).map_err(|why| self.malformed(&text, why))?,
            ),
            other => other,
        };
        self.check(&value)?;
        Ok(value)
    }

    /// Checks kind and range.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn check(&self, value: &Value) -> Result<(), ValueError> {
        if let Support::Missing(reason) = self.support {
            return Err(ValueError::Missing {
                name: self.name,
                reason,
            });
        }
        match (self.kind, value) {
            (
                Kind::Int {
                    min, max, words, ..
                },
                Value::Int(number),
            ) => {
                let allowed =
                    (min..=max).contains(number) || words.iter().any(|(_, of)| of == number);
                if allowed {
                    Ok(())
                } else {
                    Err(self.out_of_range(value, min.to_string(), max.to_string()))
                }
            }
            (
                Kind::Float {
                    min, max, words, ..
                },
                Value::Float(number),
            ) => {
                let allowed =
                    (min..=max).contains(number) || words.iter().any(|(_, of)| of == number);
                if allowed {
                    Ok(())
                } else {
                    Err(self.out_of_range(value, format!("{min:?}"), format!("{max:?}")))
                }
            }
            (Kind::Bool, Value::Bool(_)) => Ok(()),
            (Kind::Choice(choices), Value::Text(text)) if choices.contains(&text.as_str()) => {
                Ok(())
            }
            (Kind::Text { .. }, Value::Text(text)) => match text::normalise(self.param, text) {
                Ok(_) => Ok(()),
                Err(why) => Err(self.malformed(text, why)),
            },
            _ => Err(self.malformed(&self.format(value), self.expected())),
        }
    }

    /// The value as a user reads and types it: `auto`, `off`, `0.8`, `4096`.
    pub fn format(&self, value: &Value) -> String {
        let word = match (self.kind, value) {
            (Kind::Int { words, .. }, Value::Int(number)) => {
                words.iter().find(|(_, of)| of == number).map(|w| w.0)
            }
            (Kind::Float { words, .. }, Value::Float(number)) => {
                words.iter().find(|(_, of)| of == number).map(|w| w.0)
            }
            _ => None,
        };
        match (word, value) {
            (Some(word), _) => word.to_owned(),
            (None, Value::Int(number)) => number.to_string(),
            (None, Value::Float(number)) => format!("{number:?}"),
            (None, Value::Bool(on)) => if *on { "on" } else { "off" }.to_owned(),
            (None, Value::Text(text)) => text.clone(),
        }
    }

    /// What this parameter takes, for messages: "a whole number from 0 to 9999, auto or all".
    pub fn expected(&self) -> String {
        match self.kind {
            Kind::Int {
                min, max, words, ..
            } => {
                format!(
                    "a whole number from {min} to {max}{}",
                    or_words(words.iter().map(|w| w.0))
                )
            }
            Kind::Float {
                min, max, words, ..
            } => {
                format!(
                    "a number from {min:?} to {max:?}{}",
                    or_words(words.iter().map(|w| w.0))
                )
            }
            Kind::Bool => "on or off".to_owned(),
            Kind::Choice(choices) => format!("one of {}", choices.join(", ")),
            Kind::Text { hint } => hint.to_owned(),
        }
    }

    /// Reads the text by kind alone, without range or support.
    fn read(&self, text: &str) -> Option<Value> {
        let short = text.trim();
        match self.kind {
            Kind::Int { words, .. } => word(words, short).or_else(|| whole(short)).map(Value::Int),
            Kind::Float { words, .. } => word(words, short)
                .or_else(|| short.parse().ok().filter(|number: &f64| number.is_finite()))
                .map(Value::Float),
            Kind::Bool => switch(short).map(Value::Bool),
            Kind::Choice(choices) => {
                choice(choices, short).map(|found| Value::Text(found.to_owned()))
            }
            Kind::Text { .. } => Some(Value::Text(text.to_owned())),
        }
    }

    fn malformed(&self, given: &str, expected: String) -> ValueError {
        ValueError::Malformed {
            name: self.name,
            given: given.to_owned(),
            expected,
        }
    }

    fn out_of_range(&self, given: &Value, min: String, max: String) -> ValueError {
        ValueError::OutOfRange {
            name: self.name,
            given: self.format(given),
            min,
            max,
        }
    }
}

fn or_words(words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<_> = words.collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(", or {}", words.join(" or "))
    }
}

fn word<T: Copy>(words: &[(&str, T)], text: &str) -> Option<T> {
    words
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text))
        .map(|(_, number)| *number)
}

/// A whole number: `4096`, `4096.0`, `4k`.
fn whole(text: &str) -> Option<i64> {
    if let Some(thousands) = text.strip_suffix(['k', 'K']) {
        return thousands.trim().parse::<i64>().ok()?.checked_mul(1024);
    }
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        let exact = number.fract() == 0.0 && number.abs() < 9e15;
        exact.then_some(number as i64)
    })
}

/// A switch in the words of llama.cpp, Ollama and TOML.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "enabled" | "1" => Some(true),
        "off" | "false" | "no" | "disabled" | "0" => Some(false),
        _ => None,
    }
}

/// A choice, in any case; where `on` or `off` is a choice, `true` and `false` mean it.
fn choice(choices: &'static [&'static str], text: &str) -> Option<&'static str> {
    let exact = choices
        .iter()
        .find(|choice| choice.eq_ignore_ascii_case(text));
    let switched = || {
        let wanted = if switch(text)? { "on" } else { "off" };
        choices.iter().find(|choice| **choice == wanted)
    };
    exact.or_else(switched).copied()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::params::{Param, TABLE, spec};

    #[test]
    fn words_and_numbers_are_read_and_shown() {
        for (param, text, shown) in [
            (Param::NGpuLayers, "auto", "auto"),
            (Param::NGpuLayers, "-1", "auto"),
            (Param::NGpuLayers, "ALL", "all"),
            (Param::NGpuLayers, " 12 ", "12"),
            (Param::CtxSize, "0", "model"),
            (Param::CtxSize, "32k", "32768"),
            (Param::CtxSize, "4096.0", "4096"),
            (Param::Seed, "-1", "random"),
            (Param::Temp, "0", "greedy"),
            (Param::Temp, "0.80", "0.8"),
            (Param::Temp, "1", "1.0"),
            (Param::MinP, "0.05", "0.05"),
            (Param::TopP, "1", "off"),
            (Param::XtcThreshold, "1.0", "off"),
            (Param::KvOffload, "false", "off"),
            (Param::FlashAttn, "true", "on"),
            (Param::Reasoning, "0", "off"),
            (Param::CacheTypeK, "Q8_0", "q8_0"),
            (Param::Samplers, "kt", "top_k;temperature"),
        ] {
            let row = spec(param);
            let value = row.parse(text).unwrap();
            assert_eq!(row.format(&value), shown, "{} {text}", row.name);
        }
    }

    #[test]
    fn errors_name_the_parameter_the_value_and_what_is_allowed() {
        for (param, text, message) in [
            (
                Param::TopK,
                "many",
                "top-k: 'many' is not a whole number from 0 to 1000000, or off",
            ),
            (Param::Temp, "-1", "temp: -1.0 is outside 0.0 to 10.0"),
            (
                Param::CtxSize,
                "12",
                "ctx-size: 12 is outside 256 to 16777216",
            ),
            (
                Param::Temp,
                "nan",
                "temp: 'nan' is not a number from 0.0 to 10.0, or greedy",
            ),
            (
                Param::SplitMode,
                "diagonal",
                "split-mode: 'diagonal' is not one of none, layer, row, tensor",
            ),
            (Param::Fit, "maybe", "fit: 'maybe' is not on or off"),
            (
                Param::TensorSplit,
                "x",
                "tensor-split: 'x' is not one share a device, such as 3,1",
            ),
        ] {
            assert_eq!(spec(param).parse(text).unwrap_err().to_string(), message);
        }
        let missing = spec(Param::ReasoningBudget)
            .parse("3")
            .unwrap_err()
            .to_string();
        assert!(missing.starts_with("reasoning-budget is known but cannot be set: "));
    }

    #[test]
    fn a_value_of_another_kind_is_refused() {
        assert!(spec(Param::TopK).check(&Value::Bool(true)).is_err());
        assert!(spec(Param::Temp).check(&Value::Float(f64::NAN)).is_err());
        assert!(
            spec(Param::FlashAttn)
                .check(&Value::Text("perhaps".into()))
                .is_err()
        );
    }

    #[test]
    fn every_default_is_allowed_and_survives_being_typed() {
        for row in TABLE.iter().filter(|row| row.support == Support::Yes) {
            let default = row.default_value();
            assert_eq!(row.check(&default), Ok(()), "{}", row.name);
            assert_eq!(
                row.parse(&row.format(&default)),
                Ok(default),
                "{}",
                row.name
            );
        }
    }

    /// Any allowed value of a row, made from random numbers.
    pub(crate) fn any_value(row: &Spec, pick: u64, text: &str) -> Option<Value> {
        let part = (pick % 10_001) as f64 / 10_000.0;
        let value = match row.kind {
            Kind::Int {
                min, max, words, ..
            } => match words.get((pick % 5) as usize) {
                Some((_, number)) => Value::Int(*number),
                None => Value::Int(min + (part * (max - min) as f64) as i64),
            },
            Kind::Float {
                min, max, words, ..
            } => match words.get((pick % 5) as usize) {
                Some((_, number)) => Value::Float(*number),
                None => Value::Float((min + part * (max - min)).clamp(min, max)),
            },
            Kind::Bool => Value::Bool(pick.is_multiple_of(2)),
            Kind::Choice(choices) => Value::Text(choices[pick as usize % choices.len()].to_owned()),
            Kind::Text { .. } => row.parse(text).unwrap_or_else(|_| row.default_value()),
        };
        (row.support == Support::Yes).then_some(value)
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_typed(pick: u64, text in "([a-z:]{1,4}[,;=+-]){0,3}[0-9]{0,3}") {
            for row in TABLE {
                let Some(value) = any_value(row, pick, &text) else { continue };
                prop_assert_eq!(row.parse(&row.format(&value)), Ok(value), "{}", row.name);
            }
        }

        #[test]
        fn parsing_never_panics(text in ".{0,24}") {
            for row in TABLE {
                if let Ok(value) = row.parse(&text) {
                    prop_assert_eq!(row.check(&value), Ok(()));
                }
            }
        }
    }
}
