-- The tables of layout 1. Text is kept as BLOB, its UTF-8 bytes: it may hold NUL, and is compared as bytes.
-- A standing's `key` is the score, negated where the highest is the best, so that the best comes first. `place`
-- numbers those who share a score in the order in which they came.

CREATE TABLE board (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    descending INTEGER NOT NULL
);

CREATE TABLE player (
    board INTEGER NOT NULL,
    id    BLOB NOT NULL,
    key   REAL NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (board, id)
) WITHOUT ROWID;

CREATE TABLE standing (
    board    INTEGER NOT NULL,
    key      REAL NOT NULL,
    place    INTEGER NOT NULL,
    id       BLOB NOT NULL,
    username BLOB NOT NULL,
    PRIMARY KEY (board, key, place)
) WITHOUT ROWID;

-- How many players stand from this bound up to the next bucket's. The first bucket of a board begins before all.
CREATE TABLE bucket (
    board   INTEGER NOT NULL,
    key     REAL NOT NULL,
    place   INTEGER NOT NULL,
    players INTEGER NOT NULL,
    PRIMARY KEY (board, key, place)
) WITHOUT ROWID;

-- The same over a run of neighbouring buckets. Each begins where its first bucket does.
CREATE TABLE run (
    board   INTEGER NOT NULL,
    key     REAL NOT NULL,
    place   INTEGER NOT NULL,
    players INTEGER NOT NULL,
    buckets INTEGER NOT NULL,
    PRIMARY KEY (board, key, place)
) WITHOUT ROWID;
