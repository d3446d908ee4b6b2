"""Boards in ZODB: a file (`zodb://`), this process's memory (`zodb+memory://`), a ZEO server, any storage of ZODB's.

Order: a B-tree from sort key to names, best first, and a B-tree from player to sort key. A key is 14 bytes: the
score's double, mapped so that the order of bytes is the order of ranks, and the place in the tie. Whoever joins a tie
gets the board's version, and a place behind its last, so that no counter is shared by all. Exact for every score.

Version, feed, fence: the version is the sum of the changes that the groups below count, so two clients raise it
without a conflict, and each change counts once. A board with a feed keeps its latest changes by their numbers, in a
B-tree, written in the same transaction: there, any two clients that write at once conflict, and one of them starts
over. The fence is in the board's own record, which each write of several clients needs to be current.

Rank: a B-tree keeps no counts, and counting through it is O(n). Here the order is cut into segments of at most 512
keys; up to 64 segments are a group, with one record of the segments' bounds and one of their counts. A rank is the
sum of the groups and segments before, and a walk through a part of one segment.

Cost, n players, k entries returned, g = n / 25,000 groups: `get_rank`, `get_percentile`, `count_by_score`,
`update_score`, `increment_score`, `remove_player` O(log n + g) and a walk of at most 512 keys; `get_top_n`,
`get_range`, `get_around`, `get_by_score` O(g + k) and such a walk; `get_score`, `in` O(log n); `len` O(g). At 1M
players a rank takes some 15 µs. Every write is one commit, one fsync: some 0.8 ms, mostly the disk's. `update_scores`
commits 1,000 at a time, 0.2 ms each; where the updates are more than the players of the board, it sorts once and
commits all of them at once, 20 µs each, every one or none. No round trips.

File: an update appends some 2.5 KB (a player takes 110 bytes after a bulk load), and the file grows until `pack()`.
An update that changes nothing writes nothing. **Records are pickles: whoever can write the file can run code in the
process that opens it.** Keep it where only the app's user can write.

Crash: what was acknowledged is on disk, after kill -9 and, as far as the disk honours fsync, after a power loss. An
update is one transaction; what a crash left half written at the file's end is cut off at the next opening. A full disk
refuses writes with `BackendFullError`, serves reads, and goes on when there is room. `zodb+memory://` survives nothing.

One process: a file is locked by the process that opened it, all of whose boards and threads share it; a forked child
must open its own. Writers of one process take turns. A finalizer or a signal handler that calls a board in the middle
of a call of its own thread gets an error, also where it closes the last board there. Where the file was moved, removed
or replaced, what is written goes where it went; `ping`, `pack` and the call after a failed commit raise
`BackendUnavailableError`, and what took its place is not touched.

Several clients: `zeo://`, `zodb+config://` and `ZODBLeaderboard(database=...)`. Writes that conflict are repeated as
whole transactions, about 1 % of them where two clients write without pause on 10,000 players, fewer on larger boards.
Order and ties are exact then too. A commit at transaction T merges with what others committed since it began, so that
a rank worked out before it may be short of those. `zeo://` and `zodb+config://` therefore work out a rank after the
commit, on the state of T: the newest one, mostly, and else the past one, by a connection opened at T. A board in a
database that the app opened has no such connection: a rank that an update returns there does not yet count what
another client commits in the same moment.

Why concurrent clients keep ties first come, first served. A leaf of the order never merges the writes of two
transactions; one of them starts over. Whoever joins a tie writes the leaf that holds the last one of it, and so does
whoever leaves its end, so nobody gets a place worked out from an end that has moved since.

Why concurrent clients keep the counts true. The differences of two moves add up in the counts, and players merge key
by key in the index. What must not merge is a move with a change of structure (a segment or group split,
merged or dropped, or a board cleared or built anew), because either worked from what the other changed. Therefore
whoever writes anything inside a group, even a username, writes the group's `Counts` record, and whoever changes the
structure of a group, or takes it out of use, raises the number in that record. ZODB lets two such writes merge only
through `Counts._p_resolveConflict`, which refuses where the numbers differ; so whichever commits second starts over.
Reading the bounds and the directory needs no check of its own: they change only together with that number. Two
changes of structure at once both write the bounds or the directory, which never merge.
"""

from .board import ZODBLeaderboard, ZODBMemoryLeaderboard

__all__ = ["ZODBLeaderboard", "ZODBMemoryLeaderboard"]
