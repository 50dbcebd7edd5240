//! Text to the user's clipboard, through the terminal itself (OSC 52), so that it works over SSH.
//!
//! A terminal never says whether it did it; what it certainly cannot take goes to a file instead.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};

use super::{Capabilities, Multiplexer};

/// Bytes of text that fit one sequence. Terminals cut OSC 52 at 100,000 bytes: 99,992 of base64 between
/// the 7 bytes of its opening and the one that ends it.
const LARGEST: usize = 74_994;

/// GNU screen forgets strings longer than 256 bytes in versions before 4.7.
const SCREEN_PIECE: usize = 240;

/// Sends `text` to the clipboard through `terminal`, or writes it to a file in `folder` (made when it
/// is missing) when the text is too long or the terminal knows no clipboard.
///
/// Says what was done, or why nothing could be.
pub fn copy(
    text: &str,
    terminal: &mut impl Write,
    capabilities: &Capabilities,
    folder: &Path,
) -> Result<String, String> {
    let count = text.chars().count();
    if !capabilities.osc52 {
        return write_file(text, folder).map(|path| {
            format!("this terminal has no clipboard: wrote {count} characters to {path}")
        });
    }
    if text.len() > LARGEST {
        return write_file(text, folder)
            .map(|path| format!("too long for the clipboard: wrote {count} characters to {path}"));
    }
    send(terminal, &sequence(text, capabilities.multiplexer)).map_err(|error| {
        format!("could not send {count} characters to the terminal's clipboard: {error}")
    })?;
    Ok(match capabilities.multiplexer {
        Some(Multiplexer::Tmux) => format!(
            "sent {count} characters to the clipboard (tmux needs 'set -g set-clipboard on')"
        ),
        Some(Multiplexer::Screen) | None => format!("sent {count} characters to the clipboard"),
    })
}

/// The escape sequence, wrapped so that it gets through what lies between us and the terminal.
fn sequence(text: &str, multiplexer: Option<Multiplexer>) -> String {
    let plain = format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text));
    match multiplexer {
        None => plain,
        // Both ways: tmux takes the plain one with `set-clipboard on`, the wrapped one with
        // `allow-passthrough on`, and ignores the other.
        Some(Multiplexer::Tmux) => format!(
            "{plain}\x1bPtmux;{}\x1b\\",
            plain.replace('\x1b', "\x1b\x1b")
        ),
        // Everything in it is ASCII, so any byte is a boundary.
        Some(Multiplexer::Screen) => plain
            .as_bytes()
            .chunks(SCREEN_PIECE)
            .map(|piece| format!("\x1bP{}\x1b\\", String::from_utf8_lossy(piece)))
            .collect(),
    }
}

fn send(terminal: &mut impl Write, sequence: &str) -> io::Result<()> {
    terminal.write_all(sequence.as_bytes())?;
    terminal.flush()
}

/// For its owner only: a conversation is private.
fn write_file(text: &str, folder: &Path) -> Result<String, String> {
    let path = folder.join("copied.txt");
    let written = fs::create_dir_all(folder)
        .and_then(|()| {
            fs::File::options()
                .create(true)
                .write(true)
                .truncate(true)
                .mode(0o600)
                .open(&path)
        })
        .and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(path.display().to_string()),
        Err(error) => Err(format!(
            "could not write the copied text to {}: {error}",
            path.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::terminal::Link;
    use crate::theme::{ColorDepth, GlyphSet};

    fn terminal(multiplexer: Option<Multiplexer>) -> Capabilities {
        Capabilities {
            colors: ColorDepth::Ansi16,
            glyphs: GlyphSet::Unicode,
            link: Link::Remote,
            multiplexer,
            osc52: true,
        }
    }

    fn copied(text: &str, capabilities: &Capabilities) -> (String, String, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut sent = Vec::new();
        let said = copy(text, &mut sent, capabilities, &folder.path().join("data")).unwrap();
        (String::from_utf8(sent).unwrap(), said, folder)
    }

    #[test]
    fn the_bare_sequence() {
        let (sent, said, _) = copied("hello", &terminal(None));
        assert_eq!(sent, "\x1b]52;c;aGVsbG8=\x07");
        assert_eq!(said, "sent 5 characters to the clipboard");
    }

    #[test]
    fn tmux_gets_it_both_ways() {
        let (sent, said, _) = copied("hello", &terminal(Some(Multiplexer::Tmux)));
        assert_eq!(
            sent,
            "\x1b]52;c;aGVsbG8=\x07\x1bPtmux;\x1b\x1b]52;c;aGVsbG8=\x07\x1b\\"
        );
        assert!(said.contains("set-clipboard"), "{said}");
    }

    #[test]
    fn the_longest_text_still_fits_one_sequence_and_one_more_byte_goes_to_a_file() {
        let (sent, ..) = copied(&"x".repeat(LARGEST), &terminal(None));
        assert_eq!(sent.len(), 100_000);
        let long = "x".repeat(LARGEST + 1);
        let (sent, said, folder) = copied(&long, &terminal(None));
        let path = folder.path().join("data/copied.txt");
        assert_eq!(sent, "");
        assert!(said.contains(path.to_str().unwrap()), "{said}");
        assert_eq!(fs::read_to_string(path).unwrap(), long);
    }

    #[test]
    fn without_osc_52_the_text_goes_to_a_file_of_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let (sent, said, folder) = copied(
            "hello",
            &Capabilities {
                osc52: false,
                ..terminal(None)
            },
        );
        assert_eq!(sent, "");
        assert!(said.starts_with("this terminal has no clipboard"), "{said}");
        let mode = fs::metadata(folder.path().join("data/copied.txt"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = copy(
            "hello",
            &mut Vec::new(),
            &Capabilities {
                osc52: false,
                ..terminal(None)
            },
            file.path(),
        )
        .unwrap_err();
        assert!(said.contains(file.path().to_str().unwrap()), "{said}");
    }

    proptest! {
        #[test]
        fn screen_gets_the_whole_sequence_in_short_pieces(text in ".{0,2000}") {
            let wrapped = sequence(&text, Some(Multiplexer::Screen));
            let mut whole = String::new();
            for piece in wrapped.split_terminator("\x1b\\") {
                prop_assert!(piece.len() <= 256);
                whole.push_str(piece.strip_prefix("\x1bP").unwrap());
            }
            prop_assert_eq!(whole, sequence(&text, None));
        }
    }
}
