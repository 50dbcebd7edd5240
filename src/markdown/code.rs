//! The fenced code blocks of a text, for copying.

use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

use super::{Place, Splitter, fence, formula, parser};

/// A fenced code block, in a list or quote or by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeBlock {
    /// The first word after the opening marks; may be empty.
    pub language: String,
    /// What stands between the fences, with a line break at its end.
    pub text: String,
}

/// All code blocks of a text, in the order in which they are shown.
pub fn code_blocks(text: &str) -> Vec<CodeBlock> {
    let mut found = Vec::new();
    let mut splitter = Splitter::default();
    let (mut block, mut block_end, mut start) = (None, 0, 0);
    for line in text.split('\n') {
        let end = start + line.len();
        match splitter.line(line) {
            Place::BeginsText => {
                inside(text, block.replace(start), block_end, &mut found);
                block_end = end;
            }
            Place::OpensFence(_) => {
                inside(text, block.take(), block_end, &mut found);
                found.push(CodeBlock {
                    language: fence::language(line).to_owned(),
                    text: String::new(),
                });
            }
            Place::Continues if splitter.fence().is_some() => {
                if let Some(code) = found.last_mut() {
                    code.text.push_str(line);
                    code.text.push('\n');
                }
            }
            Place::Continues => block_end = end,
            Place::ClosesFence | Place::Blank => {}
        }
        start = end + 1;
    }
    inside(text, block, block_end, &mut found);
    // A text that ends inside a fence has no line after its last break.
    if splitter.fence().is_some()
        && text.ends_with('\n')
        && let Some(code) = found.last_mut()
    {
        code.text.pop();
    }
    found
}

/// The code blocks of one block of text, which begins at `start`.
fn inside(text: &str, start: Option<usize>, end: usize, found: &mut Vec<CodeBlock>) {
    let source = start
        .and_then(|start| text.get(start..end))
        .unwrap_or_default();
    if !source.contains("```") && !source.contains("~~~") {
        return;
    }
    let protected = formula::protect(source);
    let mut in_code = false;
    for event in parser(&protected.text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                in_code = true;
                found.push(CodeBlock {
                    language: fence::first_word(&info).to_owned(),
                    text: String::new(),
                });
            }
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(piece) if in_code => {
                if let Some(code) = found.last_mut() {
                    code.text.push_str(&protected.restored(&piece));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_wherever_they_stand() {
        let text = "Run\n\n```sh\nls -l\n\ncd\n```\n1. or\n   ```py title=x\n   $a$ = 1\n   ```\n> ~~~\n> quoted\n> ~~~\n\nand `not` this\n```\nopen";
        let found = code_blocks(text);
        let shown: Vec<_> = found
            .iter()
            .map(|block| (block.language.as_str(), block.text.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("sh", "ls -l\n\ncd\n"),
                ("py", "$a$ = 1\n"),
                ("", "quoted\n"),
                ("", "open\n"),
            ]
        );
    }

    #[test]
    fn text_without_code_has_none() {
        assert_eq!(code_blocks("a\n\n    indented\n`b`"), []);
        assert_eq!(code_blocks(""), []);
    }
}
