//! Messages: adding them, streaming replies, choosing among siblings, deleting branches, forking.

use rusqlite::{Connection, OptionalExtension, params};

use super::conversations;
use super::error::Tried;
use super::omissions;
use super::open::now_ms;
use super::row::{read, role_name, state_from, state_name, text, to_json};
use super::search;
use super::{
    ConversationId, Ending, Message, MessageId, MessageState, Said, Store, StoreError, Tree,
};
use crate::chat::Role;

const COLUMNS: &str =
    "id, parent, role, content, reasoning, state, created_ms, model, seed, params, timings, stop";

impl Store {
    /// Adds a message below `parent` (`None` = a beginning) and makes it the end of the chosen path.
    /// Said beside a message that is there already, it becomes that one's sibling: that is how one
    /// edits and answers again. Durable when this returns.
    ///
    /// # Errors
    /// When there is no such conversation or parent, or it cannot be written.
    pub fn append(
        &mut self,
        conversation: ConversationId,
        parent: Option<MessageId>,
        said: &Said,
    ) -> Result<MessageId, StoreError> {
        const WHAT: &str = "saving a message";
        let change = self.change(WHAT)?;
        let id = append(&change, conversation, parent, said, None)?;
        change.commit().tried(WHAT)?;
        Ok(id)
    }

