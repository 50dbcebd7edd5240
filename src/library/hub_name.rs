//! Names of the Hub: `org/repo`, `org/repo:Q4_K_M`, `org/repo/file.gguf`.

/// A repository of the Hub and what of it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubName {
    /// `org/repo`, made of letters, digits, `-`, `_` and `.` only.
    pub repo: String,
    pub choice: Choice,
}

/// Which file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// None was named; llama.cpp takes Q4_K_M then, or else the first.
    Any,
    /// By its quantisation, as it was typed: `Q4_K_M`, `UD-Q4_K_XL`.
    Quant(String),
    /// By its path in the repository, without `..` and empty parts.
    File(String),
}

/// What stands before a repository in addresses that people paste, the longest first.
const SITES: [&str; 4] = [
    "https://huggingface.co/",
    "https://hf.co/",
    "huggingface.co/",
    "hf.co/",
];

impl HubName {
    /// Reads a name; `None` for what cannot be one. An address of the site is one, too, with
    /// `blob/…` or `resolve/…` before the file.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let site = SITES.iter().find_map(|site| text.strip_prefix(site));
        let text = site.unwrap_or(text).trim_end_matches('/');
        let (path, quant) = match text.rsplit_once(':') {
            Some((path, quant)) => (path, Some(quant)),
            None => (text, None),
        };
        let mut parts = path.splitn(3, '/');
        let (org, name) = (parts.next()?, parts.next()?);
        if !is_plain(org) || !is_plain(name) {
            return None;
        }
        let repo = format!("{org}/{name}");
        let choice = match (parts.next(), quant) {
            (None, None) => Choice::Any,
            (None, Some(quant)) if is_plain(quant) => Choice::Quant(quant.to_owned()),
            (Some(file), None) => Choice::File(file_in(file, site.is_some())?),
            _ => return None,
        };
        Some(Self { repo, choice })
    }

    /// The repository of a folder in the Hub's cache: `models--org--repo`.
    pub fn from_cache_folder(folder: &str) -> Option<String> {
        let rest = folder.strip_prefix("models--")?;
        let (org, name) = rest.split_once("--")?;
        (is_plain(org) && is_plain(name)).then(|| format!("{org}/{name}"))
    }

    /// The folder of the repository in the Hub's cache.
    pub fn cache_folder(&self) -> String {
        format!("models--{}", self.repo.replace('/', "--"))
    }
}

/// One part of a path that leads nowhere else.
fn is_plain(part: &str) -> bool {
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !part.is_empty() && part.chars().all(usual) && !part.starts_with('.') && !part.contains("..")
}

/// The path of a file in a repository.
fn file_in(path: &str, is_address: bool) -> Option<String> {
    let path = if is_address {
        let rest = path
            .strip_prefix("blob/")
            .or_else(|| path.strip_prefix("resolve/"));
        let file = rest.and_then(|rest| rest.split_once('/'))?.1;
        file.split('?').next().unwrap_or(file)
    } else {
        path
    };
    let harmless =
        |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0', ':']);
    let is_model = path.len() > 5 && path.to_ascii_lowercase().ends_with(".gguf");
    (is_model && path.split('/').all(harmless)).then(|| path.to_owned())
}

/// The quantisation that a file's name tells: `Q4_K_M` of `qwen-Q4_K_M-00001-of-00003.gguf`. What
/// is in the file may be something else.
pub fn quant_of(file_name: &str) -> Option<String> {
    let stem = match file_name.len().checked_sub(5) {
        Some(at)
            if file_name.is_char_boundary(at) && file_name[at..].eq_ignore_ascii_case(".gguf") =>
        {
            &file_name[..at]
        }
        _ => file_name,
    };
    let stem = without_part(stem);
    let start = stem.rfind(['-', '.']).map_or(0, |at| at + 1);
    let (before, word) = stem.split_at(start);
    if !is_quant(word) {
        return None;
    }
    // Unsloth's mixtures are named apart from llama.cpp's.
    let dynamic = before.to_ascii_uppercase().ends_with("UD-");
    let prefix = if dynamic { "UD-" } else { "" };
    Some(format!("{prefix}{}", word.to_ascii_uppercase()))
}

/// A stem without `-00001-of-00003`.
pub(super) fn without_part(stem: &str) -> &str {
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    stem.rsplit_once("-of-")
        .filter(|(_, count)| digits(count))
        .and_then(|(rest, _)| rest.rsplit_once('-'))
        .filter(|(_, number)| digits(number))
        .map_or(stem, |(prefix, _)| prefix)
}

