//! What the store's thread does with each command, and with those that fail.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use super::chats::{self, Link};
use crate::chat::{NodeId, Role};
use crate::compare;
use crate::engine::{ConversationId as Chat, RequestId as Reply};
use crate::store::{Command, Event, MessageId, Opened, Said, Store, StoreError, Which, open};

/// Conversations a list has at most, and places where words were said.
const LISTED: usize = 500;
/// Changes kept while the disk takes none.
const BACKLOG: usize = 10_000;
/// How long deleted conversations can be restored, in milliseconds: 30 days.
const KEPT_DELETED_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// The store, and which of the deck's chats and replies is what in it.
pub(super) struct Worker {
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
    /// Whether the disk took none of them when it was tried last.
    waiting: bool,
}

impl Worker {
    pub(super) fn open(folder: PathBuf, tell: Box<dyn Fn(Event) + Send>) -> Self {
        let mut worker = Self {
            folder,
            store: None,
            chats: HashMap::new(),
            replies: HashMap::new(),
            tell,
            failing: false,
            backlog: VecDeque::new(),
            waiting: false,
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
        let old = open::now_ms() - KEPT_DELETED_MS;
        if let Err(error) = store.purge_deleted(old) {
            tracing::warn!("{error}");
        }
        self.store = Some(store);
    }

    /// Does a command, after the changes that could not be made before. A question does not wait
    /// for those: what is stored can be read while nothing can be written.
    pub(super) fn run(&mut self, command: &Command) {
        if command.is_change() {
            if self.backlog.len() < BACKLOG {
                self.backlog.push_back(command.clone());
            } else {
                tracing::error!("a change was lost: {BACKLOG} others wait for the disk");
            }
        }
        let waited = self.waiting;
        self.catch_up();
        if waited && !self.waiting {
            (self.tell)(Event::CaughtUp);
        }
        if !command.is_change()
            && let Err(error) = self.attempt(command)
        {
            self.fail(&format!("The saved chats cannot be read: {error}"));
            self.answer_for(command);
        }
        if let Command::Say { chat, .. } = command {
            let id = self.chats.get(chat).map(|link| link.id);
            (self.tell)(Event::Settled { chat: *chat, id });
        }
    }

    /// Makes the changes that wait, until one cannot be made yet.
    fn catch_up(&mut self) {
        self.waiting = false;
        while let Some(next) = self.backlog.pop_front() {
            match self.attempt(&next) {
                Ok(()) => self.failing = false,
                Err(error) => {
                    self.fail(&format!("This chat is not saved: {error}"));
                    if error.is_passing() {
                        self.backlog.push_front(next);
                        self.waiting = true;
                        break;
                    }
                }
            }
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
        let (known, replies) = (&mut self.chats, &mut self.replies);
        match command {
            Command::Say {
                chat,
                node,
                parent,
                text,
                settings,
            } => {
                let link = chats::link(store, known, *chat, settings)?;
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
                if let Some(link) = known.get_mut(chat) {
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
                if let Some((_, id)) = chats::find(known, *chat, *node) {
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
            Command::KeepMore {
                reply,
                chosen,
                trace,
            } => {
                if let Some(id) = replies.get(reply) {
                    store.add_trace(*id, chosen, trace)?;
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
                if let Some(link) = known.get(chat) {
                    let leaf = leaf.and_then(|leaf| link.nodes.get(&leaf).copied());
                    store.choose(link.id, leaf)?;
                }
            }
            Command::DeleteBranch { chat, node } => {
                if let Some((_, id)) = chats::find(known, *chat, *node) {
                    store.delete_message(id)?;
                }
            }
            Command::RestoreBranch { chat, node } => {
                if let Some((_, id)) = chats::find(known, *chat, *node) {
                    store.restore_messages(id)?;
                }
            }
            Command::Fork { chat, at, fork } => {
                if let Some((link, at)) = chats::find(known, *chat, *at) {
                    let link = chats::copy(store, link, at)?;
                    let id = link.id;
                    known.insert(*fork, link);
                    (self.tell)(Event::Forked { fork: *fork, id });
                }
            }
            Command::Configure { chat, settings } => {
                if let Some(link) = known.get_mut(chat) {
                    chats::configure(store, link, settings)?;
                }
            }
            Command::LeaveOut { chat, omission } => {
                if let Some(link) = known.get(chat) {
                    let id = |node: &NodeId| link.nodes.get(node).copied();
                    let omission = omission.as_ref().and_then(|omission| omission.place(id));
                    store.set_omission(link.id, omission.as_ref())?;
                }
            }
            Command::Leave(chat) => {
                if let Some(link) = known.remove(chat) {
                    store.leave(link.id)?;
                }
            }
            Command::Open { chat, id } => {
                let event = chats::open(store, known, *chat, *id)?;
                (self.tell)(event);
                let kept = match known.get(chat) {
                    Some(link) => chats::traces(store, link)?,
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
        now_ms: open::now_ms(),
        list,
        hits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Settings;
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
        assert!(told.try_iter().all(|event| event != Event::CaughtUp));
        worker.run(&say(3, "fourth"));
        let caught_up = |event: &Event| *event == Event::CaughtUp;
        assert_eq!(told.try_iter().filter(caught_up).count(), 1);
        assert_eq!(said(&worker), ["first", &large, "third", "fourth"]);
    }

    #[test]
    fn questions_are_answered_while_the_disk_takes_nothing() {
        let (_place, mut worker, told) = worker();
        worker.run(&say(0, "first"));
        let store = worker.store.as_ref().unwrap();
        let id = store.last().unwrap().unwrap();
        store
            .db
            .query_row("PRAGMA max_page_count = 1", [], |_| Ok(()))
            .unwrap();
        worker.run(&say(1, &"x".repeat(1 << 20)));
        let list = Command::List {
            words: String::new(),
        };
        let open = Command::Open { chat: Chat(2), id };
        for question in [list, open] {
            worker.run(&question);
        }
        let events: Vec<Event> = told.try_iter().collect();
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::Listed { list, .. } if list.len() == 1))
        );
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::Opened { chat: Chat(2), .. }))
        );
        assert_eq!(worker.backlog.len(), 1, "only the change waits");
    }

    #[test]
    fn damage_found_in_mid_work_is_salvaged_and_the_work_goes_on() {
        let (place, mut worker, told) = worker();
        worker.run(&say(0, "first"));
        let file = place.path().join("sessions").join(crate::store::DATABASE);
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
