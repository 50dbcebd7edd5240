-- Version 3: what made a reply, and how its tokens came about.

CREATE TABLE trace (
    message INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
    origin TEXT NOT NULL,                -- JSON object: model, build, devices, seed, batches
    tokens BLOB NOT NULL                 -- ids and candidates, in the format of engine/trace/blob.rs
) STRICT;
