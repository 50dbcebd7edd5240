//! What the terminal says it can do.

use serde::Serialize;

/// Asked of the environment only: a terminal that answers no queries must not hold the doctor up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Terminal {
    /// Whether standard output is a terminal.
    pub is_terminal: bool,
    pub term: Option<String>,
    pub colour: Colour,
    /// Cells: width, height.
    pub size: Option<(u16, u16)>,
    /// Whether the locale is a UTF-8 one; `None` when none is set.
    pub utf8: Option<bool>,
    pub ssh: bool,
    /// What keeps the program running when the connection breaks.
    pub multiplexer: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Colour {
    #[default]
    Sixteen,
    TwoHundredFiftySix,
    TwentyFourBit,
    /// NO_COLOR is set.
    Off,
    /// TERM says that there is none.
    NoneAtAll,
}

impl Terminal {
    /// From variables of the environment.
    pub(super) fn read(
        variable: impl Fn(&str) -> Option<String>,
        is_terminal: bool,
        size: Option<(u16, u16)>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM");
        Self {
            is_terminal,
            colour: colour(
                term.as_deref(),
                set("COLORTERM").as_deref(),
                set("NO_COLOR").as_deref(),
            ),
            size,
            utf8: ["LC_ALL", "LC_CTYPE", "LANG"]
                .into_iter()
                .find_map(set)
                .map(|locale| is_utf8(&locale)),
            ssh: ["SSH_TTY", "SSH_CONNECTION", "SSH_CLIENT"]
                .into_iter()
                .any(|name| set(name).is_some()),
            multiplexer: [("TMUX", "tmux"), ("ZELLIJ", "zellij"), ("STY", "screen")]
                .into_iter()
                .find(|(name, _)| set(name).is_some())
                .map(|(_, program)| program),
            term,
        }
    }
}

fn colour(term: Option<&str>, colorterm: Option<&str>, no_color: Option<&str>) -> Colour {
    match (term, colorterm, no_color) {
        (_, _, Some(_)) => Colour::Off,
        (None | Some("dumb"), _, _) => Colour::NoneAtAll,
        (_, Some("truecolor" | "24bit"), _) => Colour::TwentyFourBit,
        (Some(term), _, _) if term.contains("direct") => Colour::TwentyFourBit,
        (Some(term), _, _) if term.contains("256") => Colour::TwoHundredFiftySix,
        _ => Colour::Sixteen,
    }
}

fn is_utf8(locale: &str) -> bool {
    locale.to_lowercase().replace('-', "").contains("utf8")
}

impl Colour {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Sixteen => "16 colours",
            Self::TwoHundredFiftySix => "256 colours",
            Self::TwentyFourBit => "24-bit colour",
            Self::Off => "no colour, as NO_COLOR asks",
            Self::NoneAtAll => "no colour",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Terminal {
        let find = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Terminal::read(find, true, None)
    }

    #[test]
    fn colours_follow_the_usual_variables() {
        let colour = |variables: &[(&str, &str)]| read(variables).colour;
        assert_eq!(
            colour(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]),
            Colour::TwentyFourBit
        );
        assert_eq!(
            colour(&[("TERM", "tmux-256color")]),
            Colour::TwoHundredFiftySix
        );
        assert_eq!(colour(&[("TERM", "linux")]), Colour::Sixteen);
        assert_eq!(colour(&[("TERM", "xterm"), ("NO_COLOR", "1")]), Colour::Off);
        assert_eq!(
            colour(&[("TERM", "xterm"), ("NO_COLOR", "")]),
            Colour::Sixteen,
            "empty counts as not set"
        );
        assert_eq!(
            colour(&[("TERM", "dumb"), ("COLORTERM", "truecolor")]),
            Colour::NoneAtAll
        );
        assert_eq!(colour(&[]), Colour::NoneAtAll);
    }

    #[test]
    fn ssh_multiplexers_and_locales_are_noticed() {
        let terminal = read(&[
            ("SSH_CONNECTION", "1 2 3 4"),
            ("TMUX", "/tmp/x"),
            ("LANG", "de_DE.UTF-8"),
        ]);
        assert_eq!(
            (terminal.ssh, terminal.multiplexer, terminal.utf8),
            (true, Some("tmux"), Some(true))
        );
        let terminal = read(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]);
        assert_eq!(
            (terminal.ssh, terminal.multiplexer, terminal.utf8),
            (false, None, Some(false))
        );
        assert_eq!(read(&[]).utf8, None);
    }
}
