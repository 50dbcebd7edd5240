//! The prompts of a file or of standard input: one a line, or JSON lines.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use crate::cli::{ExitCode, Failure, input};

/// Bytes that a file of prompts has at most.
const LONGEST: u64 = 64 << 20;
/// The path that means standard input.
const STANDARD_INPUT: &str = "-";

/// The one prompt of the command line.
///
/// # Errors
/// When it says nothing.
pub(super) fn one(text: &str) -> Result<Vec<String>, Failure> {
    if text.trim().is_empty() {
        return Err(
            Failure::new(ExitCode::Usage, "compare", "the prompt is empty")
                .hint("give --prompt TEXT, or --prompts FILE with one a line"),
        );
    }
    Ok(vec![text.to_owned()])
}

/// Reads every prompt of a file, empty lines left out.
///
/// # Errors
/// When the file cannot be read, is no text, has a line that is no prompt, or has none.
pub(super) fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let is_standard = path == Path::new(STANDARD_INPUT);
    let what = || match is_standard {
        true => "reading the prompts of standard input".to_owned(),
        false => format!("reading the prompts of {}", path.display()),
    };
    let text = match is_standard {
        true => input::standard()?,
        false => input::text(bytes(path, what)?, what)?,
    };
    if text.len() as u64 > LONGEST {
        let why = format!("there are more than {} MiB", LONGEST >> 20);
        return Err(Failure::new(ExitCode::Data, what(), why));
    }
    // Windows' editors begin files with a mark of their order of bytes.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let form = if is_standard {
        Form::of_text(text)
    } else {
        Form::of_name(path)
    };
    let prompts = parse(text, form).map_err(|why| {
        Failure::new(ExitCode::Data, what(), why)
            .hint("write {\"prompt\": \"…\"} or \"…\" on each line")
    })?;
    if prompts.is_empty() {
        return Err(Failure::new(ExitCode::Data, what(), "there is no prompt"));
    }
    Ok(prompts)
}

/// One byte more than allowed tells that it is too long.
fn bytes(path: &Path, what: impl Fn() -> String) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::new(ExitCode::NoInput, what(), error).hint("check the path"))?;
    Ok(bytes)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Lines,
    Json,
}

impl Form {
    fn of_name(path: &Path) -> Self {
        let ending = path.extension().unwrap_or_default();
        let is_json = ["jsonl", "ndjson"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known));
        if is_json { Self::Json } else { Self::Lines }
    }

    /// By its first character, where there is no name.
    fn of_text(text: &str) -> Self {
        match text.trim_start().starts_with(['{', '"']) {
            true => Self::Json,
            false => Self::Lines,
        }
    }
}

/// A line of JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Text(String),
    Object { prompt: String },
}

fn parse(text: &str, form: Form) -> Result<Vec<String>, String> {
    let lines = (1..).zip(text.lines());
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    match form {
        Form::Lines => Ok(lines.map(|(_, line)| line.trim_end().to_owned()).collect()),
        Form::Json => lines
            .map(|(number, line)| match serde_json::from_str(line) {
                Ok(Line::Text(prompt) | Line::Object { prompt }) if prompt.trim().is_empty() => {
                    Err(format!("the prompt of line {number} is empty"))
                }
                Ok(Line::Text(prompt) | Line::Object { prompt }) => Ok(prompt),
                Err(_) => Err(format!(
                    "line {number} is neither a string nor an object with a prompt"
                )),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_a_line() {
        let read = parse("one\r\n\n  two \n", Form::Lines).unwrap();
        assert_eq!(read, ["one", "  two"]);
    }

    #[test]
    fn json_lines_may_hold_more_than_a_line() {
        let read = parse("\"a\\nb\"\n\n{\"prompt\": \"c\", \"id\": 3}\n", Form::Json).unwrap();
        assert_eq!(read, ["a\nb", "c"]);
        let wrong = parse("\"a\"\n{\"text\": 1}\n", Form::Json).unwrap_err();
        assert!(wrong.starts_with("line 2 "), "{wrong}");
    }

    #[test]
    fn an_empty_prompt_is_none() {
        assert_eq!(one(" \n").unwrap_err().code, ExitCode::Usage);
        assert_eq!(one(" a ").unwrap(), [" a "]);
        for line in ["\" \"", "{\"prompt\": \"\"}"] {
            let why = parse(&format!("\"a\"\n{line}\n"), Form::Json).unwrap_err();
            assert_eq!(why, "the prompt of line 2 is empty");
        }
    }

    #[test]
    fn the_form_is_told_by_the_name_or_the_first_character() {
        for name in ["a.jsonl", "A.JSONL", "a.NdJson"] {
            assert_eq!(Form::of_name(Path::new(name)), Form::Json, "{name}");
        }
        assert_eq!(Form::of_name(Path::new("jsonl")), Form::Lines);
        assert_eq!(Form::of_text("\n {\"prompt\": 1}"), Form::Json);
        assert_eq!(Form::of_text("\"a\"\n"), Form::Json);
        assert_eq!(Form::of_text("Why {so}?"), Form::Lines);
    }

    #[test]
    fn a_mark_of_the_order_of_bytes_is_no_part_of_the_first_prompt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("A.JSONL");
        std::fs::write(&path, "\u{feff}\"one\"\n").unwrap();
        assert_eq!(read(&path).unwrap(), ["one"]);
        std::fs::write(&path, [b'"', 0xff]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("byte 1"));
    }
}
