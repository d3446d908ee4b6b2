"""`memory://NAME`: the in-process default, players in chunks of parallel lists, and a dict that finds their keys.

Order: a player's score and the number of the change that reached it are packed into one integer, the key, so that
smaller means better and, within a tie, earlier. `chunks.Chunks` holds the players in the order of their keys. So a
player costs an entry of the dict, one integer and three references, and the texts are those that came first.

A score is packed as the whole number that it is until the first score comes that has a fraction or is beyond ±2^53:
from then on, all are packed as the bits of their doubles, which order as the scores do and are exact for each of them.
The number of a change has 32 bits in a key; once they are used up, the players are numbered anew.

Cost, n players, k entries returned: `update_score`, `increment_score`, `remove_player`, `get_rank`, `get_percentile`,
`count_by_score` O(log n + n / 16,384), the second part being sums over short lists; `get_range`, `get_around`,
`get_by_score` the same plus O(k); `get_top_n` likewise, but only O(k) as long as nobody on the first page changed, as
that page is cached; `get_score`, `len` and `in` O(1); `update_scores` of m updates O(m log n), or one sort,
O((n + m) log (n + m)), where m is a large part of the board. No round trips.

It is safe to share between threads. Writes take a lock. Reads take none, as long as no write comes in between: one is
seen by a number that each raises, and then the read is made again with the lock. So a read never sees half of a write.

Crash: nothing survives the process. A write notes its result before its first step: if an interrupt (Ctrl-C) stops it
halfway, the next call completes it, O(n log n). A batch that moves player by player then ends with the update that was
interrupted; those after it are not applied. A finalizer or a signal handler that calls the board in the middle of
a write of its own thread gets an error.
"""

from __future__ import annotations

from .board import MemoryLeaderboard

__all__ = ["MemoryLeaderboard"]
