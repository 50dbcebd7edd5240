//! The store on a thread of its own, so that the screen never waits for a disk.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use super::{
    Command, ConversationId, Event, Kept, MessageId, Opened, Said, Settings, Store, StoreError,
    Which,
};
use crate::chat::{NodeId, Role};
use crate::compare;
use crate::engine::{ConversationId as Chat, RequestId as Reply};

/// Commands that may wait.
const QUEUE: usize = 1024;
/// Conversations a list has at most, and places where words were said.
const LISTED: usize = 500;
/// Changes kept while the disk takes none.
const BACKLOG: usize = 10_000;
/// How long deleted conversations can be restored, in milliseconds: 30 days.
const KEPT_DELETED_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// The other end of the store's thread.
pub struct StoreHandle {
    way: Way,
}

enum Way {
    Thread {
        commands: SyncSender<Command>,
        /// Closed when the thread is done.
        done: Receiver<()>,
        thread: JoinHandle<()>,
    },
    /// In the caller's turn: for tests in virtual time.
    Inline(Mutex<Box<Worker>>),
}

/// The store's thread has ended, or its queue is full because the disk hangs.
#[derive(Debug, thiserror::Error)]
#[error("the chats are not saved any more: the disk does not answer")]
pub struct StoreGone;

impl StoreHandle {
    /// Starts a thread that opens the store of a folder and does what it is sent. `tell` is called
    /// on that thread.
    ///
    /// # Errors
    /// When no thread can be started. A store that cannot be opened is told as [`Event::Failed`].
    pub fn start(folder: PathBuf, tell: impl Fn(Event) + Send + 'static) -> io::Result<Self> {
        let (commands, received) = sync_channel(QUEUE);
        let (ends, done) = sync_channel(0);
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                // Dropped when the thread ends, however it ends.
                let _ends: SyncSender<()> = ends;
                let mut worker = Worker::open(folder, Box::new(tell));
                while let Ok(command) = received.recv() {
                    if command == Command::Stop {
                        return;
                    }
                    worker.run(&command);
                }
            })?;
        Ok(Self {
            way: Way::Thread {
                commands,
                done,
                thread,
            },
        })
    }

    /// A store without a thread: every command is done when `send` returns. For tests.
    pub fn inline(folder: PathBuf, tell: impl Fn(Event) + Send + 'static) -> Self {
        let worker = Worker::open(folder, Box::new(tell));
        Self {
            way: Way::Inline(Mutex::new(Box::new(worker))),
        }
    }

    /// Sends a command without waiting.
    ///
    /// # Errors
    /// [`StoreGone`] when the thread has ended or its queue is full.
    pub fn send(&self, command: Command) -> Result<(), StoreGone> {
        match &self.way {
            Way::Thread { commands, .. } => commands.try_send(command).map_err(|_| StoreGone),
            Way::Inline(worker) => {
                worker.lock().map_err(|_| StoreGone)?.run(&command);
                Ok(())
            }
        }
    }

    /// Lets everything that was sent reach the disk, and ends the thread. False when that takes
    /// longer than `patience`.
    pub fn stop(self, patience: Duration) -> bool {
        let Way::Thread {
            commands,
            done,
            thread,
        } = self.way
        else {
            return true;
        };
        // A full queue ends with its sender.
        let _ = commands.try_send(Command::Stop);
        drop(commands);
        match done.recv_timeout(patience) {
            Err(RecvTimeoutError::Disconnected) => thread.join().is_ok(),
            _ => false,
        }
    }
}

/// What a chat of the deck is in the store.
struct Link {
    id: ConversationId,
    nodes: HashMap<NodeId, MessageId>,
    /// The last message that was added.
    newest: Option<MessageId>,
    settings: Settings,
}

impl Link {
    /// Where a message belongs. What it follows may be missing because it could not be stored: then it
    /// follows what was stored last.
    fn place(&self, parent: Option<NodeId>) -> Option<MessageId> {
        parent.and_then(|parent| self.nodes.get(&parent).copied().or(self.newest))
    }

