//! Keys are data: a TOML file binds keys to actions by context; help and `docs/keymap.md` are made from it.
//!
//! A key is looked up in the context that has the keys first, then in the global one.
//! The user's file is laid over the embedded one, action by action.

mod action;
mod key;
mod words;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

pub use action::Action;
pub use key::{Key, KeyCode, KeyError};

/// What has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    Global,
    Composer,
    /// A command in the composer with a list of what completes it.
    Command,
    /// A message being edited in the composer.
    Editing,
    Chat,
    /// The chat while lines of it are marked.
    Lines,
    /// The speed and gauge panes: nothing in them takes letters.
    Figures,
    Parameters,
    Log,
    /// A view that fills the screen: the prompt, the context.
    Page,
    /// The last hour on one time axis.
    Metrics,
    /// The view of measurements.
    Bench,
    /// The downloads in the view of models from the Hub.
    Downloads,
    /// The walk through tokens.
    Tokens,
    /// The view of comparisons.
    Compare,
    /// The view of models.
    Models,
    /// The help overlay.
    Help,
    /// A list that narrows while one types.
    List,
    /// The list of saved chats.
    Chats,
    /// A line being typed.
    Prompt,
}

/// Which key does what.
#[derive(Clone, Debug, PartialEq)]
pub struct Keymap {
    keys: BTreeMap<(Context, Action), Vec<Key>>,
}

/// A keymap file that cannot be used; `line` counts from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct KeymapError {
    pub line: usize,
    pub reason: String,
}

/// The embedded keymap, which also documents the format.
pub const DEFAULT: &str = include_str!("default.toml");

impl Default for Keymap {
    fn default() -> Self {
        let empty = Self {
            keys: BTreeMap::new(),
        };
        // `the_embedded_keymap_is_valid` keeps the fallback out of reach.
        empty.overlaid(DEFAULT).unwrap_or(empty)
    }
}

impl Keymap {
    /// This keymap with a file's bindings laid over it.
    ///
    /// # Errors
    /// The first thing wrong with the file; nothing of it is taken then.
    pub fn overlaid(&self, toml: &str) -> Result<Self, KeymapError> {
        let file: File = toml::from_str(toml).map_err(|error| KeymapError {
            line: line_of(toml, error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        })?;
        let mut result = self.clone();
        for bind in file.bind {
            let at = |span: std::ops::Range<usize>, reason: String| KeymapError {
                line: line_of(toml, span.start),
                reason,
            };
            let context = Context::from_name(bind.context.get_ref()).ok_or_else(|| {
                let names = Context::ALL.map(Context::name);
                at(
                    bind.context.span(),
                    unknown("context", bind.context.get_ref(), &names),
                )
            })?;
            let action = Action::from_name(bind.action.get_ref()).ok_or_else(|| {
                let names: Vec<_> = Action::all().map(Action::name).collect();
                at(
                    bind.action.span(),
                    unknown("action", bind.action.get_ref(), &names),
                )
            })?;
            let mut keys = Vec::with_capacity(bind.keys.len());
            for spelling in &bind.keys {
                keys.push(
                    spelling
                        .get_ref()
                        .parse()
                        .map_err(|error: KeyError| at(spelling.span(), error.to_string()))?,
                );
            }
            // A key means one thing in a context: the later binding takes it.
            for ((other, _), taken) in &mut result.keys {
                if *other == context {
                    taken.retain(|key| !keys.contains(key));
                }
            }
            result.keys.insert((context, action), keys);
        }
        Ok(result)
    }

    /// What a key does in a context, the global one included.
    pub fn action(&self, context: Context, key: Key) -> Option<Action> {
        let bound = |wanted| {
            self.keys
                .iter()
                .find(|((context, _), keys)| *context == wanted && keys.contains(&key))
                .map(|((_, action), _)| *action)
        };
        bound(context).or_else(|| bound(Context::Global))
    }

    /// The plain characters that do something in a context, the global one included.
    pub fn characters(&self, context: Context) -> Vec<char> {
        self.keys
            .iter()
            .filter(|((bound, _), _)| [context, Context::Global].contains(bound))
            .flat_map(|(_, keys)| keys.iter().filter_map(|key| key.typed()))
            .collect()
    }

    /// The first key for an action, as the screen shows it, looked up like [`Self::action`].
    pub fn hint(&self, context: Context, action: Action) -> Option<String> {
        [context, Context::Global]
            .iter()
            .find_map(|context| self.keys.get(&(*context, action))?.first())
            .map(Key::to_string)
    }

    /// Everything that is bound, context by context: keys as shown, and what they do.
    pub fn sections(&self) -> Vec<(Context, Vec<(String, &'static str)>)> {
        let section = |context| {
            let rows = Action::all().filter_map(|action| {
                let keys = self
                    .keys
                    .get(&(context, action))
                    .filter(|keys| !keys.is_empty())?;
                let shown: Vec<_> = keys.iter().map(Key::to_string).collect();
                Some((shown.join(" "), words::what(context, action)))
            });
            (context, rows.collect())
        };
        Context::ALL.map(section).into()
    }

    /// `docs/keymap.md`: every key, and every action by name.
    pub fn markdown(&self) -> String {
        let mut page = String::from(
            "# Keys\n\nMade from the embedded keymap by `cargo run -p xtask --release -- docs`. `keymap.toml` in the configuration folder changes them.\n",
        );
        for (context, rows) in self.sections() {
            page += &format!(
                "\n## {}\n\n| keys | what they do |\n| --- | --- |\n",
                context.title()
            );
            for (keys, what) in rows {
                page += &format!("| {} | {what} |\n", keys.replace('|', "\\|"));
            }
        }
        page += "\n## Actions by name\n\n| action | what it does |\n| --- | --- |\n";
        for action in Action::all() {
            page += &format!("| `{}` | {} |\n", action.name(), action.what());
        }
        page
    }
}

impl Context {
    const ALL: [Self; 20] = [
        Self::Global,
        Self::Composer,
        Self::Command,
        Self::Editing,
        Self::Chat,
        Self::Lines,
        Self::Figures,
        Self::Parameters,
        Self::Log,
        Self::Page,
        Self::Metrics,
        Self::Bench,
        Self::Downloads,
        Self::Tokens,
        Self::Compare,
        Self::Models,
        Self::Help,
        Self::List,
        Self::Chats,
        Self::Prompt,
    ];

    /// The name in keymap files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Composer => "composer",
            Self::Command => "command",
            Self::Editing => "editing",
            Self::Chat => "chat",
            Self::Lines => "lines",
            Self::Figures => "figures",
            Self::Parameters => "parameters",
            Self::Log => "log",
            Self::Page => "page",
            Self::Metrics => "metrics",
            Self::Bench => "bench",
            Self::Downloads => "downloads",
            Self::Tokens => "tokens",
            Self::Compare => "compare",
            Self::Models => "models",
            Self::Help => "help",
            Self::List => "list",
            Self::Chats => "chats",
            Self::Prompt => "prompt",
        }
    }

