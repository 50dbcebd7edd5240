//! Colours of code, by the meaning that a grammar gives each piece.

use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

use crate::theme::Role;

/// A longer line is data rather than code, and would take the grammar's patterns long.
const LONGEST: usize = 1_000;

/// The grammars of two hundred languages. One for the whole program: they never change, take some
/// milliseconds to unpack, and are unpacked only when code is shown.
static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// What scopes mean; the first that fits counts.
static MEANINGS: LazyLock<Vec<(Scope, Role)>> = LazyLock::new(|| {
    let meanings = [
        ("comment", Role::Comment),
        ("string", Role::String),
        ("constant.character", Role::String),
        ("constant", Role::Number),
        ("keyword.operator", Role::Text),
        ("keyword", Role::Keyword),
        ("storage", Role::Keyword),
        ("entity.name.function", Role::Function),
        ("support.function", Role::Function),
        ("variable.function", Role::Function),
        ("entity.name.tag", Role::Keyword),
        ("entity.name", Role::Type),
        ("entity.other.attribute-name", Role::Function),
        ("support", Role::Type),
        ("markup.inserted", Role::Good),
        ("markup.deleted", Role::Error),
        ("markup.heading", Role::Heading),
        ("markup.raw", Role::Code),
    ];
    meanings
        .into_iter()
        .filter_map(|(scope, role)| Some((Scope::new(scope).ok()?, role)))
        .collect()
});

/// Highlights the code of one block, line by line.
#[derive(Debug)]
pub struct Highlighter {
    state: ParseState,
    stack: ScopeStack,
}

impl Highlighter {
    /// For a language by the name that stands at a fence; `None` when there is no grammar for it.
    pub fn new(language: &str) -> Option<Self> {
        let token = match language.to_ascii_lowercase().as_str() {
            "" | "text" | "txt" | "plain" | "plaintext" | "output" => return None,
            "shell" | "console" | "shell-session" | "shellscript" => "bash".to_owned(),
            "golang" => "go".to_owned(),
            "jsonc" | "json5" | "jsonl" => "json".to_owned(),
            "csharp" => "cs".to_owned(),
            "python3" | "py3" | "pycon" => "python".to_owned(),
            "jsx" | "mjs" => "javascript".to_owned(),
            other => other.to_owned(),
        };
        let syntax = SYNTAXES.find_syntax_by_token(&token)?;
        Some(Self {
            state: ParseState::new(syntax),
            stack: ScopeStack::new(),
        })
    }

    /// The next line, without its break: the bytes where each meaning ends.
    pub fn line(&mut self, line: &str) -> Vec<(usize, Role)> {
        if line.len() > LONGEST {
            return vec![(line.len(), Role::Text)];
        }
        let with_break = format!("{line}\n");
        let Ok(changes) = self.state.parse_line(&with_break, &SYNTAXES) else {
            return vec![(line.len(), Role::Text)];
        };
        let mut looks = Vec::with_capacity(changes.len() + 1);
        let mut role = self.role();
        for (at, change) in changes {
            if at > 0 {
                looks.push((at.min(line.len()), role));
            }
            if self.stack.apply(&change).is_err() {
                break;
            }
            role = self.role();
        }
        looks.push((line.len(), role));
        looks
    }

    fn role(&self) -> Role {
        let meaning = |scope: &Scope| {
            let fits = |(prefix, _): &&(Scope, Role)| prefix.is_prefix_of(*scope);
            MEANINGS.iter().find(fits).map(|(_, role)| *role)
        };
        self.stack
            .as_slice()
            .iter()
            .rev()
            .find_map(meaning)
            .unwrap_or(Role::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(language: &str, line: &str) -> Vec<(String, Role)> {
        let mut highlighter = Highlighter::new(language).unwrap();
        let mut start = 0;
        let looks = highlighter.line(line);
        let mut parts: Vec<(String, Role)> = Vec::new();
        for (end, role) in looks {
            let piece = &line[start..end];
            match parts.last_mut() {
                Some((text, last)) if *last == role => text.push_str(piece),
                _ if piece.is_empty() => {}
                _ => parts.push((piece.to_owned(), role)),
            }
            start = end;
        }
        parts
    }

    #[test]
    fn pieces_get_their_meaning() {
        let found = roles("rust", "let x = 42; // why");
        assert_eq!(found[0], ("let".to_owned(), Role::Keyword));
        assert!(
            found.contains(&("42".to_owned(), Role::Number)),
            "{found:?}"
        );
        assert_eq!(found.last(), Some(&("// why".to_owned(), Role::Comment)));
    }

    #[test]
    fn languages_go_by_many_names() {
        for name in [
            "rust",
            "rs",
            "Python",
            "py",
            "js",
            "javascript",
            "typescript",
            "ts",
            "tsx",
            "jsx",
            "c",
            "cpp",
            "c++",
            "java",
            "go",
            "golang",
            "bash",
            "sh",
            "shell",
            "console",
            "json",
            "yaml",
            "toml",
            "html",
            "css",
            "sql",
            "dockerfile",
            "diff",
            "kotlin",
            "swift",
            "zig",
            "cs",
            "csharp",
            "ruby",
            "php",
            "lua",
            "haskell",
            "r",
            "nix",
            "makefile",
            "latex",
            "markdown",
        ] {
            assert!(Highlighter::new(name).is_some(), "{name}");
        }
        assert!(Highlighter::new("").is_none());
        assert!(Highlighter::new("no such language").is_none());
    }

    #[test]
    fn a_string_goes_on_over_lines() {
        let mut highlighter = Highlighter::new("python").unwrap();
        highlighter.line("x = \"\"\"one");
        assert!(
            highlighter
                .line("two")
                .iter()
                .all(|(_, role)| *role != Role::Text)
        );
    }
}
