//! Completing the path of a model file.

use std::path::{Path, PathBuf};

/// Completions offered at most.
const MOST: usize = 50;

/// Folders (with a `/` at the end) and `.gguf` files whose path begins with what was typed.
/// `~` stands for the home folder. Unreadable folders have no completions.
pub(super) fn complete(typed: &str, home: Option<&Path>) -> Vec<String> {
    let (folder, start) = typed
        .rsplit_once('/')
        .map_or(("", typed), |(folder, start)| (folder, start));
    let prefix = &typed[..typed.len() - start.len()];
    let Ok(entries) = std::fs::read_dir(real_folder(folder, prefix, home)) else {
        return vec![];
    };
    let mut found: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !start.starts_with('.');
            if hidden || !name.starts_with(start) {
                return None;
            }
            // Through links: model folders are full of them.
            let is_folder = std::fs::metadata(entry.path()).ok()?.is_dir();
            if is_folder {
                return Some(format!("{prefix}{name}/"));
            }
            let is_model = Path::new(&name)
                .extension()
                .is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"));
            is_model.then(|| format!("{prefix}{name}"))
        })
        .collect();
    found.sort_unstable();
    found.truncate(MOST);
    found
}

/// A typed path with `~` resolved.
pub(super) fn resolve(path: PathBuf, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

fn real_folder(folder: &str, prefix: &str, home: Option<&Path>) -> PathBuf {
    match (folder, prefix) {
        ("", "") => PathBuf::from("."),
        ("", _) => PathBuf::from("/"),
        _ => resolve(PathBuf::from(folder), home),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_models_are_completed_and_nothing_else() -> std::io::Result<()> {
        let home = tempfile::tempdir()?;
        let folder = home.path();
        std::fs::create_dir(folder.join("models"))?;
        for name in [
            "models/a.gguf",
            "models/b.GGUF",
            "models/notes.txt",
            "models/.hidden.gguf",
        ] {
            std::fs::write(folder.join(name), "")?;
        }
        let typed = format!("{}/mo", folder.display());
        assert_eq!(
            complete(&typed, None),
            [format!("{}/models/", folder.display())]
        );
        assert_eq!(
            complete("~/models/", Some(folder)),
            ["~/models/a.gguf", "~/models/b.GGUF"]
        );
        assert_eq!(
            complete("~/models/.h", Some(folder)),
            ["~/models/.hidden.gguf"]
        );
        assert!(complete("~/nowhere/", Some(folder)).is_empty());
        assert_eq!(resolve("~/x".into(), Some(folder)), folder.join("x"));
        Ok(())
    }
}
