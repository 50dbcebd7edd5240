//! `config.toml`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::document::{Document, RawParams};
use super::error::ConfigError;
use super::paths::{Folders, expand};
use super::prices::FilePrices;
use crate::costs::Prices;
use crate::params::Overrides;

/// The most frames a second that `ui.fps` may ask for.
const MOST_FPS: u16 = 60;

/// What the user configured; what is `None` is left to the program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The theme's name.
    pub theme: Option<String>,
    /// The preset's name.
    pub preset: Option<String>,
    /// The model to load at the start.
    pub model: Option<PathBuf>,
    /// An INI file of llama-server with models by name.
    pub models_preset: Option<PathBuf>,
    pub params: Overrides,
    pub ui: Ui,
    pub library: Library,
    /// The `[costs]` table.
    pub costs: Prices,
}

/// The `[library]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Library {
    /// Folders with models, beside the places of other tools.
    pub folders: Vec<PathBuf>,
}

/// The `[ui]` table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ui {
    /// The most frames drawn in a second; `None` = 60, or 30 over SSH.
    pub fps: Option<u16>,
    /// Draw with ASCII characters only; `None` = as the terminal can.
    pub ascii: Option<bool>,
}

impl Config {
    /// Reads the configuration file. Where nobody named one, a missing file is an empty one.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, or has a key, parameter or value that is not
    /// known.
    pub fn load(folders: &Folders) -> Result<Self, ConfigError> {
        let path = &folders.config_file;
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound && !folders.config_is_named => {
                Ok(Self::default())
            }
            Err(error) => Err(ConfigError::unreadable(path, &error)),
        }
    }

    /// Understands the text of a configuration file; `path` is for messages.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let document = Document { path, text };
        let file: File = document.read()?;
        let fps = file.ui.fps.map(|fps| frames(document, &fps)).transpose()?;
        Ok(Self {
            theme: file.theme,
            preset: file.preset,
            model: file.model.as_deref().map(expand),
            models_preset: file.models_preset.as_deref().map(expand),
            params: document.params(&file.params)?,
            ui: Ui {
                fps,
                ascii: file.ui.ascii,
            },
            library: Library {
                folders: file
                    .library
                    .folders
                    .iter()
                    .map(|path| expand(path))
                    .collect(),
            },
            costs: file.costs.check(document)?,
        })
    }
}

fn frames(document: Document<'_>, given: &Spanned<i64>) -> Result<u16, ConfigError> {
    let fps = u16::try_from(*given.get_ref())
        .ok()
        .filter(|fps| (1..=MOST_FPS).contains(fps));
    fps.ok_or_else(|| {
        let problem = format!("ui.fps: {} is outside 1 to {MOST_FPS}", given.get_ref());
        document.error(given.span().start, problem, None)
    })
}

