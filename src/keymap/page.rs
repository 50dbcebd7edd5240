//! `docs/keymap.md`: how a keymap file is written, every key, every command, every action by name.

use std::fmt::Write;

use super::{Action, Context, Keymap, key};

const HEAD: &str = "\
# Keys and commands

Made from the embedded keymap and the table of commands by `cargo run -p xtask --release -- docs`.
F1 shows the same with your own keys, `/help` its commands.

## Your own keys

`keymap.toml` in the configuration folder (`llmdeck --print-paths`) is laid over these keys and is read
again when it is saved. A `[[bind]]` gives an action its keys in one context, in place of those it had
there; other actions of the context lose them. `keys = []` leaves an action without keys.

```toml
";

/// Stands on the page, so it must work.
const EXAMPLE: &str = "\
# Ctrl+T walks through the tokens; Alt+T does so no more.
[[bind]]
context = \"global\"
action = \"show-tokens\"
keys = [\"ctrl+t\"]

# In the chat, x deletes as well.
[[bind]]
context = \"chat\"
action = \"delete-message\"
keys = [\"d\", \"del\", \"x\"]

# No key quits at once; Ctrl+C twice still does.
[[bind]]
context = \"global\"
action = \"quit\"
keys = []
";

const KEYS: &str = "\
```

A key is looked up in the context that has the keys, then in `global`. A **key** is any number of `ctrl+`,
`alt+` and `shift+` before a character or a name. Letters are small beside `ctrl+` and `alt+`; alone, `G` is
the capital. Not every terminal tells every combination. The names:
`f1` to `f24`, ";

const ERRORS: &str = ".

The **actions** are [below](#actions-by-name). A file that cannot be used is reported with its line, and the
keys in force stay:

```text
/home/ada/.config/llmdeck/keymap.toml line 4: unknown action 'halp', did you mean 'help'?
```

| context | its keys |
| --- | --- |
";

impl Keymap {
    /// The page as Markdown, with these commands: how each is typed, and what it does.
    pub fn markdown(&self, commands: impl Iterator<Item = (String, &'static str)>) -> String {
        let names: Vec<_> = key::names().map(|name| format!("`{name}`")).collect();
        let mut page = format!("{HEAD}{EXAMPLE}{KEYS}{}{ERRORS}", names.join(", "));
        for context in Context::ALL {
            let title = context.title();
            let anchor = title.to_lowercase().replace(' ', "-");
            row(
                &mut page,
                &code(context.name()),
                &format!("[{title}](#{anchor})"),
            );
        }
        for (context, rows) in self.sections() {
            table(&mut page, context.title(), ["keys", "what they do"]);
            for (keys, what) in rows {
                row(&mut page, &keys.replace('|', "\\|"), what);
            }
        }
        table(
            &mut page,
            "Commands",
            ["typed as a message", "what it does"],
        );
        for (typed, what) in commands {
            row(&mut page, &code(&typed.replace('|', "\\|")), what);
        }
        table(&mut page, "Actions by name", ["action", "what it does"]);
        for action in Action::all() {
            row(&mut page, &code(action.name()), action.what());
        }
        page
    }
}

fn table(page: &mut String, heading: &str, columns: [&str; 2]) {
    let [left, right] = columns;
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\n## {heading}\n\n| {left} | {right} |\n| --- | --- |\n"
    );
}

fn row(page: &mut String, left: &str, right: &str) {
    let _ = writeln!(page, "| {left} | {right} |");
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keymap::Key;

    #[test]
    fn the_example_does_what_its_comments_say() {
        let keymap = Keymap::default().overlaid(EXAMPLE).unwrap();
        let action = |context, key: &str| keymap.action(context, key.parse::<Key>().unwrap());
        assert_eq!(action(Context::Chat, "ctrl+t"), Some(Action::ShowTokens));
        assert_eq!(action(Context::Chat, "alt+t"), None);
        assert_eq!(action(Context::Chat, "x"), Some(Action::DeleteMessage));
        assert_eq!(action(Context::Chat, "ctrl+q"), None);
    }

    #[test]
    fn every_context_and_command_is_on_the_page() {
        let command = ("/think [on|off]".to_owned(), "let the model think first");
        let page = Keymap::default().markdown(std::iter::once(command));
        for context in Context::ALL {
            let heading = format!("\n## {}\n", context.title());
            assert_eq!(page.matches(&heading).count(), 1, "{}", context.name());
        }
        assert!(page.contains("| `/think [on\\|off]` | let the model think first |"));
    }
}
