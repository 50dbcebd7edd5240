//! The prompts of a file: one a line, or JSON lines.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use crate::cli::{ExitCode, Failure};

/// Bytes that a file of prompts has at most.
const LONGEST: u64 = 64 << 20;

/// Reads every prompt of a file, empty lines left out.
///
/// # Errors
/// When the file cannot be read, is no text, has a line that is no prompt, or has none.
pub(super) fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let what = || format!("reading the prompts of {}", path.display());
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
        .map_err(|error| {
            Failure::new(ExitCode::NoInput, what(), error).hint("check the path; the file is UTF-8")
        })?;
    if text.len() as u64 > LONGEST {
        let why = format!("it has more than {} MiB", LONGEST >> 20);
        return Err(Failure::new(ExitCode::Data, what(), why));
    }
    let form = match path.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl" | "ndjson") => Form::Json,
        _ => Form::Lines,
    };
    let prompts = parse(&text, form).map_err(|why| {
        Failure::new(ExitCode::Data, what(), why)
            .hint("write {\"prompt\": \"…\"} or \"…\" on each line")
    })?;
    if prompts.is_empty() {
        return Err(Failure::new(ExitCode::Data, what(), "it has no prompt"));
    }
    Ok(prompts)
}

#[derive(Clone, Copy)]
enum Form {
    Lines,
    Json,
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
}