    fn added(&mut self, node: NodeId, id: MessageId) {
        self.nodes.insert(node, id);
        self.newest = Some(id);
    }
}

struct Worker {
    folder: PathBuf,
    /// `None` when it could not be opened.
    store: Option<Store>,
    chats: HashMap<Chat, Link>,
    replies: HashMap<Reply, MessageId>,
    tell: Box<dyn Fn(Event) + Send>,
    /// Whether a failure was told that nothing has succeeded since.
    failing: bool,
    /// Changes that could not be written yet, oldest first: they are tried again before the next one.
    backlog: VecDeque<Command>,
}

impl Worker {
    fn open(folder: PathBuf, tell: Box<dyn Fn(Event) + Send>) -> Self {
        let mut worker = Self {
            folder,
            store: None,
            chats: HashMap::new(),
            replies: HashMap::new(),
            tell,
            failing: false,
            backlog: VecDeque::new(),
        };
        match Store::open(&worker.folder) {
            Ok(opened) => worker.take(opened),
            Err(error) => worker.fail(&format!("This chat is not saved: {error}")),
        }
        worker
    }

    fn take(&mut self, opened: Opened) {
        if let Some(salvaged) = opened.salvaged {
            (self.tell)(Event::Salvaged(salvaged.to_string()));
        }
        let mut store = opened.store;
        let old = super::open::now_ms() - KEPT_DELETED_MS;
        if let Err(error) = store.purge_deleted(old) {
            tracing::warn!("{error}");
        }
        self.store = Some(store);
    }

    /// Does a command, after those that could not be done before.
    fn run(&mut self, command: &Command) {
        if self.backlog.len() < BACKLOG {
            self.backlog.push_back(command.clone());
        }
        while let Some(next) = self.backlog.pop_front() {
            match self.attempt(&next) {
                Ok(()) => self.failing = false,
                Err(error) => {
                    self.fail(&format!("This chat is not saved: {error}"));
                    // A question is asked again by who wants to know; a change must not be lost.
                    if error.is_passing() && next.is_change() {
                        self.backlog.push_front(next);
                        break;
                    }
                    self.answer_for(&next);
                }
            }
        }
        if let Command::Say { chat, .. } = command {
            let id = self.chats.get(chat).map(|link| link.id);
            (self.tell)(Event::Settled { chat: *chat, id });
        }
    }

    /// Somebody waits for an answer even when there is none to give.
    fn answer_for(&self, failed: &Command) {
        if let Command::Open { chat, .. } = failed {
            (self.tell)(Event::NotOpened(*chat));
        }
    }

    /// Does a command; on a damaged store once more after its salvage.
    fn attempt(&mut self, command: &Command) -> Result<(), StoreError> {
        if self.store.is_none() {
            // What stood in the way may be gone.
            let opened = Store::open(&self.folder)?;
            self.take(opened);
        }
        match self.act(command) {
            Err(error) if error.is_damage() => self.salvage(error).and_then(|()| self.act(command)),
            outcome => outcome,
        }
    }

    fn salvage(&mut self, error: StoreError) -> Result<(), StoreError> {
        tracing::error!("{error}");
        self.store = None;
        let opened = Store::salvage(&self.folder)?;
        self.take(opened);
        Ok(())
    }

    fn fail(&mut self, why: &str) {
        tracing::error!("{why}");
        if !std::mem::replace(&mut self.failing, true) {
            (self.tell)(Event::Failed(why.to_owned()));
        }
    }

