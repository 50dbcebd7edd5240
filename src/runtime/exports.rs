//! Files of metrics that the user asked for.

use std::path::{Path, PathBuf};

use crate::telemetry::history::export::Format;

/// Writes metrics to a new file in a folder, named after the time: `metrics-20260131-120000.csv`.
///
/// # Errors
/// In words, when the folder or the file cannot be written.
pub(super) fn write(folder: &Path, format: Format, text: &str) -> Result<PathBuf, String> {
    let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    let free = |number: u32| {
        let more = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        folder.join(format!("metrics-{now}{more}.{}", format.ending()))
    };
    let path = (1..).map(free).find(|path| !path.exists());
    let path = path.unwrap_or_else(|| folder.join("metrics"));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, text))
        .map_err(|error| format!("writing {}: {error}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("new");
        for text in ["one", "two", "three"] {
            let path = write(&folder, Format::Csv, text).expect("the disk");
            assert_eq!(std::fs::read_to_string(path).expect("the file"), text);
        }
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 3);
        let file = folder.join("file");
        std::fs::write(&file, "").expect("the disk");
        let error = write(&file, Format::Json, "").expect_err("a file is no folder");
        assert!(error.starts_with("writing "), "{error}");
    }
}
