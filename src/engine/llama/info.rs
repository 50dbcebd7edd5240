//! What a model says of itself.

use std::path::Path;

use super::model::{Model, ModelFacts};
use crate::engine::ModelInfo;
use crate::params::recommended;

/// Gathers what the screen shows of a model; text is made safe for a terminal.
pub(crate) fn model_info(
    path: &Path,
    model: &Model,
    facts: &ModelFacts,
    has_chat_template: bool,
) -> ModelInfo {
    let stem = || {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let text = |key: &str| {
        model
            .meta(key)
            .map(|value| printable(&value))
            .filter(|value| !value.is_empty())
    };
    ModelInfo {
        path: path.to_owned(),
        fingerprint: crate::gguf::fingerprint(path).unwrap_or_default(),
        name: text("general.name").unwrap_or_else(|| printable(&stem())),
        arch: text("general.architecture").unwrap_or_default(),
        quant: quant(&facts.file_type),
        description: printable(&facts.description),
        license: text("general.license"),
        n_params: facts.n_params,
        size_bytes: facts.size_bytes,
        n_ctx_train: facts.n_ctx_train,
        n_layer: facts.n_layer,
        n_vocab: u32::try_from(model.vocab().len()).unwrap_or(u32::MAX),
        recommended: recommended(|key| model.meta(key)),
        has_chat_template,
    }
}

/// llama.cpp's file types in the spelling of file names: `Q4_K - Medium` → `Q4_K_M`.
fn quant(file_type: &str) -> String {
    let name = file_type
        .trim_end_matches(" (guessed)")
        .trim_start_matches("(guessed) ")
        .trim_start_matches("all ");
    let (name, size) = name.split_once(" - ").unwrap_or((name, ""));
    match size {
        "Small" => format!("{name}_S"),
        "Medium" => format!("{name}_M"),
        "Large" => format!("{name}_L"),
        _ => name.to_owned(),
    }
}

/// One line without control characters, of bounded length.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control())
        .take(200)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_types_read_as_in_file_names() {
        assert_eq!(quant("Q4_K - Medium"), "Q4_K_M");
        assert_eq!(quant("Q8_0"), "Q8_0");
        assert_eq!(quant("all F32"), "F32");
    }

    #[test]
    fn names_cannot_write_to_the_terminal() {
        assert_eq!(printable("A\u{1b}[31mred\n model"), "A[31mred  model");
    }
}