    /// The heading in help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Composer => "Writing",
            Self::Command => "Writing a command",
            Self::Editing => "Editing a message",
            Self::Chat => "Chat",
            Self::Lines => "Marking lines",
            Self::Figures => "Speed and gauges",
            Self::Parameters => "Parameters",
            Self::Log => "Log",
            Self::Page => "Prompt and context",
            Self::Metrics => "Metrics",
            Self::Bench => "Measurements",
            Self::Downloads => "Downloads",
            Self::Tokens => "Tokens of a reply",
            Self::Compare => "Comparisons",
            Self::Models => "Models",
            Self::Help => "Help",
            Self::List => "Lists",
            Self::Chats => "List of chats",
            Self::Prompt => "Typing a value or a path",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|context| context.name() == name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    bind: Vec<Bind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bind {
    context: Spanned<String>,
    action: Spanned<String>,
    keys: Vec<Spanned<String>>,
}

fn unknown(what: &str, given: &str, names: &[&str]) -> String {
    let nearest = names
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, given).total_cmp(&strsim::jaro_winkler(b, given)));
    let suggestion = nearest
        .map(|name| format!(", did you mean '{name}'?"))
        .unwrap_or_default();
    format!("unknown {what} '{given}'{suggestion}")
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(spelling: &str) -> Key {
        spelling.parse().expect(spelling)
    }

    #[test]
    fn the_embedded_keymap_is_valid() {
        let empty = Keymap {
            keys: BTreeMap::new(),
        };
        let keymap = empty.overlaid(DEFAULT).expect("the embedded keymap");
        assert_eq!(
            keymap.action(Context::Composer, key("enter")),
            Some(Action::Send)
        );
        assert_eq!(
            keymap.action(Context::Chat, key("ctrl+p")),
            Some(Action::Palette)
        );
        assert_eq!(keymap.action(Context::Composer, key("x")), None);
    }

    #[test]
    fn every_action_that_stands_alone_or_moves_has_a_key() {
        let keymap = Keymap::default();
        for action in Action::all() {
            let bound = Context::ALL
                .iter()
                .any(|context| keymap.hint(*context, action).is_some());
            let by_command = matches!(action, Action::ShowChat | Action::ChatEnd);
            assert!(bound || by_command, "{} has no key", action.name());
        }
    }

    #[test]
    fn a_user_file_replaces_keys_of_one_action_and_takes_them_from_others() {
        let keymap = Keymap::default()
            .overlaid("[[bind]]\ncontext = \"global\"\naction = \"help\"\nkeys = [\"ctrl+o\"]\n")
            .expect("valid");
        assert_eq!(
            keymap.action(Context::Chat, key("ctrl+o")),
            Some(Action::Help)
        );
        assert_eq!(keymap.action(Context::Composer, key("f1")), None);
        assert_eq!(keymap.hint(Context::Composer, Action::LoadModel), None);
    }

    #[test]
    fn errors_name_the_line_and_the_nearest_name() {
        let error = Keymap::default()
            .overlaid("\n[[bind]]\ncontext = \"global\"\naction = \"halp\"\nkeys = []\n")
            .expect_err("unknown action");
        assert_eq!(
            (error.line, error.reason.as_str()),
            (4, "unknown action 'halp', did you mean 'help'?")
        );
        let error = Keymap::default()
            .overlaid(
                "[[bind]]\ncontext = \"global\"\naction = \"help\"\nkeys = [\"f1\", \"nokey\"]",
            )
            .expect_err("no key");
        assert_eq!(error.line, 4);
        assert!(Keymap::default().overlaid("bind = 3").is_err());
        assert!(
            Keymap::default()
                .overlaid("[[bind]]\ncontext = \"global\"\nactoin = \"help\"\nkeys = []")
                .is_err()
        );
    }
}
