//! Reading a theme file. `docs/themes.md` is the user's description of the format.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Role, color};

/// Why a theme was refused; the caller knows the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ThemeError {
    /// Counted from 1.
    pub line: usize,
    pub reason: String,
}

/// What a file says about each role, in the order of [`Role::ALL`], with nothing inherited yet.
pub(super) type Given = [Option<GivenStyle>; Role::ALL.len()];

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GivenStyle {
    pub fg: Option<Color>,
    pub bg: Option<Color>,
    pub add: Option<Modifier>,
}

/// The modifiers a theme may use.
const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

pub(super) fn read(source: &str) -> Result<Given, ThemeError> {
    let document = DeTable::parse(source).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        ThemeError {
            line: line_of(source, start),
            reason: error.message().to_owned(),
        }
    })?;
    let mut reader = Reader {
        source,
        palette: BTreeMap::new(),
    };
    let table = document.into_inner();
    for (key, value) in &table {
        if key.get_ref() == "palette" {
            reader.read_palette(value)?;
        }
    }
    let mut given = Given::default();
    for (key, value) in &table {
        if key.get_ref() == "palette" {
            continue;
        }
        let name: &str = key.get_ref();
        let Some(role) = Role::ALL.into_iter().find(|role| role.name() == name) else {
            let roles = Role::ALL.map(Role::name);
            return Err(reader.error(
                key,
                format!("there is no role '{name}'{}", nearest(name, &roles)),
            ));
        };
        given[role.index()] = Some(reader.style(value)?);
    }
    Ok(given)
}

/// The style of a role: its own fields, then its parents'. The background of `text` is the
/// screen's and is not repeated in other roles, so that a selected row keeps its own.
pub(super) fn resolve(given: &Given) -> [Style; Role::ALL.len()] {
    Role::ALL.map(|role| {
        let own = given[role.index()].unwrap_or_default();
        let (mut fg, mut bg, mut add) = (own.fg, own.bg, own.add);
        let mut ancestor = role.parent();
        while let Some(parent) = ancestor {
            let from = given[parent.index()].unwrap_or_default();
            fg = fg.or(from.fg);
            add = add.or(from.add);
            if parent != Role::Text {
                bg = bg.or(from.bg);
            }
            ancestor = parent.parent();
        }
        Style {
            fg,
            bg,
            add_modifier: add.unwrap_or_default(),
            ..Style::default()
        }
    })
}

struct Reader<'a> {
    source: &'a str,
    palette: BTreeMap<String, Color>,
}

impl Reader<'_> {
    fn read_palette(&mut self, value: &Spanned<DeValue<'_>>) -> Result<(), ThemeError> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.error(
                value,
                "palette is not a table of names and colours".to_owned(),
            ));
        };
        for (name, value) in table {
            let color = self.color(value)?;
            self.palette.insert(name.get_ref().to_string(), color);
        }
        Ok(())
    }

    fn style(&self, value: &Spanned<DeValue<'_>>) -> Result<GivenStyle, ThemeError> {
        let DeValue::Table(table) = value.get_ref() else {
            return Ok(GivenStyle {
                fg: Some(self.color(value)?),
                ..GivenStyle::default()
            });
        };
        let mut style = GivenStyle::default();
        for (key, value) in table {
            let name: &str = key.get_ref();
            match name {
                "fg" => style.fg = Some(self.color(value)?),
                "bg" => style.bg = Some(self.color(value)?),
                "add" => style.add = Some(self.modifiers(value)?),
                _ => {
                    let hint = nearest(name, &["fg", "bg", "add"]);
                    return Err(self.error(
                        key,
                        format!("a style has no '{name}', only fg, bg and add{hint}"),
                    ));
                }
            }
        }
        Ok(style)
    }

    fn color(&self, value: &Spanned<DeValue<'_>>) -> Result<Color, ThemeError> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            _ => {
                return Err(self.error(
                    value,
                    "a colour is a name, 0 to 255 or '#rrggbb'".to_owned(),
                ));
            }
        };
        if let Some(color) = self
            .palette
            .get(&text)
            .copied()
            .or_else(|| color::parse(&text))
        {
            return Ok(color);
        }
        let names = self
            .palette
            .keys()
            .map(String::as_str)
            .chain(color::NAMES.iter().map(|(name, _)| *name));
        let hint = nearest(&text, &names.collect::<Vec<_>>());
        Err(self.error(
            value,
            format!("'{text}' is no colour: use a name, 0 to 255 or '#rrggbb'{hint}"),
        ))
    }

    fn modifiers(&self, value: &Spanned<DeValue<'_>>) -> Result<Modifier, ThemeError> {
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.error(
                value,
                "add is a list such as ['bold', 'underlined']".to_owned(),
            ));
        };
        let mut all = Modifier::empty();
        for item in items.iter() {
            let text = item.get_ref().as_str().unwrap_or_default();
            let Some((_, modifier)) = MODIFIERS.iter().find(|(name, _)| *name == text) else {
                let names = MODIFIERS.map(|(name, _)| name);
                let reason = format!(
                    "there is no '{text}', only {}{}",
                    names.join(", "),
                    nearest(text, &names)
                );
                return Err(self.error(item, reason));
            };
            all |= *modifier;
        }
        Ok(all)
    }

    fn error<T>(&self, at: &Spanned<T>, reason: String) -> ThemeError {
        ThemeError {
            line: line_of(self.source, at.span().start),
            reason,
        }
    }
}