    /// Begins a reply that is written piece by piece. Until [`Store::finish`] it is marked as
    /// streaming; should this program die, the next one that opens the store marks it as interrupted.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn begin_reply(
        &mut self,
        conversation: ConversationId,
        parent: Option<MessageId>,
        said: &Said,
    ) -> Result<MessageId, StoreError> {
        const WHAT: &str = "beginning a reply";
        let writer = self.writer_id()?;
        let change = self.change(WHAT)?;
        let id = append(&change, conversation, parent, said, Some(writer))?;
        change.commit().tried(WHAT)?;
        Ok(id)
    }

    /// Goes on with a reply that had ended: more pieces may follow.
    ///
    /// # Errors
    /// When there is no such message, or it cannot be written.
    pub fn resume_reply(&mut self, id: MessageId) -> Result<(), StoreError> {
        const WHAT: &str = "going on with a reply";
        let writer = self.writer_id()?;
        let change = self.change(WHAT)?;
        let (content, reasoning, state) = text_of(&change, id)?;
        if state != MessageState::Streaming {
            search::forget_message(&change, id, &content, &reasoning)?;
        }
        let sql = "UPDATE message SET state = 'streaming', writer = ?2, stop = '' WHERE id = ?1";
        change.execute(sql, params![id.0, writer]).tried(WHAT)?;
        change.commit().tried(WHAT)
    }

    /// Keeps what a streaming reply has grown by. Durable when this returns; costs the new text, not
    /// the whole reply.
    ///
    /// # Errors
    /// When there is no such message, or it cannot be written.
    pub fn add_piece(
        &mut self,
        id: MessageId,
        content: &str,
        reasoning: &str,
    ) -> Result<(), StoreError> {
        const WHAT: &str = "saving a reply";
        let sql = "INSERT INTO piece (message, content, reasoning, written_ms)
                   SELECT id, ?2, ?3, ?4 FROM message WHERE id = ?1";
        let rows = self
            .db
            .prepare_cached(sql)
            .and_then(|mut insert| insert.execute(params![id.0, content, reasoning, now_ms()]))
            .tried(WHAT)?;
        (rows > 0).then_some(()).ok_or(StoreError::NoMessage(id))
    }

    /// Ends a reply: its pieces become one text, which search finds from now on.
    ///
    /// # Errors
    /// When there is no such message, or it cannot be written.
    pub fn finish(&mut self, id: MessageId, ending: &Ending) -> Result<(), StoreError> {
        const WHAT: &str = "ending a reply";
        let change = self.change(WHAT)?;
        finish(&change, id, ending)?;
        change.commit().tried(WHAT)
    }

    /// Every message of a conversation that is not deleted, with what streaming replies have so far.
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be read.
    pub fn tree(&self, conversation: ConversationId) -> Result<Tree, StoreError> {
        const WHAT: &str = "reading a conversation";
        // One view of the store for all of it, whatever others write meanwhile.
        let view = self.db.unchecked_transaction().tried(WHAT)?;
        conversations::must_exist(&view, conversation)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM message WHERE conversation = ?1 AND deleted_ms IS NULL ORDER BY id"
        );
        let mut messages: Vec<Message> = view
            .prepare_cached(&sql)
            .and_then(|mut rows| rows.query_map([conversation.0], read)?.collect())
            .tried(WHAT)?;
        for message in &mut messages {
            if message.said.state == MessageState::Streaming {
                let (content, reasoning) = pieces(&view, message.id)?;
                message.said.content.push_str(&content);
                message.said.reasoning.push_str(&reasoning);
            }
        }
        Ok(Tree::new(messages))
    }

    /// Makes the path to this message the chosen one; `None` = to before the first message.
    ///
    /// # Errors
    /// When the message is not part of the conversation, or it cannot be written.
    pub fn choose(
        &mut self,
        conversation: ConversationId,
        leaf: Option<MessageId>,
    ) -> Result<(), StoreError> {
        const WHAT: &str = "choosing a branch";
        let change = self.change(WHAT)?;
        if let Some(leaf) = leaf {
            must_belong(&change, conversation, leaf)?;
        }
        set_leaf(&change, conversation, leaf, now_ms())?;
        change.commit().tried(WHAT)
    }

    /// Deletes a message and everything said after it; [`Store::restore_messages`] brings them
    /// back. The path ends before it then, if it was part of the path.
    ///
    /// # Errors
    /// When there is no such message, or it cannot be written.
    pub fn delete_message(&mut self, id: MessageId) -> Result<(), StoreError> {
        const WHAT: &str = "deleting a message";
        let change = self.change(WHAT)?;
        let (conversation, parent) = place(&change, id)?;
        let leaf: Option<i64> = change
            .query_row(
                "SELECT leaf FROM conversation WHERE id = ?1",
                [conversation.0],
                |row| row.get(0),
            )
            .tried(WHAT)?;
        let branch = branch(&change, id)?;
        let now = now_ms();
        for message in &branch {
            let sql = "UPDATE message SET deleted_ms = ?2 WHERE id = ?1 AND deleted_ms IS NULL";
            change.execute(sql, params![message, now]).tried(WHAT)?;
        }
        if leaf.is_some_and(|leaf| branch.contains(&leaf)) {
            set_leaf(&change, conversation, parent, now)?;
        }
        change.commit().tried(WHAT)
    }

    /// Brings a deleted message back, with what was deleted together with it, and makes it part of
    /// the path again.
    ///
    /// # Errors
    /// When there is no such message, or it cannot be written.
    pub fn restore_messages(&mut self, id: MessageId) -> Result<(), StoreError> {
        const WHAT: &str = "restoring messages";
        let change = self.change(WHAT)?;
        let (conversation, _) = place(&change, id)?;
        let sql = "UPDATE message SET deleted_ms = NULL WHERE id = ?1 AND deleted_ms =
                   (SELECT deleted_ms FROM message WHERE id = ?2)";
        // The message itself last: its time is what the others are compared with.
        let branch = branch(&change, id)?;
        for message in branch.iter().rev() {
            change.execute(sql, params![message, id.0]).tried(WHAT)?;
        }
        let mut leaf = id;
        for message in branch.into_iter().map(MessageId) {
            if is_kept(&change, message)? {
                leaf = message;
            }
        }
        set_leaf(&change, conversation, Some(leaf), now_ms())?;
        change.commit().tried(WHAT)
    }

    /// Copies the path to this message into a conversation of its own, with the same settings.
    ///
    /// # Errors
    /// When the message is not part of the conversation, or it cannot be written.
    pub fn fork(
        &mut self,
        conversation: ConversationId,
        at: MessageId,
    ) -> Result<ConversationId, StoreError> {
        const WHAT: &str = "forking a conversation";
        let tree = self.tree(conversation)?;
        let path = tree.path_to(at);
        if path.is_empty() {
            return Err(StoreError::Elsewhere {
                message: at,
                conversation,
            });
        }
        let settings = self.conversation(conversation)?.settings;
        let omission = self.omission(conversation)?;
        let change = self.change(WHAT)?;
        let now = now_ms();
        let fork = conversations::insert(&change, &settings, now, now)?;
        let mut parent = None;
        for message in path {
            let mut said = message.said.clone();
            // Whoever streams the original does not stream the copy.
            if said.state == MessageState::Streaming {
                said.state = MessageState::Interrupted;
            }
            let copy = append(&change, fork, parent, &said, None)?;
            if let Some(omission) = omission.as_ref().filter(|one| one.before == message.id) {
                let omission = omission.place(|_| Some(copy));
                omissions::write(&change, fork, omission.as_ref())?;
            }
            parent = Some(copy);
        }
        change.commit().tried(WHAT)?;
        Ok(fork)
    }
}

