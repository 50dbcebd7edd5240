//! Presets: named sampling values, embedded ones under the user's own.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::document::{Document, RawParams};
use super::error::ConfigError;
use crate::params::{Overrides, Value, spec};

/// A named set of parameter values.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The file's stem: `creative`.
    pub name: String,
    /// One line for the list.
    pub description: String,
    pub values: Overrides,
}

/// The embedded presets in the order of the list. `recommended` has no values: the model's own
/// recommendation, which lies below every preset, shows through.
const EMBEDDED: [(&str, &str); 9] = [
    (
        "recommended",
        include_str!("../../presets/recommended.toml"),
    ),
    ("balanced", include_str!("../../presets/balanced.toml")),
    ("greedy", include_str!("../../presets/greedy.toml")),
    ("precise", include_str!("../../presets/precise.toml")),
    ("code", include_str!("../../presets/code.toml")),
    ("creative", include_str!("../../presets/creative.toml")),
    ("min-p", include_str!("../../presets/min-p.toml")),
    ("dry-xtc", include_str!("../../presets/dry-xtc.toml")),
    ("mirostat", include_str!("../../presets/mirostat.toml")),
];

/// The embedded presets with those of the user's folder over them: a file of the same name
/// replaces an embedded preset in its place, others follow in the order of their names. A file
/// that cannot be used is reported and left out; a missing folder is an empty one.
pub fn load_presets(folder: &Path) -> (Vec<Preset>, Vec<ConfigError>) {
    reload_presets(folder, &[])
}

/// As [`load_presets`], but where a file cannot be used, its preset in `last` stays.
pub fn reload_presets(folder: &Path, last: &[Preset]) -> (Vec<Preset>, Vec<ConfigError>) {
    let (mut presets, mut errors) = embedded();
    let files = files(folder).unwrap_or_else(|error| {
        errors.push(ConfigError::unreadable(folder, &error));
        Vec::new()
    });
    for (name, path) in files {
        let preset = read(&name, &path).or_else(|error| {
            errors.push(error);
            last.iter()
                .find(|preset| preset.name == name)
                .cloned()
                .ok_or(())
        });
        let Ok(preset) = preset else { continue };
        match presets.iter_mut().find(|known| known.name == name) {
            Some(known) => *known = preset,
            None => presets.push(preset),
        }
    }
    (presets, errors)
}

/// A preset as its file has it.
pub fn preset_text(description: &str, values: &Overrides) -> String {
    let value = |value: &Value| match value {
        Value::Int(number) => toml::Value::Integer(*number),
        Value::Float(number) => toml::Value::Float(*number),
        Value::Bool(is_on) => toml::Value::Boolean(*is_on),
        Value::Text(text) => toml::Value::String(text.clone()),
    };
    let params: toml::Table = values
        .iter()
        .map(|(param, given)| (spec(*param).name.to_owned(), value(given)))
        .collect();
    let mut file = toml::Table::new();
    file.insert("description".into(), description.into());
    file.insert("params".into(), params.into());
    // `Display` writes a table as a document.
    file.to_string()
}

fn embedded() -> (Vec<Preset>, Vec<ConfigError>) {
    let (mut presets, mut errors) = (Vec::new(), Vec::new());
    for (name, text) in EMBEDDED {
        let path = PathBuf::from(format!("presets/{name}.toml"));
        match parse(name, &path, text) {
            Ok(preset) => presets.push(preset),
            Err(error) => errors.push(error),
        }
    }
    (presets, errors)
}

