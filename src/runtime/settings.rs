//! The user's files, read at the start and again when they change. What was good stays in force
//! when a new version is not.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::Wake;
use crate::app::{Event, Settings, State};
use crate::config::{
    Changed, Config, ConfigWatch, Folders, Persona, Preset, load_personas, reload_presets,
};
use crate::keymap::Keymap;
use crate::params::nearest_word;
use crate::terminal::Capabilities;
use crate::theme::{self, GlyphSet, Theme};

/// Reads the user's files again when they change.
pub(super) fn watch(
    folders: &Folders,
    capabilities: Capabilities,
    state: &State,
    themes: &[Theme],
    config: &Config,
    inbox: Sender<Wake>,
) -> Option<ConfigWatch> {
    let reader = Reader::new(folders.clone(), capabilities, state, themes, config);
    let reader = std::sync::Mutex::new(reader);
    let changed = move |what| {
        // A reader that panicked once is not asked again; the program goes on with what it has.
        let Ok(mut reader) = reader.lock() else {
            return;
        };
        for wake in reader.read(what) {
            if inbox.blocking_send(wake).is_err() {
                return;
            }
        }
    };
    ConfigWatch::start(folders, changed)
        .inspect_err(|error| {
            tracing::warn!("changes of the configuration are not noticed: {error}")
        })
        .ok()
}

/// Reads files again and remembers what was good.
pub(super) struct Reader {
    folders: Folders,
    capabilities: Capabilities,
    config: Config,
    presets: Vec<Preset>,
    personas: Vec<Persona>,
    themes: Vec<Theme>,
}

impl Reader {
    pub(super) fn new(
        folders: Folders,
        capabilities: Capabilities,
        state: &State,
        themes: &[Theme],
        config: &Config,
    ) -> Self {
        let presets = state.presets.as_ref().clone();
        Self {
            folders,
            capabilities,
            config: config.clone(),
            presets,
            personas: state.personas.as_ref().clone(),
            themes: themes.to_vec(),
        }
    }

    /// What follows from a change of files.
    pub(super) fn read(&mut self, what: Changed) -> Vec<Wake> {
        match what {
            Changed::Config => match Config::load(&self.folders) {
                Ok(config) => self.configured(config),
                Err(error) => vec![rejected(error.to_string())],
            },
            Changed::Presets => {
                let (presets, errors) = reload_presets(&self.folders.presets_dir, &self.presets);
                self.presets = presets;
                let told = settings(Settings::Presets(Arc::new(self.presets.clone())));
                std::iter::once(told)
                    .chain(errors.iter().map(|error| rejected(error.to_string())))
                    .collect()
            }
            Changed::Personas => {
                let (personas, errors) = load_personas(&self.folders.personas_dir, &self.personas);
                self.personas = personas;
                let told = settings(Settings::Personas(Arc::new(self.personas.clone())));
                std::iter::once(told)
                    .chain(errors.iter().map(|error| rejected(error.to_string())))
                    .collect()
            }
            Changed::Themes => {
                let (read, errors) =
                    themes(&self.folders.themes_dir, &self.capabilities, &self.config);
                // A theme whose file is broken now is left out of `read`, or is the embedded one of
                // that name: with any error all stay as they were.
                if errors.is_empty() {
                    self.themes = read;
                }
                let told = Wake::Themes(self.themes.clone());
                std::iter::once(told)
                    .chain(errors.into_iter().map(rejected))
                    .collect()
            }
            Changed::Keymap => match keymap(&self.folders.keymap_file, &Keymap::default()) {
                (keymap, None) => vec![settings(Settings::Keymap(Arc::new(keymap)))],
                (_, Some(error)) => vec![rejected(error)],
            },
        }
    }

    /// What a configuration that could be read changes. One that names what there is not is
    /// refused as a whole.
    fn configured(&mut self, config: Config) -> Vec<Wake> {
        let refused = [
            ("theme", &config.theme, self.theme_names()),
            ("preset", &config.preset, self.preset_names()),
        ]
        .into_iter()
        .find_map(|(what, wanted, names)| unknown(what, wanted.as_deref()?, &names));
        if let Some(why) = refused {
            let file = self.folders.config_file.display();
            return vec![rejected(format!("{file}: {why}"))];
        }
        let before = std::mem::replace(&mut self.config, config);
        let mut told = vec![settings(Settings::Config(self.config.params.clone()))];
        if before.preset != self.config.preset {
            told.push(settings(Settings::Preset(self.config.preset.clone())));
        }
        if before.theme != self.config.theme {
            let name = self.config.theme.as_deref().unwrap_or(theme::DEFAULT_THEME);
            told.push(settings(Settings::Theme(name.to_owned())));
        }
        told
    }

    fn theme_names(&self) -> Vec<&str> {
        self.themes
            .iter()
            .map(|theme| theme.name.as_str())
            .collect()
    }

    fn preset_names(&self) -> Vec<&str> {
        self.presets
            .iter()
            .map(|preset| preset.name.as_str())
            .collect()
    }
}

/// Says that a name is none of those there are.
fn unknown(what: &str, wanted: &str, names: &[&str]) -> Option<String> {
    if names.contains(&wanted) {
        return None;
    }
    let nearest = nearest_word(wanted, names.iter().copied())
        .map(|name| format!(", did you mean '{name}'?"))
        .unwrap_or_else(|| format!("; there are {}", names.join(", ")));
    Some(format!("there is no {what} '{wanted}'{nearest}"))
}