    fn act(&mut self, command: &Command) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else {
            return Ok(());
        };
        let (chats, replies) = (&mut self.chats, &mut self.replies);
        match command {
            Command::Say {
                chat,
                node,
                parent,
                text,
                settings,
            } => {
                let link = link(store, chats, *chat, settings)?;
                let said = Said::new(Role::User, text.clone());
                let id = store.append(link.id, link.place(*parent), &said)?;
                link.added(*node, id);
            }
            Command::Begin {
                chat,
                node,
                parent,
                reply,
                text,
                reasoning,
                model,
                params,
            } => {
                // A chat whose first message could not be stored has no place for the reply.
                if let Some(link) = chats.get_mut(chat) {
                    let mut said = Said::new(Role::Assistant, text.clone());
                    said.reasoning.clone_from(reasoning);
                    said.model.clone_from(model);
                    said.params.clone_from(params);
                    let id = store.begin_reply(link.id, link.place(*parent), &said)?;
                    link.added(*node, id);
                    replies.insert(*reply, id);
                }
            }
            Command::Resume { chat, node, reply } => {
                if let Some((_, id)) = known(chats, *chat, *node) {
                    store.resume_reply(id)?;
                    replies.insert(*reply, id);
                }
            }
            Command::Grow {
                reply,
                text,
                reasoning,
            } => {
                if let Some(id) = replies.get(reply) {
                    store.add_piece(*id, text, reasoning)?;
                }
            }
            Command::Keep { reply, kept } => {
                if let Some(id) = replies.get(reply) {
                    store.keep_trace(*id, kept)?;
                    (self.tell)(Event::Kept {
                        reply: *reply,
                        message: *id,
                    });
                }
            }
            Command::KeepLater { message, kept } => store.keep_trace(*message, kept)?,
            Command::Finish { reply, ending } => {
                if let Some(id) = replies.get(reply) {
                    store.finish(*id, ending)?;
                    replies.remove(reply);
                }
            }
            Command::Choose { chat, leaf } => {
                if let Some(link) = chats.get(chat) {
                    let leaf = leaf.and_then(|leaf| link.nodes.get(&leaf).copied());
                    store.choose(link.id, leaf)?;
                }
            }
            Command::DeleteBranch { chat, node } => {
                if let Some((_, id)) = known(chats, *chat, *node) {
                    store.delete_message(id)?;
                }
            }
            Command::RestoreBranch { chat, node } => {
                if let Some((_, id)) = known(chats, *chat, *node) {
                    store.restore_messages(id)?;
                }
            }
            Command::Fork { chat, at, fork } => {
                if let Some((link, at)) = known(chats, *chat, *at) {
                    let link = copy(store, link, at)?;
                    let id = link.id;
                    chats.insert(*fork, link);
                    (self.tell)(Event::Forked { fork: *fork, id });
                }
            }
            Command::Configure { chat, settings } => {
                if let Some(link) = chats.get_mut(chat) {
                    configure(store, link, settings)?;
                }
            }
            Command::LeaveOut { chat, omission } => {
                if let Some(link) = chats.get(chat) {
                    let id = |node: &NodeId| link.nodes.get(node).copied();
                    let omission = omission.as_ref().and_then(|omission| omission.place(id));
                    store.set_omission(link.id, omission.as_ref())?;
                }
            }
            Command::Leave(chat) => {
                if let Some(link) = chats.remove(chat) {
                    store.leave(link.id)?;
                }
            }
            Command::Open { chat, id } => {
                let event = open(store, chats, *chat, *id)?;
                (self.tell)(event);
                let kept = match chats.get(chat) {
                    Some(link) => traces(store, link)?,
                    None => Vec::new(),
                };
                (self.tell)(Event::Traces { chat: *chat, kept });
            }
            Command::List { words } => {
                let event = list(store, words)?;
                (self.tell)(event);
            }
            Command::FindLeftOpen => {
                let left = store.left_open()?;
                (self.tell)(Event::LeftOpen(left));
            }
            Command::Dismiss(ids) => {
                for id in ids {
                    store.leave(*id)?;
                }
            }
            Command::Rename { id, title } => changed(&*self.tell, store.rename(*id, title))?,
            Command::SetPinned { id, pinned } => {
                changed(&*self.tell, store.set_pinned(*id, *pinned))?;
            }
            Command::SetTags { id, tags } => changed(&*self.tell, store.set_tags(*id, tags))?,
            Command::AddRun(run) => store.add_run(run).map(|_| ())?,
            Command::Cast { prompt, ballot } => store.cast(prompt, ballot)?,
            Command::Stand => {
                let standing = compare::standing(&store.ballots()?, compare::SEED);
                (self.tell)(Event::Standing(Box::new(standing)));
            }
            Command::Delete(id) => changed(&*self.tell, store.delete(*id))?,
            Command::Restore(id) => changed(&*self.tell, store.restore(*id))?,
            Command::Stop => {}
        }
        Ok(())
    }
}

