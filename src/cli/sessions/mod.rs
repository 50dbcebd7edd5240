//! `llmdeck sessions`: the saved chats without a screen.

mod args;
mod text;
mod transfer;

use std::io::{self, Write};

use serde_json::{Value, json};

pub use args::{SessionsArgs, SessionsCommand};

use super::{ExitCode, Failure, print};
use crate::config::Folders;
use crate::store::{Conversation, ConversationId, Hit, Opened, Store, StoreError, Which, exchange};
use args::{ChatName, ListArgs, RemoveArgs, SearchArgs, ShowArgs};

/// Does what was asked of the saved chats.
///
/// # Errors
/// When the store cannot be opened, a chat does not exist, or a file cannot be read or written.
pub(super) fn run(args: &SessionsArgs, folders: &Folders) -> Result<ExitCode, Failure> {
    let mut store = Sessions::open(folders)?;
    let default = SessionsCommand::List(ListArgs {
        limit: 50,
        ..ListArgs::default()
    });
    match args.command.as_ref().unwrap_or(&default) {
        SessionsCommand::List(args) => store.list(args),
        SessionsCommand::Show(args) => store.show(args),
        SessionsCommand::Search(args) => store.search(args),
        SessionsCommand::Export(args) => transfer::export(&mut store, args),
        SessionsCommand::Import(args) => transfer::import(&mut store, args),
        SessionsCommand::Rename(args) => {
            store.change(args.chat, |store, id| store.rename(id, &args.title))
        }
        SessionsCommand::Pin(args) => {
            store.change(args.chat, |store, id| store.set_pinned(id, !args.off))
        }
        SessionsCommand::Tag(args) => {
            store.change(args.chat, |store, id| store.set_tags(id, &args.tags))
        }
        SessionsCommand::Rm(args) => store.remove(args),
        SessionsCommand::Restore(args) => {
            for chat in &args.chats {
                store.change(*chat, Store::restore)?;
            }
            Ok(ExitCode::Ok)
        }
    }
}

/// The store, and where it lies.
struct Sessions {
    /// `None` only while a damaged one is being salvaged.
    store: Option<Store>,
    folder: std::path::PathBuf,
}

impl Sessions {
    fn open(folders: &Folders) -> Result<Self, Failure> {
        let folder = folders.sessions_dir.clone();
        let opened =
            Store::open(&folder).map_err(|error| refused("opening the saved chats", error))?;
        let mut sessions = Self {
            store: None,
            folder,
        };
        sessions.take(opened);
        Ok(sessions)
    }

    fn take(&mut self, opened: Opened) {
        if let Some(salvaged) = opened.salvaged {
            let _ = writeln!(
                io::stderr(),
                "note: {}",
                super::sanitise::line(&salvaged.to_string())
            );
        }
        self.store = Some(opened.store);
    }

