//! From bytes to text.

/// Bytes looked at to tell text from other data.
const LOOKED_AT: usize = 8192;

/// A text, and what was lost on the way; empty = nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    pub text: String,
    pub note: String,
}

/// Reads UTF-8, UTF-16 with its mark, or else whatever of it is UTF-8.
///
/// # Errors
/// When it is no text at all.
pub fn decode(bytes: &[u8]) -> Result<Decoded, String> {
    let plain = |text: String| Decoded {
        text,
        note: String::new(),
    };
    if let Some(rest) = bytes.strip_prefix(&[0xFF, 0xFE]) {
        return Ok(utf16(rest, u16::from_le_bytes));
    }
    if let Some(rest) = bytes.strip_prefix(&[0xFE, 0xFF]) {
        return Ok(utf16(rest, u16::from_be_bytes));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if is_binary(&bytes[..bytes.len().min(LOOKED_AT)]) {
        return Err("it is no text".to_owned());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(plain(text.replace("\r\n", "\n"))),
        Err(_) => Ok(lossy(String::from_utf8_lossy(bytes).replace("\r\n", "\n"))),
    }
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Decoded {
    let units = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    lossy(text.replace("\r\n", "\n"))
}

fn lossy(text: String) -> Decoded {
    let lost = text.matches(char::REPLACEMENT_CHARACTER).count();
    let note = match lost {
        0 => String::new(),
        _ => format!("not UTF-8: {lost} characters could not be read"),
    };
    Decoded { text, note }
}

/// Text has no zero bytes and hardly any control characters.
fn is_binary(bytes: &[u8]) -> bool {
    let control = |byte: &&u8| {
        **byte < b' ' && !matches!(**byte, b'\n' | b'\r' | b'\t' | b'\x0c' | b'\x1b' | b'\x08')
    };
    bytes.contains(&0) || bytes.iter().filter(control).count() * 20 > bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_apart() {
        let text = |bytes: &[u8]| decode(bytes).map(|decoded| decoded.text);
        assert_eq!(text("é\r\nb".as_bytes()).unwrap(), "é\nb");
        assert_eq!(text(b"\xEF\xBB\xBFa").unwrap(), "a");
        assert_eq!(text(b"\xFF\xFEa\0\xe9\0").unwrap(), "aé");
        assert_eq!(text(b"\xFE\xFF\0a").unwrap(), "a");
        let latin = decode(b"caf\xe9").unwrap();
        assert_eq!(latin.text, "caf\u{fffd}");
        assert_eq!(latin.note, "not UTF-8: 1 characters could not be read");
        assert!(text(b"\x7fELF\x02\x01\0\0").is_err());
        assert!(text(&[1, 2, 3, 4, 5, 6]).is_err());
        assert_eq!(text(b"").unwrap(), "");
    }
}
