//! The themes that come with the program, and the user's own over them.

use std::path::Path;

use super::{GlyphSet, Role, Theme};

/// The theme used until another is chosen.
pub const DEFAULT_THEME: &str = "dark";

/// Name and source of each, in the order of the list.
const EMBEDDED: [(&str, &str); 16] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
    (
        "high-contrast",
        include_str!("../../themes/high-contrast.toml"),
    ),
    ("nord", include_str!("../../themes/nord.toml")),
    (
        "gruvbox-dark",
        include_str!("../../themes/gruvbox-dark.toml"),
    ),
    (
        "gruvbox-light",
        include_str!("../../themes/gruvbox-light.toml"),
    ),
    (
        "solarized-dark",
        include_str!("../../themes/solarized-dark.toml"),
    ),
    (
        "solarized-light",
        include_str!("../../themes/solarized-light.toml"),
    ),
    ("dracula", include_str!("../../themes/dracula.toml")),
    (
        "catppuccin-mocha",
        include_str!("../../themes/catppuccin-mocha.toml"),
    ),
    ("tokyo-night", include_str!("../../themes/tokyo-night.toml")),
    ("one-dark", include_str!("../../themes/one-dark.toml")),
    ("amber", include_str!("../../themes/amber.toml")),
    ("harbour", include_str!("../../themes/harbour.toml")),
];

/// More than any theme needs; a larger file is something else.
const LARGEST_FILE: u64 = 64 * 1024;

/// All themes: the embedded ones, then those of a folder's `*.toml` files by name. A file with the name of
/// an embedded theme takes its place. Files that cannot be used are told in the second list.
pub fn load_themes(user_folder: Option<&Path>) -> (Vec<Theme>, Vec<String>) {
    let (mut themes, mut errors) = (Vec::new(), Vec::new());
    for (name, source) in EMBEDDED {
        match Theme::parse(source, name) {
            Ok(theme) => themes.push(theme),
            Err(error) => errors.push(format!("embedded theme {name}: {error}")),
        }
    }
    let Some(folder) = user_folder.filter(|folder| folder.is_dir()) else {
        return (themes, errors);
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            errors.push(format!(
                "reading the themes in {}: {error}",
                folder.display()
            ));
            return (themes, errors);
        }
    };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    paths.sort();
    for path in paths {
        match read_file(&path) {
            Ok(theme) => match themes.iter_mut().find(|known| known.name == theme.name) {
                Some(known) => *known = theme,
                None => themes.push(theme),
            },
            Err(reason) => errors.push(format!("theme {}: {reason}", path.display())),
        }
    }
    (themes, errors)
}

pub(super) fn default_theme() -> Theme {
    let found = EMBEDDED.iter().find(|(name, _)| *name == DEFAULT_THEME);
    let parsed = found.and_then(|(name, source)| Theme::parse(source, name).ok());
    parsed.unwrap_or_else(|| Theme {
        name: DEFAULT_THEME.to_owned(),
        glyphs: GlyphSet::default(),
        styles: Role::ALL
            .map(|role| ratatui::style::Style::new().add_modifier(role.mono_modifiers())),
    })
}

fn read_file(path: &Path) -> Result<Theme, String> {
    let length = std::fs::metadata(path)
        .map_err(|error| error.to_string())?
        .len();
    if length > LARGEST_FILE {
        return Err(format!(
            "{length} bytes are too many for a theme; the limit is {LARGEST_FILE}"
        ));
    }
    let source = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Theme::parse(&source, &name).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_theme_is_valid() {
        let (themes, errors) = load_themes(None);
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!(themes.len(), EMBEDDED.len());
        assert_eq!(themes[0], Theme::default());
    }

    #[test]
    fn the_users_file_takes_the_place_of_an_embedded_theme() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("nord.toml"), "text = 'red'").unwrap();
        std::fs::write(folder.path().join("mine.toml"), "text = 'green'").unwrap();
        std::fs::write(folder.path().join("broken.toml"), "text = 'greem'").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "text").unwrap();
        let (themes, errors) = load_themes(Some(folder.path()));
        assert_eq!(themes.len(), EMBEDDED.len() + 1);
        assert_eq!(
            themes.iter().filter(|theme| theme.name == "nord").count(),
            1
        );
        assert_eq!(themes.last().map(|theme| theme.name.as_str()), Some("mine"));
        let nord = themes.iter().find(|theme| theme.name == "nord").unwrap();
        assert_eq!(nord.style(Role::Text).fg, Some(ratatui::style::Color::Red));
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].contains("broken.toml: line 1: 'greem' is no colour"),
            "{}",
            errors[0]
        );
    }
}
