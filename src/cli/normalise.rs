//! Rewrites llama.cpp's spellings before clap sees them.
//!
//! clap knows no short flags of several letters, so `-ngl 10` becomes `--n-gpu-layers 10`; names
//! with `_`, other tools' names and retired flags become today's. Values stay as they are, also
//! those that look like flags (`--seed -1`). What nobody knows goes to clap as a long flag, which
//! then names the nearest one.

use std::collections::HashMap;
use std::ffi::OsString;

use clap::{Arg, Command};

use super::normalised::Normalised;
use super::retired::{self, Takes};
use crate::params::{self, Foreign, Kind, Spec, TABLE};

/// The flags clap will accept: each spelling, with its dashes, and whether a value follows it.
pub(super) struct Grammar {
    flags: HashMap<String, Takes>,
}

impl Grammar {
    pub(super) fn of(command: &Command) -> Self {
        let mut flags = HashMap::new();
        collect(command, &mut flags);
        Self { flags }
    }

    /// Whether the command asked for is this one: the first word that is no flag and no flag's
    /// value, or the one after `help`.
    pub(super) fn asks_for(&self, args: &[OsString], name: &str) -> bool {
        let mut args = args.iter().skip(1);
        while let Some(arg) = args.next() {
            let Some(text) = arg.to_str().filter(|text| is_flag(text)) else {
                return match arg.to_str() {
                    Some("help") => args.next().is_some_and(|next| next == name),
                    word => word == Some(name),
                };
            };
            let (flag, value) = split(text);
            let takes = self.flags.get(&self.canonical(text, flag));
            if value.is_none() && takes == Some(&Takes::Value) {
                args.next();
            }
        }
        false
    }

    /// Rewrites arguments; the first is the program's name.
    pub(super) fn normalise(&self, args: impl IntoIterator<Item = OsString>) -> Normalised {
        let mut args = args.into_iter().peekable();
        let mut out = Normalised {
            args: args.next().into_iter().collect(),
            ..Normalised::default()
        };
        while let Some(arg) = args.next() {
            let Some(text) = arg.to_str().filter(|text| is_flag(text)) else {
                out.args.push(arg);
                continue;
            };
            if text == "--" {
                out.args.push(arg);
                break;
            }
            let (flag, value) = split(text);
            if let Some(retired) = retired::find(flag) {
                let mut has_word = || args.peek().and_then(switch).is_some();
                let follows = match retired.takes {
                    Takes::Nothing => false,
                    Takes::Value => value.is_none(),
                    Takes::Switch => value.is_none() && has_word(),
                };
                if follows {
                    args.next();
                }
                out.take(flag, retired.fate);
                continue;
            }
            if let Some(foreign) = Foreign::find(flag) {
                let follows = value.is_none()
                    && (!foreign.is_switch() || args.peek().and_then(switch).is_some());
                let next = if follows { args.next() } else { None };
                let next = next.unwrap_or_default();
                out.translate(
                    flag,
                    foreign,
                    value.map_or(next.to_string_lossy(), Into::into),
                );
                continue;
            }
            let flag = self.canonical(text, flag);
            let takes = self.flags.get(&flag);
            // llama.cpp has switches that are followed by a word: `--fit off`.
            let word = args
                .peek()
                .filter(|_| value.is_none() && takes == Some(&Takes::Switch))
                .and_then(switch);
            if word.is_some() {
                args.next();
            }
            let value_follows = value.is_none() && takes == Some(&Takes::Value);
            out.args.push(match value.or(word) {
                Some(value) => format!("{flag}={value}").into(),
                None => flag.into(),
            });
            if value_follows {
                out.args.extend(args.next());
            }
        }
        out.args.extend(args);
        out
    }

    /// The spelling clap knows, of a flag without its value.
    fn canonical(&self, text: &str, flag: &str) -> String {
        if self.flags.contains_key(flag) {
            return flag.to_owned();
        }
        let (name, single_dash) = match flag.strip_prefix("--") {
            Some(name) => (name, false),
            None => (flag.trim_start_matches('-'), true),
        };
        let short = if single_dash { by_short(name) } else { None };
        if let Some(long) = short.or_else(|| by_name(name)) {
            return long;
        }
        let folded = format!("--{}", name.to_lowercase().replace('_', "-"));
        if self.flags.contains_key(&folded) {
            return folded;
        }
        // `-c4096`, `-m/models/a.gguf`: a short flag with its value attached is clap's to read.
        let attached = name
            .chars()
            .nth(1)
            .is_some_and(|second| !second.is_alphabetic());
        let attached = single_dash
            && attached
            && self
                .flags
                .contains_key(&text.chars().take(2).collect::<String>());
        if attached || name.chars().count() == 1 {
            flag.to_owned()
        } else {
            format!("--{name}")
        }
    }
}

/// The flags of a command and of all below it.
fn collect(command: &Command, flags: &mut HashMap<String, Takes>) {
    for arg in command.get_arguments() {
        flags.extend(spellings(arg).map(|spelling| (spelling, takes(arg))));
    }
    for below in command.get_subcommands() {
        collect(below, flags);
    }
}

