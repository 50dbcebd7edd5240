//! From the words of a command line to what may take the place of the last one.

use std::ffi::OsString;

use clap::ArgMatches;
use clap_complete::CompletionCandidate;
use clap_complete::engine;

use super::values::Values;
use crate::cli::normalise::Grammar;
use crate::cli::{bench, flags};
use crate::params::TABLE;

/// What completes the last word, which may be empty.
pub(super) fn complete(words: &[OsString]) -> Vec<CompletionCandidate> {
    let Some((last, before)) = words.split_last().filter(|(_, before)| !before.is_empty()) else {
        return vec![];
    };
    let usual = flags::command();
    let is_bench = Grammar::of(&usual).asks_for(before, "bench");
    let command = if is_bench { bench::command() } else { usual };
    // So that the words are understood as they will be: llama.cpp's spellings too.
    let mut words = Grammar::of(&command).normalise(before.to_vec()).args;
    let given = given(&command, &words);
    let mut command = Values::of(given.as_ref()).complete(command);
    let at = words.len();
    words.push(last.clone());
    let here = std::env::current_dir().ok();
    let mut found = engine::complete(&mut command, words, at, here.as_deref()).unwrap_or_default();
    let typed = last.to_string_lossy();
    found.extend(short_flags(&typed));
    if typed.is_empty() {
        leave_out_flags(&mut found);
    }
    found
}

/// What was given so far, as far as it can be read.
fn given(command: &clap::Command, words: &[OsString]) -> Option<ArgMatches> {
    let lenient = command.clone().ignore_errors(true);
    lenient.try_get_matches_from(words).ok()
}

/// llama.cpp's short flags of several letters, which clap does not know.
fn short_flags(typed: &str) -> Vec<CompletionCandidate> {
    let begun = typed.strip_prefix('-').unwrap_or_default();
    if begun.is_empty() || begun.starts_with('-') {
        return vec![];
    }
    let shorts = TABLE.iter().flat_map(|spec| {
        let shorts = spec.short.iter().filter(|short| short.len() > 1);
        shorts.map(move |short| (*short, spec))
    });
    shorts
        .filter(|(short, _)| short.starts_with(begun))
        .map(|(short, spec)| {
            CompletionCandidate::new(format!("-{short}")).help(Some(spec.help.into()))
        })
        .collect()
}

/// Before anything is typed, hundreds of flags would hide the few words that may stand there.
fn leave_out_flags(found: &mut Vec<CompletionCandidate>) {
    let is_flag = |one: &CompletionCandidate| one.get_value().to_string_lossy().starts_with('-');
    if found.iter().any(|one| !is_flag(one)) {
        found.retain(|one| !is_flag(one));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> Vec<String> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let found = complete(&words);
        let values = found.iter().map(|one| one.get_value().to_string_lossy());
        values.map(|value| value.into_owned()).collect()
    }

    #[test]
    fn commands_and_flags_are_completed() {
        assert_eq!(completed("llmdeck com"), ["compare", "completion"]);
        assert_eq!(completed("llmdeck completion z"), ["zsh"]);
        assert_eq!(
            completed("llmdeck run --top-"),
            ["--top-k", "--top-p", "--top-n-sigma"]
        );
        assert_eq!(completed("llmdeck run -ng"), ["-ngl"]);
        assert!(completed("llmdeck models ").contains(&"info".to_owned()));
        assert_eq!(completed("llmdeck"), [""; 0]);
        assert_eq!(completed("llmdeck nonsense --what ever"), [""; 0]);
    }

    #[test]
    fn values_of_parameters_are_completed_in_every_spelling() {
        assert_eq!(completed("llmdeck run -ctk q8"), ["q8_0"]);
        assert_eq!(
            completed("llmdeck run --cache-type-k=q8"),
            ["--cache-type-k=q8_0"]
        );
        assert_eq!(completed("llmdeck bench -fa o"), ["on", "off"]);
    }
}
