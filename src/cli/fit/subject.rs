//! The model that is asked about: a file, or a size.

use std::path::Path;

use crate::cli::args::FitArgs;
use crate::cli::{ExitCode, Failure};
use crate::gguf::{self, Facts, GgufError, Header};
use crate::params::{ModelParams, nearest_word};
use crate::plan;

/// What is known of a model, and how well.
pub(super) struct Subject {
    pub facts: Facts,
    /// What the figures rest on, where that is not the whole of a file.
    pub notes: Vec<String>,
}

impl Subject {
    /// The model in a file.
    ///
    /// # Errors
    /// When a header cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let damaged = |path: &Path, error: &GgufError| {
            let what = format!("reading the header of {}", path.display());
            Failure::new(ExitCode::Data, what, error)
                .hint("the file is damaged, cut short by a download, or no chat model")
        };
        let mut header = Header::read(path).map_err(|error| damaged(path, &error))?;
        let parts = gguf::parts(path);
        let mut found = vec![header.file_len];
        for part in parts.iter().filter(|part| *part != path && part.exists()) {
            let part_header = Header::read_part(part).map_err(|error| damaged(part, &error))?;
            found.push(part_header.file_len);
            header.append(part_header);
        }
        let missing = parts.len() - found.len();
        let facts = header.facts();
        if missing == 0 {
            let notes = Vec::new();
            return Ok(Subject { facts, notes });
        }
        let have: u64 = found.iter().sum();
        let all = have / found.len() as u64 * parts.len() as u64;
        let note = format!(
            "missing: {missing} of the model's {} files; their size is taken to be that of the others",
            parts.len()
        );
        Ok(Subject {
            facts: plan::whole(facts, all),
            notes: vec![note],
        })
    }

    /// A model of that many parameters.
    ///
    /// # Errors
    /// When the size or the quantisation is none, or a token is said to use more than there is.
    pub(super) fn typical(
        args: &FitArgs,
        size: &str,
        model: &ModelParams,
    ) -> Result<Self, Failure> {
        let n_params = count("params", size)?;
        let active = match &args.active_params {
            Some(text) => Some(count("active-params", text)?),
            None => None,
        };
        if let Some(text) = args
            .active_params
            .as_ref()
            .filter(|_| active > Some(n_params))
        {
            return Err(Failure::new(
                ExitCode::Usage,
                format!("--active-params {text}"),
                format!("a token cannot use more than the {size} that --params says there are"),
            )
            .hint(
                "give the parameters in use for one token, as in --params 30B --active-params 3B",
            ));
        }
        let quant = args.quant.as_deref().unwrap_or("Q4_K_M");
        let (mut facts, shape) = plan::typical(n_params, quant, active).ok_or_else(|| {
            let hint = match nearest_word(quant, plan::quants()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("one of {}", plan::quants().collect::<Vec<_>>().join(", ")),
            };
            Failure::new(
                ExitCode::Usage,
                format!("--quant {quant}"),
                "no such quantisation",
            )
            .hint(hint)
        })?;
        facts.name = format!("{size} {}", facts.quant);
        let note = format!(
            "an estimate: the shape of {shape}, and bits per weight as llama.cpp measured them; a file gives exact figures"
        );
        let notes = [Some(note), without_effect(model)];
        Ok(Subject {
            facts,
            notes: notes.into_iter().flatten().collect(),
        })
    }
}

/// Refuses what is only for a model given by its size.
///
/// # Errors
/// When there is a file beside it.
pub(super) fn check(args: &FitArgs) -> Result<(), Failure> {
    let flags = [
        ("quant", &args.quant),
        ("active-params", &args.active_params),
    ];
    let given = flags
        .iter()
        .find_map(|(flag, value)| value.as_ref().map(|value| format!("--{flag} {value}")));
    match given.filter(|_| args.params.is_none()) {
        None => Ok(()),
        Some(what) => Err(Failure::new(
            ExitCode::Usage,
            what,
            "it goes with --params, for a model that is not here; a file says it of itself",
        )
        .hint("leave it out, or give --params instead of the file")),
    }
}

/// What takes tensors out by name, of which a model given by its size has none.
fn without_effect(model: &ModelParams) -> Option<String> {
    let given = [
        ("cpu-moe", model.cpu_moe),
        ("n-cpu-moe", model.n_cpu_moe > 0),
        ("n-cpu-ffn", model.n_cpu_ffn > 0),
        ("override-tensor", !model.override_tensor.is_empty()),
    ];
    let given: Vec<&str> = given
        .into_iter()
        .filter_map(|(name, is_given)| is_given.then_some(name))
        .collect();
    (!given.is_empty()).then(|| {
        format!(
            "{}: without a file nothing is known of where experts and other tensors lie, so it changes nothing here",
            given.join(", ")
        )
    })
}

/// `70B` → 70,000,000,000
fn count(flag: &str, text: &str) -> Result<u64, Failure> {
    let upper = text.trim().to_uppercase();
    let (number, factor) = match upper.chars().last() {
        Some('B') => (&upper[..upper.len() - 1], 1e9),
        Some('M') => (&upper[..upper.len() - 1], 1e6),
        Some('T') => (&upper[..upper.len() - 1], 1e12),
        _ => (upper.as_str(), 1.0),
    };
    let count = number.parse::<f64>().map_or(0.0, |number| number * factor);
    if !(1e6..=1e14).contains(&count) {
        return Err(Failure::new(
            ExitCode::Usage,
            format!("--{flag} {text}"),
            "it is no number of parameters",
        )
        .hint("give a size such as 70B or 500M"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked just now"
    )]
    let count = count as u64;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_letters() {
        assert_eq!(count("params", "70B"), Ok(70_000_000_000));
        assert_eq!(count("params", "0.5b"), Ok(500_000_000));
        assert_eq!(count("params", "500M"), Ok(500_000_000));
        for wrong in ["", "B", "seventy", "-7B", "nanB", "1e30B", "7"] {
            assert!(count("params", wrong).is_err(), "{wrong}");
        }
    }
}
