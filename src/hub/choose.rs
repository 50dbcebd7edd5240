//! Which files of a repository make the model that was asked for. The rules of llama.cpp's `-hf`
//! (`common/download.cpp`): Q4_K_M unless told otherwise, then Q8_0, then the first; all parts of a
//! split model; the projector for images that lies nearest.

use super::{ErrorKind, FilePath, HubError, Pick};
use crate::gguf::FileName;
use crate::params::nearest_word;

/// Quantisations that are taken when none was asked for, in this order.
const USUAL: [&str; 2] = ["Q4_K_M", "Q8_0"];
/// Parts of names of GGUF files that are no models.
const NO_MODELS: [&str; 6] = ["mmproj", "imatrix", "mtp-", "eagle3-", "dflash-", "dspark-"];

/// A model of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its quantisation, as its name says it; empty when it does not.
    pub quant: String,
    /// Indices of its files, in order.
    pub parts: Vec<usize>,
    /// The index of the projector for images that goes with it.
    pub projector: Option<usize>,
}

/// Every model among the files, in their order.
pub fn models(paths: &[FilePath]) -> Vec<Chosen> {
    let firsts = (0..paths.len()).filter(|index| is_first_of_model(&paths[*index]));
    firsts
        .filter_map(|index| whole(paths, index).ok())
        .collect()
}

/// The model that was asked for.
///
/// # Errors
/// When there is none: the message says what there is.
pub fn choose(paths: &[FilePath], pick: &Pick) -> Result<Chosen, HubError> {
    let found = match pick {
        Pick::File(path) => paths.iter().position(|other| other == path),
        Pick::Quant(quant) => of_quant(paths, quant),
        Pick::Usual => USUAL
            .iter()
            .find_map(|quant| of_quant(paths, quant))
            .or_else(|| paths.iter().position(is_first_of_model)),
    };
    match found {
        Some(index) => whole(paths, index),
        None => Err(missing(paths, pick)),
    }
}

/// The quantisation in a file's name, in capitals; empty when it has none.
pub fn quant_of(path: &FilePath) -> String {
    FileName::new(path.as_str()).quant().unwrap_or_default()
}

fn of_quant(paths: &[FilePath], quant: &str) -> Option<usize> {
    let quant = quant.to_lowercase();
    let fits = |path: &FilePath| {
        let path = path.as_str().to_lowercase();
        let mut at = path.match_indices(&quant);
        at.any(|(start, _)| {
            let before = path[..start].chars().next_back();
            let after = path[start + quant.len()..].chars().next();
            !before.is_some_and(char::is_alphanumeric) && matches!(after, Some('.' | '-'))
        })
    };
    paths
        .iter()
        .position(|path| is_first_of_model(path) && fits(path))
}

fn whole(paths: &[FilePath], index: usize) -> Result<Chosen, HubError> {
    let name = FileName::new(paths[index].as_str());
    let mut parts = vec![index];
    if name.parts > 1 {
        parts = (1..=name.parts)
            .filter_map(|part| {
                let wanted = FileName { part, ..name };
                let same = |path: &FilePath| FileName::new(path.as_str()) == wanted;
                paths.iter().position(same)
            })
            .collect();
        if parts.len() < name.parts as usize {
            return Err(HubError::new(
                ErrorKind::NotFound,
                format!("looking for all parts of {}", paths[index]),
                format!("there are {} of {}", parts.len(), name.parts),
            )
            .hint("choose another quantisation"));
        }
    }
    Ok(Chosen {
        quant: quant_of(&paths[index]),
        parts,
        projector: projector(paths, &paths[index]),
    })
}

/// The projector in the folder of the model or above it: the nearest, then the one whose number of
/// bits is nearest.
fn projector(paths: &[FilePath], model: &FilePath) -> Option<usize> {
    let depth = |path: &FilePath| {
        let folder = path.folder();
        let above = folder.is_empty()
            || model.folder() == folder
            || model.folder().starts_with(&format!("{folder}/"));
        above.then(|| folder.split('/').filter(|part| !part.is_empty()).count())
    };
    let candidates = paths.iter().enumerate().filter(|(_, path)| {
        is_gguf(path) && path.name().to_lowercase().contains("mmproj") && *path != model
    });
    candidates
        .filter_map(|(index, path)| {
            let bits = bits(path).abs_diff(bits(model));
            Some((std::cmp::Reverse(depth(path)?), bits, index))
        })
        .min()
        .map(|(.., index)| index)
}

/// `Q4_0` → 4, `BF16` → 16
fn bits(path: &FilePath) -> u32 {
    let quant = quant_of(path);
    let digits = quant
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .split(|c: char| !c.is_ascii_digit())
        .next();
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default()
}

fn missing(paths: &[FilePath], pick: &Pick) -> HubError {
    let models = models(paths);
    let names: Vec<String> = models
        .iter()
        .map(|model| match model.quant.as_str() {
            "" => paths[model.parts[0]].to_string(),
            quant => quant.to_owned(),
        })
        .collect();
    if names.is_empty() {
        return HubError::new(
            ErrorKind::NotFound,
            "looking for a model",
            "the repository has no GGUF model",
        )
        .hint("models for llama.cpp are in repositories whose name ends in -GGUF, as a rule");
    }
    let (what, wanted) = match pick {
        Pick::Usual => ("looking for a model".to_owned(), ""),
        Pick::Quant(quant) => (format!("looking for {quant}"), quant.as_str()),
        Pick::File(path) => (format!("looking for {path}"), path.as_str()),
    };
    let files = || {
        models
            .iter()
            .map(|model| paths[model.parts[0]].as_str())
            .chain(names.iter().map(String::as_str))
    };
    let hint = match nearest_word(wanted, files()) {
        Some(near) => format!("did you mean {near}? There are {}", list(&names)),
        None => format!("there are {}", list(&names)),
    };
    HubError::new(ErrorKind::NotFound, what, "the repository has none").hint(hint)
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 24;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    names[..names.len().min(SHOWN)].join(", ") + more
}

