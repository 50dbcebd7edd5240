//! Reading TOML into settings, with errors that point at the word that is wrong.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Spanned, Value as Toml};

use super::error::{ConfigError, place};
use crate::params::{self, AssignError, Kind, Overrides, Param};

/// A `[params]` table before its names and values were understood.
pub(super) type RawParams = BTreeMap<Spanned<String>, Spanned<Toml>>;

/// One TOML file: its text and where it comes from.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub path: &'a Path,
    pub text: &'a str,
}

impl Document<'_> {
    /// Reads the whole file as `T`.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, ConfigError> {
        toml::from_str(self.text).map_err(|error| ConfigError::toml(self.path, self.text, &error))
    }

    /// Understands a `[params]` table.
    pub fn params(self, raw: &RawParams) -> Result<Overrides, ConfigError> {
        let mut values = Overrides::new();
        for (name, value) in raw {
            let text = self.written(name.get_ref(), value)?;
            let given = params::assign(name.get_ref(), &text)
                .map_err(|error| self.refused(name, value, error))?;
            for (param, value) in given {
                if values.insert(param, value).is_some() {
                    let problem = format!(
                        "{} is given twice, here as '{}'",
                        params::spec(param).name,
                        name.get_ref()
                    );
                    return Err(self.error(name.span().start, problem, None));
                }
            }
        }
        Ok(values)
    }

    /// An error at a byte position.
    pub fn error(
        self,
        position: usize,
        problem: String,
        suggestion: Option<String>,
    ) -> ConfigError {
        ConfigError {
            path: self.path.to_owned(),
            place: Some(place(self.text, position)),
            problem,
            suggestion,
        }
    }

    /// A TOML value as a user would type it in the program.
    fn written(self, name: &str, value: &Spanned<Toml>) -> Result<String, ConfigError> {
        let text = match value.get_ref() {
            Toml::Array(items) => {
                let items: Option<Vec<String>> = items.iter().map(scalar).collect();
                items.map(|items| joined(name, &items))
            }
            single => scalar(single),
        };
        text.ok_or_else(|| {
            let problem =
                format!("{name}: expected a number, a string, true, false or a list of these");
            self.error(value.span().start, problem, None)
        })
    }

    fn refused(
        self,
        name: &Spanned<String>,
        value: &Spanned<Toml>,
        error: AssignError,
    ) -> ConfigError {
        match error {
            AssignError::Unknown { given, nearest } => {
                let problem = format!("unknown parameter '{given}'");
                self.error(name.span().start, problem, nearest.map(str::to_owned))
            }
            AssignError::Refused(error) => {
                let suggestion = near_choice(name.get_ref(), value.get_ref());
                self.error(value.span().start, error.to_string(), suggestion)
            }
        }
    }
}

/// The choice nearest to a wrong one.
fn near_choice(name: &str, value: &Toml) -> Option<String> {
    let Kind::Choice(choices) = params::find(name)?.kind else {
        return None;
    };
    params::nearest_word(value.as_str()?, choices.iter().copied()).map(str::to_owned)
}

fn scalar(value: &Toml) -> Option<String> {
    match value {
        Toml::String(text) => Some(text.clone()),
        Toml::Integer(number) => Some(number.to_string()),
        Toml::Float(number) => Some(format!("{number:?}")),
        Toml::Boolean(on) => Some(on.to_string()),
        Toml::Datetime(_) | Toml::Array(_) | Toml::Table(_) => None,
    }
}

/// A TOML list in the written form of its parameter.
fn joined(name: &str, items: &[String]) -> String {
    match params::find(name).map(|row| row.param) {
        Some(Param::Stop | Param::DrySequenceBreaker) => params::join_list(items),
        Some(Param::Samplers) => items.join(";"),
        _ => items.join(","),
    }
}
