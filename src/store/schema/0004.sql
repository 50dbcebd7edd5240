-- Version 4: which settings' answers people liked best, whatever becomes of the chats.

CREATE TABLE ballot (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_ms INTEGER NOT NULL,
    prompt TEXT NOT NULL,                -- its hash, so that nothing that was said stays here
    model TEXT NOT NULL,
    model_hash TEXT NOT NULL,
    contenders TEXT NOT NULL,            -- JSON: [preset, hash of its values] each
    best TEXT NOT NULL                   -- JSON: indices into contenders; several are a tie
) STRICT;
