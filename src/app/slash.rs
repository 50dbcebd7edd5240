//! Commands typed as a message: `/set temp 0.2`.

use super::update::{IsError, notice};
use super::{
    Action, Effect, Overlay, State, attach, chats, compare, copying, export, help, library, params,
    perform, persona, retune, sessions, versions,
};
use crate::engine::Command as EngineCommand;
use crate::params::{Param, Source, Value, assign, nearest_word, spec};
use crate::store::Command as StoreCommand;

pub mod complete;

/// The effects of a command, or why it was refused.
type Outcome = Result<Vec<Effect>, String>;

/// A command: its names, what follows them, and what it does. The argument's placeholder says what
/// completes it; see [`complete`].
struct Command {
    names: &'static [&'static str],
    argument: &'static str,
    what: &'static str,
    run: fn(&mut State, &str) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        names: &["help", "?"],
        argument: "",
        what: "show the commands, and above them the keys",
        run: |state, _| {
            let top = help::commands_at(&state.keymap, state.size.1);
            state.overlay = Some(Overlay::Help { top });
            Ok(vec![])
        },
    },
    Command {
        names: &["set"],
        argument: "PARAMETER VALUE",
        what: "change a parameter",
        run: set,
    },
    Command {
        names: &["preset"],
        argument: "[PRESET]",
        what: "use a sampling preset",
        run: preset,
    },
    Command {
        names: &["persona", "role"],
        argument: "[PERSONA]",
        what: "take on a persona: a system prompt with a preset",
        run: |state, name| match name {
            "" => Ok(perform::perform(state, Action::ChoosePersona)),
            name => persona::take_on(state, name),
        },
    },
    Command {
        names: &["model", "load"],
        argument: "[MODEL]",
        what: "load a model by name or path",
        run: model,
    },
    Command {
        names: &["swap"],
        argument: "",
        what: "go back to the model that is held in memory",
        run: |state, _| Ok(perform::perform(state, Action::SwapModels)),
    },
    Command {
        names: &["let-go", "unload"],
        argument: "",
        what: "free the memory of the model that is held",
        run: |state, _| Ok(perform::perform(state, Action::LetGo)),
    },
    Command {
        names: &["models"],
        argument: "",
        what: "show the models on this machine",
        run: |state, _| Ok(perform::perform(state, Action::ShowModels)),
    },
    Command {
        names: &["system", "system-prompt", "manual"],
        argument: "[TEXT]",
        what: "set the system prompt",
        run: system,
    },
    Command {
        names: &["think", "reasoning"],
        argument: "[on|off|low|medium|high]",
        what: "let the model think first, or not",
        run: think,
    },
    Command {
        names: &["clear", "new"],
        argument: "",
        what: "begin a new chat",
        run: |state, _| Ok(perform::perform(state, Action::NewChat)),
    },
    Command {
        names: &["sessions", "chats", "resume"],
        argument: "",
        what: "search the saved chats and go on with one",
        run: |state, _| Ok(perform::perform(state, Action::ShowSessions)),
    },
    Command {
        names: &["rename", "title"],
        argument: "[TITLE]",
        what: "give the chat a title",
        run: |state, title| {
            let said = match title {
                "" => "The chat has no title of its own now.".to_owned(),
                title => format!("The chat is called {title} now."),
            };
            let title = title.to_owned();
            sessions::change(state, said, |id| StoreCommand::Rename { id, title })
        },
    },
    Command {
        names: &["pin"],
        argument: "[off]",
        what: "put the chat above the others",
        run: |state, argument| {
            let pinned = argument != "off";
            let said = match pinned {
                true => "The chat stands above the others now.",
                false => "The chat stands among the others again.",
            };
            sessions::change(state, said, |id| StoreCommand::SetPinned { id, pinned })
        },
    },
    Command {
        names: &["tag"],
        argument: "[WORDS]",
        what: "give the chat these tags and no others",
        run: |state, words| {
            let tags = chats::tags(words);
            let said = match tags.as_slice() {
                [] => "The chat has no tags now.".to_owned(),
                tags => format!("The chat's tags: {}.", tags.join(", ")),
            };
            sessions::change(state, said, |id| StoreCommand::SetTags { id, tags })
        },
    },
    Command {
        names: &["export", "save", "dump"],
        argument: "[PATH]",
        what: "write the chat to a new .md, .json or .jsonl file",
        run: |state, file| Ok(export::export(state, file)),
    },
    Command {
        names: &["delete"],
        argument: "",
        what: "delete the chat",
        run: |state, _| sessions::delete(state),
    },
    Command {
        names: &["restore"],
        argument: "",
        what: "bring back what was deleted last: a chat or a message",
        run: |state, _| versions::restore(state),
    },
    Command {
        names: &["regen", "regenerate"],
        argument: "",
        what: "answer again",
        run: |state, _| Ok(perform::perform(state, Action::Regenerate)),
    },
    Command {
        names: &["continue"],
        argument: "",
        what: "go on with the reply",
        run: |state, _| Ok(perform::perform(state, Action::Continue)),
    },
    Command {
        names: &["edit"],
        argument: "",
        what: "edit the last message, or the selected one",
        run: |state, _| Ok(perform::perform(state, Action::EditMessage)),
    },
    Command {
        names: &["undo", "forget"],
        argument: "",
        what: "take the last turn back into the composer",
        run: |state, _| Ok(perform::perform(state, Action::Undo)),
    },
    Command {
        names: &["tree", "versions", "branches"],
        argument: "",
        what: "show the chat with all its versions",
        run: |state, _| Ok(perform::perform(state, Action::ShowTree)),
    },
    Command {
        names: &["fork"],
        argument: "",
        what: "make a chat of its own from this one",
        run: |state, _| Ok(perform::perform(state, Action::Fork)),
    },
    Command {
        names: &["copy"],
        argument: "[all|code N]",
        what: "copy the last reply, the chat, or code of the last reply",
        run: copying::command,
    },
    Command {
        names: &["compare"],
        argument: "[PRESETS] [TEXT]",
        what: "compare presets side by side",
        run: compare::command,
    },
    Command {
        names: &["theme"],
        argument: "[THEME]",
        what: "use a theme",
        run: theme,
    },
    Command {
        names: &["stats", "info"],
        argument: "",
        what: "show the speed figures",
        run: |state, _| Ok(perform::perform(state, Action::ShowSpeed)),
    },
    Command {
        names: &["read", "file", "attach", "glob", "upload"],
        argument: "PATH",
        what: "attach files to the message",
        run: attach::read,
    },
    Command {
        names: &["detach"],
        argument: "",
        what: "take the file attached last away",
        run: |state, _| attach::detach(state),
    },
    Command {
        names: &["prompt"],
        argument: "",
        what: "show the prompt that the model saw",
        run: |state, _| Ok(perform::perform(state, Action::ShowPrompt)),
    },
    Command {
        names: &["context"],
        argument: "",
        what: "show what fills the context",
        run: |state, _| Ok(perform::perform(state, Action::ShowContext)),
    },
    Command {
        names: &["summarise", "summarize"],
        argument: "",
        what: "let the model summarise the older turns",
        run: |state, _| Ok(perform::perform(state, Action::Summarise)),
    },
    Command {
        names: &["quit", "exit", "bye", "q"],
        argument: "",
        what: "quit",
        run: |_, _| Ok(vec![Effect::Quit]),
    },
];

