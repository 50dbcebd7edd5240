-- Version 7: the index knows the beginnings of one character too, for which the words are taken in
-- again. How a streaming reply came about grows by parts.

DROP TABLE said;
CREATE VIRTUAL TABLE said USING fts5 (
    content,
    reasoning,
    content = '',
    prefix = '1 2 3 4 5 6',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
INSERT INTO said (said, rank) VALUES ('secure-delete', 1);
-- What streams is taken in when it ends.
INSERT INTO said (rowid, content, reasoning)
    SELECT id, words(content), words(reasoning) FROM message WHERE state <> 'streaming';

DROP TABLE titled;
CREATE VIRTUAL TABLE titled USING fts5 (
    title,
    content = '',
    prefix = '1 2 3 4 5 6',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
INSERT INTO titled (titled, rank) VALUES ('secure-delete', 1);
INSERT INTO titled (rowid, title)
    SELECT id, words(coalesce(title, first_line)) FROM conversation
    WHERE coalesce(title, first_line) <> '';

CREATE TABLE trace_part (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message INTEGER NOT NULL REFERENCES trace (message) ON DELETE CASCADE,
    tokens BLOB NOT NULL                 -- as in trace, without the prompt
) STRICT;
CREATE INDEX trace_part_by_message ON trace_part (message);
