//! A short list of good first models: the embedded one with the user's over it.

use std::io::ErrorKind as Io;
use std::path::Path;

use serde::Deserialize;

use super::name::{Pick, RepoId, Wanted};
use super::{ErrorKind, HubError};

const EMBEDDED: &str = include_str!("first.toml");
/// The user's file, in the configuration folder.
const FILE: &str = "models.toml";
/// What is taken where an entry names no quantisation.
const USUAL: &str = "Q4_K_M";

/// A model to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    pub repo: RepoId,
    pub quant: String,
    /// Parameters of the whole model.
    pub n_params: u64,
    /// As the Hub names it; `None` = not given.
    pub license: Option<String>,
    pub about: String,
}

impl First {
    /// What `llmdeck models pull` takes.
    pub fn wanted(&self) -> Wanted {
        Wanted::Repo {
            repo: self.repo.clone(),
            pick: Pick::Quant(self.quant.clone()),
        }
    }
}

/// The list, smallest first; a missing file adds nothing.
///
/// # Errors
/// When the user's file cannot be read or says something else.
pub fn first_models(config_dir: &Path) -> Result<Vec<First>, HubError> {
    let path = config_dir.join(FILE);
    let wrong =
        |why: String| HubError::new(ErrorKind::Usage, format!("reading {}", path.display()), why);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == Io::NotFound => String::new(),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let own = parse(&text).map_err(&wrong)?;
    let embedded = parse(EMBEDDED).map_err(&wrong)?;
    let mut all = own.model;
    if !own.only {
        let others = embedded.model.into_iter();
        let new: Vec<First> = others
            .filter(|one| all.iter().all(|own| own.repo != one.repo))
            .collect();
        all.extend(new);
    }
    all.sort_by_key(|one| one.n_params);
    Ok(all)
}

struct List {
    only: bool,
    model: Vec<First>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    only: bool,
    #[serde(default)]
    model: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    repo: String,
    quant: Option<String>,
    parameters: String,
    license: Option<String>,
    #[serde(default)]
    about: String,
}

fn parse(text: &str) -> Result<List, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let entries = file.model.into_iter().map(|entry| {
        let repo = RepoId::parse(&entry.repo).map_err(|error| error.to_string())?;
        let n_params = count(&entry.parameters).ok_or_else(|| {
            format!(
                "{repo}: parameters = \"{}\" is no number such as 8.2B or 500M",
                entry.parameters
            )
        })?;
        Ok(First {
            repo,
            quant: entry.quant.unwrap_or_else(|| USUAL.to_owned()),
            n_params,
            license: entry.license,
            about: entry.about,
        })
    });
    let model: Result<Vec<First>, String> = entries.collect();
    Ok(List {
        only: file.only,
        model: model?,
    })
}

/// `8.2B` → 8,200,000,000
fn count(text: &str) -> Option<u64> {
    let (number, factor) = match text
        .trim()
        .split_at_checked(text.trim().len().checked_sub(1)?)?
    {
        (number, "B" | "b") => (number, 1e9),
        (number, "M" | "m") => (number, 1e6),
        _ => return None,
    };
    let count = number.parse::<f64>().ok()? * factor;
    (1e6..=1e14)
        .contains(&count)
        .then_some(count.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_list_is_short_and_in_order() {
        let all = first_models(Path::new("/nowhere")).unwrap();
        assert!((8..=20).contains(&all.len()));
        assert!(all.is_sorted_by_key(|one| one.n_params));
        assert!(
            all.iter()
                .all(|one| !one.about.is_empty() && one.license.is_some())
        );
        assert_eq!(
            all[0].wanted().to_string(),
            "Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M"
        );
    }

    #[test]
    fn a_users_list_adds_replaces_or_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(folder.path().join(FILE), text).unwrap();
        let usual = first_models(folder.path()).unwrap().len();
        write(
            "[[model]]\nrepo = 'Qwen/Qwen3-8B-GGUF'\nquant = 'Q8_0'\nparameters = '8.2B'\n[[model]]\nrepo = 'me/mine'\nparameters = '500M'\n",
        );
        let all = first_models(folder.path()).unwrap();
        assert_eq!(all.len(), usual + 1);
        let qwen = all
            .iter()
            .find(|one| one.repo.as_str() == "Qwen/Qwen3-8B-GGUF")
            .unwrap();
        assert_eq!(
            (qwen.quant.as_str(), qwen.n_params),
            ("Q8_0", 8_200_000_000)
        );
        write("only = true\n[[model]]\nrepo = 'me/mine'\nparameters = '500M'\n");
        assert_eq!(first_models(folder.path()).unwrap().len(), 1);
        for wrong in [
            "model = 3",
            "[[model]]\nrepo = 'x'\nparameters = '1B'",
            "[[model]]\nrepo = 'a/b'\nparameters = 'ß'",
            "colour = 1",
        ] {
            write(wrong);
            assert!(first_models(folder.path()).is_err(), "{wrong}");
        }
    }
}
