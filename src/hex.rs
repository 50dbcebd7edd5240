//! Bytes as hexadecimal digits: the names of hashes.

use std::fmt::Write;

/// Two lower-case digits a byte.
pub fn digits(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(digits(&[0, 0x0a, 0xf0, 0xff]), "000af0ff");
        assert_eq!(digits(&[]), "");
    }
}
