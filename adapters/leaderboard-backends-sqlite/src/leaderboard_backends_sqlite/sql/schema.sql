-- The tables of layout 2. Text is kept as BLOB, its UTF-8 bytes: it may hold NUL, and is compared as bytes.
-- A standing's `key` is the score, negated where the highest is the best, so that the best comes first. `reached` is
-- the board's version at which the player reached that score, which is the order within a tie.

-- `version` counts the changes of the board. `feed` is how many of them are kept, `moved_to` where a fenced board went.
-- No number of a board is given again: whoever holds a deleted one open must not write another.
CREATE TABLE board (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE,
    descending INTEGER NOT NULL,
    history    TEXT NOT NULL,
    version    INTEGER NOT NULL,
    feed       INTEGER NOT NULL,
    moved_to   TEXT
);

CREATE TABLE player (
    board   INTEGER NOT NULL,
    id      BLOB NOT NULL,
    key     REAL NOT NULL,
    reached INTEGER NOT NULL,
    PRIMARY KEY (board, id)
) WITHOUT ROWID;

CREATE TABLE standing (
    board    INTEGER NOT NULL,
    key      REAL NOT NULL,
    reached  INTEGER NOT NULL,
    id       BLOB NOT NULL,
    username BLOB NOT NULL,
    PRIMARY KEY (board, key, reached)
) WITHOUT ROWID;

-- How many players stand from this bound up to the next bucket's. The first bucket of a board begins before all.
CREATE TABLE bucket (
    board   INTEGER NOT NULL,
    key     REAL NOT NULL,
    reached INTEGER NOT NULL,
    players INTEGER NOT NULL,
    PRIMARY KEY (board, key, reached)
) WITHOUT ROWID;

-- The same over a run of neighbouring buckets. Each begins where its first bucket does.
CREATE TABLE run (
    board   INTEGER NOT NULL,
    key     REAL NOT NULL,
    reached INTEGER NOT NULL,
    players INTEGER NOT NULL,
    buckets INTEGER NOT NULL,
    PRIMARY KEY (board, key, reached)
) WITHOUT ROWID;

-- The latest changes of the boards that keep a feed, without a gap: the state that a player was left in, no `key` where
-- the player was removed, no `id` where all were.
CREATE TABLE change (
    board    INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    id       BLOB,
    username BLOB NOT NULL,
    key      REAL,
    reached  INTEGER NOT NULL,
    PRIMARY KEY (board, number)
) WITHOUT ROWID;
