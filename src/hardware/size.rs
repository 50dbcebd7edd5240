//! Sizes and rates as people write them: `24GiB`, `1008GB/s`.

/// Bytes of `24GiB`, `24 GB`, `512MiB` or `24G`: the unit with an i counts by 1024, GB by 1000, and
/// a single letter by 1024, as llama.cpp does.
///
/// # Errors
/// What is wrong with the text.
pub fn bytes(text: &str) -> Result<u64, String> {
    read(text)?.ok_or_else(|| format!("{text:?} is no size of a memory"))
}

/// The number with its unit; `None` where it is too small or too large for either.
fn read(text: &str) -> Result<Option<u64>, String> {
    let digits = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: f64 = match unit.trim().to_lowercase().as_str() {
        "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "t" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "" => return Err(format!("{text:?} has no unit: GiB or GB")),
        unit => return Err(format!("{unit:?} in {text:?} is no unit: GiB or GB")),
    };
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| format!("{text:?} does not begin with a number"))?;
    let bytes = number * factor;
    // More than any machine has, and far below where `f64` stops being exact enough.
    if !(1.0..1e18).contains(&bytes) {
        return Ok(None);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked just now"
    )]
    let bytes = bytes.round() as u64;
    Ok(Some(bytes))
}

/// Bytes per second of `1008GB/s`.
///
/// # Errors
/// What is wrong with the text.
pub fn bandwidth(text: &str) -> Result<u64, String> {
    let per_second = text.trim().strip_suffix("/s");
    let size = per_second.ok_or_else(|| format!("{text:?} should end in /s, as in 1008GB/s"))?;
    read(size)?.ok_or_else(|| format!("{text:?} is no bandwidth of a memory"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("24GiB"), Ok(24 << 30));
        assert_eq!(bytes("1.5 gib"), Ok(3 << 29));
        assert_eq!(bytes("24GB"), Ok(24_000_000_000));
        assert_eq!(bytes("512M"), Ok(512 << 20));
        assert_eq!(bandwidth("89.6GB/s"), Ok(89_600_000_000));
        for wrong in ["24", "GiB", "24 parsecs", "-1GB", "nanGB", "1e300GB", "0GB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert!(bandwidth("1008GB").is_err());
        let wrong = bandwidth("0GB/s").expect_err("nothing can be read");
        assert!(
            wrong.contains("0GB/s") && wrong.contains("bandwidth"),
            "{wrong}"
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".*") {
            let _ = (bytes(&text), bandwidth(&text));
        }
    }
}
