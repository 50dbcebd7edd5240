//! Where tools keep models: pure functions of an environment that is given.
//!
//! After llama.cpp's `common/hf-cache.cpp` and `fs_get_cache_directory`, `huggingface_hub`'s
//! constants, Ollama's `envconfig`, and the documentation of LM Studio, Jan, GPT4All and
//! text-generation-webui.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Source;

/// The operating systems whose places differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    Linux,
    MacOs,
    Windows,
}

/// What decides where things lie.
#[derive(Clone, Debug)]
pub struct Environment {
    pub os: Os,
    /// The home folder, if there is one.
    pub home: Option<PathBuf>,
    /// Environment variables; an empty one counts as not set.
    pub variables: BTreeMap<String, PathBuf>,
}

/// A folder to look through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub source: Source,
    pub folder: PathBuf,
}

impl Environment {
    /// That of this process.
    pub fn system() -> Self {
        let os = match () {
            () if cfg!(windows) => Os::Windows,
            () if cfg!(target_os = "macos") => Os::MacOs,
            () => Os::Linux,
        };
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, PathBuf::from(value)))
        };
        Self {
            os,
            home: std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            variables: std::env::vars_os().filter_map(text).collect(),
        }
    }

    fn variable(&self, name: &str) -> Option<PathBuf> {
        let value = self.variables.get(name)?;
        (!value.as_os_str().is_empty()).then(|| value.clone())
    }

    fn in_home(&self, path: &str) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join(path))
    }

    /// The folder for caches in the XDG manner: on every system, as Hugging Face does.
    fn xdg_cache(&self) -> Option<PathBuf> {
        self.variable("XDG_CACHE_HOME")
            .or_else(|| self.in_home(".cache"))
    }

    /// Where applications keep data.
    fn data(&self) -> Option<PathBuf> {
        match self.os {
            Os::Linux => self
                .variable("XDG_DATA_HOME")
                .or_else(|| self.in_home(".local/share")),
            Os::MacOs => self.in_home("Library/Application Support"),
            Os::Windows => self
                .variable("APPDATA")
                .or_else(|| self.in_home("AppData/Roaming")),
        }
    }

    /// As [`Self::data`], for what stays on this machine.
    fn local_data(&self) -> Option<PathBuf> {
        match self.os {
            Os::Windows => self
                .variable("LOCALAPPDATA")
                .or_else(|| self.in_home("AppData/Local")),
            _ => self.data(),
        }
    }
}

/// Every folder that may be a Hub cache, the one in use first: `HF_HUB_CACHE`,
/// `HUGGINGFACE_HUB_CACHE`, `HF_HOME/hub`, `XDG_CACHE_HOME/huggingface/hub`,
/// `~/.cache/huggingface/hub`.
fn hub_caches(environment: &Environment) -> Vec<PathBuf> {
    let variable = |name| environment.variable(name);
    let default = environment
        .xdg_cache()
        .map(|cache| cache.join("huggingface/hub"));
    let library = match environment.os {
        Os::MacOs => environment.in_home("Library/Caches/huggingface/hub"),
        _ => None,
    };
    let all = [
        variable("HF_HUB_CACHE"),
        variable("HUGGINGFACE_HUB_CACHE"),
        variable("HF_HOME").map(|home| home.join("hub")),
        default,
        environment.in_home(".cache/huggingface/hub"),
        library,
    ];
    all.into_iter().flatten().collect()
}

/// llama.cpp's own caches, and the folder of its server's router.
fn llama_caches(environment: &Environment) -> Vec<PathBuf> {
    let default = match environment.os {
        Os::Linux => environment.xdg_cache().map(|cache| cache.join("llama.cpp")),
        Os::MacOs => environment.in_home("Library/Caches/llama.cpp"),
        Os::Windows => environment.local_data().map(|data| data.join("llama.cpp")),
    };
    let all = [
        environment.variable("LLAMA_CACHE"),
        default,
        environment.variable("LLAMA_ARG_MODELS_DIR"),
    ];
    all.into_iter().flatten().collect()
}

fn ollama(environment: &Environment) -> Vec<PathBuf> {
    let mut all = vec![
        environment.variable("OLLAMA_MODELS"),
        environment.in_home(".ollama/models"),
    ];
    if environment.os == Os::Linux {
        // The service of Ollama's own installer, and that of distributions.
        all.push(Some("/usr/share/ollama/.ollama/models".into()));
        all.push(Some("/var/lib/ollama/models".into()));
        all.push(Some("/var/lib/ollama/.ollama/models".into()));
    }
    all.into_iter().flatten().collect()
}

