//! The store from outside: everything through its public calls, on files in a folder of the test's own.

mod damage;
mod exchange;
mod files;
mod lists;
mod search;
mod traces;
mod trees;

use llmdeck::chat::Role;
use llmdeck::store::{ConversationId, MessageId, Said, Settings, Store};
use tempfile::TempDir;

/// A store in a folder of its own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("sessions")
    }

    fn open(&self) -> Store {
        let opened = Store::open(&self.path()).unwrap();
        assert_eq!(opened.salvaged, None);
        opened.store
    }
}

fn user(text: &str) -> Said {
    Said::new(Role::User, text)
}

fn reply(text: &str) -> Said {
    Said::new(Role::Assistant, text)
}

/// A conversation of a question and an answer.
fn talk(store: &mut Store, question: &str, answer: &str) -> (ConversationId, MessageId, MessageId) {
    let id = store.create(&Settings::default()).unwrap();
    let asked = store.append(id, None, &user(question)).unwrap();
    let answered = store.append(id, Some(asked), &reply(answer)).unwrap();
    (id, asked, answered)
}

/// What the chosen path says.
fn path(store: &Store, id: ConversationId) -> Vec<String> {
    let leaf = store.conversation(id).unwrap().leaf;
    let tree = store.tree(id).unwrap();
    let path = leaf.map(|leaf| tree.path_to(leaf)).unwrap_or_default();
    path.iter()
        .map(|message| message.said.content.clone())
        .collect()
}
