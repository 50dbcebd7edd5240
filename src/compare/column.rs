//! What answers in a column: a preset, or a preset with changes.

use sha2::{Digest, Sha256};

use super::written::{listed, pieces, unquoted};
use crate::hex;
use crate::params::{
    AssignError, Group, Overrides, Param, Params, Source, TABLE, Value, assign, nearest_word, spec,
};
use crate::units::counted;

/// Columns side by side, at most and at least.
pub const MOST: usize = 8;
pub const FEWEST: usize = 2;

/// The parameters of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// As it was asked for: `creative`, `creative:temp=1.4`.
    pub name: String,
    /// Everything in force.
    pub params: Params,
}

/// Why a column cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    #[error("there is no preset '{name}'{}", hint(.near, .known))]
    NoPreset {
        name: String,
        near: Option<String>,
        known: Vec<String>,
    },
    #[error("'{0}' is no change: write name=value, for instance temp=0.2")]
    NoChange(String),
    #[error("the quote after {0}= is not closed: write {0}=\"…\", and \\\" for a quote in it")]
    OpenQuote(String),
    #[error(
        "'{after}' stands after the quote that closes the value of {name}; only a colon or a comma may"
    )]
    AfterQuote { name: String, after: String },
    #[error("{0} cannot differ between columns: it belongs to the model or its context")]
    NotOfAReply(&'static str),
    #[error(transparent)]
    Assign(#[from] AssignError),
    #[error("{} given; {MOST} are the most and {FEWEST} the fewest", counted(*.0, "column"))]
    Count(usize),
}

fn hint(near: &Option<String>, known: &[String]) -> String {
    match near {
        Some(near) => format!("; did you mean '{near}'?"),
        None => format!("; there are {}", known.join(", ")),
    }
}

/// Reads columns divided by commas; the same one may come twice.
///
/// # Errors
/// For what [`parse`] refuses, for a quote that is not closed, and for fewer than two columns or more
/// than [`MOST`].
pub fn columns(
    text: &str,
    base: &Params,
    presets: &[(String, Overrides)],
) -> Result<Vec<Column>, ColumnError> {
    let columns: Vec<Column> = listed(text)?
        .into_iter()
        .map(|column| parse(column, base, presets))
        .collect::<Result<_, _>>()?;
    if (FEWEST..=MOST).contains(&columns.len()) {
        Ok(columns)
    } else {
        Err(ColumnError::Count(columns.len()))
    }
}

/// Reads one column: the name of a preset, then changes to it, each after a colon:
/// `creative:temp=1.4:seed=7`. [`CURRENT`] stands for the values in force, whatever preset they are of.
/// A value may stand in quotes; one with a comma has to.
///
/// # Errors
/// For a quote that is not closed, for a preset that does not exist, and for values that are not allowed or that belong to the
/// model.
pub fn parse(
    text: &str,
    base: &Params,
    presets: &[(String, Overrides)],
) -> Result<Column, ColumnError> {
    let parts = parts(text)?;
    let name = parts.first().map_or("", |name| name.trim());
    let mut params = base.clone();
    if name != CURRENT {
        let Some((_, values)) = presets.iter().find(|(known, _)| known == name) else {
            let known = || presets.iter().map(|(known, _)| known.as_str());
            return Err(ColumnError::NoPreset {
                name: name.to_owned(),
                near: nearest_word(name, known()).map(str::to_owned),
                known: known().map(str::to_owned).collect(),
            });
        };
        params.replace(Source::Preset, values.clone());
    }
    for change in &parts[1..] {
        let (name, value) = change
            .split_once('=')
            .ok_or_else(|| ColumnError::NoChange(change.trim().to_owned()))?;
        let name = name.trim();
        for (param, value) in assign(name, &unquoted(name, value.trim())?)? {
            if !is_of_a_reply(param) {
                return Err(ColumnError::NotOfAReply(spec(param).name));
            }
            // `assign` gives only values that are allowed.
            let _ = params.set(Source::Session, param, value);
        }
    }
    Ok(Column {
        name: text.trim().to_owned(),
        params,
    })
}

/// The name and its changes; a colon inside a value stays in it, unless what follows looks like a
/// change.
fn parts(text: &str) -> Result<Vec<String>, ColumnError> {
    let begins_change = |piece: &str| {
        piece.split_once('=').is_some_and(|(name, _)| {
            let name = name.trim();
            let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
            !name.is_empty() && name.chars().all(is_of_name)
        })
    };
    let mut parts: Vec<String> = Vec::new();
    for piece in pieces(text, ':')? {
        match parts.last_mut() {
            Some(last) if last.contains('=') && !begins_change(piece) => {
                last.push(':');
                last.push_str(piece);
            }
            _ => parts.push(piece.to_owned()),
        }
    }
    Ok(parts)
}

/// The column of what is in force in the chat.
pub const CURRENT: &str = "current";

/// Whether a parameter may differ between columns of one batch.
pub(super) fn is_of_a_reply(param: Param) -> bool {
    matches!(spec(param).group, Group::Sampling | Group::Reply)
}

impl Column {
    /// The preset it comes from, without its changes.
    pub fn preset(&self) -> &str {
        self.name.split(':').next().unwrap_or_default().trim()
    }

    /// Names the settings whatever they are called: the first sixteen hexadecimal digits of the
    /// SHA-256 of every value that a reply depends on, but for the seed.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for spec in TABLE {
            if is_of_a_reply(spec.param) && spec.param != Param::Seed {
                let value = spec.format(&self.params.get(spec.param));
                hash.update(format!("{}={value}\n", spec.name));
            }
        }
        hex::digits(&hash.finalize()[..8])
    }

    /// The values that are not the defaults, as text.
    pub fn snapshot(&self) -> std::collections::BTreeMap<String, String> {
        TABLE
            .iter()
            .filter(|spec| is_of_a_reply(spec.param))
            .map(|spec| (spec, self.params.get(spec.param)))
            .filter(|(spec, value)| *value != spec.default_value())
            .map(|(spec, value)| (spec.name.to_owned(), spec.format(&value)))
            .collect()
    }

    /// What a preset file needs to give these settings: every value that is not the default, and
    /// those of the base preset that are, so that no model's recommendation shines through. The seed
    /// and the most tokens are of one run: of them only a limit that the preset has itself.
    pub fn values(&self) -> Overrides {
        let of_run = [Param::Seed, Param::NPredict];
        let mut values: Overrides = TABLE
            .iter()
            .filter(|spec| is_of_a_reply(spec.param) && !of_run.contains(&spec.param))
            .filter(|spec| {
                self.params.source(spec.param) >= Source::Config || {
                    self.params.get(spec.param) != spec.default_value()
                }
            })
            .map(|spec| (spec.param, self.params.get(spec.param)))
            .collect();
        let mut preset = self.params.clone();
        preset.reset(Param::NPredict);
        if preset.source(Param::NPredict) == Source::Preset {
            values.insert(Param::NPredict, preset.get(Param::NPredict));
        }
        values
    }

    /// The seed, when one was given.
    pub fn seed(&self) -> Option<u32> {
        match self.params.get(Param::Seed) {
            Value::Int(seed) => u32::try_from(seed).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presets() -> Vec<(String, Overrides)> {
        let value = |param, value| Overrides::from([(param, value)]);
        vec![
            ("cold".into(), value(Param::Temp, Value::Float(0.1))),
            ("hot".into(), value(Param::Temp, Value::Float(1.5))),
        ]
    }

    #[test]
    fn a_column_is_a_preset_with_changes() {
        let base = Params::default();
        let read = columns("cold, hot:top-k=7:seed=3,cold,current", &base, &presets()).unwrap();
        assert_eq!(read.len(), 4);
        assert_eq!(read[0].params.get(Param::Temp), Value::Float(0.1));
        assert_eq!(read[1].params.get(Param::TopK), Value::Int(7));
        assert_eq!((read[1].seed(), read[1].preset()), (Some(3), "hot"));
        assert_eq!(read[3].params, base);
        assert_eq!(read[0], read[2]);
        let told = parse("hot:system=Be brief: always:top-k=3", &base, &presets()).unwrap();
        assert_eq!(told.params.reply().system, "Be brief: always");
        assert_eq!(told.params.get(Param::TopK), Value::Int(3));
    }

    #[test]
    fn a_value_in_quotes_has_commas_and_colons() {
        let text = r#"hot:system="Be brief, seed=3: and \"kind\"":top-k=3,cold"#;
        let read = columns(text, &Params::default(), &presets()).unwrap();
        assert_eq!(read.len(), 2);
        let (system, seed) = (read[0].params.reply().system, read[0].seed());
        assert_eq!(
            (system.as_str(), seed),
            (r#"Be brief, seed=3: and "kind""#, None)
        );
        assert_eq!(read[0].params.get(Param::TopK), Value::Int(3));
        let again = parse(&read[0].name, &Params::default(), &presets()).unwrap();
        assert_eq!(again, read[0], "a name can be read again");
    }

    #[test]
    fn what_cannot_be_a_column_says_why() {
        let base = Params::default();
        let refused = |text: &str| columns(text, &base, &presets()).unwrap_err().to_string();
        assert_eq!(
            refused("cold,hut"),
            "there is no preset 'hut'; did you mean 'hot'?"
        );
        assert_eq!(
            refused("cold,hot:ctx-size=512"),
            "ctx-size cannot differ between columns: it belongs to the model or its context"
        );
        assert!(refused("cold,hot:temp").contains("name=value"));
        assert!(refused("cold,hot:temp=-3").contains("temp"));
        assert_eq!(
            refused(r#"cold,hot:system="Be brief, and kind"#),
            r#"the quote after system= is not closed: write system="…", and \" for a quote in it"#
        );
        assert!(refused(r#"cold,hot:system="a" b"#).contains("'b' stands after the quote"));
        assert!(refused("cold").contains("1 column given; 8 are"));
        assert!(
            columns(
                "cold,cold,cold,cold,cold,cold,cold,cold,cold",
                &base,
                &presets()
            )
            .is_err()
        );
    }

    #[test]
    fn a_preset_of_a_column_has_no_limit_but_that_of_its_own_preset() {
        let mut presets = presets();
        let limit = Overrides::from([(Param::NPredict, Value::Int(64))]);
        presets.push(("short".into(), limit));
        let mut base = Params::default();
        let _ = base.set(Source::Session, Param::NPredict, Value::Int(8));
        let values = |text: &str| parse(text, &base, &presets).unwrap().values();
        let hot = values("hot:n-predict=40:seed=3:system=Be brief");
        assert_eq!(hot.get(&Param::Temp), Some(&Value::Float(1.5)));
        assert_eq!(
            hot.get(&Param::System),
            Some(&Value::Text("Be brief".into()))
        );
        assert_eq!(
            hot.keys()
                .filter(|one| **one == Param::NPredict || **one == Param::Seed)
                .count(),
            0
        );
        for text in ["short", "short:n-predict=40"] {
            assert_eq!(
                values(text).get(&Param::NPredict),
                Some(&Value::Int(64)),
                "{text}"
            );
        }
        assert_eq!(values("current").get(&Param::NPredict), None);
    }

    #[test]
    fn the_hash_is_of_the_values_and_not_of_names_or_seeds() {
        let base = Params::default();
        let hash = |text: &str| parse(text, &base, &presets()).unwrap().hash();
        assert_eq!(hash("cold"), hash("hot:temp=0.1:seed=5"));
        assert_ne!(hash("cold"), hash("hot"));
        assert_eq!(hash("cold").len(), 16);
        assert_eq!(
            parse("cold", &base, &presets()).unwrap().snapshot()["temp"],
            "0.1"
        );
    }
}
