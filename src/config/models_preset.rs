//! A models preset of llama-server: an INI file of models by name, each with its arguments.
//!
//! The grammar is that of llama.cpp's `common/preset.cpp`: `[name]` begins a model, `[*]` holds for
//! all of them, keys are arguments of llama-server without dashes or their environment variables,
//! `;` and `#` begin comments.

use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::paths::{expand, short};
use crate::params::{self, Overrides};

/// The section whose values hold for all models.
const ALL: &str = "*";
/// Arguments of llama-server that say which model is meant.
const MODEL: [&str; 3] = ["model", "m", "LLAMA_ARG_MODEL"];
const HF_REPO: [&str; 4] = ["hf-repo", "hf", "hfr", "LLAMA_ARG_HF_REPO"];
const HF_FILE: [&str; 3] = ["hf-file", "hff", "LLAMA_ARG_HF_FILE"];

/// The models of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelsPreset {
    pub models: Vec<NamedModel>,
    /// Lines that could not be taken over, each with its place and reason.
    pub problems: Vec<String>,
}

/// A model with a name and parameters of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedModel {
    pub name: String,
    pub weights: Weights,
    pub values: Overrides,
}

/// Where a named model lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    File(PathBuf),
    /// A model of the Hub: `org/repo:Q4_K_M` or `org/repo/file.gguf`.
    Hub(String),
    /// A model on this machine that has the section's name.
    SameName,
}

impl ModelsPreset {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read; what is wrong in it is among the problems.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| ConfigError::unreadable(path, &error))?;
        Ok(Self::parse(path, &text))
    }

    fn parse(path: &Path, text: &str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        let mut problems = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let taken = match Line::parse(line) {
                Line::Blank => Ok(()),
                Line::Section(name) => {
                    // llama.cpp begins a section of the same name anew.
                    sections.retain(|section| section.name != name);
                    sections.push(Section::new(name));
                    Ok(())
                }
                // Reserved by llama.cpp for later versions.
                Line::Value("version", _) => Ok(()),
                Line::Value(key, value) => match sections.last_mut() {
                    Some(section) => section.take(key, value),
                    None => Err(format!("'{key}' stands before the first [name]")),
                },
                Line::Other => Err("it is no [name], no key = value and no comment".to_owned()),
            };
            if let Err(why) = taken {
                problems.push(format!("{} line {number}: {why}; left out", short(path)));
            }
        }
        let at = sections.iter().position(|section| section.name == ALL);
        let all = at.map(|at| sections.remove(at).values).unwrap_or_default();
        Self {
            models: sections
                .into_iter()
                .map(|section| section.over(&all))
                .collect(),
            problems,
        }
    }
}

enum Line<'a> {
    Section(&'a str),
    Value(&'a str, &'a str),
    Blank,
    Other,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Self {
        if let Some(rest) = line.strip_prefix('[') {
            return match rest.split_once(']') {
                Some((name, after)) if uncommented(after).is_empty() => Self::Section(name.trim()),
                _ => Self::Other,
            };
        }
        let line = uncommented(line);
        match line.split_once('=') {
            _ if line.is_empty() => Self::Blank,
            Some((key, value)) if is_key(key.trim()) => Self::Value(key.trim(), value.trim()),
            _ => Self::Other,
        }
    }
}

fn uncommented(line: &str) -> &str {
    line.split([';', '#']).next().unwrap_or_default().trim()
}

fn is_key(key: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && key.chars().all(fine)
}

/// A section as it is read.
struct Section {
    name: String,
    model: Option<PathBuf>,
    hf_repo: Option<String>,
    hf_file: Option<String>,
    values: Overrides,
}

