//! Tips for words and flags that are none here: what people of other programs mean, and no others
//! than those that are near.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::params::{self, Param};

/// Commands of other programs, and what does the same here.
const COMMANDS: &[(&[&str], &str)] = &[
    (
        &["pull", "download", "get"],
        "a model is downloaded with llmdeck models pull NAME",
    ),
    (
        &["ls", "list"],
        "llmdeck models lists the models on this machine; llmdeck sessions lists saved chats",
    ),
    (
        &["show", "info"],
        "llmdeck models info MODEL says what is known of a model",
    ),
    (
        &["rm", "remove", "delete"],
        "llmdeck models rm MODEL removes a model; llmdeck sessions rm CHAT a chat",
    ),
    (
        &["search"],
        "llmdeck models search WORD looks for models to download; llmdeck sessions search TEXT in saved chats",
    ),
    (
        &["ps", "stop", "load", "unload"],
        "a model runs inside llmdeck itself and ends with it: llmdeck -m MODEL opens the deck with one",
    ),
    (
        &["serve", "server", "start"],
        "llmdeck serves nothing to others: llmdeck opens the deck, llmdeck run -p TEXT answers one prompt",
    ),
    (
        &["chat", "cli"],
        "llmdeck opens the deck, to chat in; llmdeck run -p TEXT answers one prompt",
    ),
];

/// The same error with the tip that helps, or with none.
pub(super) fn add(mut error: Error, is_bench: bool) -> Error {
    let word = match (
        error.kind(),
        error.get(ContextKind::InvalidArg),
        error.get(ContextKind::InvalidSubcommand),
    ) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(word)), _)
        | (ErrorKind::InvalidSubcommand, _, Some(ContextValue::String(word))) => word.clone(),
        _ => return error,
    };
    if let Some(tip) = tip(&word, is_bench, &error) {
        error.remove(ContextKind::SuggestedSubcommand);
        leave_out_flag(&mut error);
        let tips = vec![StyledStr::from(tip)];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    } else if is_far(&word, &error) {
        leave_out_flag(&mut error);
    }
    error
}

/// Takes the flag out that clap suggests, and with it the usage, which is of that flag.
fn leave_out_flag(error: &mut Error) {
    if error.remove(ContextKind::SuggestedArg).is_some() {
        error.remove(ContextKind::Usage);
    }
}

/// What to say of a word that clap knows less about.
fn tip(word: &str, is_bench: bool, error: &Error) -> Option<&'static str> {
    if word.starts_with('-') {
        return of_flag(word, is_bench);
    }
    let is = |(words, _): &&(&[&str], _)| words.contains(&word);
    let command = COMMANDS.iter().find(is);
    if let (ErrorKind::InvalidSubcommand, Some((_, tip))) = (error.kind(), command) {
        return Some(tip);
    }
    // What clap knows better stays: a mistyped command.
    if error.get(ContextKind::SuggestedSubcommand).is_some() {
        return None;
    }
    Some(match word.to_lowercase().ends_with(".gguf") {
        true => "a model is given with -m: llmdeck -m FILE",
        false => "a prompt is given with -p, a model with -m: llmdeck run -m MODEL -p TEXT",
    })
}

fn of_flag(flag: &str, is_bench: bool) -> Option<&'static str> {
    if matches!(flag, "-p" | "--prompt") {
        return Some("a prompt is answered by the command run: llmdeck run -p TEXT");
    }
    let param = params::find(flag.trim_start_matches('-')).filter(|_| is_bench)?;
    Some(match param.param {
        Param::CtxSize | Param::Parallel | Param::KvUnified | Param::FitCtx => {
            "it follows from the test: the context is as long as prompt (-p), generated tokens (-n) and depth (-d) ask for, for one sequence"
        }
        _ => {
            "bench takes load parameters only: what is sampled, and how, does not change its figures"
        }
    })
}

/// Whether the flag that clap suggests is another word altogether: more than every third letter is
/// wrong. To clap short words are alike that begin alike.
fn is_far(word: &str, error: &Error) -> bool {
    let Some(ContextValue::String(near)) = error.get(ContextKind::SuggestedArg) else {
        return false;
    };
    let plain = |flag: &str| flag.trim_start_matches('-').to_owned();
    let word = plain(word);
    strsim::osa_distance(&word, &plain(near)) > (word.chars().count() / 3).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{bench, flags};

    fn message(args: &[&str]) -> String {
        let is_bench = args[0] == "bench";
        let command = match is_bench {
            true => bench::command(),
            false => flags::command(),
        };
        let args = std::iter::once(&"llmdeck").chain(args);
        let error = command.try_get_matches_from(args).unwrap_err();
        add(error, is_bench).render().to_string()
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
            (
                &["-p", "hi"],
                "tip: a prompt is answered by the command run",
            ),
        ] {
            assert!(message(args).contains(tip), "{}", message(args));
        }
    }

    #[test]
    fn commands_of_other_programs_lead_to_those_of_here() {
        for (args, tip) in [
            (&["pull", "x"][..], "llmdeck models pull NAME"),
            (&["ls"], "llmdeck models lists"),
            (&["list"], "llmdeck models lists"),
            (&["serve"], "llmdeck opens the deck"),
            (&["chat"], "llmdeck opens the deck"),
            (&["show", "x"], "llmdeck models info MODEL"),
            (&["models", "show", "x"], "llmdeck models info MODEL"),
            (&["ps"], "llmdeck -m MODEL"),
        ] {
            let text = message(args);
            assert!(text.contains(tip) && !text.contains("similar"), "{text}");
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

    #[test]
    fn only_flags_that_are_near_are_suggested() {
        for (flag, near) in [
            ("--top-qq", Some("--top-")),
            ("--nql", Some("--ngl")),
            ("--nope", None),
        ] {
            let text = message(&["run", flag]);
            assert_eq!(text.contains("similar"), near.is_some(), "{text}");
            assert!(text.contains(near.unwrap_or("try '--help'")), "{text}");
        }
    }

    #[test]
    fn a_benchmark_says_why_it_does_not_take_a_parameter() {
        let text = message(&["bench", "--ctx-size", "512"]);
        assert!(text.contains("it follows from the test"), "{text}");
        assert!(!text.contains("--batch-size"), "{text}");
        let text = message(&["bench", "--temp", "1"]);
        assert!(text.contains("load parameters only"), "{text}");
        let text = message(&["bench", "--batch-siez", "1"]);
        assert!(text.contains("'--batch-size'"), "{text}");
    }
}