/// Every folder in which models may lie, none twice, in the order in which they give a model its
/// name: what tools keep in their usual places, then `own` folders of the user.
pub fn places(environment: &Environment, own: &[PathBuf]) -> Vec<Place> {
    let home = |path: &str| environment.in_home(path);
    let data = |path| environment.data().map(|data| data.join(path));
    let local = |path| environment.local_data().map(|data| data.join(path));
    let mut all: Vec<(Source, PathBuf)> = Vec::new();
    let mut add = |source, folders: Vec<PathBuf>| {
        all.extend(folders.into_iter().map(|folder| (source, folder)));
    };
    add(Source::HuggingFace, hub_caches(environment));
    add(Source::LlamaCpp, llama_caches(environment));
    add(Source::Ollama, ollama(environment));
    let given = |folders: Vec<Option<PathBuf>>| folders.into_iter().flatten().collect();
    let lmstudio = vec![home(".lmstudio/models"), home(".cache/lm-studio/models")];
    add(Source::LmStudio, given(lmstudio));
    let jan = vec![data("Jan/data/llamacpp/models"), data("Jan/data/models")];
    add(Source::Jan, given(jan));
    add(Source::Gpt4All, given(vec![local("nomic.ai/GPT4All")]));
    let textgen = ["text-generation-webui", "textgen"]
        .into_iter()
        .flat_map(|install| ["user_data/models", "models"].map(|models| (install, models)))
        .map(|(install, models)| home(&format!("{install}/{models}")));
    add(Source::TextGen, given(textgen.collect()));
    add(Source::Folder, own.to_vec());
    let mut seen: Vec<Place> = Vec::new();
    for (source, folder) in all {
        if !seen.iter().any(|place| place.folder == folder) {
            seen.push(Place { source, folder });
        }
    }
    seen
}

/// Folders that a tool's settings name in place of the usual ones. `read` gives a file's text,
/// `None` where there is none.
pub fn moved(environment: &Environment, read: &dyn Fn(&Path) -> Option<String>) -> Vec<Place> {
    let mut all = Vec::new();
    let mut add = |source, folder: Option<PathBuf>| {
        all.extend(folder.map(|folder| Place { source, folder }));
    };
    // LM Studio's home may have moved: a pointer file says where to.
    let pointer = environment
        .in_home(".lmstudio-home-pointer")
        .and_then(|file| read(&file));
    let homes = [
        pointer.map(|text| PathBuf::from(text.trim())),
        environment.in_home(".lmstudio"),
        environment.in_home(".cache/lm-studio"),
    ];
    for (number, folder) in homes.into_iter().flatten().enumerate() {
        let settings = read(&folder.join("settings.json"));
        add(
            Source::LmStudio,
            settings.and_then(|text| json_path(&text, "downloadsFolder", environment)),
        );
        if number == 0 {
            add(Source::LmStudio, Some(folder.join("models")));
        }
    }
    let jan = environment
        .data()
        .map(|data| data.join("Jan/settings.json"));
    let folder = jan
        .and_then(|file| read(&file))
        .and_then(|text| json_path(&text, "data_folder", environment));
    for models in ["llamacpp/models", "models"] {
        add(Source::Jan, folder.as_ref().map(|data| data.join(models)));
    }
    let settings = match environment.os {
        Os::Linux => environment
            .variable("XDG_CONFIG_HOME")
            .or_else(|| environment.in_home(".config"))
            .map(|config| config.join("nomic.ai/GPT4All.ini")),
        Os::MacOs => environment.in_home(".config/nomic.ai/GPT4All.ini"),
        Os::Windows => environment
            .data()
            .map(|data| data.join("nomic.ai/GPT4All.ini")),
    };
    let path = settings
        .and_then(|file| read(&file))
        .and_then(|text| ini_value(&text, "modelPath"));
    add(Source::Gpt4All, path.map(|path| expand(&path, environment)));
    all.retain(|place| place.folder.is_absolute());
    all
}

/// A path in a JSON object, with `~` resolved.
fn json_path(text: &str, key: &str, environment: &Environment) -> Option<PathBuf> {
    let settings: serde_json::Value = serde_json::from_str(text).ok()?;
    let path = settings.get(key)?.as_str()?.trim();
    (!path.is_empty()).then(|| expand(path, environment))
}

fn ini_value(text: &str, key: &str) -> Option<String> {
    let settings = ini::Ini::load_from_str(text).ok()?;
    let found = settings.iter().find_map(|(_, section)| section.get(key))?;
    (!found.trim().is_empty()).then(|| found.trim().to_owned())
}