/// Whether an argument is a flag rather than a value: `-`, `-1` and `-.5` are values.
fn is_flag(text: &str) -> bool {
    text.strip_prefix('-')
        .and_then(|rest| rest.chars().next())
        .is_some_and(|first| first == '-' || first.is_alphabetic())
}

/// `-c=4096` is a flag and a value.
fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once('=')
        .map_or((text, None), |(flag, value)| (flag, Some(value)))
}

/// The long flag of a short spelling such as `ngl`, or of its denial: `nkvo`, `no-kvu`.
fn by_short(name: &str) -> Option<String> {
    let find = |short: &str| TABLE.iter().find(|spec| spec.short.contains(&short));
    if let Some(spec) = find(name) {
        return Some(format!("--{}", spec.name));
    }
    let denied = name
        .strip_prefix("no-")
        .or_else(|| name.strip_prefix('n'))?;
    find(denied)
        .filter(|spec| is_bool(spec))
        .map(|spec| format!("--no-{}", spec.name))
}

/// The long flag of any name of a parameter, or of its denial.
fn by_name(name: &str) -> Option<String> {
    if let Some(spec) = params::find(name) {
        return Some(format!("--{}", spec.name));
    }
    params::denied(name).map(|spec| format!("--no-{}", spec.name))
}

fn is_bool(spec: &Spec) -> bool {
    spec.kind == Kind::Bool
}

fn spellings(arg: &Arg) -> impl Iterator<Item = String> {
    let longs = arg.get_long_and_visible_aliases().unwrap_or_default();
    let shorts = arg.get_short_and_visible_aliases().unwrap_or_default();
    longs
        .into_iter()
        .map(|long| format!("--{long}"))
        .chain(shorts.into_iter().map(|short| format!("-{short}")))
}

/// A flag whose value is optional gets it with `=` from here on.
fn takes(arg: &Arg) -> Takes {
    match (arg.get_action().takes_values(), arg.is_require_equals_set()) {
        (false, _) => Takes::Nothing,
        (true, true) => Takes::Switch,
        (true, false) => Takes::Value,
    }
}