impl Section {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            model: None,
            hf_repo: None,
            hf_file: None,
            values: Overrides::new(),
        }
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        if MODEL.contains(&key) {
            self.model = Some(expand(value));
        } else if HF_REPO.contains(&key) {
            self.hf_repo = Some(value.to_owned());
        } else if HF_FILE.contains(&key) {
            self.hf_file = Some(value.to_owned());
        } else {
            let name = key.strip_prefix("LLAMA_ARG_").unwrap_or(key);
            let values = params::assign(name, value).map_err(|error| error.to_string())?;
            self.values.extend(values);
        }
        Ok(())
    }

    /// The model of this section, its values over those of all.
    fn over(self, all: &Overrides) -> NamedModel {
        let mut values = all.clone();
        values.extend(self.values);
        let weights = match (self.model, self.hf_repo, self.hf_file) {
            (Some(path), ..) => Weights::File(path),
            (None, Some(repo), None) => Weights::Hub(repo),
            (None, Some(repo), Some(file)) => {
                let repo = repo.split(':').next().unwrap_or_default();
                Weights::Hub(format!("{repo}/{file}"))
            }
            (None, None, _) => Weights::SameName,
        };
        NamedModel {
            name: self.name,
            weights,
            values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Param, Value};

    /// After the example in llama.cpp's `tools/server/README.md`.
    const EXAMPLE: &str = "version = 1

; (Optional) This section provides global settings shared across all presets.
[*]
c = 8192
n-gpu-layers = 8

[ggml-org/MY-MODEL-GGUF:Q8_0]
; numeric value
n-gpu-layers = 123   ; all of them
LLAMA_ARG_BATCH = 256
no-mmap = true
load-on-startup = false

[custom_model]
model = /models/my-awesome-model-Q4_K_M.gguf
temp = 0.2
tempreture = 0.3

[from-hub]
hf-repo = org/repo:Q8_0
hf-file = sub/x.gguf
c = 4096
nonsense
";

    fn parse(text: &str) -> ModelsPreset {
        ModelsPreset::parse(Path::new("/p.ini"), text)
    }

    #[test]
    fn sections_are_models_over_what_holds_for_all() {
        let preset = parse(EXAMPLE);
        let [same, custom, hub] = preset.models.as_slice() else {
            panic!("{preset:?}")
        };
        assert_eq!(same.name, "ggml-org/MY-MODEL-GGUF:Q8_0");
        assert_eq!(same.weights, Weights::SameName);
        assert_eq!(same.values[&Param::CtxSize], Value::Int(8192));
        assert_eq!(same.values[&Param::BatchSize], Value::Int(256));
        assert_eq!(
            crate::params::spec(Param::NGpuLayers).format(&same.values[&Param::NGpuLayers]),
            "123"
        );
        let path = "/models/my-awesome-model-Q4_K_M.gguf".into();
        assert_eq!(custom.weights, Weights::File(path));
        assert_eq!(custom.values[&Param::Temp], Value::Float(0.2));
        assert_eq!(hub.weights, Weights::Hub("org/repo/sub/x.gguf".into()));
        assert_eq!(hub.values[&Param::CtxSize], Value::Int(4096));
    }

    #[test]
    fn what_is_not_known_is_told_with_its_line() {
        assert_eq!(
            parse(EXAMPLE).problems,
            [
                "/p.ini line 13: unknown parameter 'load-on-startup'; left out",
                "/p.ini line 18: unknown parameter 'tempreture', did you mean 'temp'?; left out",
                "/p.ini line 24: it is no [name], no key = value and no comment; left out",
            ]
        );
        let early = parse("version = 1\nc = 3\n[a]\nm = x.gguf\n[a\n= 3\n");
        assert_eq!(
            early.problems,
            [
                "/p.ini line 2: 'c' stands before the first [name]; left out",
                "/p.ini line 5: it is no [name], no key = value and no comment; left out",
                "/p.ini line 6: it is no [name], no key = value and no comment; left out",
            ]
        );
    }

    #[test]
    fn a_section_given_twice_counts_as_it_stands_last() {
        let twice = parse("[a]\nc = 1024\n[b]\n[a]\ntemp = 1\n");
        assert_eq!(twice.models.len(), 2);
        assert!(!twice.models[1].values.contains_key(&Param::CtxSize));
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let error = ModelsPreset::read(Path::new("/nowhere.ini")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/nowhere.ini: could not be read")
        );
    }
}
