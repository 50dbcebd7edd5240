//! Flags of llama.cpp that this program does not have.
//!
//! What is always so here, or needed no more, is translated or left out with a word about it, so
//! that an old command line still works. What would change the reply is refused with the reason.

/// A flag that is known but is none of this program's.
#[derive(Debug)]
pub(super) struct Retired {
    pub spellings: &'static [&'static str],
    pub takes: Takes,
    pub fate: Fate,
}

/// What becomes of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// These arguments take its place; the notice goes to standard error.
    Becomes(&'static [&'static str], &'static str),
    /// It is left out with this notice.
    LeftOut(&'static str),
    /// Nothing else would do what it asks for: why, and what to do.
    Refused(&'static str, &'static str),
}

/// What follows a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// A value, always.
    Value,
    /// `on` or `off`, or nothing, which means on.
    Switch,
}

const NO_URL: Fate = Fate::Refused(
    "models are fetched only when that is asked for",
    "llmdeck models pull ADDRESS brings it here and says where it lies",
);
const NO_LORA: Fate = Fate::Refused(
    "LoRA adapters are not part of this version",
    "merge the adapter into the model with llama.cpp's llama-export-lora, and give the result with -m",
);

const RETIRED: &[Retired] = &[
    retired(
        &["-dio", "--direct-io"],
        Takes::Nothing,
        Fate::Becomes(
            &["--load-mode", "dio"],
            "--direct-io is now --load-mode dio",
        ),
    ),
    retired(
        &["-dt", "--defrag-thold"],
        Takes::Value,
        Fate::LeftOut("--defrag-thold is left out: llama.cpp no longer needs it"),
    ),
    retired(
        &["--jinja"],
        Takes::Nothing,
        Fate::LeftOut("--jinja is left out: the model's own template is always used"),
    ),
    retired(
        &["-cnv", "--conversation"],
        Takes::Nothing,
        Fate::LeftOut("--conversation is left out: every prompt is a turn of a conversation"),
    ),
    retired(
        &["-st", "--single-turn"],
        Takes::Nothing,
        Fate::LeftOut("--single-turn is left out: llmdeck run answers one prompt and ends"),
    ),
    retired(
        &["-cb", "--cont-batching"],
        Takes::Nothing,
        Fate::LeftOut("--cont-batching is left out: it is always on"),
    ),
    retired(
        &["-lv", "--verbosity", "--log-verbosity"],
        Takes::Value,
        Fate::LeftOut(
            "--log-verbosity is left out: --log-level says how much goes to the log file",
        ),
    ),
    retired(
        &["-co", "--color"],
        Takes::Switch,
        Fate::LeftOut(
            "--color is left out: a terminal gets colours unless NO_COLOR is set, and --theme says which",
        ),
    ),
    retired(&["-mu", "--model-url"], Takes::Value, NO_URL),
    retired(
        &["-cl", "--cache-list"],
        Takes::Nothing,
        Fate::Refused(
            "models in the Hub's cache are not listed by a flag",
            "give a model of the cache by name with -hf org/repo",
        ),
    ),
    retired(&["--lora"], Takes::Value, NO_LORA),
    retired(&["--lora-scaled"], Takes::Value, NO_LORA),
];

/// The retired flag of this spelling; in long ones case does not matter, nor `_` for `-`.
pub(super) fn find(flag: &str) -> Option<&'static Retired> {
    let folded = if flag.starts_with("--") {
        flag.to_lowercase().replace('_', "-")
    } else {
        flag.to_owned()
    };
    RETIRED
        .iter()
        .find(|retired| retired.spellings.contains(&folded.as_str()))
}

const fn retired(spellings: &'static [&'static str], takes: Takes, fate: Fate) -> Retired {
    Retired {
        spellings,
        takes,
        fate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    #[test]
    fn what_a_flag_became_is_accepted_today() {
        for retired in RETIRED {
            if let Fate::Becomes([flag, value], _) = retired.fate {
                let spec = params::find(flag.trim_start_matches('-')).unwrap();
                assert!(spec.parse(value).is_ok(), "{flag} {value}");
            }
        }
    }

    #[test]
    fn no_flag_of_today_is_retired() {
        let command = crate::cli::flags::command();
        let longs = || command.get_arguments().filter_map(clap::Arg::get_long);
        let spellings = RETIRED.iter().flat_map(|retired| retired.spellings);
        for spelling in spellings {
            let name = spelling.trim_start_matches('-');
            assert!(params::find(name).is_none(), "{spelling}");
            assert!(longs().all(|long| long != name), "{spelling}");
        }
    }

    #[test]
    fn long_spellings_are_found_however_they_are_written() {
        assert!(find("--model_url").is_some() && find("--Model-Url").is_some());
        assert!(find("-mu").is_some() && find("-MU").is_none());
    }
}