    /// Does something with the store; when it turns out to be damaged, once more with what was
    /// salvaged.
    fn with<T>(
        &mut self,
        what: &str,
        mut act: impl FnMut(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        let missing = || StoreError::Refused("the store is closed".to_owned());
        let mut run = |sessions: &mut Self| match &mut sessions.store {
            Some(store) => act(store),
            None => Err(missing()),
        };
        match run(self) {
            Err(error) if error.is_damage() => {
                self.store = None;
                let opened = Store::salvage(&self.folder).map_err(|error| refused(what, error))?;
                self.take(opened);
                run(self)
            }
            outcome => outcome,
        }
        .map_err(|error| refused(what, error))
    }

    /// The chat of that name.
    fn find(&mut self, name: ChatName) -> Result<ConversationId, Failure> {
        let id = match name {
            ChatName::Number(number) => Some(ConversationId(number)),
            ChatName::Last => self.with("looking for the last chat", |store| store.last())?,
        };
        id.ok_or_else(|| {
            Failure::new(
                ExitCode::NoInput,
                "looking for the last chat",
                "there is no chat yet",
            )
        })
    }

    fn change(
        &mut self,
        name: ChatName,
        act: impl Fn(&mut Store, ConversationId) -> Result<(), StoreError>,
    ) -> Result<ExitCode, Failure> {
        let id = self.find(name)?;
        self.with(&format!("changing chat {}", id.0), |store| act(store, id))?;
        Ok(ExitCode::Ok)
    }

    fn list(&mut self, args: &ListArgs) -> Result<ExitCode, Failure> {
        let which = match (&args.tag, args.deleted) {
            (Some(tag), _) => Which::Tagged(tag.clone()),
            (None, true) => Which::Deleted,
            (None, false) => Which::Kept,
        };
        let list = self.with("listing the chats", |store| store.list(&which, args.limit))?;
        if args.json {
            return print_json(&Value::Array(list.iter().map(conversation_json).collect()));
        }
        print(&text::list(&list))
    }

    fn show(&mut self, args: &ShowArgs) -> Result<ExitCode, Failure> {
        let id = self.find(args.chat)?;
        let archive = self.with(&format!("reading chat {}", id.0), |store| store.export(id))?;
        if args.json {
            return print(&exchange::write(&[archive], exchange::Format::Json));
        }
        let conversation = self.with("reading a chat", |store| store.conversation(id))?;
        print(&text::chat(&conversation, &archive))
    }

    fn search(&mut self, args: &SearchArgs) -> Result<ExitCode, Failure> {
        // The shell has taken the quotes off: a word with a space in it was one phrase.
        let words: Vec<String> = args
            .words
            .iter()
            .map(|word| {
                match word.contains(char::is_whitespace)
                    && !word.contains('"')
                    && args.words.len() > 1
                {
                    true => format!("\"{word}\""),
                    false => word.clone(),
                }
            })
            .collect();
        let words = words.join(" ");
        let hits = self.with("searching", |store| store.search(&words, args.limit))?;
        if args.json {
            return print_json(&Value::Array(hits.iter().map(hit_json).collect()));
        }
        print(&text::hits(&hits))
    }

    fn remove(&mut self, args: &RemoveArgs) -> Result<ExitCode, Failure> {
        for chat in &args.chats {
            let id = self.find(*chat)?;
            let what = format!("deleting chat {}", id.0);
            if args.purge {
                self.with(&what, |store| store.purge(id))?;
            } else {
                self.with(&what, |store| store.delete(id))?;
                let undo = format!(
                    "note: chat {0} deleted; `llmdeck sessions restore {0}` brings it back",
                    id.0
                );
                let _ = writeln!(io::stderr(), "{undo}");
            }
        }
        Ok(ExitCode::Ok)
    }
}

fn conversation_json(one: &Conversation) -> Value {
    json!({
        "id": one.id,
        "title": one.title,
        "named": one.is_named,
        "pinned": one.pinned,
        "tags": one.tags,
        "messages": one.messages,
        "created_ms": one.created_ms,
        "changed_ms": one.changed_ms,
        "deleted_ms": one.deleted_ms,
    })
}

fn hit_json(hit: &Hit) -> Value {
    json!({
        "chat": hit.conversation,
        "title": hit.title,
        "message": hit.message,
        "role": hit.role,
        "created_ms": hit.created_ms,
        "snippet": hit.snippet,
    })
}

fn print_json(value: &Value) -> Result<ExitCode, Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(ExitCode::Software, "writing JSON", error))?;
    print(&format!("{text}\n"))
}

/// A failure of the store as the command line reports it.
fn refused(what: &str, error: StoreError) -> Failure {
    let code = match &error {
        error if error.is_missing() => ExitCode::NoInput,
        StoreError::Io { .. } | StoreError::Sqlite { .. } => ExitCode::Io,
        StoreError::InUse { .. } => ExitCode::Unavailable,
        _ => ExitCode::Data,
    };
    let hint = if error.is_missing() {
        "`llmdeck sessions list` shows the numbers"
    } else {
        ""
    };
    Failure::new(code, what, error).hint(hint)
}
