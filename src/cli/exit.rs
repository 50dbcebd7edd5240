//! Exit codes, after BSD's `sysexits.h`, so that scripts can tell failures apart.

use crate::engine::ErrorKind;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// All went well.
    Ok = 0,
    /// A failure of no other kind.
    General = 1,
    /// The command line cannot be used: an unknown flag, a value out of range.
    Usage = 64,
    /// Input that cannot be used: a damaged file, a file that is no chat model, a prompt longer
    /// than the context.
    Data = 65,
    /// An input file is missing or unreadable.
    NoInput = 66,
    /// Something that is needed is not there: no model, no device.
    Unavailable = 69,
    /// A fault of the program or of llama.cpp.
    Software = 70,
    /// The system refused: not enough memory, no thread.
    Os = 71,
    /// An output file or folder cannot be made.
    CantCreate = 73,
    /// Reading or writing failed.
    Io = 74,
    /// A configuration file cannot be used.
    Config = 78,
    /// Stopped by Ctrl-C or a signal.
    Interrupted = 130,
}

impl ExitCode {
    /// Every code, in order.
    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::General,
        Self::Usage,
        Self::Data,
        Self::NoInput,
        Self::Unavailable,
        Self::Software,
        Self::Os,
        Self::CantCreate,
        Self::Io,
        Self::Config,
        Self::Interrupted,
    ];

    /// What it means, in a few words for `--help`.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "all went well",
            Self::General => "another failure",
            Self::Usage => "wrong flags or values",
            Self::Data => {
                "input that cannot be used: a damaged file, no chat model, a prompt longer than the context"
            }
            Self::NoInput => "a file is missing or unreadable",
            Self::Unavailable => "something needed is not there",
            Self::Software => "a fault of the program",
            Self::Os => "the system refused, for lack of memory for example",
            Self::CantCreate => "a file cannot be made",
            Self::Io => "reading or writing failed",
            Self::Config => "a configuration file cannot be used",
            Self::Interrupted => "stopped by Ctrl-C or a signal",
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

impl From<ErrorKind> for ExitCode {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NoInput => Self::NoInput,
            ErrorKind::BadData | ErrorKind::Template { .. } | ErrorKind::PromptTooLong { .. } => {
                Self::Data
            }
            ErrorKind::NoMemory => Self::Os,
            ErrorKind::BadParameter => Self::Usage,
            ErrorKind::NoModel => Self::Unavailable,
            ErrorKind::Cancelled => Self::Interrupted,
            ErrorKind::Internal => Self::Software,
        }
    }
}

/// The list for the end of `--help`.
pub(super) fn help() -> String {
    let lines: Vec<String> = ExitCode::ALL
        .iter()
        .map(|code| format!("  {:>3}  {}", *code as u8, code.meaning()))
        .collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_sysexits() {
        insta::assert_snapshot!(help(), @"
        Exit codes:
            0  all went well
            1  another failure
           64  wrong flags or values
           65  input that cannot be used: a damaged file, no chat model, a prompt longer than the context
           66  a file is missing or unreadable
           69  something needed is not there
           70  a fault of the program
           71  the system refused, for lack of memory for example
           73  a file cannot be made
           74  reading or writing failed
           78  a configuration file cannot be used
          130  stopped by Ctrl-C or a signal
        ");
    }

    #[test]
    fn the_readme_has_the_same_list() {
        let readme = include_str!("../../README.md");
        for code in ExitCode::ALL {
            let row = format!("| {} | {} |", code as u8, code.meaning());
            assert!(readme.contains(&row), "{row}");
        }
    }

    #[test]
    fn engine_failures_have_their_codes() {
        assert_eq!(ExitCode::from(ErrorKind::NoInput), ExitCode::NoInput);
        assert_eq!(ExitCode::from(ErrorKind::BadData), ExitCode::Data);
        let too_long = ErrorKind::PromptTooLong {
            n_prompt: 9,
            n_ctx: 8,
        };
        assert_eq!(ExitCode::from(too_long), ExitCode::Data);
        assert_eq!(ExitCode::from(ErrorKind::Cancelled), ExitCode::Interrupted);
    }
}
