//! What help shows: every key, then the commands one can type.

use super::slash;
use crate::keymap::{Context, Keymap};

/// Rows of the screen that the overlay leaves free, its frame included.
const AROUND: u16 = 4;

/// A heading and its rows: what is pressed or typed, and what it does.
pub type Section = (String, Vec<(String, String)>);

/// Section by section.
pub fn sections(keymap: &Keymap) -> Vec<Section> {
    let mut sections: Vec<Section> = keymap
        .sections()
        .into_iter()
        .map(|(context, rows)| {
            let rows = rows
                .into_iter()
                .map(|(keys, what)| (keys, what.to_owned()))
                .collect();
            (context.title().to_owned(), rows)
        })
        .collect();
    let commands = slash::lines()
        .map(|(typed, what)| (typed, what.to_owned()))
        .collect();
    sections.push(("Commands, typed as a message".to_owned(), commands));
    sections
}

/// Lines of all sections: each has a heading, and a blank line before the next.
pub fn line_count(keymap: &Keymap) -> usize {
    lines(&sections(keymap)).saturating_sub(1)
}

/// The line at the top when help opens where one is: at the keys that count there, and in the message
/// at the beginning.
pub(super) fn opens_at(keymap: &Keymap, context: Context, screen_height: u16) -> usize {
    let sections = sections(keymap);
    let here = |(heading, _): &Section| heading == context.title();
    match sections.iter().position(here) {
        Some(at) if context != Context::Composer => {
            lines(&sections[..at]).min(last_top(keymap, screen_height))
        }
        _ => 0,
    }
}

/// The line at the top when help opens at the commands, on a screen of that height.
pub(super) fn commands_at(keymap: &Keymap, screen_height: u16) -> usize {
    let sections = sections(keymap);
    let before = sections.len().saturating_sub(1);
    lines(&sections[..before]).min(last_top(keymap, screen_height))
}

/// The line at the top when the last one is in view.
pub(super) fn last_top(keymap: &Keymap, screen_height: u16) -> usize {
    line_count(keymap).saturating_sub(room(screen_height))
}

fn lines(sections: &[Section]) -> usize {
    sections.iter().map(|(_, rows)| rows.len() + 2).sum()
}

/// Lines that a screen of that height shows at once.
pub fn room(screen_height: u16) -> usize {
    usize::from(screen_height.saturating_sub(AROUND))
}