fn expand(path: &str, environment: &Environment) -> PathBuf {
    match (path.strip_prefix("~/"), &environment.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(os: Os, variables: &[(&str, &str)]) -> Environment {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), PathBuf::from(value)));
        Environment {
            os,
            home: Some("/home/ada".into()),
            variables: variables.collect(),
        }
    }

    fn listed(places: &[Place]) -> String {
        let line = |place: &Place| format!("{:<12}{}", place.source.name(), place.folder.display());
        places.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn usual_places_on_linux() {
        let places = places(&environment(Os::Linux, &[]), &["/data/models".into()]);
        insta::assert_snapshot!(listed(&places), @r"
        huggingface /home/ada/.cache/huggingface/hub
        llama.cpp   /home/ada/.cache/llama.cpp
        ollama      /home/ada/.ollama/models
        ollama      /usr/share/ollama/.ollama/models
        ollama      /var/lib/ollama/models
        ollama      /var/lib/ollama/.ollama/models
        lmstudio    /home/ada/.lmstudio/models
        lmstudio    /home/ada/.cache/lm-studio/models
        jan         /home/ada/.local/share/Jan/data/llamacpp/models
        jan         /home/ada/.local/share/Jan/data/models
        gpt4all     /home/ada/.local/share/nomic.ai/GPT4All
        textgen     /home/ada/text-generation-webui/user_data/models
        textgen     /home/ada/text-generation-webui/models
        textgen     /home/ada/textgen/user_data/models
        textgen     /home/ada/textgen/models
        folder      /data/models
        ");
    }

    #[test]
    fn usual_places_elsewhere() {
        let of = |os, variables: &[(&str, &str)], source| {
            let places = places(&environment(os, variables), &[]);
            let folders = places.into_iter().filter(|place| place.source == source);
            let folders = folders.map(|place| place.folder.display().to_string());
            folders.collect::<Vec<_>>()
        };
        assert_eq!(
            of(Os::MacOs, &[], Source::HuggingFace),
            [
                "/home/ada/.cache/huggingface/hub",
                "/home/ada/Library/Caches/huggingface/hub"
            ]
        );
        assert_eq!(
            of(Os::MacOs, &[], Source::LlamaCpp),
            ["/home/ada/Library/Caches/llama.cpp"]
        );
        assert_eq!(
            of(Os::MacOs, &[], Source::Ollama),
            ["/home/ada/.ollama/models"]
        );
        assert_eq!(
            of(Os::MacOs, &[], Source::Gpt4All),
            ["/home/ada/Library/Application Support/nomic.ai/GPT4All"]
        );
        let windows = [("APPDATA", "/u/Roaming"), ("LOCALAPPDATA", "/u/Local")];
        assert_eq!(
            of(Os::Windows, &windows, Source::LlamaCpp),
            ["/u/Local/llama.cpp"]
        );
        assert_eq!(
            of(Os::Windows, &windows, Source::Jan),
            [
                "/u/Roaming/Jan/data/llamacpp/models",
                "/u/Roaming/Jan/data/models"
            ]
        );
        assert_eq!(
            of(Os::Windows, &windows, Source::Gpt4All),
            ["/u/Local/nomic.ai/GPT4All"]
        );
    }

    #[test]
    fn variables_come_first_and_no_place_twice() {
        let variables = [
            ("HF_HOME", "/hf"),
            ("HF_HUB_CACHE", ""),
            ("LLAMA_CACHE", "/llama"),
            ("OLLAMA_MODELS", "/home/ada/.ollama/models"),
            ("XDG_CACHE_HOME", "/cache"),
        ];
        let environment = environment(Os::Linux, &variables);
        assert_eq!(hub_caches(&environment)[0], Path::new("/hf/hub"));
        let places = places(&environment, &["/llama".into()]);
        let count = |folder: &str| {
            let same = places
                .iter()
                .filter(|place| place.folder == Path::new(folder));
            same.count()
        };
        for folder in [
            "/hf/hub",
            "/cache/huggingface/hub",
            "/home/ada/.cache/huggingface/hub",
            "/llama",
            "/cache/llama.cpp",
            "/home/ada/.ollama/models",
        ] {
            assert_eq!(count(folder), 1, "{folder}");
        }
        let homeless = Environment {
            home: None,
            ..environment
        };
        assert_eq!(hub_caches(&homeless)[0], Path::new("/hf/hub"));
    }

    #[test]
    fn settings_of_tools_move_their_folders() {
        let read = |path: &Path| {
            let text = match path.to_str()? {
                "/home/ada/.lmstudio-home-pointer" => "/big/lmstudio\n",
                "/big/lmstudio/settings.json" => r#"{"downloadsFolder": "~/lm", "x": 1}"#,
                "/home/ada/.local/share/Jan/settings.json" => r#"{"data_folder": "/big/jan"}"#,
                "/home/ada/.config/nomic.ai/GPT4All.ini" => "[General]\nmodelPath=/big/gpt4all\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        let environment = environment(Os::Linux, &[]);
        insta::assert_snapshot!(listed(&moved(&environment, &read)), @r"
        lmstudio    /home/ada/lm
        lmstudio    /big/lmstudio/models
        jan         /big/jan/llamacpp/models
        jan         /big/jan/models
        gpt4all     /big/gpt4all
        ");
        let nonsense = |_: &Path| Some("{\"downloadsFolder\": 7".to_owned());
        let homeless = Environment {
            home: None,
            ..environment
        };
        assert!(moved(&homeless, &nonsense).is_empty());
    }
}
