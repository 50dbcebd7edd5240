//! Colours have meanings: a theme gives each [`Role`] a style; the rest of the program names roles only.

mod color;
mod embedded;
mod glyph_set;
mod parse;
mod role;

pub use color::ColorDepth;
pub use embedded::{DEFAULT_THEME, load_themes};
pub use glyph_set::GlyphSet;
pub use parse::ThemeError;
pub use role::Role;

use ratatui::style::{Modifier, Style};

/// A style for every role, fitted to what the terminal shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// The file's stem: `dark`.
    pub name: String,
    /// Which characters draw lines, gauges and marks.
    pub glyphs: GlyphSet,
    styles: [Style; Role::ALL.len()],
}

impl Theme {
    /// Reads a theme file.
    ///
    /// # Errors
    /// When it is not TOML, or names a role, colour or modifier that does not exist; with the line and,
    /// where one is near, the name that was probably meant.
    pub fn parse(source: &str, name: &str) -> Result<Self, ThemeError> {
        let given = parse::read(source)?;
        Ok(Self {
            name: name.to_owned(),
            glyphs: GlyphSet::default(),
            styles: parse::resolve(&given),
        })
    }

    /// The style of a role. Only `text` carries the screen's background.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role.index()]
    }

    /// The same theme on a terminal with fewer colours. Without any, modifiers tell the roles apart.
    #[must_use]
    pub fn at_depth(&self, depth: ColorDepth) -> Self {
        let mut theme = self.clone();
        let screen = self.style(Role::Text).bg;
        for role in Role::ALL {
            theme.styles[role.index()] = fitted(self.style(role), role, depth, screen);
            // The colour that set a role apart can fall together with that of ordinary text.
            let (plain, text) = (theme.style(role), theme.style(Role::Text));
            if plain.fg == text.fg
                && plain.bg.is_none()
                && self.style(role).fg != self.style(Role::Text).fg
            {
                theme.styles[role.index()] = plain.add_modifier(role.mono_modifiers());
            }
        }
        theme
    }

    /// The same theme with other characters.
    #[must_use]
    pub fn with_glyphs(mut self, glyphs: GlyphSet) -> Self {
        self.glyphs = glyphs;
        self
    }
}

impl Default for Theme {
    /// The default theme in full colour.
    fn default() -> Self {
        embedded::default_theme()
    }
}

