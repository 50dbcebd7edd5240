//! Where the program's files lie.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

/// Every place the program reads or writes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// `config.toml`.
    pub config_file: PathBuf,
    /// Whether the user named `config_file`: it must exist then.
    pub config_is_named: bool,
    /// The folder of `config_file`: the keymap, presets and themes lie beside it.
    pub config_dir: PathBuf,
    pub keymap_file: PathBuf,
    pub presets_dir: PathBuf,
    pub personas_dir: PathBuf,
    pub themes_dir: PathBuf,
    /// Models, and what the user would miss.
    pub data_dir: PathBuf,
    pub models_dir: PathBuf,
    /// KV caches of earlier conversations; can be lost.
    pub kv_dir: PathBuf,
    /// The saved chats; nobody else can read it.
    pub sessions_dir: PathBuf,
    /// What can be lost: the log.
    pub state_dir: PathBuf,
    pub log_file: PathBuf,
}

/// The system names no home folder, and nobody named other places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no home folder was found: set HOME, or name places with --config FILE and --data-dir DIR")]
pub struct NoHome;

impl Folders {
    /// Finds the places: what was named on the command line, else by `LLMDECK_CONFIG` (a file) and
    /// `LLMDECK_DATA_DIR` (a folder), else the system's usual ones (on Linux the XDG variables).
    ///
    /// # Errors
    /// When a place is not named and the system has no home folder to put it in.
    pub fn find(config: Option<&Path>, data_dir: Option<&Path>) -> Result<Self, NoHome> {
        Self::resolve(
            config,
            data_dir,
            |name| std::env::var_os(name),
            ProjectDirs::from("", "", "llmdeck"),
        )
    }

    /// What `--print-paths` prints: a line a place.
    pub fn print(&self) -> String {
        [
            ("config", &self.config_file),
            ("keymap", &self.keymap_file),
            ("presets", &self.presets_dir),
            ("personas", &self.personas_dir),
            ("themes", &self.themes_dir),
            ("data", &self.data_dir),
            ("models", &self.models_dir),
            ("kv", &self.kv_dir),
            ("sessions", &self.sessions_dir),
            ("state", &self.state_dir),
            ("log", &self.log_file),
        ]
        .iter()
        .map(|(name, path)| format!("{name:<8} {}\n", path.display()))
        .collect()
    }

    fn resolve(
        config: Option<&Path>,
        data_dir: Option<&Path>,
        variable: impl Fn(&str) -> Option<OsString>,
        usual: Option<ProjectDirs>,
    ) -> Result<Self, NoHome> {
        let named = |given: Option<&Path>, name: &str| {
            let from_variable = || {
                variable(name)
                    .filter(|value| !value.is_empty())
                    .map(PathBuf::from)
            };
            given.map(Path::to_owned).or_else(from_variable)
        };
        let named_config = named(config, "LLMDECK_CONFIG").map(absolute);
        let config_is_named = named_config.is_some();
        let usual = usual.as_ref();
        let config_file = named_config
            .or_else(|| usual.map(|usual| usual.config_dir().join("config.toml")))
            .ok_or(NoHome)?;
        let (data_dir, state_dir) = match named(data_dir, "LLMDECK_DATA_DIR").map(absolute) {
            Some(dir) => (dir.clone(), dir),
            None => {
                let usual = usual.ok_or(NoHome)?;
                let state = usual.state_dir().unwrap_or_else(|| usual.data_local_dir());
                (usual.data_dir().to_owned(), state.to_owned())
            }
        };
        let config_dir = config_file.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self {
            keymap_file: config_dir.join("keymap.toml"),
            presets_dir: config_dir.join("presets"),
            personas_dir: config_dir.join("personas"),
            themes_dir: config_dir.join("themes"),
            config_file,
            config_is_named,
            config_dir,
            models_dir: data_dir.join("models"),
            kv_dir: state_dir.join("kv"),
            sessions_dir: data_dir.join("sessions"),
            data_dir,
            log_file: state_dir.join("llmdeck.log"),
            state_dir,
        })
    }
}

