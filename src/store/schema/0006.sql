-- Version 6: what of a conversation is left out of the prompt.

CREATE TABLE omission (
    conversation INTEGER PRIMARY KEY REFERENCES conversation (id) ON DELETE CASCADE,
    before INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE, -- the prompt begins with it
    written_ms INTEGER NOT NULL,
    summary TEXT                         -- what stands in place of the rest; NULL = nothing
) STRICT;