fn changed(tell: &dyn Fn(Event), outcome: Result<(), StoreError>) -> Result<(), StoreError> {
    outcome.inspect(|()| tell(Event::Changed))
}

/// The conversation of a chat, begun if there is none yet.
fn link<'a>(
    store: &mut Store,
    chats: &'a mut HashMap<Chat, Link>,
    chat: Chat,
    settings: &Settings,
) -> Result<&'a mut Link, StoreError> {
    use std::collections::hash_map::Entry;
    match chats.entry(chat) {
        Entry::Occupied(found) => {
            let link = found.into_mut();
            configure(store, link, settings)?;
            Ok(link)
        }
        Entry::Vacant(free) => {
            let id = store.create(settings)?;
            store.enter(id)?;
            Ok(free.insert(Link {
                id,
                nodes: HashMap::new(),
                newest: None,
                settings: settings.clone(),
            }))
        }
    }
}

/// Keeps settings that are not the chat's already.
fn configure(store: &mut Store, link: &mut Link, settings: &Settings) -> Result<(), StoreError> {
    if link.settings != *settings {
        store.set_settings(link.id, settings)?;
        link.settings.clone_from(settings);
    }
    Ok(())
}

/// A message of a chat, if both are stored.
fn known(chats: &HashMap<Chat, Link>, chat: Chat, node: NodeId) -> Option<(&Link, MessageId)> {
    let link = chats.get(&chat)?;
    link.nodes.get(&node).map(|id| (link, *id))
}

/// A conversation of its own from the path to a message.
fn copy(store: &mut Store, original: &Link, at: MessageId) -> Result<Link, StoreError> {
    let id = store.fork(original.id, at)?;
    store.enter(id)?;
    // A copy has one path only, and its messages were added in its order.
    let messages = store.tree(id)?.into_messages();
    let spoken = messages
        .iter()
        .filter(|message| message.said.role != Role::System);
    Ok(Link {
        id,
        nodes: (0..).map(NodeId).zip(spoken.map(|one| one.id)).collect(),
        newest: messages.last().map(|message| message.id),
        settings: original.settings.clone(),
    })
}

fn open(
    store: &mut Store,
    chats: &mut HashMap<Chat, Link>,
    chat: Chat,
    id: ConversationId,
) -> Result<Event, StoreError> {
    let conversation = store.conversation(id)?;
    let stored = store.tree(id)?.into_messages();
    store.enter(id)?;
    let mut nodes = HashMap::with_capacity(stored.len());
    // What stands for a message on the screen: itself, or for a system message what it follows.
    let mut shown: HashMap<MessageId, Option<NodeId>> = HashMap::with_capacity(stored.len());
    let mut messages = Vec::with_capacity(stored.len());
    let newest = stored.last().map(|message| message.id);
    for message in stored {
        // A parent comes before its children; one that does not is lost, and the message a beginning.
        let parent = message
            .parent
            .and_then(|parent| shown.get(&parent).copied());
        let parent = parent.flatten();
        if message.said.role == Role::System {
            shown.insert(message.id, parent);
            continue;
        }
        let node = NodeId(u32::try_from(messages.len()).unwrap_or(u32::MAX));
        shown.insert(message.id, Some(node));
        nodes.insert(node, message.id);
        messages.push((parent, message.said));
    }
    let leaf = conversation.leaf.and_then(|leaf| shown.get(&leaf).copied());
    let omission = store.omission(id)?;
    let omission = omission.and_then(|one| one.place(|id| shown.get(id).copied().flatten()));
    let link = Link {
        id,
        nodes,
        newest,
        settings: conversation.settings.clone(),
    };
    chats.insert(chat, link);
    Ok(Event::Opened {
        chat,
        conversation: Box::new(conversation),
        messages,
        leaf: leaf.flatten(),
        omission,
    })
}

