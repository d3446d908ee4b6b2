"""`redis://`, `rediss://`, `unix://`: a board on a Redis (7 or newer) or Valkey (8 or newer) server.

Order: a sorted set holds one member per player, with the score as it is, a double, so every score of the contract is
exact. A member is six bytes of sequence, the username, a byte 0xFF (which UTF-8 never has) and the player id. Members
of one score are sorted by their bytes, so the sequence is the order of a tie: it is the board's version with which the
player reached the score; on a descending board it is inverted, because it is read backwards. What ranks first is thus
one native range read, usernames included. To find a player's member, hashes of about 15 players each map an id to its
sequence and username; small hashes are stored as packed lists, which halves their memory. Their number grows one by one
with the board (linear hashing), so no update ever pays for the growth of all. All keys of a board share one hash tag:

    leaderboard:{NAME}:order    sorted set: members and scores
    leaderboard:{NAME}:p:N      hash: player id -> sequence and username; and a field '', so that none is ever empty
    leaderboard:{NAME}:meta     hash: format and order of the board, number of hashes, sequence (its version), number
                                of players, history (when the board was made), feed (its length), moved (its fence)
    leaderboard:{NAME}:changes  stream, if the board has a feed: one entry per change, `VERSION-0`, with the state that
                                it left (score, and the member of the order), the id of who was removed, or `cleared`

`clear` leaves the description, so that version and history go on; `delete` leaves nothing. The history that a board
reports is that of its description and the server's replication history (`master_replid` of INFO, in the same round
trip), which is new after each start of the server, after a failover, and when a first replica joins. So followers of
the feed notice when the server went back to older data, or lost its last writes, and read the whole board again.

Damage: the number of players and the field '' show what was evicted or deleted. A write that finds a key missing is
refused before it writes (a batch from the first group of 64 updates that needs the key), a read raises, and `clear`
repairs the board.
A write appends to the feed before it changes anything, so a feed that does not take the change (another type under its
key, numbers of another history) refuses the write as a whole; opening and `clear` drop such a feed, and a description
that is made anew drops whatever feed it finds. A board whose description is lost is refused by every script but those
of `clear` and `delete`, which remove what is left of it, and its fence and its feed are lost with it.

Cost, n players, k entries: every operation is one command or one Lua script, so it is one atomic step and ONE round
trip (a second where the server has forgotten the script). `update_score`, `increment_score`, `remove_player`,
`get_rank`, `get_entry`, `get_percentile`, `count_by_score` O(log n); `get_top_n`, `get_range`, `get_around`,
`get_by_score` O(log n + k); `get_entries` O(k log n); `len` O(1); `update_scores` O(m log n), one round trip and one
atomic step per batch (`batch_size`, 1,000); `clear` O(n). Opening takes two round trips beside connecting, and one for
each further board of an equal address: they share one server object with at most `max_connections` connections.

An operation is a value (`requests`, `parsing`), which a carrier brings to a server and back: `server` blocks, and
`async_server` is that of asyncio programs, where updates that wait together share a call of the script `together`.

Every script checks that the board's keys are still those of its description (format and order). `get_top_n`,
`get_range`, `count_by_score` and `len` are native commands and trust what was found at opening: where the board is
deleted behind an open object's back and made anew in the other order, or its description alone is lost, these do not
notice. Where their answer is empty, a second round trip asks whether the board is empty. A version with an answer
(`changes.at_version`) comes in the same round trip.

Crash: an acknowledged update survives the app. Whether it survives the server is the server's setting: with `appendonly
yes` and `appendfsync always` it does, with `everysec` about the last second may be lost, without `appendonly` all since
the last snapshot. No write is ever repeated on its own: once sent, a write whose reply is lost raises
`WriteOutcomeUnknownError`. A replica serves reads and refuses writes; the first refusal, and any lost connection, drops
all connections made before, so that the next call goes where the address leads by then. A node of a cluster is refused:
its boards are opened by `redis+cluster://`.

Sources: W. Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980; the sorted set's skip list
with rank counts is the server's own (W. Pugh, "Skip lists: a probabilistic alternative to balanced trees", 1990).
"""

from .address import Address
from .board import RedisLeaderboard
from .handshake import EvictionWarning

__all__ = ["Address", "EvictionWarning", "RedisLeaderboard"]
