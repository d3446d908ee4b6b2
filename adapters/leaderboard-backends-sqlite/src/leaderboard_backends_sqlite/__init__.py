"""`sqlite:///path/board.db?board=NAME`: boards in an SQLite file, shared by processes, without a server.

Order: the table `standing`, clustered by key and version. The key is the score as a double, negated where the highest
is the best; the version is that at which the player reached it, which orders a tie. It counts the board's changes, in
the board's row, which every change writes. Exact for every score.

Changes: the version, the fence and the length of the feed are in the board's row, which a write reads when its turn has
come. A board with a feed writes each change to the table `change`, in the same commit; one without, nothing more.

Rank: SQLite keeps no counts in its trees, and `SELECT count(*)` is O(n). Here the order is cut into buckets of at most
256 players, and up to 64 neighbouring buckets are a run; each has a row with its first place and its count. A rank is
the sum of the runs before, of the buckets before in its run, and a count within one bucket. Buckets and runs split and
merge as players move, within a tie too.

Cost, n players, k entries returned, g = n / 8,000 runs: `get_rank`, `get_percentile`, `count_by_score`,
`update_score`, `increment_score`, `remove_player` O(log n + g) and at most 64 + 256 rows; `get_range` O(g + k) and as
many rows; `get_around`, `get_by_score` as a rank and O(k); `get_top_n` O(k); `get_score`, `in` O(log n); `len` O(g);
`clear` O(n). At 1M players a rank takes some 40 to 110 µs. Every write is one commit; an update that changes nothing
writes nothing. `update_scores` commits 1,000 at a time; where the updates are more than that and at least as many as
the players, it sorts once and writes the tables anew in one commit, every one or none. No round trips.

File: some 80 bytes a player, and beside it a write-ahead log, `-wal`, of 4 MiB, which a writer copies into the file
when it is longer, and its index, `-shm`. Both go when the last board is closed. They belong to the file: copy all
three, or none while a board is open (`VACUUM INTO` of the `sqlite3` tool makes a backup of an open file).

Crash: with `synchronous=full` what was acknowledged is on disk, after kill -9 and, as far as the disk honours fsync,
after a power loss. With `synchronous=normal` it survives the crash of any process; a power loss may take the last
commits along, whole ones, and damages nothing. A full disk refuses writes with `BackendFullError`, serves reads, and
the board goes on when there is room. A commit on a disk that fails raises `WriteOutcomeUnknownError`.

Many: reads never wait for writes, nor writes for reads. Writers take turns, those of other processes for at most
`busy_timeout` seconds; then `WriteConflictError`, nothing applied. All must be on one machine: the log's index is
shared memory, which network file systems do not share. A finalizer or a signal handler that calls a board in the middle
of a call of its own thread, or while that thread forks, gets an error.
"""

from .board import SQLiteLeaderboard

__all__ = ["SQLiteLeaderboard"]
