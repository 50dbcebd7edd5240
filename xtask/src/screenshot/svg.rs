//! A terminal's screen as SVG: rectangles for backgrounds, a piece of text for each run of one style.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// Size of a cell and of its letters, in pixels. Most monospace fonts are 0.6 of their size wide and 1.16
/// high; cells of that height let lines meet.
const CELL: (f32, f32) = (8.4, 16.3);
const FONT_SIZE: f32 = 14.0;
/// Where the letters stand, from the top of the cell.
const BASELINE: f32 = 13.0;
/// Around the screen: sides and bottom, and the bar with the title.
const MARGIN: f32 = 14.0;
const BAR: f32 = 30.0;

const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d5d8df";
/// The 16 colours of a terminal, dark ones first.
const PALETTE: [&str; 16] = [
    "#1d1f26", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4", //
    "#5c6370", "#f0848c", "#b0d895", "#f0d197", "#84c3f7", "#d99aea", "#7accd6", "#ffffff",
];

/// How the letters of a run look.
#[derive(Clone, Debug, PartialEq)]
struct Style {
    foreground: String,
    /// `None` = the screen's own.
    background: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
}

/// Neighbouring cells of one style.
struct Run {
    column: u16,
    width: u16,
    text: String,
    style: Style,
}

impl Run {
    /// Whether a cell fits in. Only plain letters or repetitions of one character share a run: the widths
    /// of others differ from font to font, and a run of its own puts each where it belongs.
    fn takes(&self, text: &str) -> bool {
        let plain = self.text.is_ascii() && text.is_ascii();
        plain || self.text.chars().all(|c| text.chars().eq([c]))
    }
}

/// The picture of a screen, framed as a window with a title.
pub fn render(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let width = f32::from(columns.get()) * CELL.0 + 2.0 * MARGIN;
    let height = f32::from(rows.get()) * CELL.1 + BAR + MARGIN;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.1} {height:.1}">
