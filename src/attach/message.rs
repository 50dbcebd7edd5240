//! A message with its files in one text.
//!
//! ````text
//! What does it do?
//!
//! Attached: src/main.rs (12 lines)
//!
//! src/main.rs:
//! ```
//! fn main() …
//! ```
//! ````

use super::File;

const HEAD: &str = "Attached: ";
/// Characters of a fence at least.
const FENCE: usize = 3;

/// One text of what was typed and the files.
pub fn join(typed: &str, files: &[File]) -> String {
    if files.is_empty() {
        return typed.to_owned();
    }
    let names: Vec<String> = files.iter().map(File::label).collect();
    let mut out = typed.trim_end().to_owned();
    if !out.is_empty() {
        out.push_str("\n\n");
    }
    out.push_str(HEAD);
    out.push_str(&names.join(", "));
    for file in files {
        let fence = "`".repeat(fence_of(&file.text));
        out.push_str(&format!("\n\n{}:\n{fence}\n{}", file.name, file.text));
        if !file.text.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&fence);
    }
    out
}

/// What was typed, and the files, of a text that [`join`] made; any other text is typed.
pub fn split(text: &str) -> (&str, Vec<File>) {
    for (at, _) in text.match_indices(HEAD) {
        let typed = &text[..at];
        if !(typed.is_empty() || typed.ends_with("\n\n")) {
            continue;
        }
        let Some((_, blocks)) = text[at..].split_once("\n\n") else {
            continue;
        };
        if let Some(files) = read_blocks(blocks) {
            return (typed.trim_end_matches('\n'), files);
        }
    }
    (text, Vec::new())
}

/// The part of a text that people see: what was typed and which files came with it.
pub fn shown(text: &str) -> &str {
    let (typed, files) = split(text);
    if files.is_empty() {
        return text;
    }
    let line = text[typed.len()..].trim_start_matches('\n');
    let start = text.len() - line.len();
    let end = line.find('\n').unwrap_or(line.len());
    &text[..start + end]
}

/// The first so many bytes of a file, cut at the end of a line where there is one.
pub fn first_part(file: &File, bytes: usize) -> File {
    let bytes = file.text.floor_char_boundary(bytes.min(file.text.len()));
    let part = &file.text[..bytes];
    let part = match part.rfind('\n') {
        Some(end) if bytes < file.text.len() => &part[..=end],
        _ => part,
    };
    let of = file.text.lines().count();
    File {
        text: part.to_owned(),
        note: format!("the first {} of {of} lines", part.lines().count()),
        ..file.clone()
    }
}

fn fence_of(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    FENCE.max(longest + 1)
}

/// Files in fences up to the end of the text.
fn read_blocks(mut rest: &str) -> Option<Vec<File>> {
    let mut files = Vec::new();
    loop {
        let (name, after) = rest.split_once(":\n")?;
        let (fence, after) = after.split_once('\n')?;
        let is_fence = fence.len() >= FENCE && fence.chars().all(|c| c == '`');
        if name.contains('\n') || !is_fence {
            return None;
        }
        let close = format!("\n{fence}");
        // An empty file: the closing fence follows at once.
        let (text, after) = match after.strip_prefix(fence) {
            Some(after) => ("", after),
            None => {
                let at = after.find(&close)?;
                (&after[..=at], &after[at + close.len()..])
            }
        };
        files.push(File {
            name: name.to_owned(),
            text: text.to_owned(),
            note: String::new(),
        });
        if after.is_empty() {
            return Some(files);
        }
        rest = after.strip_prefix("\n\n")?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(name: &str, text: &str) -> File {
        File {
            name: name.into(),
            text: text.into(),
            note: String::new(),
        }
    }

    #[test]
    fn a_message_reads_well() {
        let text = join(
            "What is it?",
            &[file("a.md", "```\nx\n```\n"), file("b", "")],
        );
        insta::assert_snapshot!(text, @r"
        What is it?

        Attached: a.md (3 lines), b (0 lines)

        a.md:
        ````
        ```
        x
        ```
        ````

        b:
        ```

        ```
        ");
        assert_eq!(
            shown(&text),
            "What is it?\n\nAttached: a.md (3 lines), b (0 lines)"
        );
        assert_eq!(shown("Attached: nothing"), "Attached: nothing");
    }

    #[test]
    fn a_part_ends_with_a_line_and_says_so() {
        let part = first_part(&file("a", "one\ntwo\nthree\n"), 9);
        assert_eq!(
            (part.text.as_str(), part.note.as_str()),
            ("one\ntwo\n", "the first 2 of 3 lines")
        );
        assert_eq!(first_part(&file("a", "éé"), 3).text, "é");
    }

    proptest! {
        #[test]
        fn what_was_joined_is_split_again(typed in "[a-z \n`:]{0,20}", texts in prop::collection::vec("[a-z`\n:]{0,20}", 0..4)) {
            let files: Vec<File> = texts.iter().enumerate().map(|(at, text)| file(&format!("f{at}.txt"), text)).collect();
            let joined = join(&typed, &files);
            let (again, found) = split(&joined);
            prop_assert_eq!(found.len(), files.len());
            if !files.is_empty() {
                prop_assert_eq!(again, typed.trim_end());
            }
            for (file, found) in files.iter().zip(&found) {
                prop_assert_eq!(found.text.trim_end_matches('\n'), file.text.trim_end_matches('\n'));
                prop_assert_eq!(&found.name, &file.name);
            }
            prop_assert!(joined.starts_with(shown(&joined)));
        }
    }
}
