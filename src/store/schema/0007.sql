-- Version 7: the index knows the beginnings of one character too. The words are taken in again.

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
