//! Models that lie in several files.

use std::path::{Path, PathBuf};

/// The files of a model: `name-00001-of-00003.gguf` stands for three.
pub fn parts(path: &Path) -> Vec<PathBuf> {
    let alone = || vec![path.to_owned()];
    let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else {
        return alone();
    };
    let Some((rest, count)) = stem.rsplit_once("-of-") else {
        return alone();
    };
    let Some((prefix, number)) = rest.rsplit_once('-') else {
        return alone();
    };
    match (number.parse::<u32>(), count.parse::<u32>()) {
        (Ok(_), Ok(total)) if number.len() == 5 && count.len() == 5 && total <= 1000 => (1..=total)
            .map(|part| path.with_file_name(format!("{prefix}-{part:05}-of-{count}.gguf")))
            .collect(),
        _ => alone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_model_is_all_its_parts() {
        assert_eq!(
            parts(Path::new("/m/a-00002-of-00003.gguf")),
            [
                "/m/a-00001-of-00003.gguf",
                "/m/a-00002-of-00003.gguf",
                "/m/a-00003-of-00003.gguf"
            ]
            .map(PathBuf::from)
        );
        assert_eq!(
            parts(Path::new("/m/best-of-three.gguf")),
            [PathBuf::from("/m/best-of-three.gguf")]
        );
    }
}