<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>
<text x="50%" y="19" text-anchor="middle" font-family="sans-serif" font-size="12" fill="{}">{}</text>
<g transform="translate({MARGIN} {BAR})" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="{FONT_SIZE}" xml:space="preserve">
"#,
        PALETTE[8],
        escape(title)
    );
    for row in 0..rows.get() {
        for run in runs(screen, row, columns.get()) {
            draw(&mut svg, row, &run);
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn runs(screen: &Screen, row: u16, columns: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        if cell.is_wide_continuation() {
            if let Some(run) = runs.last_mut() {
                run.width += 1;
            }
            continue;
        }
        let style = Style::of(cell);
        let text = if cell.has_contents() {
            cell.contents()
        } else {
            " "
        };
        match runs.last_mut() {
            Some(run) if run.style == style && run.takes(text) => {
                run.text.push_str(text);
                run.width += 1;
            }
            _ => runs.push(Run {
                column,
                width: 1,
                text: text.to_owned(),
                style,
            }),
        }
    }
    runs
}

fn draw(svg: &mut String, row: u16, run: &Run) {
    let (x, y) = (f32::from(run.column) * CELL.0, f32::from(row) * CELL.1);
    let width = f32::from(run.width) * CELL.0;
    if let Some(background) = &run.style.background {
        let _ = writeln!(
            svg,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{:.1}" fill="{background}"/>"#,
            CELL.1
        );
    }
    if run.text.trim().is_empty() && !run.style.underline {
        return;
    }
    let mut attributes = format!(r#"fill="{}""#, run.style.foreground);
    let wanted = [
        (run.style.bold, r#" font-weight="bold""#),
        (run.style.dim, r#" opacity="0.6""#),
        (run.style.italic, r#" font-style="italic""#),
        (run.style.underline, r#" text-decoration="underline""#),
    ];
    for (_, attribute) in wanted.iter().filter(|(has, _)| *has) {
        attributes.push_str(attribute);
    }
    // The length is given, so that columns stay columns in any font.
    let _ = writeln!(
        svg,
        r#"<text x="{x:.1}" y="{:.1}" textLength="{width:.1}" lengthAdjust="spacingAndGlyphs" {attributes}>{}</text>"#,
        y + BASELINE,
        escape(&run.text)
    );
}

impl Style {
    fn of(cell: &Cell) -> Self {
        let (foreground, background) = (color(cell.fgcolor()), color(cell.bgcolor()));
        let (foreground, background) = if cell.inverse() {
            (
                Some(background.unwrap_or_else(|| BACKGROUND.to_owned())),
                Some(foreground.unwrap_or_else(|| FOREGROUND.to_owned())),
            )
        } else {
            (foreground, background)
        };
        Self {
            foreground: foreground.unwrap_or_else(|| FOREGROUND.to_owned()),
            background,
            bold: cell.bold(),
            dim: cell.dim(),
            italic: cell.italic(),
            underline: cell.underline(),
        }
    }
}

/// `None` = the default colour.
fn color(color: Color) -> Option<String> {
    match color {
        Color::Default => None,
        Color::Rgb(red, green, blue) => Some(hex(red, green, blue)),
        Color::Idx(index @ 0..16) => Some(PALETTE[usize::from(index)].to_owned()),
        // xterm's cube of 6 x 6 x 6 colours, and its 24 greys.
        Color::Idx(index @ 16..232) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            Some(hex(level(cube / 36), level(cube / 6 % 6), level(cube % 6)))
        }
        Color::Idx(index) => {
            let grey = 8 + 10 * (index - 232);
            Some(hex(grey, grey, grey))
        }
    }
}

fn hex(red: u8, green: u8, blue: u8) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    fn picture(bytes: &str) -> String {
        let mut terminal =
            vt100::Parser::new(NonZeroU16::new(2).unwrap(), NonZeroU16::new(12).unwrap(), 0);
        terminal.process(bytes.as_bytes());
        render(terminal.screen(), "a title")
    }

    #[test]
    fn text_is_escaped_and_placed() {
        let svg = picture("\r\n  <a & b>");
        assert!(
            svg.contains(r#"<text x="0.0" y="29.3" textLength="100.8""#),
            "{svg}"
        );
        assert!(svg.contains("  &lt;a &amp; b&gt;"), "{svg}");
    }

    #[test]
    fn colours_and_attributes_are_kept() {
        let svg = picture("\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3;48;5;16mx\x1b[0m\x1b[7my\x1b[0m");
        assert!(
            svg.contains(r##"fill="#e06c75" font-weight="bold">red<"##),
            "{svg}"
        );
        assert!(svg.contains(r##"fill="#010203">x<"##), "{svg}");
        assert!(svg.contains(r##"height="16.3" fill="#000000"/>"##), "{svg}");
        assert!(
            svg.contains(&format!(r#"fill="{BACKGROUND}">y<"#)),
            "inverse: {svg}"
        );
    }

    #[test]
    fn indexed_colours_are_those_of_xterm() {
        for (index, expected) in [
            (9, PALETTE[9]),
            (16, "#000000"),
            (231, "#ffffff"),
            (196, "#ff0000"),
            (232, "#080808"),
            (255, "#eeeeee"),
        ] {
            assert_eq!(
                color(Color::Idx(index)).as_deref(),
                Some(expected),
                "{index}"
            );
        }
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let svg = picture("日b");
        assert!(
            svg.contains(r#"<text x="0.0" y="13.0" textLength="16.8""#),
            "{svg}"
        );
        assert!(svg.contains(r#"<text x="16.8""#), "{svg}");
    }

    #[test]
    fn a_line_is_one_piece_and_its_corners_are_their_own() {
        let svg = picture("┌────┐");
        assert!(
            svg.contains(r#"<text x="8.4" y="13.0" textLength="33.6""#),
            "{svg}"
        );
        assert_eq!(svg.matches("<text").count(), 4, "{svg}");
    }

    #[test]
    fn an_empty_screen_draws_no_letters() {
        assert_eq!(picture("").matches("<text").count(), 1, "the title alone");
    }
}
