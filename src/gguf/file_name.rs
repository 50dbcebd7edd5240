//! What the names of model files tell, as the tools that write them use names:
//! `prefix-Q4_K_M-00001-of-00003.gguf`.

use std::path::{Path, PathBuf};

/// Files of one split model at most.
const MOST_PARTS: u32 = 1000;
/// Types of numbers that are no block quantisations, as names have them.
const WHOLE: [&str; 7] = ["F16", "F32", "BF16", "FP16", "FP32", "MXFP4", "NVFP4"];
/// What follows the bits of a quantisation, between underscores.
const KINDS: [&str; 13] = [
    "K", "S", "M", "L", "XL", "XS", "XXS", "NL", "0", "1", "P", "4", "8",
];

/// The name of a model's file, or its path with `/`, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName<'a> {
    /// Without the number of the part and without `.gguf`.
    pub stem: &'a str,
    /// Which part of the model it is; the first is 1.
    pub part: u32,
    /// How many parts the model has.
    pub parts: u32,
}

impl<'a> FileName<'a> {
    pub fn new(name: &'a str) -> Self {
        let whole = without_ending(name);
        let alone = Self {
            stem: whole,
            part: 1,
            parts: 1,
        };
        let five = |digits: &str| {
            let fine = digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
            fine.then(|| digits.parse::<u32>().ok()).flatten()
        };
        let split = whole.rsplit_once("-of-").and_then(|(rest, parts)| {
            let (stem, part) = rest.rsplit_once('-')?;
            Some((stem, five(part)?, five(parts)?))
        });
        match split {
            Some((stem, part, parts)) if (1..=MOST_PARTS).contains(&parts) => {
                Self { stem, part, parts }
            }
            _ => alone,
        }
    }

    /// The quantisation that the name tells, in capitals: `Q4_K_M`, `UD-Q4_K_XL`. What is in the
    /// file may be something else.
    pub fn quant(&self) -> Option<String> {
        let start = self.stem.rfind(['-', '.', '/']).map_or(0, |at| at + 1);
        let (before, word) = self.stem.split_at(start);
        let word = word.to_ascii_uppercase();
        if !is_quant(&word) {
            return None;
        }
        // Unsloth's mixtures are named apart from llama.cpp's.
        let dynamic = before.to_ascii_uppercase().ends_with("UD-");
        Some(if dynamic { format!("UD-{word}") } else { word })
    }
}

/// The files of a model: `name-00001-of-00003.gguf` stands for three.
pub fn parts(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str());
    match name.map(FileName::new) {
        Some(FileName { stem, parts, .. }) if parts > 1 => (1..=parts)
            .map(|part| path.with_file_name(format!("{stem}-{part:05}-of-{parts:05}.gguf")))
            .collect(),
        _ => vec![path.to_owned()],
    }
}

fn without_ending(name: &str) -> &str {
    let at = name.len().saturating_sub(5);
    match name.get(at..) {
        Some(ending) if ending.eq_ignore_ascii_case(".gguf") => &name[..at],
        _ => name,
    }
}

/// Whether a word in capitals names a quantisation, as llama.cpp's file types do.
fn is_quant(word: &str) -> bool {
    if WHOLE.contains(&word) || word.starts_with("MXFP4_") {
        return true;
    }
    let rest = ["IQ", "TQ", "Q"]
        .iter()
        .find_map(|start| word.strip_prefix(start));
    let Some((bits, kind)) = rest.and_then(|rest| rest.split_once('_')) else {
        return false;
    };
    bits.len() == 1
        && bits.bytes().all(|byte| byte.is_ascii_digit())
        && kind.split('_').all(|part| KINDS.contains(&part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        for alone in ["/m/best-of-three.gguf", "/m/a-00001-of-00000.gguf", "/m"] {
            assert_eq!(parts(Path::new(alone)), [PathBuf::from(alone)]);
        }
    }

    #[test]
    fn quantisations_are_read_from_names() {
        for (name, quant) in [
            ("qwen2.5-0.5b-instruct-q4_k_m.gguf", Some("Q4_K_M")),
            ("Llama-3.2-3B.Q8_0.GGUF", Some("Q8_0")),
            ("a-UD-Q4_K_XL-00001-of-00003.gguf", Some("UD-Q4_K_XL")),
            ("a-IQ2_XXS.gguf", Some("IQ2_XXS")),
            ("a-TQ1_0.gguf", Some("TQ1_0")),
            ("gpt-oss-20b-mxfp4.gguf", Some("MXFP4")),
            ("folder/model-bf16.gguf", Some("BF16")),
            ("model.gguf", None),
            ("qwen-4b.gguf", None),
            ("a-instruct.gguf", None),
            ("a-Q4.gguf", None),
            ("Q8_0/model.gguf", None),
            ("ß.g", None),
        ] {
            assert_eq!(FileName::new(name).quant().as_deref(), quant, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart(name in "(-of-|-0000[0-3]|-|Q4_K_M|\\.gguf|ß|/){0,6}") {
            let found = FileName::new(&name);
            prop_assert!(name.starts_with(found.stem));
            prop_assert!(found.parts >= 1);
            let _ = found.quant();
        }
    }
}