/// Adds a message; `writer` = who streams it.
pub(super) fn append(
    db: &Connection,
    conversation: ConversationId,
    parent: Option<MessageId>,
    said: &Said,
    writer: Option<i64>,
) -> Result<MessageId, StoreError> {
    const WHAT: &str = "saving a message";
    conversations::must_exist(db, conversation)?;
    if let Some(parent) = parent {
        must_belong(db, conversation, parent)?;
    }
    let now = now_ms();
    let created = if said.created_ms == 0 {
        now
    } else {
        said.created_ms
    };
    let state = match writer {
        Some(_) => MessageState::Streaming,
        None => said.state,
    };
    db.prepare_cached(
        "INSERT INTO message (conversation, parent, role, content, reasoning, state, created_ms,
                              model, seed, params, timings, stop, writer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )
    .and_then(|mut insert| {
        insert.execute(params![
            conversation.0,
            parent.map(|parent| parent.0),
            role_name(said.role),
            said.content,
            said.reasoning,
            state_name(state),
            created,
            said.model,
            said.seed,
            to_json(&said.params),
            said.timings.as_ref().map(to_json),
            said.stop,
            writer
        ])
    })
    .tried(WHAT)?;
    let id = MessageId(db.last_insert_rowid());
    if writer.is_none() {
        search::index_message(db, id, &said.content, &said.reasoning)?;
    }
    set_leaf(db, conversation, Some(id), now)?;
    if said.role == Role::User {
        conversations::title_from(db, conversation, &said.content)?;
    }
    Ok(id)
}

/// Marks every reply of a dead writer as interrupted. Returns how many there were.
pub(super) fn interrupt_all(db: &Connection, writer: i64) -> Result<usize, StoreError> {
    const WHAT: &str = "closing interrupted replies";
    let ids: Vec<i64> = db
        .prepare_cached("SELECT id FROM message WHERE writer = ?1")
        .and_then(|mut rows| rows.query_map([writer], |row| row.get(0))?.collect())
        .tried(WHAT)?;
    let ending = Ending {
        state: MessageState::Interrupted,
        ..Ending::default()
    };
    for id in &ids {
        finish(db, MessageId(*id), &ending)?;
    }
    Ok(ids.len())
}

pub(super) fn finish(db: &Connection, id: MessageId, ending: &Ending) -> Result<(), StoreError> {
    const WHAT: &str = "ending a reply";
    let (mut content, mut reasoning, state) = text_of(db, id)?;
    if state != MessageState::Streaming {
        search::forget_message(db, id, &content, &reasoning)?;
    }
    let (more, more_reasoning) = pieces(db, id)?;
    content.push_str(&more);
    reasoning.push_str(&more_reasoning);
    db.prepare_cached(
        "UPDATE message SET content = ?2, reasoning = ?3, state = ?4, stop = ?5, writer = NULL,
                seed = coalesce(?6, seed), timings = coalesce(?7, timings) WHERE id = ?1",
    )
    .and_then(|mut update| {
        update.execute(params![
            id.0,
            content,
            reasoning,
            state_name(ending.state),
            ending.stop,
            ending.seed,
            ending.timings.as_ref().map(to_json)
        ])
    })
    .tried(WHAT)?;
    db.execute("DELETE FROM piece WHERE message = ?1", [id.0])
        .tried(WHAT)?;
    let sql = "UPDATE conversation SET changed_ms = ?2
               WHERE id = (SELECT conversation FROM message WHERE id = ?1)";
    db.execute(sql, params![id.0, now_ms()]).tried(WHAT)?;
    search::index_message(db, id, &content, &reasoning)
}