/// All themes, fitted to the terminal, and what is wrong with the user's.
pub(super) fn themes(
    folder: &Path,
    capabilities: &Capabilities,
    config: &Config,
) -> (Vec<Theme>, Vec<String>) {
    let (themes, errors) = theme::load_themes(Some(folder));
    let glyphs = glyphs(capabilities, config);
    let fitted = themes
        .iter()
        .map(|theme| theme.at_depth(capabilities.colors).with_glyphs(glyphs))
        .collect();
    (fitted, errors)
}

/// The keymap with the user's file over it, or without when that is wrong.
pub(super) fn keymap(file: &Path, default: &Keymap) -> (Keymap, Option<String>) {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return (default.clone(), None);
        }
        Err(error) => {
            return (
                default.clone(),
                Some(format!("{} could not be read: {error}", file.display())),
            );
        }
    };
    match default.overlaid(&text) {
        Ok(keymap) => (keymap, None),
        Err(error) => (default.clone(), Some(format!("{} {error}", file.display()))),
    }
}

fn settings(settings: Settings) -> Wake {
    Wake::Event(Event::Settings(settings))
}

fn rejected(why: String) -> Wake {
    settings(Settings::Rejected(why))
}

fn glyphs(capabilities: &Capabilities, config: &Config) -> GlyphSet {
    match config.ui.ascii {
        Some(true) => GlyphSet::Ascii,
        Some(false) => GlyphSet::Unicode,
        None => capabilities.glyphs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(folder: &Path) -> Reader {
        let folders =
            Folders::find(Some(&folder.join("config.toml")), Some(folder)).expect("folders");
        let config = Config::default();
        let capabilities = Capabilities::from_environment(|_| None);
        let (themes, _) = themes(&folders.themes_dir, &capabilities, &config);
        let state = State::new((80, 24));
        Reader::new(folders, capabilities, &state, &themes, &config)
    }

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a temporary folder");
        std::fs::write(path, text).expect("a temporary file");
    }

    fn rejection(wakes: &[Wake]) -> Option<&str> {
        wakes.iter().find_map(|wake| match wake {
            Wake::Event(Event::Settings(Settings::Rejected(why))) => Some(why.as_str()),
            _ => None,
        })
    }

    #[test]
    fn a_broken_keymap_is_reported_with_its_line_and_not_used() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(
            folder.path(),
            "keymap.toml",
            "[[bind]]\ncontext = \"chat\"\naction = \"hlep\"\nkeys = []\n",
        );
        let wakes = reader(folder.path()).read(Changed::Keymap);
        let why = rejection(&wakes).expect("it is reported");
        assert!(
            why.contains("keymap.toml line 3") && why.contains("'help'"),
            "{why}"
        );
        assert_eq!(wakes.len(), 1);
    }

    #[test]
    fn a_broken_theme_leaves_all_as_they_were() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut reader = reader(folder.path());
        write(folder.path(), "themes/mine.toml", "text = \"red\"\n");
        assert!(rejection(&reader.read(Changed::Themes)).is_none());
        assert!(reader.themes.iter().any(|theme| theme.name == "mine"));
        write(folder.path(), "themes/mine.toml", "txet = \"red\"\n");
        let wakes = reader.read(Changed::Themes);
        assert!(
            rejection(&wakes).is_some_and(|why| why.contains("mine.toml")),
            "{:?}",
            rejection(&wakes)
        );
        assert!(reader.themes.iter().any(|theme| theme.name == "mine"));
    }

    #[test]
    fn a_broken_configuration_changes_nothing_and_a_good_one_gives_its_values() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut reader = reader(folder.path());
        write(folder.path(), "config.toml", "[params]\ntemp = 0.3\n");
        let wakes = reader.read(Changed::Config);
        assert!(
            matches!(&wakes[..], [Wake::Event(Event::Settings(Settings::Config(values)))] if values.len() == 1)
        );
        write(folder.path(), "config.toml", "[params]\ntempreture = 0.3\n");
        let wakes = reader.read(Changed::Config);
        assert!(
            rejection(&wakes).is_some_and(|why| why.contains("line 2") && why.contains("temp")),
            "{:?}",
            rejection(&wakes)
        );
        assert_eq!(wakes.len(), 1);
    }

    #[test]
    fn a_configured_theme_is_used_and_an_unknown_one_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut reader = reader(folder.path());
        let name = reader.themes[1].name.clone();
        write(
            folder.path(),
            "config.toml",
            &format!("theme = \"{name}\"\n"),
        );
        let wakes = reader.read(Changed::Config);
        assert!(
            matches!(&wakes[..], [_, Wake::Event(Event::Settings(Settings::Theme(used)))] if *used == name)
        );
        write(
            folder.path(),
            "config.toml",
            &format!("theme = \"{name}x\"\n"),
        );
        let wakes = reader.read(Changed::Config);
        let why = rejection(&wakes).expect("it is reported");
        assert!(why.contains(&format!("did you mean '{name}'?")), "{why}");
        assert_eq!(wakes.len(), 1);
    }
}
