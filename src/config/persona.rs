//! Personas: a system prompt with a preset under one name, embedded ones under the user's own.

use std::path::Path;

use serde::Deserialize;

use super::document::{Document, RawParams};
use super::error::ConfigError;
use super::overlay::{Named, overlay};
use crate::params::Overrides;

/// How the model is to be: what it is told before all else, and how it is sampled.
#[derive(Clone, Debug, PartialEq)]
pub struct Persona {
    /// The file's stem: `tutor`.
    pub name: String,
    /// One line for the list.
    pub description: String,
    /// The system prompt.
    pub system: String,
    /// The preset that comes with it; `None` = the one in force stays.
    pub preset: Option<String>,
    /// Values on top of the preset.
    pub values: Overrides,
}

const EMBEDDED: [(&str, &str); 2] = [
    ("reviewer", include_str!("../../personas/reviewer.toml")),
    ("tutor", include_str!("../../personas/tutor.toml")),
];

/// The embedded personas with those of the user's folder over them, as presets are. Where a file
/// cannot be used, its persona in `last` stays.
pub fn load_personas(folder: &Path, last: &[Persona]) -> (Vec<Persona>, Vec<ConfigError>) {
    overlay(folder, &EMBEDDED, last, parse)
}

impl Named for Persona {
    const FOLDER: &'static str = "personas";

    fn name(&self) -> &str {
        &self.name
    }
}

fn parse(name: &str, path: &Path, text: &str) -> Result<Persona, ConfigError> {
    let document = Document { path, text };
    let file: File = document.read()?;
    Ok(Persona {
        name: name.to_owned(),
        description: file.description,
        system: file.system.trim().to_owned(),
        preset: file.preset,
        values: document.params(&file.params)?,
    })
}

/// The file as TOML has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    description: String,
    system: String,
    preset: Option<String>,
    #[serde(default)]
    params: RawParams,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Param, Value};

    #[test]
    fn the_users_files_lie_over_the_embedded_ones() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "pirate.toml",
            "system = \"Arr.\"\npreset = \"creative\"\n[params]\ntemp = 1.1\n",
        );
        write("tutor.toml", "system = \"Mine.\"\n");
        let (personas, errors) = load_personas(folder.path(), &[]);
        assert_eq!(errors, []);
        let names: Vec<_> = personas.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["reviewer", "tutor", "pirate"]);
        assert_eq!(
            (personas[1].system.as_str(), &personas[1].preset),
            ("Mine.", &None)
        );
        assert_eq!(personas[2].values[&Param::Temp], Value::Float(1.1));

        write("pirate.toml", "sytsem = \"Arr.\"\n");
        let (again, errors) = load_personas(folder.path(), &personas);
        assert_eq!(again, personas);
        let message = errors[0].to_string();
        assert!(
            message.contains("pirate.toml line 1, column 1") && message.contains("'system'"),
            "{message}"
        );
    }

    #[test]
    fn embedded_personas_are_whole_and_their_presets_exist() {
        let (personas, errors) = load_personas(Path::new("/nowhere"), &[]);
        assert_eq!(errors, []);
        let presets = crate::config::load_presets(Path::new("/nowhere")).0;
        for persona in personas {
            assert!(persona.system.len() > 60 && !persona.description.is_empty());
            let preset = persona.preset.unwrap();
            assert!(presets.iter().any(|one| one.name == preset), "{preset}");
        }
    }
}
