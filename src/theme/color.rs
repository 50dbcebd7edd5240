//! Colours as theme files write them, and what becomes of them on terminals that show fewer.

use ratatui::style::Color;

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColorDepth {
    /// None: meaning is kept by bold, dim, underline and reverse.
    None,
    /// The 16 colours that the user's terminal defines.
    Ansi16,
    /// The 256 colours of xterm.
    Indexed256,
    /// 24 bits.
    True,
}

/// The names of the 16 colours, in the order of their numbers, with the name for the terminal's own colour last.
pub(super) const NAMES: [(&str, Color); 17] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
    ("default", Color::Reset),
];

/// Reads `#rrggbb`, `0` to `255` or one of the names.
pub(super) fn parse(text: &str) -> Option<Color> {
    if let Some(hex) = text.strip_prefix('#') {
        let valid = hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = u32::from_str_radix(hex, 16).ok().filter(|_| valid)?;
        let [_, red, green, blue] = value.to_be_bytes();
        return Some(Color::Rgb(red, green, blue));
    }
    if let Ok(index) = text.parse::<u8>() {
        return Some(Color::Indexed(index));
    }
    NAMES
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, color)| *color)
}

/// The nearest colour that a terminal of that depth shows; `None` where it shows none.
pub(super) fn downgrade(color: Color, depth: ColorDepth) -> Option<Color> {
    match depth {
        ColorDepth::None => None,
        ColorDepth::True => Some(color),
        ColorDepth::Indexed256 => Some(match color {
            Color::Rgb(red, green, blue) => Color::Indexed(nearest_256(red, green, blue)),
            other => other,
        }),
        ColorDepth::Ansi16 => Some(match (color, rgb(color)) {
            (Color::Rgb(..) | Color::Indexed(16..), Some((red, green, blue))) => {
                nearest_16(red, green, blue)
            }
            (Color::Indexed(index), _) => NAMES[usize::from(index).min(15)].1,
            (other, _) => other,
        }),
    }
}

/// Red, green and blue where they are known: not for the terminal's own colours.
pub(super) fn rgb(color: Color) -> Option<(u8, u8, u8)> {
    match color {
        Color::Rgb(red, green, blue) => Some((red, green, blue)),
        Color::Indexed(index @ 16..=231) => {
            let index = usize::from(index - 16);
            Some((CUBE[index / 36], CUBE[index / 6 % 6], CUBE[index % 6]))
        }
        Color::Indexed(index @ 232..) => {
            let grey = 8 + 10 * (index - 232);
            Some((grey, grey, grey))
        }
        _ => None,
    }
}

/// Black or white, whichever is farther from one of the 16 colours.
pub(super) fn opposite_16(ground: Color) -> Color {
    match ground {
        Color::Black
        | Color::Red
        | Color::Green
        | Color::Blue
        | Color::Magenta
        | Color::DarkGray => Color::White,
        _ => Color::Black,
    }
}

/// The levels of xterm's 6×6×6 cube.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn nearest_256(red: u8, green: u8, blue: u8) -> u8 {
    let level = |value: u8| {
        (0..6u8)
            .min_by_key(|&step| value.abs_diff(CUBE[usize::from(step)]))
            .unwrap_or(0)
    };
    let cube = 16 + 36 * level(red) + 6 * level(green) + level(blue);
    let mean = (u16::from(red) + u16::from(green) + u16::from(blue)) / 3;
    let grey = 232 + (mean.saturating_sub(3) / 10).min(23) as u8;
    let distance = |index: u8| {
        let (r, g, b) = rgb(Color::Indexed(index)).unwrap_or_default();
        let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        square(r, red) + square(g, green) + square(b, blue)
    };
    if distance(grey) < distance(cube) {
        grey
    } else {
        cube
    }
}

/// By hue for colours and by lightness for greys: what the 16 colours look like is the terminal's affair,
/// so distances would be false precision.
fn nearest_16(red: u8, green: u8, blue: u8) -> Color {
    let (max, min) = (red.max(green).max(blue), red.min(green).min(blue));
    if max < 80 {
        return Color::Black;
    }
    if u16::from(max - min) * 100 < u16::from(max) * 28 {
        return match luminance(red, green, blue) {
            0..64 => Color::Black,
            64..128 => Color::DarkGray,
            128..200 => Color::Gray,
            _ => Color::White,
        };
    }
    let middle = ((u16::from(max) + u16::from(min)) / 2) as u8;
    let bits = usize::from(red > middle)
        | usize::from(green > middle) << 1
        | usize::from(blue > middle) << 2;
    NAMES[bits + if max >= 190 { 8 } else { 0 }].1
}

/// Perceived lightness, 0 to 255 (ITU-R BT.601 weights).
fn luminance(red: u8, green: u8, blue: u8) -> u8 {
    ((u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114) / 1000) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_are_read() {
        assert_eq!(parse("#0a0B0c"), Some(Color::Rgb(10, 11, 12)));
        assert_eq!(parse("208"), Some(Color::Indexed(208)));
        assert_eq!(parse("bright-black"), Some(Color::DarkGray));
        for wrong in ["#12345", "#+12345", "256", "-1", "purple", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn cube_colours_and_greys_find_themselves() {
        for index in 16..=255u8 {
            let (red, green, blue) = rgb(Color::Indexed(index)).unwrap();
            let found = nearest_256(red, green, blue);
            assert_eq!(
                rgb(Color::Indexed(found)),
                Some((red, green, blue)),
                "{index}"
            );
        }
    }

    #[test]
    fn hues_survive_sixteen_colours() {
        let cases = [
            (Color::Rgb(255, 85, 85), Color::LightRed),
            (Color::Rgb(40, 120, 40), Color::Green),
            (Color::Rgb(46, 52, 64), Color::Black),
            (Color::Rgb(236, 239, 244), Color::White),
            (Color::Rgb(110, 112, 120), Color::DarkGray),
            (Color::Indexed(1), Color::Red),
            (Color::Indexed(51), Color::LightCyan),
        ];
        for (from, to) in cases {
            assert_eq!(downgrade(from, ColorDepth::Ansi16), Some(to), "{from:?}");
        }
    }
}