/// Whether a word names a quantisation, as llama.cpp's file types do.
fn is_quant(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    let floats = ["F16", "F32", "BF16", "FP16", "FP32", "MXFP4", "NVFP4"];
    if floats.contains(&word.as_str()) || word.starts_with("MXFP4_") {
        return true;
    }
    let rest = ["IQ", "TQ", "Q"]
        .iter()
        .find_map(|start| word.strip_prefix(start));
    let Some(rest) = rest else { return false };
    let mut parts = rest.split('_');
    let bits = parts.next().unwrap_or_default();
    let known = [
        "K", "S", "M", "L", "XL", "XS", "XXS", "NL", "0", "1", "P", "4", "8",
    ];
    let tail: Vec<&str> = parts.collect();
    bits.len() == 1
        && bits.bytes().all(|byte| byte.is_ascii_digit())
        && !tail.is_empty()
        && tail.iter().all(|part| known.contains(part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_as_people_write_them() {
        let parse = |text: &str| HubName::parse(text).map(|name| (name.repo, name.choice));
        let quant = |quant: &str| Choice::Quant(quant.to_owned());
        let file = |file: &str| Choice::File(file.to_owned());
        for (text, repo, choice) in [
            ("org/repo", "org/repo", Choice::Any),
            ("org/repo-GGUF:Q4_K_M", "org/repo-GGUF", quant("Q4_K_M")),
            ("org/repo:q8_0", "org/repo", quant("q8_0")),
            ("org/repo/a.gguf", "org/repo", file("a.gguf")),
            (
                "org/repo/Q4/a-00001-of-00002.gguf",
                "org/repo",
                file("Q4/a-00001-of-00002.gguf"),
            ),
            ("hf.co/org/repo:UD-Q4_K_XL", "org/repo", quant("UD-Q4_K_XL")),
            ("https://huggingface.co/org/repo/", "org/repo", Choice::Any),
            (
                "https://huggingface.co/org/repo/blob/main/sub/a.gguf?download=true",
                "org/repo",
                file("sub/a.gguf"),
            ),
        ] {
            assert_eq!(parse(text), Some((repo.to_owned(), choice)), "{text}");
        }
        for wrong in [
            "",
            "repo",
            "/repo",
            "org/",
            "org/repo:",
            "../etc",
            "org/..",
            "org/repo/../a.gguf",
            "org/repo/a.txt",
            "org/repo//a.gguf",
            "org/re po",
            "org/repo/a.gguf:Q4",
            "./x/y.gguf",
            "org/repo/a\\..\\b.gguf",
            "https://example.com/org/repo",
            "https://huggingface.co/org/repo/tree/main",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn folders_of_the_cache_are_repositories() {
        let name = HubName::parse("org/my--repo").unwrap();
        assert_eq!(name.cache_folder(), "models--org--my--repo");
        assert_eq!(
            HubName::from_cache_folder("models--org--my--repo").as_deref(),
            Some("org/my--repo")
        );
        assert_eq!(HubName::from_cache_folder("datasets--org--x"), None);
        assert_eq!(HubName::from_cache_folder("models--x"), None);
    }

    #[test]
    fn quantisations_are_read_from_file_names() {
        for (name, quant) in [
            ("qwen2.5-0.5b-instruct-q4_k_m.gguf", Some("Q4_K_M")),
            ("Llama-3.2-3B.Q8_0.GGUF", Some("Q8_0")),
            ("a-UD-Q4_K_XL-00001-of-00003.gguf", Some("UD-Q4_K_XL")),
            ("a-IQ2_XXS.gguf", Some("IQ2_XXS")),
            ("a-TQ1_0.gguf", Some("TQ1_0")),
            ("gpt-oss-20b-mxfp4.gguf", Some("MXFP4")),
            ("model-bf16.gguf", Some("BF16")),
            ("model.gguf", None),
            ("qwen-4b.gguf", None),
            ("a-Q4.gguf", None),
            ("ß.g", None),
        ] {
            assert_eq!(quant_of(name).as_deref(), quant, "{name}");
        }
    }

    proptest! {
        /// Whatever is typed, no name leads out of its repository.
        #[test]
        fn no_name_leads_elsewhere(text in "[a-z./:\\\\-]{0,30}") {
            if let Some(name) = HubName::parse(&text) {
                prop_assert!(!name.repo.contains(".."));
                prop_assert_eq!(name.repo.matches('/').count(), 1);
                if let Choice::File(file) = name.choice {
                    prop_assert!(!file.split('/').any(|part| part == ".." || part.is_empty()));
                    prop_assert!(!file.starts_with('/') && !file.contains('\\'));
                }
            }
        }
    }
}
