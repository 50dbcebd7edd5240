//! What the terminal can do, judged by the environment alone.

use crate::theme::{ColorDepth, GlyphSet};

/// What the environment says about the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    pub colors: ColorDepth,
    pub glyphs: GlyphSet,
    pub link: Link,
    pub multiplexer: Option<Multiplexer>,
    /// Whether the terminal may take OSC 52; the Linux console and dumb terminals do not.
    pub osc52: bool,
}

/// Where the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Local,
    /// At the other end of an SSH connection.
    Remote,
}

/// A program between us and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplexer {
    Tmux,
    Screen,
}

impl Capabilities {
    /// Reads this process's environment.
    pub fn detect() -> Self {
        Self::from_environment(|name| std::env::var(name).ok())
    }

    /// Judges by the variables `variable` knows; an empty one counts as not set.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let is_set = |name: &str| get(name).is_some();
        let term = get("TERM").unwrap_or_default();
        Self {
            colors: if is_set("NO_COLOR") {
                ColorDepth::None
            } else {
                colors(&term, get("COLORTERM").as_deref())
            },
            // The first of these that is set decides, as in the C library.
            glyphs: glyphs(
                &term,
                ["LC_ALL", "LC_CTYPE", "LANG"]
                    .into_iter()
                    .find_map(get)
                    .as_deref(),
            ),
            link: if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
                Link::Remote
            } else {
                Link::Local
            },
            multiplexer: multiplexer(&term, is_set("TMUX"), is_set("STY")),
            osc52: !is_plain(&term),
        }
    }
}

fn is_plain(term: &str) -> bool {
    matches!(term, "" | "dumb" | "linux") || term.starts_with("vt")
}

fn colors(term: &str, colorterm: Option<&str>) -> ColorDepth {
    const TRUE_COLOR_TERMINALS: [&str; 6] = [
        "kitty",
        "alacritty",
        "ghostty",
        "foot",
        "wezterm",
        "-direct",
    ];
    if matches!(term, "" | "dumb") || term.starts_with("vt") {
        return ColorDepth::None;
    }
    if matches!(colorterm, Some("truecolor" | "24bit"))
        || TRUE_COLOR_TERMINALS.iter().any(|name| term.contains(name))
    {
        return ColorDepth::True;
    }
    if term.contains("256") {
        ColorDepth::Indexed256
    } else {
        ColorDepth::Ansi16
    }
}

/// Without any locale the terminal decides: containers rarely set one, and today's terminals speak UTF-8.
fn glyphs(term: &str, locale: Option<&str>) -> GlyphSet {
    let utf8 = locale.map(|locale| {
        locale
            .to_ascii_lowercase()
            .replace('-', "")
            .contains("utf8")
    });
    if is_plain(term) || utf8 == Some(false) {
        GlyphSet::Ascii
    } else {
        GlyphSet::Unicode
    }
}

/// tmux on this side sets TMUX; on the near side of an SSH connection only TERM tells, and `screen` there
/// can be either program.
fn multiplexer(term: &str, in_tmux: bool, in_screen: bool) -> Option<Multiplexer> {
    if in_tmux || term.starts_with("tmux") {
        return Some(Multiplexer::Tmux);
    }
    in_screen.then_some(Multiplexer::Screen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)]) -> Capabilities {
        Capabilities::from_environment(|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_local_terminal_of_today() {
        let expected = Capabilities {
            colors: ColorDepth::True,
            glyphs: GlyphSet::Unicode,
            link: Link::Local,
            multiplexer: None,
            osc52: true,
        };
        assert_eq!(
            detect(&[
                ("TERM", "xterm-256color"),
                ("COLORTERM", "truecolor"),
                ("LANG", "de_CH.UTF-8")
            ]),
            expected
        );
        assert_eq!(detect(&[("TERM", "xterm-kitty")]), expected);
    }

    #[test]
    fn colours_by_terminal() {
        for (term, expected) in [
            ("xterm-256color", ColorDepth::Indexed256),
            ("xterm", ColorDepth::Ansi16),
            ("linux", ColorDepth::Ansi16),
            ("xterm-direct", ColorDepth::True),
            ("vt100", ColorDepth::None),
            ("dumb", ColorDepth::None),
            ("", ColorDepth::None),
        ] {
            assert_eq!(detect(&[("TERM", term)]).colors, expected, "TERM={term}");
        }
    }

    #[test]
    fn no_color_counts_when_it_is_not_empty() {
        let term = ("TERM", "xterm-256color");
        assert_eq!(
            detect(&[term, ("COLORTERM", "truecolor"), ("NO_COLOR", "1")]).colors,
            ColorDepth::None
        );
        assert_eq!(
            detect(&[term, ("NO_COLOR", "")]).colors,
            ColorDepth::Indexed256
        );
    }

    #[test]
    fn the_locale_decides_over_glyphs() {
        let term = ("TERM", "xterm");
        assert_eq!(detect(&[term, ("LANG", "C")]).glyphs, GlyphSet::Ascii);
        assert_eq!(
            detect(&[term, ("LANG", "C"), ("LC_ALL", "C.utf8")]).glyphs,
            GlyphSet::Unicode
        );
        assert_eq!(
            detect(&[term, ("LANG", "en_GB.UTF-8"), ("LC_ALL", "POSIX")]).glyphs,
            GlyphSet::Ascii
        );
        assert_eq!(detect(&[term]).glyphs, GlyphSet::Unicode);
        assert_eq!(
            detect(&[("TERM", "linux"), ("LANG", "en_GB.UTF-8")]).glyphs,
            GlyphSet::Ascii
        );
    }

    #[test]
    fn links_and_multiplexers() {
        let ssh = detect(&[("TERM", "tmux-256color"), ("SSH_TTY", "/dev/pts/3")]);
        assert_eq!(
            (ssh.link, ssh.multiplexer),
            (Link::Remote, Some(Multiplexer::Tmux))
        );
        assert_eq!(
            detect(&[("TERM", "screen"), ("TMUX", "/tmp/tmux-0/default,1,0")]).multiplexer,
            Some(Multiplexer::Tmux)
        );
        assert_eq!(
            detect(&[("TERM", "screen"), ("STY", "1.pts-0")]).multiplexer,
            Some(Multiplexer::Screen)
        );
        assert_eq!(
            detect(&[("TERM", "screen")]).multiplexer,
            None,
            "could be either"
        );
    }
}
