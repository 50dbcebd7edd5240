//! Tips for words where no flag stands before them.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The same error, which says how a prompt or a model is given when that is what a word may be.
pub(super) fn add(mut error: Error) -> Error {
    let word = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) => word,
        _ => match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
            (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) => word,
            _ => return error,
        },
    };
    // What clap knows better stays: a mistyped command.
    let suggests = error.get(ContextKind::SuggestedSubcommand).is_some();
    if word.starts_with('-') || suggests {
        return error;
    }
    let tip = if word.to_lowercase().ends_with(".gguf") {
        "a model is given with -m: llmdeck -m FILE"
    } else {
        "a prompt is given with -p: llmdeck run -p TEXT"
    };
    let tips = vec![StyledStr::from(tip)];
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(args: &[&str]) -> String {
        let args = std::iter::once(&"llmdeck").chain(args);
        let error = crate::cli::flags::command()
            .try_get_matches_from(args)
            .unwrap_err();
        add(error).render().to_string()
    }

    #[test]
    fn words_without_a_flag_are_prompts_or_models() {
        for (args, tip) in [
            (&["run", "hi"][..], "tip: a prompt is given with -p"),
            (&["why is it slow"], "tip: a prompt is given with -p"),
            (&["a.gguf"], "tip: a model is given with -m"),
            (
                &["run", "-p", "hi", "A.GGUF"],
                "tip: a model is given with -m",
            ),
        ] {
            assert!(message(args).contains(tip), "{}", message(args));
        }
    }

    #[test]
    fn what_is_mistyped_is_no_prompt() {
        for args in [&["docter"][..], &["run", "--promt", "hi"], &["run", "-Z"]] {
            assert!(
                !message(args).contains("is given with"),
                "{}",
                message(args)
            );
        }
    }
}