/// Whether a message is a command: it begins with `/`, and not with a path like `/usr/bin`.
pub(super) fn is_command(text: &str) -> bool {
    text.strip_prefix('/')
        .is_some_and(|rest| !first_word(rest).0.contains('/'))
}

/// Runs a command. What is refused goes back into the composer.
pub(super) fn run(state: &mut State, line: &str) -> Vec<Effect> {
    let (name, argument) = first_word(line.strip_prefix('/').unwrap_or(line));
    let command = COMMANDS
        .iter()
        .find(|command| command.names.contains(&name));
    let outcome = match command {
        Some(command) => (command.run)(state, argument.trim()),
        None => Err(unknown(name)),
    };
    outcome.unwrap_or_else(|why| {
        state.composer.set(line);
        notice(state, why, IsError::Yes)
    })
}

fn first_word(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

fn unknown(name: &str) -> String {
    if let Some(instead) = instead(name) {
        return format!("There is no /{name}: {instead}");
    }
    let names = COMMANDS.iter().flat_map(|command| command.names);
    let nearest = nearest_word(name, names.copied())
        .map(|nearest| format!("; did you mean /{nearest}?"))
        .unwrap_or_else(|| ".".to_owned());
    format!("There is no /{name}{nearest} /help lists all.")
}

/// What does the work of a command that other programs have.
fn instead(name: &str) -> Option<&'static str> {
    Some(match name {
        "image" | "audio" | "video" => "models read text here, and /read attaches it.",
        "push" | "pop" | "stack" => {
            "nothing said is lost. /tree goes back, /fork makes a chat of its own."
        }
        "download" | "pull" => "`llmdeck pull NAME` in a shell fetches a model.",
        _ => return None,
    })
}

