-- Version 1: conversations as trees of messages, and the index for search.
--
-- Ids are never given twice (AUTOINCREMENT). Times are milliseconds since 1970, UTC. Tables whose
-- rows a salvage must be able to tell apart differ in their number of columns; see salvage/rows.rs.

-- A program that has the store open for writing. It holds a lock on the file writer-<id>.lock as
-- long as it lives.
CREATE TABLE writer (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    began_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE conversation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT,                          -- given by hand; NULL = the first message's first line
    first_line TEXT NOT NULL,
    pinned INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    deleted_ms INTEGER,                  -- NULL = not deleted
    leaf INTEGER,                        -- the last message of the chosen path
    system TEXT,
    preset TEXT,
    params TEXT NOT NULL,                -- JSON object: parameter name to value as text
    open_by INTEGER                      -- the writer that has it on its screen, or died with it
) STRICT;
CREATE INDEX conversation_by_change ON conversation (changed_ms);
CREATE INDEX conversation_open ON conversation (open_by) WHERE open_by IS NOT NULL;

CREATE TABLE tag (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    UNIQUE (conversation, name)
) STRICT;

CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    parent INTEGER REFERENCES message (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    reasoning TEXT NOT NULL,
    state TEXT NOT NULL,                 -- streaming, complete, interrupted
    created_ms INTEGER NOT NULL,
    deleted_ms INTEGER,
    model TEXT NOT NULL,
    seed INTEGER,
    params TEXT NOT NULL,                -- JSON object, as above
    timings TEXT,                        -- JSON object
    stop TEXT NOT NULL,                  -- why the reply ended
    writer INTEGER                       -- who streams it
) STRICT;
CREATE INDEX message_by_conversation ON message (conversation);
CREATE INDEX message_by_parent ON message (parent);
CREATE INDEX message_streaming ON message (writer) WHERE writer IS NOT NULL;

-- What a streaming reply has grown by since it began. Joined to the message when it ends, so that
-- each second costs what is new and not the whole reply.
CREATE TABLE piece (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    content TEXT NOT NULL,
    reasoning TEXT NOT NULL,
    written_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX piece_by_message ON piece (message);

-- Words only: the text itself is in `message`. What is put in was prepared by search/words.rs, and is
-- taken out with the same words; secure-delete then removes them from the file at once.
CREATE VIRTUAL TABLE said USING fts5 (
    content,
    reasoning,
    content = '',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
CREATE VIRTUAL TABLE titled USING fts5 (
    title,
    content = '',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
INSERT INTO said (said, rank) VALUES ('secure-delete', 1);
INSERT INTO titled (titled, rank) VALUES ('secure-delete', 1);
