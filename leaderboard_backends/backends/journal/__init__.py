"""`journal:///path?board=NAME`: boards in this process's memory, and each change of them in a log on the disk.

Order: that of `memory://`, at the same cost per read. Each write appends one frame to the board's log before anybody
sees it: some 45 bytes and the texts, with a checksum. O(log n) as in memory, and one `write` of the system.

Disk: the path is a folder, and each board has a folder in it, `NAME.board`. There, `snapshot-N` is all that the board
held when `log-N` began: 8 bytes per player and the texts, in rank order. Once the log is longer than the snapshot,
and than 8 MiB, a thread begins the next log and writes the next snapshot; writers wait for one sync of the disk, and
then for what some chunks of the board take to copy, under a millisecond each time. So the folder holds at most two
snapshots, logs of the same size, and what is written meanwhile. A batch of at least 1,000 updates and 1/8 of the
players is not logged, but followed by a snapshot.

Opening: O(n) for the snapshot, some 0.6 µs per player, and 5 to 10 µs per change in the log: after a crash, some 3 s
more at a million players if the log is as long as it gets. Closing writes a snapshot where the log is 1/8 of that.

Crash: each write is with the system before it is acknowledged, so that it survives kill -9. What survives a power cut,
as far as the disk honours syncing, is set by `fsync`: `always`, everything; `everysec`, all but the last second
(two, while the disk is slow: then writes wait for it);
`never`, an earlier state. A last frame that a crash cut off is removed, with a warning in the log of the program. A
damaged frame before a whole one cannot come from a crash: opening raises an error with its offset and what to do. A
full disk refuses writes with `BackendFullError`, serves reads, and the board goes on when there is room.

Sharing: threads share the board object; one lock, which a write holds while it waits for the disk, too. The folder is
locked: one board object at a time has it open, of all processes. A forked child that uses it gets an error.

Backup: copy the folder `NAME.board`. A copy that is made while the board is written is the board of a moment during the
copying, or is refused when it is opened; then copy it again.
"""

from .board import JournalLeaderboard

__all__ = ["JournalLeaderboard"]