/// A path that a user named, from the root: the file `a.toml` alone has no folder to watch.
fn absolute(path: PathBuf) -> PathBuf {
    // Fails only without a working folder; then the path as it is says most.
    std::path::absolute(&path).unwrap_or(path)
}

/// A path as people write it: `~` for the home folder.
pub(super) fn short(path: &Path) -> String {
    let home = std::env::home_dir().filter(|home| home.parent().is_some());
    match home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) => Path::new("~").join(rest).display().to_string(),
        None => path.display().to_string(),
    }
}

/// The path that a user wrote, with `~/` for the home folder.
pub(super) fn expand(written: &str) -> PathBuf {
    match written.strip_prefix("~/").zip(std::env::home_dir()) {
        Some((rest, home)) => home.join(rest),
        None => PathBuf::from(written),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(name: &str) -> Option<OsString> {
        match name {
            "LLMDECK_CONFIG" => Some("/env/deck.toml".into()),
            "LLMDECK_DATA_DIR" => Some("/env/data".into()),
            _ => None,
        }
    }

    #[test]
    fn the_command_line_wins_over_variables() {
        let folders =
            Folders::resolve(Some(Path::new("/cli/my.toml")), None, variables, None).unwrap();
        assert_eq!(folders.config_file, Path::new("/cli/my.toml"));
        assert!(folders.config_is_named);
        assert_eq!(folders.presets_dir, Path::new("/cli/presets"));
        assert_eq!(folders.models_dir, Path::new("/env/data/models"));
        assert_eq!(folders.log_file, Path::new("/env/data/llmdeck.log"));
    }

    #[test]
    fn places_named_without_a_folder_lie_in_the_working_one() {
        let here = std::env::current_dir().unwrap();
        let folders = Folders::resolve(
            Some(Path::new("my.toml")),
            Some(Path::new("data")),
            variables,
            None,
        )
        .unwrap();
        assert_eq!(folders.config_file, here.join("my.toml"));
        assert_eq!(folders.config_dir, here);
        assert_eq!(folders.keymap_file, here.join("keymap.toml"));
        assert_eq!(folders.models_dir, here.join("data/models"));
    }

    #[test]
    fn usual_places_are_named_after_the_program() {
        let Some(usual) = ProjectDirs::from("", "", "llmdeck") else {
            return;
        };
        let folders =
            Folders::resolve(None, None, |_| Some(OsString::new()), Some(usual.clone())).unwrap();
        assert_eq!(folders.config_file, usual.config_dir().join("config.toml"));
        assert_eq!(folders.data_dir, usual.data_dir());
        assert!(!folders.config_is_named);
    }

    #[test]
    fn without_home_every_place_must_be_named() {
        assert_eq!(Folders::resolve(None, None, |_| None, None), Err(NoHome));
        assert_eq!(
            Folders::resolve(Some(Path::new("/a.toml")), None, |_| None, None),
            Err(NoHome)
        );
        assert!(
            Folders::resolve(
                Some(Path::new("/a.toml")),
                Some(Path::new("/d")),
                |_| None,
                None
            )
            .is_ok()
        );
    }

    #[test]
    fn places_are_listed_one_a_line() {
        let folders = Folders::resolve(None, None, variables, None).unwrap();
        insta::assert_snapshot!(folders.print(), @r"
        config   /env/deck.toml
        keymap   /env/keymap.toml
        presets  /env/presets
        personas /env/personas
        themes   /env/themes
        data     /env/data
        models   /env/data/models
        kv       /env/data/kv
        sessions /env/data/sessions
        state    /env/data
        log      /env/data/llmdeck.log
        ");
    }

    #[test]
    fn home_is_written_short() {
        let Some(home) = std::env::home_dir() else {
            return;
        };
        assert_eq!(short(&home.join("a/b.toml")), "~/a/b.toml");
        assert_eq!(expand("~/a/b.toml"), home.join("a/b.toml"));
        assert_eq!(expand("a/b.toml"), Path::new("a/b.toml"));
        assert_eq!(short(Path::new("/elsewhere/x")), "/elsewhere/x");
    }
}
