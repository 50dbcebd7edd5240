//! Files of `/proc` and `/sys`: small, one value or a few lines, and not to be believed.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::{Missing, Reading};
pub(super) use crate::host::field;

pub(super) const NOT_REPORTED: Missing = "not reported by this system";
pub(super) const NO_PERMISSION: Missing = "no permission to read it";
const UNREADABLE: Missing = "not readable";

/// What is read of a file at most: `/proc/stat` of a machine with a thousand cores has less.
const MOST: u64 = 1 << 20;

/// The text of a file.
pub(super) fn text(path: &Path) -> Reading<String> {
    let mut bytes = Vec::with_capacity(64);
    File::open(path)
        .and_then(|file| file.take(MOST).read_to_end(&mut bytes))
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => NOT_REPORTED,
            ErrorKind::PermissionDenied => NO_PERMISSION,
            _ => UNREADABLE,
        })?;
    String::from_utf8(bytes).map_err(|_| UNREADABLE)
}

/// A file that holds one whole number.
pub(super) fn number<T: std::str::FromStr>(path: &Path) -> Reading<T> {
    let text = text(path)?;
    text.trim().parse().map_err(|_| super::check::NONSENSE)
}

/// A file that holds one line.
pub(super) fn line(path: &Path) -> Option<String> {
    let text = text(path).ok()?;
    let line = text.trim();
    (!line.is_empty() && !line.contains('\n')).then(|| line.to_owned())
}

/// The names in a folder that begin so, in the order of the numbers behind it; a folder that
/// is not there has none.
pub(super) fn numbered(folder: &Path, prefix: &str) -> Vec<(u32, String)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, String)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix(prefix)?.parse().ok()?;
            Some((number, name))
        })
        .collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_their_order_and_other_names_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["card10", "card2", "card2-DP-1", "renderD128", "card"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = numbered(folder.path(), "card");
        assert_eq!(found, [(2, "card2".to_owned()), (10, "card10".to_owned())]);
        assert!(numbered(&folder.path().join("nowhere"), "card").is_empty());
    }

    #[test]
    fn a_file_says_a_number_or_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("value");
        assert_eq!(number::<u64>(&file), Err(NOT_REPORTED));
        for (text, value) in [
            ("42\n", Ok(42)),
            ("-1", Err("nonsense reading")),
            ("1e30", Err("nonsense reading")),
            ("", Err("nonsense reading")),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(number::<u64>(&file), value, "{text}");
        }
    }
}