/// The folder's TOML files by stem, in the order of their names.
fn files(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .filter(|stem| !stem.starts_with('.'));
        if let (Some(stem), Some("toml")) = (stem, path.extension().and_then(|ext| ext.to_str())) {
            files.push((stem.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}

fn read(name: &str, path: &Path) -> Result<Preset, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    parse(name, path, &text)
}

fn parse(name: &str, path: &Path, text: &str) -> Result<Preset, ConfigError> {
    let document = Document { path, text };
    let file: File = document.read()?;
    Ok(Preset {
        name: name.to_owned(),
        description: file.description,
        values: document.params(&file.params)?,
    })
}

/// The file as TOML has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    description: String,
    #[serde(default)]
    params: RawParams,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Group, Param};

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn named<'a>(presets: &'a [Preset], name: &str) -> &'a Preset {
        presets.iter().find(|preset| preset.name == name).unwrap()
    }

    #[test]
    fn every_file_of_the_repository_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets");
        let mut embedded: Vec<_> = EMBEDDED
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        embedded.sort();
        let found: Vec<_> = files(&folder)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(found, embedded);
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for preset in embedded().0 {
            let text = preset_text("A \"quoted\" line", &preset.values);
            let read = parse("again", Path::new("again.toml"), &text).unwrap();
            assert_eq!(read.values, preset.values, "{text}");
            assert_eq!(read.description, "A \"quoted\" line");
        }
    }

    #[test]
    fn embedded_presets_are_whole() {
        let (presets, errors) = embedded();
        assert_eq!(errors, []);
        assert_eq!(presets[0].name, "recommended");
        assert!(presets[0].values.is_empty());
        for preset in &presets[1..] {
            assert!(preset.description.len() > 20, "{}", preset.name);
            assert!(
                preset
                    .values
                    .keys()
                    .all(|param| spec(*param).group == Group::Sampling),
                "{}",
                preset.name
            );
            // What a model recommends must not shine through in parts.
            let mut needed = vec![
                Param::Temp,
                Param::RepeatPenalty,
                Param::XtcProbability,
                Param::Mirostat,
            ];
            if preset.values[&Param::Mirostat] == Value::Int(0) {
                needed.extend([Param::Samplers, Param::TopK, Param::TopP, Param::MinP]);
            }
            for param in needed {
                assert!(
                    preset.values.contains_key(&param),
                    "{} lacks {param:?}",
                    preset.name
                );
            }
        }
    }

    #[test]
    fn the_users_files_lie_over_the_embedded_ones() {
        let dir = folder(&[
            (
                "zebra.toml",
                "description = \"mine\"\n[params]\ntemperature = 0.3\n",
            ),
            (
                "greedy.toml",
                "description = \"my greedy\"\n[params]\ntemp = 0.1\n",
            ),
            (".hidden.toml", "nonsense"),
            ("notes.txt", "nonsense"),
        ]);
        let (presets, errors) = load_presets(dir.path());
        assert_eq!(errors, []);
        assert_eq!(presets.len(), EMBEDDED.len() + 1);
        assert_eq!(presets[2].description, "my greedy");
        assert_eq!(presets[2].values.len(), 1);
        assert_eq!(presets.last().unwrap().name, "zebra");
        assert_eq!(
            presets.last().unwrap().values[&Param::Temp],
            Value::Float(0.3)
        );
    }

    #[test]
    fn a_bad_file_is_reported_and_the_version_before_it_stays() {
        let good = "description = \"good\"\n[params]\ntemp = 0.3\n";
        let dir = folder(&[
            ("mine.toml", good),
            ("greedy.toml", "[params]\ntempreture = 1\n"),
        ]);
        let (presets, errors) = load_presets(dir.path());
        assert_eq!(
            named(&presets, "greedy").values[&Param::Temp],
            Value::Float(0.0)
        );
        let path = dir.path().join("greedy.toml");
        let message = format!(
            "{} line 2, column 1: unknown parameter 'tempreture', did you mean 'temp'?",
            path.display()
        );
        assert_eq!(
            errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [message]
        );

        std::fs::write(dir.path().join("mine.toml"), "descriptoin = 1").unwrap();
        let (again, errors) = reload_presets(dir.path(), &presets);
        assert_eq!(named(&again, "mine").description, "good");
        assert_eq!(errors.len(), 2);
        assert!(
            !load_presets(dir.path())
                .0
                .iter()
                .any(|preset| preset.name == "mine")
        );
    }

    #[test]
    fn a_missing_folder_is_an_empty_one() {
        let (presets, errors) = load_presets(Path::new("/nowhere/at/all"));
        assert_eq!((presets.len(), errors.len()), (EMBEDDED.len(), 0));
    }
}