fn fitted(
    style: Style,
    role: Role,
    depth: ColorDepth,
    screen: Option<ratatui::style::Color>,
) -> Style {
    let shown = |color| color::downgrade(color, depth);
    let (mut fg, bg) = (style.fg.and_then(shown), style.bg.and_then(shown));
    let behind = bg.or_else(|| screen.and_then(shown));
    // Two shades of the theme can fall on one of the 16 colours: then text takes the opposite of its ground.
    if depth == ColorDepth::Ansi16 && fg.is_some() && fg == behind {
        fg = Some(color::opposite_16(behind.unwrap_or_default()));
    }
    let mut add_modifier = style.add_modifier;
    if depth == ColorDepth::None {
        add_modifier |= role.mono_modifiers();
    }
    // A ground that was there to be seen and is not any more: reverse keeps it visible.
    if style.bg.is_some() && style.bg != screen && bg == screen.and_then(shown) {
        add_modifier |= Modifier::REVERSED;
    }
    Style {
        fg,
        bg,
        add_modifier,
        ..style
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;

    const DEPTHS: [ColorDepth; 4] = [
        ColorDepth::None,
        ColorDepth::Ansi16,
        ColorDepth::Indexed256,
        ColorDepth::True,
    ];

    /// Pairs that stand next to each other and must not look the same.
    const APART: [(Role, Role); 18] = [
        (Role::Selection, Role::Text),
        (Role::Focus, Role::Border),
        (Role::Error, Role::Text),
        (Role::Error, Role::Warning),
        (Role::Warning, Role::Text),
        (Role::Changed, Role::Text),
        (Role::Key, Role::Muted),
        (Role::Accent, Role::Text),
        (Role::User, Role::Assistant),
        (Role::Heading, Role::Assistant),
        (Role::Thinking, Role::Assistant),
        (Role::Keyword, Role::Comment),
        (Role::Keyword, Role::String),
        (Role::String, Role::Comment),
        (Role::Comment, Role::Code),
        (Role::InlineCode, Role::Assistant),
        (Role::Link, Role::Assistant),
        (Role::Link, Role::Heading),
    ];

    #[test]
    fn meanings_stay_apart_at_every_depth() {
        for theme in load_themes(None).0 {
            for depth in DEPTHS {
                let fitted = theme.at_depth(depth);
                for (one, other) in APART {
                    assert_ne!(
                        fitted.style(one),
                        fitted.style(other),
                        "{} {depth:?} {one:?} {other:?}",
                        theme.name
                    );
                }
            }
        }
    }

    /// Where there are colours, what replies hold does not look like the text around it.
    #[test]
    fn every_theme_with_colours_speaks_of_replies() {
        for theme in load_themes(None).0 {
            let color = |role| theme.style(role).fg;
            if theme.name == "mono" {
                continue;
            }
            for role in [Role::Heading, Role::InlineCode, Role::Quote, Role::Thinking] {
                let text = color(Role::Assistant);
                assert_ne!(color(role), text, "{} {role:?}", theme.name);
            }
            let link = theme.style(Role::Link).add_modifier;
            assert!(link.contains(Modifier::UNDERLINED), "{}", theme.name);
            let code = [Role::Keyword, Role::String, Role::Comment].map(color);
            assert!(code[0] != code[1] && code[1] != code[2], "{}", theme.name);
        }
    }

    #[test]
    fn no_colour_means_none() {
        for theme in load_themes(None).0 {
            let mono = theme.at_depth(ColorDepth::None);
            for role in Role::ALL {
                assert_eq!(
                    (mono.style(role).fg, mono.style(role).bg),
                    (None, None),
                    "{} {role:?}",
                    theme.name
                );
            }
        }
    }

    #[test]
    fn text_never_has_the_colour_of_its_ground() {
        for theme in load_themes(None).0 {
            for depth in [ColorDepth::Ansi16, ColorDepth::Indexed256, ColorDepth::True] {
                let fitted = theme.at_depth(depth);
                for role in Role::ALL {
                    let ground = fitted.style(role).bg.or(fitted.style(Role::Text).bg);
                    let color = fitted.style(role).fg;
                    assert!(
                        color.is_none() || color != ground,
                        "{} {depth:?} {role:?}",
                        theme.name
                    );
                }
            }
        }
    }

    /// Contrast ratio of the Web Content Accessibility Guidelines 2.1.
    fn contrast(one: Color, other: Color) -> Option<f64> {
        let light = |color| {
            let (red, green, blue) = color::rgb(color)?;
            let linear = |value: u8| {
                let share = f64::from(value) / 255.0;
                if share <= 0.040_45 {
                    share / 12.92
                } else {
                    ((share + 0.055) / 1.055).powf(2.4)
                }
            };
            Some(0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) + 0.05)
        };
        let (one, other) = (light(one)?, light(other)?);
        Some(one.max(other) / one.min(other))
    }

    #[test]
    fn text_can_be_read() {
        let least = |role| match role {
            Role::Text | Role::Assistant | Role::Selection => 4.5,
            Role::Border | Role::GaugeEmpty => 1.1,
            Role::Muted => 2.4,
            // Read at length.
            Role::Thinking | Role::Heading | Role::Link | Role::InlineCode => 4.0,
            _ => 3.0,
        };
        for theme in load_themes(None).0 {
            for role in Role::ALL {
                let style = theme.style(role);
                let ground = style.bg.or(theme.style(Role::Text).bg);
                let Some(ratio) = style.fg.zip(ground).and_then(|(fg, bg)| contrast(fg, bg)) else {
                    continue;
                };
                assert!(ratio >= least(role), "{} {role:?}: {ratio:.2}", theme.name);
            }
        }
    }
}
