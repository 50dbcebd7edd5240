//! Putting the prompt together from --prompt, --file and standard input.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use crate::cli::args::RunArgs;
use crate::cli::{ExitCode, Failure, input};

/// The whole prompt: what --prompt says, what the file holds and what is piped in, each after a
/// blank line.
///
/// # Errors
/// When a part cannot be read, or there is none.
pub(super) fn read(args: &RunArgs) -> Result<String, Failure> {
    let file = args.file.as_deref().map(read_file).transpose()?;
    let piped = if io::stdin().is_terminal() {
        None
    } else {
        Some(input::standard()?)
    };
    join([args.prompt.clone(), file, piped]).ok_or_else(|| {
        Failure::new(ExitCode::Usage, "run", "there is no prompt")
            .hint("give --prompt TEXT, --file FILE, or pipe text in: echo Hello | llmdeck run")
    })
}

/// The parts that say something; line ends around the joints are the blank line's.
fn join(parts: [Option<String>; 3]) -> Option<String> {
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.trim().is_empty())
        .collect();
    match parts.as_slice() {
        [] => None,
        [only] => Some(only.trim_end_matches(['\n', '\r']).to_owned()),
        several => {
            let trimmed: Vec<&str> = several
                .iter()
                .map(|part| part.trim_matches(['\n', '\r']))
                .collect();
            Some(trimmed.join("\n\n"))
        }
    }
}

fn read_file(path: &Path) -> Result<String, Failure> {
    let what = || format!("reading the prompt from {}", path.display());
    let bytes = fs::read(path)
        .map_err(|error| Failure::new(ExitCode::NoInput, what(), error).hint("check the path"))?;
    input::text(bytes, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn parts_are_joined_by_a_blank_line() {
        assert_eq!(
            join([some("Summarise:"), None, some("one\ntwo\n")]),
            some("Summarise:\n\none\ntwo")
        );
        assert_eq!(
            join([some("a"), some("\nb\n"), some("c")]),
            some("a\n\nb\n\nc")
        );
    }

    #[test]
    fn one_part_keeps_its_form() {
        assert_eq!(
            join([None, None, some("  indented\n\nlast\n")]),
            some("  indented\n\nlast")
        );
    }

    #[test]
    fn nothing_is_no_prompt() {
        assert_eq!(join([None, None, None]), None);
        assert_eq!(join([some(""), None, some(" \n")]), None);
    }

    #[test]
    fn a_missing_file_is_missing_input() {
        let failure = read_file(Path::new("/no/such/prompt.txt")).unwrap_err();
        assert_eq!(failure.code, ExitCode::NoInput);
        assert!(failure.what.contains("/no/such/prompt.txt"));
    }
}