fn is_gguf(path: &FilePath) -> bool {
    path.as_str().to_lowercase().ends_with(".gguf")
}

fn is_first_of_model(path: &FilePath) -> bool {
    let name = path.name().to_lowercase();
    is_gguf(path)
        && NO_MODELS.iter().all(|part| !name.contains(part))
        && FileName::new(path.as_str()).part == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paths(names: &[&str]) -> Vec<FilePath> {
        let path = |name: &&str| FilePath::parse(name).unwrap();
        names.iter().map(path).collect()
    }

    fn chosen(names: &[&str], pick: &Pick) -> Vec<String> {
        let paths = paths(names);
        let chosen = choose(&paths, pick).unwrap();
        let all = chosen.parts.iter().chain(&chosen.projector);
        all.map(|index| paths[*index].to_string()).collect()
    }

    #[test]
    fn the_usual_one_is_q4_k_m_then_q8_0_then_the_first() {
        let names = [
            "README.md",
            "mmproj-F16.gguf",
            "m-Q2_K.gguf",
            "m-Q8_0.gguf",
            "m-Q4_K_M.gguf",
        ];
        assert_eq!(
            chosen(&names, &Pick::Usual),
            ["m-Q4_K_M.gguf", "mmproj-F16.gguf"]
        );
        assert_eq!(
            chosen(&names[..4], &Pick::Usual),
            ["m-Q8_0.gguf", "mmproj-F16.gguf"]
        );
        assert_eq!(
            chosen(&names[..3], &Pick::Usual),
            ["m-Q2_K.gguf", "mmproj-F16.gguf"]
        );
    }

    #[test]
    fn a_quantisation_is_a_whole_word_in_any_case() {
        let names = [
            "m-IQ4_XS.gguf",
            "m.q4_k_m.gguf",
            "m-UD-Q4_K_XL.gguf",
            "m-Q4_0_4_4.gguf",
            "m-Q4_0.gguf",
        ];
        let quant = |name: &str| Pick::Quant(name.to_owned());
        assert_eq!(chosen(&names, &quant("Q4_K_M")), ["m.q4_k_m.gguf"]);
        assert_eq!(chosen(&names, &quant("ud-q4_k_xl")), ["m-UD-Q4_K_XL.gguf"]);
        assert_eq!(chosen(&names, &quant("Q4_0")), ["m-Q4_0.gguf"]);
        assert_eq!(chosen(&names, &quant("IQ4_XS")), ["m-IQ4_XS.gguf"]);
        assert!(choose(&paths(&names), &quant("Q4_XS")).is_err());
    }

    #[test]
    fn all_parts_come_in_order_and_none_may_lack() {
        let names = [
            "Q4_K_M/m-Q4_K_M-00002-of-00003.gguf",
            "Q4_K_M/m-Q4_K_M-00001-of-00003.gguf",
            "Q4_K_M/m-Q4_K_M-00003-of-00003.gguf",
            "Q8_0/m-Q8_0-00001-of-00002.gguf",
        ];
        assert_eq!(chosen(&names, &Pick::Usual), [names[1], names[0], names[2]]);
        let error = choose(&paths(&names), &Pick::Quant("Q8_0".into())).unwrap_err();
        assert_eq!(error.why, "there are 1 of 2");
        let second = Pick::File(FilePath::parse(names[0]).unwrap());
        assert_eq!(chosen(&names, &second).len(), 3);
    }

    #[test]
    fn the_projector_is_the_nearest() {
        let names = [
            "a/m-Q8_0.gguf",
            "b/m-Q4_0.gguf",
            "mmproj-F16.gguf",
            "mmproj-Q8_0.gguf",
            "a/mmproj-BF16.gguf",
        ];
        let quant = |name: &str| Pick::Quant(name.to_owned());
        assert_eq!(
            chosen(&names, &quant("Q8_0")),
            ["a/m-Q8_0.gguf", "a/mmproj-BF16.gguf"]
        );
        assert_eq!(
            chosen(&names, &quant("Q4_0")),
            ["b/m-Q4_0.gguf", "mmproj-Q8_0.gguf"]
        );
    }

    #[test]
    fn what_is_not_there_names_what_is() {
        let error = choose(
            &paths(&["m-Q4_K_S.gguf", "m-F16.gguf"]),
            &Pick::Quant("Q4_K_M".into()),
        )
        .unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(
            error.hint.contains("did you mean Q4_K_S?") && error.hint.contains("F16"),
            "{}",
            error.hint
        );
        let error = choose(
            &paths(&["model.safetensors", "mmproj-F16.gguf"]),
            &Pick::Usual,
        )
        .unwrap_err();
        assert_eq!(error.why, "the repository has no GGUF model");
    }

    proptest! {
        #[test]
        fn any_names_make_an_answer(names in proptest::collection::vec("[a-b]{0,2}(/|-|Q4_K_M|-0000[0-3]-of-0000[0-3]|mmproj|\\.gguf|ß){1,5}", 0..8)) {
            let paths: Vec<FilePath> = names.iter().filter_map(|name| FilePath::parse(name).ok()).collect();
            if let Ok(chosen) = choose(&paths, &Pick::Usual) {
                prop_assert!(chosen.parts.iter().chain(&chosen.projector).all(|index| *index < paths.len()));
                prop_assert!(!chosen.parts.is_empty());
            }
            let _ = models(&paths);
        }
    }
}