/// How the messages of a chat came about, where that was kept.
fn traces(store: &Store, link: &Link) -> Result<Vec<(NodeId, MessageId, Arc<Kept>)>, StoreError> {
    let mut kept: HashMap<MessageId, Kept> = store.traces(link.id)?.into_iter().collect();
    let found = link.nodes.iter().filter_map(|(node, id)| {
        let kept = kept.remove(id)?;
        Some((*node, *id, Arc::new(kept)))
    });
    Ok(found.collect())
}

/// Conversations, and where the words were said; while they are typed, the last one is a beginning.
fn list(store: &Store, words: &str) -> Result<Event, StoreError> {
    let list = store.list(&Which::Kept, LISTED)?;
    let hits = if words.trim().is_empty() {
        Vec::new()
    } else {
        store.search(&format!("{words}*"), LISTED)?
    };
    Ok(Event::Listed {
        words: words.to_owned(),
        now_ms: super::open::now_ms(),
        list,
        hits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver as Told, channel};

    fn worker() -> (tempfile::TempDir, Worker, Told<Event>) {
        let place = tempfile::tempdir().unwrap();
        let (tell, told) = channel();
        let tell = Box::new(move |event| tell.send(event).unwrap());
        let worker = Worker::open(place.path().join("sessions"), tell);
        (place, worker, told)
    }

    /// Messages that follow each other, by number.
    fn say(number: u32, text: &str) -> Command {
        Command::Say {
            chat: Chat(1),
            node: NodeId(number),
            parent: number.checked_sub(1).map(NodeId),
            text: text.to_owned(),
            settings: Settings::default(),
        }
    }

    fn said(worker: &Worker) -> Vec<String> {
        let store = worker.store.as_ref().unwrap();
        let id = store.last().unwrap().unwrap();
        let tree = store.tree(id).unwrap();
        let path = tree.path(None);
        path.iter().map(|one| one.said.content.clone()).collect()
    }

    #[test]
    fn what_a_full_disk_refused_is_written_when_there_is_room_again() {
        let (_place, mut worker, told) = worker();
        let pages = |worker: &Worker, most: i64| {
            let db = &worker.store.as_ref().unwrap().db;
            db.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))
                .unwrap();
        };
        worker.run(&say(0, "first"));
        assert!(matches!(
            told.try_recv(),
            Ok(Event::Settled { id: Some(_), .. })
        ));
        // SQLite never sets it below what the file has: no page more.
        pages(&worker, 1);
        let large = "x".repeat(1 << 20);
        for (number, text) in [(1, large.as_str()), (2, "third")] {
            worker.run(&say(number, text));
        }
        let events: Vec<Event> = told.try_iter().collect();
        let failures = events
            .iter()
            .filter(|event| matches!(event, Event::Failed(_)));
        assert_eq!(failures.count(), 1, "told once");
        // The conversation goes on all the same.
        let settled = events
            .iter()
            .filter(|event| matches!(event, Event::Settled { .. }));
        assert_eq!(settled.count(), 2);
        assert_eq!(said(&worker), ["first"]);
        pages(&worker, 1 << 30);
        worker.run(&say(3, "fourth"));
        assert_eq!(said(&worker), ["first", &large, "third", "fourth"]);
    }

    #[test]
    fn damage_found_in_mid_work_is_salvaged_and_the_work_goes_on() {
        let (place, mut worker, told) = worker();
        worker.run(&say(0, "first"));
        let file = place.path().join("sessions").join(super::super::DATABASE);
        let store = worker.store.as_ref().unwrap();
        store
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[..4096].fill(0xff);
        std::fs::write(&file, bytes).unwrap();
        // Nothing may come from memory.
        store.db.execute_batch("PRAGMA shrink_memory").unwrap();
        worker.run(&say(1, "second"));
        assert_eq!(said(&worker), ["first", "second"]);
        assert!(
            told.try_iter()
                .any(|event| matches!(event, Event::Salvaged(_)))
        );
    }
}