/// `; did you mean 'x'?` when a name is close to what was written.
fn nearest(text: &str, names: &[&str]) -> String {
    let close = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&text.to_lowercase(), name), *name));
    let best = close
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(score, _)| *score > 0.75);
    best.map(|(_, name)| format!("; did you mean '{name}'?"))
        .unwrap_or_default()
}

fn line_of(source: &str, byte: usize) -> usize {
    let before = source.as_bytes().get(..byte).unwrap_or(source.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> String {
        read(source)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn errors_name_the_line_and_the_nearest_word() {
        assert_eq!(
            refused("text = 'white'\nmutted = 'red'"),
            "line 2: there is no role 'mutted'; did you mean 'muted'?"
        );
        assert_eq!(
            refused("text = 'whit'"),
            "line 1: 'whit' is no colour: use a name, 0 to 255 or '#rrggbb'; did you mean 'white'?"
        );
        assert_eq!(
            refused("\n\ntext = { fg = 1, add = ['blod'] }"),
            "line 3: there is no 'blod', only bold, dim, italic, underlined, reversed; did you mean 'bold'?"
        );
        assert_eq!(
            refused("key = { fgg = 1 }"),
            "line 1: a style has no 'fgg', only fg, bg and add; did you mean 'fg'?"
        );
        assert_eq!(
            refused("text = 300"),
            "line 1: '300' is no colour: use a name, 0 to 255 or '#rrggbb'"
        );
        assert!(refused("text = 'red'\nmuted = ").starts_with("line 2: "));
    }

    #[test]
    fn fields_come_from_the_nearest_parent_that_has_them() {
        let given = read("text = { fg = 'white', bg = 'black' }\nwarning = { fg = 'yellow', add = ['bold'] }\nerror = 'red'")
            .unwrap();
        let styles = resolve(&given);
        let error = styles[Role::Error.index()];
        assert_eq!(
            (error.fg, error.bg, error.add_modifier),
            (Some(Color::Red), None, Modifier::BOLD)
        );
        assert_eq!(styles[Role::Key.index()].fg, Some(Color::Gray));
        assert_eq!(styles[Role::Text.index()].bg, Some(Color::Black));
    }

    #[test]
    fn palette_names_are_colours() {
        let given = read("text = 'snow'\n[palette]\nsnow = '#fffafa'").unwrap();
        assert_eq!(
            given[0].and_then(|style| style.fg),
            Some(Color::Rgb(255, 250, 250))
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(source in "[a-z#=\\[\\]{}'\", 0-9\n\u{e9}]{0,80}") {
            let _ = read(&source);
        }
    }
}
