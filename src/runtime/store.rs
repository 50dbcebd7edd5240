//! The store's side of the runtime: chats are saved in the order in which things happened, and the
//! engine begins a reply only when the message before it is on disk.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use super::Wake;
use crate::app::Event;
use crate::engine;
use crate::store::{self, StoreHandle};

/// How long the last writes may take at the end.
const END: Duration = Duration::from_secs(2);

/// The store, and what waits for it.
pub struct Saver {
    store: StoreHandle,
    /// Messages that were handed over and are not durable yet.
    unsettled: usize,
    /// Commands for the engine from the first one on that has to wait.
    held: Vec<engine::Command>,
}

impl Saver {
    /// Starts the store of a folder; what it tells arrives in the inbox.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(folder: PathBuf, inbox: Sender<Wake>) -> std::io::Result<Self> {
        let tell = move |event| {
            // Fails only when the program ends, and nobody reads any more.
            let _ = inbox.blocking_send(Wake::Event(Event::Store(event)));
        };
        Ok(Self::new(StoreHandle::start(folder, tell)?))
    }

    /// A saver on a store that runs already.
    pub fn new(store: StoreHandle) -> Self {
        Self {
            store,
            unsettled: 0,
            held: Vec::new(),
        }
    }

    /// Hands a command to the store.
    ///
    /// # Errors
    /// In words, when the store takes none any more.
    pub(super) fn send(&mut self, command: store::Command) -> Result<(), String> {
        let waits = matches!(command, store::Command::Say { .. });
        self.store
            .send(command)
            .map_err(|error| error.to_string())?;
        self.unsettled += usize::from(waits);
        Ok(())
    }

    /// A command for the engine, back if it may go on now. Once one is held, all that follow are:
    /// stopping a reply must not overtake its beginning.
    pub(super) fn admit(&mut self, command: engine::Command) -> Option<engine::Command> {
        let begins = matches!(command, engine::Command::Generate(_));
        if self.held.is_empty() && !(begins && self.unsettled > 0) {
            return Some(command);
        }
        self.held.push(command);
        None
    }

    /// Notes what the store tells; returns what the engine is to do now.
    pub(super) fn told(&mut self, event: &store::Event) -> Vec<engine::Command> {
        if matches!(event, store::Event::Settled { .. }) {
            self.unsettled = self.unsettled.saturating_sub(1);
        }
        if self.unsettled > 0 {
            return Vec::new();
        }
        std::mem::take(&mut self.held)
    }

    /// Lets everything reach the disk; false when that takes too long.
    pub(super) fn stop(self) -> bool {
        self.store.stop(END)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Command, ConversationId, GenerateRequest, RequestId};
    use crate::params::Params;

    fn generate(id: u64) -> Command {
        Command::Generate(Box::new(GenerateRequest {
            id: RequestId(id),
            conversation: ConversationId(1),
            messages: vec![],
            reply_so_far: String::new(),
            exact: None,
            sampling: Params::default().sampling(),
            reply: Params::default().reply(),
        }))
    }

    #[test]
    fn a_reply_begins_when_its_message_is_durable_and_nothing_overtakes_it() {
        let place = tempfile::tempdir().unwrap();
        let (told, events) = std::sync::mpsc::channel();
        let store = StoreHandle::start(place.path().join("sessions"), move |event| {
            let _ = told.send(event);
        });
        let mut saver = Saver::new(store.unwrap());
        assert!(saver.admit(generate(1)).is_some());
        let chat = ConversationId(1);
        let say = store::Command::Say {
            chat,
            text: "hello".into(),
            settings: store::Settings::default(),
        };
        saver.send(say).unwrap();
        assert!(saver.admit(Command::Unload).is_some());
        assert!(saver.admit(generate(2)).is_none());
        assert!(saver.admit(Command::Cancel(RequestId(2))).is_none());
        assert!(saver.told(&store::Event::Changed).is_empty());
        let settled = events.recv().unwrap();
        assert!(matches!(settled, store::Event::Settled { id: Some(_), .. }));
        let released = saver.told(&settled);
        assert!(matches!(
            released.as_slice(),
            [Command::Generate(_), Command::Cancel(RequestId(2))]
        ));
        assert!(saver.admit(generate(3)).is_some());
        assert!(saver.stop());
    }
}