/// The file as TOML has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    theme: Option<String>,
    preset: Option<String>,
    model: Option<String>,
    #[serde(rename = "models-preset")]
    models_preset: Option<String>,
    #[serde(default)]
    params: RawParams,
    #[serde(default)]
    ui: FileUi,
    #[serde(default)]
    library: FileLibrary,
    #[serde(default)]
    costs: FilePrices,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLibrary {
    #[serde(default)]
    folders: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileUi {
    fps: Option<Spanned<i64>>,
    ascii: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Param, Value};

    /// A `config.toml` with every key explained and commented out.
    const EXAMPLE: &str = include_str!("default.toml");

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("/c/config.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_is_all_comments_and_documents_every_key() {
        assert_eq!(parse(EXAMPLE), Ok(Config::default()));

        // Prose starts with "# ", settings with "#".
        let is_setting =
            |line: &&str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
        let uncommented: Vec<&str> = EXAMPLE
            .lines()
            .map(|line| if is_setting(&line) { &line[1..] } else { line })
            .collect();
        let config = parse(&uncommented.join("\n")).unwrap();
        let Config {
            theme,
            preset,
            model,
            models_preset,
            params,
            ui,
            library,
            costs,
        } = config;
        assert_eq!(library.folders.len(), 2);
        assert!(theme.is_some() && preset.is_some() && model.is_some() && models_preset.is_some());
        assert!(ui.fps.is_some() && ui.ascii.is_some());
        assert!(params.len() >= 4);
        let prices = [
            costs.electricity,
            costs.hardware,
            costs.api_input,
            costs.api_output,
            costs.watts,
        ];
        assert!(costs.currency.is_some() && prices.iter().all(Option::is_some));
    }

    #[test]
    fn parameters_take_any_spelling_and_toml_type() {
        let config = parse(
            "[params]\ntemperature = 1\nctx-size = \"32k\"\nstop = [\"a,b\", \"\\n\"]\nno-mmap = true\n\
             samplers = [\"top_k\", \"temperature\"]\ntensor-split = [3, 1.5]\nseed = \"random\"",
        );
        let params = config.unwrap().params;
        assert_eq!(params[&Param::Temp], Value::Float(1.0));
        assert_eq!(params[&Param::CtxSize], Value::Int(32768));
        assert_eq!(params[&Param::Stop], Value::Text(r"a\,b,\n".to_owned()));
        assert_eq!(params[&Param::LoadMode], Value::Text("none".to_owned()));
        assert_eq!(
            params[&Param::Samplers],
            Value::Text("top_k;temperature".to_owned())
        );
        assert_eq!(params[&Param::TensorSplit], Value::Text("3,1.5".to_owned()));
        assert_eq!(params[&Param::Seed], Value::Int(-1));
    }

    #[test]
    fn errors_point_at_the_word_and_name_the_nearest_valid_one() {
        for (text, message) in [
            (
                "theem = \"x\"",
                "line 1, column 1: unknown field 'theem', expected one of 'theme', 'preset', 'model', 'models-preset', 'params', 'ui', 'library', 'costs', did you mean 'theme'?",
            ),
            (
                "[ui]\nfsp = 30",
                "line 2, column 1: unknown field 'fsp', expected 'fps' or 'ascii', did you mean 'fps'?",
            ),
            (
                "[costs]\nelectricity = -0.3",
                "line 2, column 15: costs.electricity: -0.3 is outside 0 to 1000000000",
            ),
            (
                "[ui]\nfps = 500",
                "line 2, column 7: ui.fps: 500 is outside 1 to 60",
            ),
            (
                "\n[params]\ntempreture = 0.5",
                "line 3, column 1: unknown parameter 'tempreture', did you mean 'temp'?",
            ),
            (
                "[params]\nsplit-mode = \"lyer\"",
                "line 2, column 14: split-mode: 'lyer' is not one of none, layer, row, tensor, did you mean 'layer'?",
            ),
            (
                "[params]\ntemp = 99",
                "line 2, column 8: temp: 99.0 is outside 0.0 to 10.0",
            ),
            (
                "[params]\ntemp = 1\ntemperature = 2",
                "line 3, column 1: temp is given twice, here as 'temperature'",
            ),
            (
                "[params]\ntemp = { a = 1 }",
                "line 2, column 8: temp: expected a number, a string, true, false or a list of these",
            ),
        ] {
            assert_eq!(
                parse(text).unwrap_err(),
                format!("/c/config.toml {message}")
            );
        }
    }

    #[test]
    fn broken_toml_names_the_place() {
        let error =
            Config::parse(Path::new("/c/config.toml"), "theme = \"x\"\npreset = \n").unwrap_err();
        assert_eq!(error.place.map(|place| place.line), Some(2));
        assert!(!error.problem.contains('\n'), "{}", error.problem);
    }

    #[test]
    fn only_a_named_file_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        let mut folders =
            Folders::find(Some(&dir.path().join("none.toml")), Some(dir.path())).unwrap();
        assert!(
            Config::load(&folders)
                .unwrap_err()
                .to_string()
                .contains("could not be read")
        );
        folders.config_is_named = false;
        assert_eq!(Config::load(&folders), Ok(Config::default()));
    }
}
