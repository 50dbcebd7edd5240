//! What the rewritten command line is, and what is said about it.

use std::borrow::Cow;
use std::ffi::OsString;

use super::retired::Fate;
use super::{ExitCode, Failure};
use crate::params::{self, Foreign};

/// Arguments for clap, and words about those that were changed in meaning.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Normalised {
    pub args: Vec<OsString>,
    /// Each is told once.
    pub notices: Vec<String>,
    /// The first flag that cannot be translated.
    pub refused: Option<Failure>,
}

impl Normalised {
    /// Does with a retired flag what is to be done.
    pub(super) fn take(&mut self, flag: &str, fate: Fate) {
        match fate {
            Fate::Becomes(args, notice) => {
                self.args.extend(args.iter().map(OsString::from));
                self.note(notice.to_owned());
            }
            Fate::LeftOut(notice) => self.note(notice.to_owned()),
            Fate::Refused(why, hint) => self.refuse(flag, why, hint),
        }
    }

    /// Puts the parameters that another tool's spelling means in its place.
    pub(super) fn translate(&mut self, flag: &str, foreign: Foreign, value: Cow<'_, str>) {
        if value.is_empty() && !foreign.is_switch() {
            return self.refuse(flag, "a value has to follow it", "");
        }
        match foreign.means(&value) {
            Ok(values) => {
                let flags = values
                    .iter()
                    .map(|(param, value)| format!("--{}={value}", params::spec(*param).name));
                let flags: Vec<String> = flags.collect();
                let equals = if value.is_empty() { "" } else { "=" };
                self.note(format!("{flag}{equals}{value} means {}", flags.join(" ")));
                self.args.extend(flags.into_iter().map(OsString::from));
            }
            Err(error) => self.refuse(flag, &error.to_string(), ""),
        }
    }

    fn note(&mut self, notice: String) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    fn refuse(&mut self, flag: &str, why: &str, hint: &str) {
        let what = format!("reading the command line: {flag}");
        let failure = Failure::new(ExitCode::Usage, what, why).hint(hint);
        self.refused.get_or_insert(failure);
    }
}
