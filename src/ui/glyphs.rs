//! Every character the screen draws that is not text, in one place and in two sets.

use ratatui::symbols::{bar, border};

use crate::theme::GlyphSet;

/// Marks, lines and gauge parts.
#[derive(Debug)]
pub struct Glyphs {
    pub user: &'static str,
    pub assistant: &'static str,
    pub note: &'static str,
    pub failure: &'static str,
    pub done: &'static str,
    /// Points at the selected row.
    pub selected: &'static str,
    /// Before what can be unfolded, and what is.
    pub folded: &'static str,
    pub unfolded: &'static str,
    pub arrow: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    /// Between facts on one line.
    pub dot: &'static str,
    pub ellipsis: &'static str,
    /// Where a value would stand that is not there.
    pub missing: &'static str,
    pub gauge_full: &'static str,
    pub gauge_empty: &'static str,
    pub degree: &'static str,
    /// Borders without and with focus; they differ in shape, for screens without colour.
    pub border: border::Set<'static>,
    pub focus: border::Set<'static>,
    pub bars: bar::Set<'static>,
    pub markdown: Marks,
}

/// What Markdown is drawn with.
#[derive(Debug, PartialEq, Eq)]
pub struct Marks {
    /// Before items of a list, by how deep it lies.
    pub bullets: [&'static str; 3],
    /// Before each line of a quote.
    pub quote: &'static str,
    /// A line across.
    pub rule: &'static str,
    /// Between the columns of a table, and where they cross the line below the header.
    pub column: &'static str,
    pub crossing: &'static str,
}

/// The characters of a set.
pub fn glyphs(set: GlyphSet) -> &'static Glyphs {
    match set {
        GlyphSet::Unicode => &UNICODE,
        GlyphSet::Ascii => &ASCII,
    }
}

static UNICODE: Glyphs = Glyphs {
    user: "›",
    assistant: "•",
    note: "◦",
    failure: "✗",
    done: "✓",
    selected: "▸",
    folded: "▸",
    unfolded: "▾",
    arrow: "→",
    up: "↑",
    down: "↓",
    dot: "·",
    ellipsis: "…",
    missing: "—",
    gauge_full: "━",
    gauge_empty: "─",
    degree: "°C",
    border: border::ROUNDED,
    focus: border::THICK,
    bars: bar::NINE_LEVELS,
    markdown: Marks {
        bullets: ["• ", "◦ ", "▪ "],
        quote: "│ ",
        rule: "─",
        column: " │ ",
        crossing: "─┼─",
    },
};

static ASCII: Glyphs = Glyphs {
    user: ">",
    assistant: "*",
    note: "-",
    failure: "x",
    done: "+",
    selected: ">",
    folded: "+",
    unfolded: "-",
    arrow: "->",
    up: "^",
    down: "v",
    dot: "|",
    ellipsis: "..",
    missing: "-",
    gauge_full: "=",
    gauge_empty: ".",
    degree: "C",
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    focus: border::Set {
        top_left: "#",
        top_right: "#",
        bottom_left: "#",
        bottom_right: "#",
        vertical_left: "#",
        vertical_right: "#",
        horizontal_top: "=",
        horizontal_bottom: "=",
    },
    bars: bar::Set {
        full: "#",
        seven_eighths: "#",
        three_quarters: "|",
        five_eighths: "|",
        half: ":",
        three_eighths: ":",
        one_quarter: ".",
        one_eighth: ".",
        empty: " ",
    },
    markdown: Marks {
        bullets: ["* ", "- ", "+ "],
        quote: "| ",
        rule: "-",
        column: " | ",
        crossing: "-+-",
    },
};