/// What a message says by itself: content, reasoning; and how far it has come.
pub(super) fn text_of(
    db: &Connection,
    id: MessageId,
) -> Result<(String, String, MessageState), StoreError> {
    db.prepare_cached("SELECT content, reasoning, state FROM message WHERE id = ?1")
        .and_then(|mut found| {
            found
                .query_row([id.0], |row| {
                    Ok((text(row, 0)?, text(row, 1)?, state_from(&text(row, 2)?)))
                })
                .optional()
        })
        .tried("reading a message")?
        .ok_or(StoreError::NoMessage(id))
}

/// Takes every word of a conversation's messages out of the index.
pub(super) fn forget_all(db: &Connection, id: ConversationId) -> Result<(), StoreError> {
    let ids: Vec<i64> = db
        .prepare_cached("SELECT id FROM message WHERE conversation = ?1")
        .and_then(|mut ids| ids.query_map([id.0], |row| row.get(0))?.collect())
        .tried("reading a conversation")?;
    for message in ids.into_iter().map(MessageId) {
        let (content, reasoning, state) = text_of(db, message)?;
        // What streams is taken in when it ends.
        if state != MessageState::Streaming {
            search::forget_message(db, message, &content, &reasoning)?;
        }
    }
    Ok(())
}

/// What a streaming reply has grown by: content, reasoning.
fn pieces(db: &Connection, id: MessageId) -> Result<(String, String), StoreError> {
    const WHAT: &str = "reading a reply";
    let sql = "SELECT content, reasoning FROM piece WHERE message = ?1 ORDER BY id";
    let mut statement = db.prepare_cached(sql).tried(WHAT)?;
    let mut rows = statement.query([id.0]).tried(WHAT)?;
    let (mut content, mut reasoning) = (String::new(), String::new());
    while let Some(row) = rows.next().tried(WHAT)? {
        content.push_str(&text(row, 0).tried(WHAT)?);
        reasoning.push_str(&text(row, 1).tried(WHAT)?);
    }
    Ok((content, reasoning))
}

/// A message and all below it, by id.
fn branch(db: &Connection, id: MessageId) -> Result<Vec<i64>, StoreError> {
    let sql = "WITH RECURSIVE below (id) AS (SELECT ?1 UNION
               SELECT message.id FROM message JOIN below ON message.parent = below.id)
               SELECT id FROM below ORDER BY id";
    db.prepare_cached(sql)
        .and_then(|mut rows| rows.query_map([id.0], |row| row.get(0))?.collect())
        .tried("reading a branch")
}

/// The conversation and the parent of a message.
fn place(
    db: &Connection,
    id: MessageId,
) -> Result<(ConversationId, Option<MessageId>), StoreError> {
    db.query_row(
        "SELECT conversation, parent FROM message WHERE id = ?1",
        [id.0],
        |row| {
            let parent: Option<i64> = row.get(1)?;
            Ok((ConversationId(row.get(0)?), parent.map(MessageId)))
        },
    )
    .optional()
    .tried("reading a message")?
    .ok_or(StoreError::NoMessage(id))
}

fn is_kept(db: &Connection, id: MessageId) -> Result<bool, StoreError> {
    db.prepare_cached("SELECT 1 FROM message WHERE id = ?1 AND deleted_ms IS NULL")
        .and_then(|mut kept| kept.exists([id.0]))
        .tried("reading a message")
}

pub(super) fn must_belong(
    db: &Connection,
    conversation: ConversationId,
    message: MessageId,
) -> Result<(), StoreError> {
    let sql = "SELECT 1 FROM message WHERE id = ?1 AND conversation = ?2";
    db.prepare_cached(sql)
        .and_then(|mut statement| statement.exists([message.0, conversation.0]))
        .tried("reading a message")?
        .then_some(())
        .ok_or(StoreError::Elsewhere {
            message,
            conversation,
        })
}

pub(super) fn set_leaf(
    db: &Connection,
    conversation: ConversationId,
    leaf: Option<MessageId>,
    now: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE conversation SET leaf = ?2, changed_ms = ?3 WHERE id = ?1";
    db.prepare_cached(sql)
        .and_then(|mut update| {
            update.execute(params![conversation.0, leaf.map(|leaf| leaf.0), now])
        })
        .tried("choosing a branch")?;
    Ok(())
}