/// Every command for help: how it is typed, and what it does.
pub fn lines() -> impl Iterator<Item = (String, &'static str)> {
    COMMANDS.iter().map(|command| {
        let typed: Vec<_> = command
            .names
            .iter()
            .map(|name| format!("/{name}"))
            .collect();
        (
            format!("{} {}", typed.join(" "), command.argument)
                .trim_end()
                .to_owned(),
            command.what,
        )
    })
}

fn set(state: &mut State, argument: &str) -> Outcome {
    // Ollama's users type `/set parameter NAME VALUE`.
    let argument = argument.strip_prefix("parameter ").unwrap_or(argument);
    match first_word(argument) {
        ("think", level) => return think(state, level.trim()),
        ("nothink", _) => return think(state, "off"),
        ("system", text) => return system(state, text.trim()),
        _ => {}
    }
    let (name, value) = argument
        .split_once(|c: char| c.is_whitespace() || c == '=')
        .ok_or("/set NAME VALUE, for instance /set temp 0.2")?;
    let value = value.trim().trim_start_matches('=').trim_start();
    let values = assign(name, value).map_err(|error| error.to_string())?;
    let shown: Vec<_> = values
        .iter()
        .map(|(param, value)| (spec(*param).name, spec(*param).format(value)))
        .collect();
    let mut effects = retune::change(state, |params| {
        for (param, value) in values {
            params.pending.remove(&param);
            // Just read for this parameter.
            let _ = params.values.set(Source::Session, param, value);
        }
    });
    let dear = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Engine(EngineCommand::Retune { .. })));
    let said: Vec<_> = shown
        .iter()
        .map(|(name, value)| match dear {
            true => format!("applying {name} {value}"),
            false => format!("{name} = {value}"),
        })
        .collect();
    effects.extend(notice(state, said.join(", "), IsError::No));
    Ok(effects)
}

fn preset(state: &mut State, name: &str) -> Outcome {
    if name.is_empty() {
        Ok(perform::perform(state, Action::ChoosePreset))
    } else {
        params::use_preset(state, name)
    }
}

fn model(state: &mut State, name: &str) -> Outcome {
    Ok(if name.is_empty() {
        perform::perform(state, Action::LoadModel)
    } else {
        let path = library::resolve(state, name)?;
        retune::load_as(state, path, Some(name))
    })
}

fn system(state: &mut State, text: &str) -> Outcome {
    let text = text.to_owned();
    let said = if text.is_empty() {
        "No system prompt from the next reply on."
    } else {
        "System prompt set from the next reply on."
    };
    let mut effects = retune::change(state, |params| {
        let _ = params
            .values
            .set(Source::Session, Param::System, Value::Text(text));
    });
    effects.extend(notice(state, said, IsError::No));
    Ok(effects)
}

/// On, off, or how long; without a word, on.
fn think(state: &mut State, level: &str) -> Outcome {
    let (reasoning, effort) = match level {
        "" | "on" => ("on", None),
        "off" | "auto" => (level, None),
        effort => ("on", Some(effort)),
    };
    let mut given = assign("reasoning", reasoning).map_err(|error| error.to_string())?;
    if let Some(effort) = effort {
        let effort = assign("reasoning-effort", effort).map_err(|error| error.to_string())?;
        given.extend(effort);
    }
    let mut effects = retune::change(state, |params| {
        for (param, value) in given {
            // Just read for this parameter.
            let _ = params.values.set(Source::Session, param, value);
        }
    });
    let said = effort.map_or_else(
        || reasoning.to_owned(),
        |effort| format!("on, effort {effort}"),
    );
    let said = format!(
        "Thinking {said} from the next reply on, if the model's template knows the switch."
    );
    effects.extend(notice(state, said, IsError::No));
    Ok(effects)
}

fn theme(state: &mut State, name: &str) -> Outcome {
    if name.is_empty() {
        return Ok(perform::perform(state, Action::ChooseTheme));
    }
    if !state.themes.iter().any(|theme| theme == name) {
        return Err(format!(
            "There is no theme '{name}'; there are {}.",
            state.themes.join(", ")
        ));
    }
    Ok(perform::use_theme(state, name.to_owned()))
}