/// The word of a switch, when that is what an argument is.
fn switch(arg: &OsString) -> Option<&'static str> {
    ["on", "off", "true", "false"]
        .into_iter()
        .find(|word| arg == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normalise(line: &str) -> Normalised {
        let args = std::iter::once("llmdeck")
            .chain(line.split(' '))
            .map(OsString::from);
        Grammar::of(&crate::cli::flags::command()).normalise(args)
    }

    /// The arguments as one line, without the program's name.
    fn line(text: &str) -> String {
        let args = normalise(text).args.into_iter().skip(1);
        args.map(|arg| arg.into_string().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn short_spellings_become_long() {
        assert_eq!(
            line("-ngl 10 -fa on -ctk q8_0"),
            "--n-gpu-layers 10 --flash-attn on --cache-type-k q8_0"
        );
        assert_eq!(line("-ngl=10"), "--n-gpu-layers=10");
        assert_eq!(line("run -ub 64"), "run --ubatch-size 64");
        assert_eq!(line("-sysf a.txt -jf b.json"), "--sysf a.txt --jf b.json");
    }

    #[test]
    fn the_command_asked_for_is_found() {
        let grammar = Grammar::of(&crate::cli::flags::command());
        let asks = |line: &str| {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            grammar.asks_for(&args, "bench")
        };
        for line in [
            "x bench -p 1",
            "x -m a bench",
            "x -ngl 1 bench",
            "x help bench",
        ] {
            assert!(asks(line), "{line}");
        }
        for line in [
            "x",
            "x -m bench",
            "x run -p bench",
            "x help",
            "x --preset=a run",
        ] {
            assert!(!asks(line), "{line}");
        }
    }

    #[test]
    fn one_letter_is_left_to_clap() {
        for text in [
            "-c 4096",
            "-c=4096",
            "-c4096",
            "-m a.gguf",
            "run -p hi",
            "-h",
            "-V",
        ] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn negative_numbers_and_values_that_look_like_flags_stay() {
        for text in [
            "--seed -1",
            "--n-gpu-layers -1",
            "run -p -ngl",
            "--temp -.5",
            "-",
        ] {
            assert_eq!(line(text), text);
        }
        assert_eq!(line("-ngl -1 -s -1"), "--n-gpu-layers -1 -s -1");
    }

    #[test]
    fn other_names_and_underscores_are_understood() {
        assert_eq!(line("--num_ctx 8192"), "--ctx-size 8192");
        assert_eq!(line("--top_k 1 --TOP-P=0.5"), "--top-k 1 --top-p=0.5");
        assert_eq!(line("--print_paths"), "--print-paths");
    }

    #[test]
    fn booleans_can_be_denied_in_every_spelling() {
        assert_eq!(line("-nkvo"), "--no-kv-offload");
        assert_eq!(line("-no-kvu"), "--no-kv-unified");
        assert_eq!(
            line("--no-context-shift --no_swa_full"),
            "--no-context-shift --no-swa-full"
        );
        assert_eq!(line("-cmoe -ncmoe 3"), "--cpu-moe --n-cpu-moe 3");
    }

    #[test]
    fn a_switch_takes_the_word_after_it() {
        assert_eq!(
            line("--fit off -fit=on --cpu-moe run"),
            "--fit=off --fit=on --cpu-moe run"
        );
        assert_eq!(
            line("-fa on --context-shift true -c 512"),
            "--flash-attn on --context-shift=true -c 512"
        );
    }

    #[test]
    fn retired_flags_are_translated_with_a_word_about_it() {
        let out = normalise("-dio -dt 0.1 --jinja -dt=0.2 --color off --cont_batching --color");
        assert_eq!(out.args[1..], ["--load-mode", "dio"]);
        assert_eq!(out.notices.len(), 5);
        assert_eq!(out.refused, None);
    }

    #[test]
    fn models_of_the_hub_are_named_as_in_llama_cpp() {
        assert_eq!(line("run -hf a/b:Q4_0 -p hi"), "run --hf a/b:Q4_0 -p hi");
        assert_eq!(line("-hfr a/b -hff c.gguf"), "--hfr a/b --hff c.gguf");
        assert_eq!(line("--hf_repo a/b --offline"), "--hf-repo a/b --offline");
    }

    #[test]
    fn what_this_version_cannot_do_is_refused_with_its_value() {
        let out = normalise("run -mu https://x/a.gguf --lora a.gguf -p hi");
        assert_eq!(out.args[1..], ["run", "-p", "hi"]);
        insta::assert_snapshot!(out.refused.unwrap(), @"
        error: reading the command line: -mu
          why: models are fetched only when that is asked for
          try: llmdeck models pull ADDRESS brings it here and says where it lies
        ");
    }

    #[test]
    fn other_tools_switches_mean_what_they_mean_in_the_chat() {
        for (given, flags) in [
            ("--mlock run", "--load-mode=mmap+mlock run"),
            ("--keepModelInMemory off", "--load-mode=auto"),
            ("--no-mmap --tryMmap", "--load-mode=none --load-mode=mmap"),
            ("--use_mmap false -c 8", "--load-mode=none -c 8"),
            ("--quantkv 1", "--cache-type-k=q8_0 --cache-type-v=q8_0"),
            (
                "--cache_type=q4_0",
                "--cache-type-k=q4_0 --cache-type-v=q4_0",
            ),
            ("--nkvo", "--no-kv-offload"),
        ] {
            assert_eq!(line(given), flags, "{given}");
        }
        let out = normalise("--mlock --mlock");
        assert_eq!(out.notices, ["--mlock means --load-mode=mmap+mlock"]);
        let out = normalise("--quantkv 2");
        assert_eq!(
            out.notices,
            ["--quantkv=2 means --cache-type-k=q4_0 --cache-type-v=q4_0"]
        );
        assert!(normalise("--mlock=maybe").refused.is_some());
        assert!(normalise("--quantkv").refused.is_some());
    }

    proptest! {
        #[test]
        fn the_command_line_and_the_chat_agree(
            name in "(no-|use_)?(mmap|mlock)|tryMmap|keepModelInMemory|quantkv|cache_type",
            value in "on|off|true|false|0|1|2|q8_0|maybe",
        ) {
            let out = normalise(&format!("--{name}={value}"));
            let command = crate::cli::flags::command();
            let accepted = command.try_get_matches_from(&out.args).ok();
            let values = accepted
                .filter(|_| out.refused.is_none())
                .map(|matches| crate::cli::flags::overrides(&matches).unwrap());
            prop_assert_eq!(values, params::assign(&name, &value).ok());
        }
    }

    #[test]
    fn after_two_dashes_nothing_is_a_flag() {
        assert_eq!(line("run -- -ngl --mlock"), "run -- -ngl --mlock");
    }

    #[test]
    fn unknown_flags_reach_clap_as_long_ones() {
        assert_eq!(line("-nql 3"), "--nql 3");
        assert_eq!(line("--nonsense"), "--nonsense");
        assert_eq!(line("-Z"), "-Z");
    }

    proptest! {
        #[test]
        fn once_is_enough(text in "(run |)(-{1,2}[a-zA-Z_]{1,5}[ =]?[-0-9.]{0,3} ?){0,4}") {
            let text = text.trim().to_owned();
            let once = line(&text);
            prop_assert_eq!(line(&once), once);
        }

        #[test]
        fn prompts_are_never_touched(prompt in "\\PC{0,30}") {
            let args = ["llmdeck", "run", "-p", &prompt].map(OsString::from);
            let out = Grammar::of(&crate::cli::flags::command()).normalise(args.clone());
            prop_assert_eq!(out.args, args);
        }
    }
}
