-- Version 2: measurements, and which of two replies people liked better.

CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    params TEXT NOT NULL,                -- JSON object: parameter name to value as text
    figures TEXT NOT NULL                -- JSON, as the kind of run defines it
) STRICT;

CREATE TABLE vote (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_ms INTEGER NOT NULL,
    better INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    worse INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX vote_by_better ON vote (better);
CREATE INDEX vote_by_worse ON vote (worse);
