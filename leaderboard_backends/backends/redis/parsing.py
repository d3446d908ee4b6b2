"""What the replies to a board's requests mean: versions and changes, ranks, scores, entries; without input or output.

A member of a board's order is the place in the tie, the username, 0xFF and the id (see the package). Where a reply is
none that a whole board gives, these raise what Python raises, which `requests.parsed` explains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from ...changes import Change, Changes, Version, check_position, no_feed
from ...model import Entry, Score, percentile, score_from_float, sum_refused
from ...score_limits import score_limit_error

SEPARATOR: Final = b"\xff"
_SEQUENCE_BYTES: Final = 6
_HIGHEST: Final = 2 ** (8 * _SEQUENCE_BYTES) - 1
_REPLICATION_ID: Final = re.compile(rb"^master_replid:(\w+)", re.MULTILINE)


def version_from(stored: Any, replication: bytes = b"") -> Version:
    """Return the version of a board in the replication history of its server.

    That is new where a server starts (on older data, perhaps) and where a replica is promoted (perhaps without the last
    writes), and the same on all replicas of a primary. So equal versions are equal boards.
    """
    history, number = stored
    return Version(joint_history(history, replication_history(replication)), int(number or 0))


def joint_history(stored: bytes | None, life: str) -> str:
    """Return the history of a board, or of a shard, of that in its description and its server's replication history."""
    return ".".join(filter(None, ((stored or b"").decode(), life)))


def replication_history(replication: bytes) -> str:
    """Return the replication history of a server, of what INFO says of it; empty where it does not say."""
    found = _REPLICATION_ID.search(replication)
    return found[1].decode() if found else ""


def changes_from(replies: Any, after: Version | None, *, inverted: bool) -> Changes:
    """Return the version and the changes after another one, without a gap; `inverted` is the order of ties."""
    reply, *replication = replies
    version = version_from(reply[:2], *replication)
    if after is None:
        return Changes(version, [])
    if len(reply) == 2:  # noqa: PLR2004 - history and number alone
        raise no_feed()
    oldest, rows = reply[2:]
    kept_after = number_of(oldest) - 1 if oldest else version.number
    check_position(after, version, kept_after)
    changes = [change_of(number_of(entry_id), fields, inverted=inverted) for entry_id, fields in rows]
    if [change.number for change in changes] != list(range(after.number + 1, after.number + 1 + len(changes))):
        raise ValueError(f"a change feed with a gap after {after.number}")
    if changes and changes[-1].number > version.number:
        raise ValueError(f"a change feed with a change {changes[-1].number} that was never made")
    return Changes(version, changes)


def number_of(entry_id: bytes) -> int:
    """Return the number of a change of its id in the stream."""
    return int(entry_id.partition(b"-")[0])


def change_of(
    number: int,
    fields: list[bytes],
    tie_bytes: int = _SEQUENCE_BYTES,
    last_tie: int = _HIGHEST,
    *,
    inverted: bool,
) -> Change:
    """Return the change of an entry of the stream."""
    state = dict(zip(fields[::2], fields[1::2], strict=True))
    if b"cleared" in state:
        return Change(number, None)
    if b"removed" in state:
        return Change(number, state[b"removed"].decode())
    member = state[b"member"]
    player_id, username = names_of(member, tie_bytes)
    tie = int.from_bytes(member[:tie_bytes], "big")
    return Change(number, player_id, username, score_of(state[b"score"]), last_tie - tie if inverted else tie)


def pairs_of(reply: Any) -> dict[str, str]:
    """Return a flat reply of names and values in turn as texts."""
    texts = [each.decode() if isinstance(each, bytes) else str(each) for each in reply]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def nothing(_reply: Any) -> None:
    """Parse a reply that says no more than that it was done."""
    return


def refuse_beyond_limits(reply: Any) -> None:
    """Raise `ScoreLimitError` for a reply that says that a write breaks a limit."""
    if isinstance(reply, list) and reply[1:] == [b"", b""]:  # the refusal of `writing.lua`
        raise score_limit_error(score_of(reply[0]) if reply[0] else None)


def rank_within(reply: Any) -> int:
    """Return the rank after a write with limits; raises `ScoreLimitError` where it breaks one."""
    refuse_beyond_limits(reply)
    return rank_from(reply)


def sum_from(player_id: str, username: str, delta: Score, reply: Any) -> Entry:
    """Return the entry after an increment; raises `InvalidScoreError` or `ScoreLimitError` where it was refused."""
    if len(reply) == 1:
        raise sum_refused(score_of(reply[0]), delta)
    refuse_beyond_limits(reply)
    return Entry(reply[0] + 1, player_id, username, score_of(reply[1]))


def alone(reply: Any) -> list[Any]:
    """Return the replies to calls of which there was one."""
    return [reply]


def rank_from(reply: Any) -> int:
    """Return a rank, which servers count from 0."""
    return int(reply) + 1


def score_of(text: bytes) -> Score:
    """Return the score of a reply."""
    return score_from_float(float(text))


def percentile_from(reply: Any) -> float | None:
    """Return the percentile of a rank and the number of players; `None` for an unknown player."""
    return None if reply is None else percentile(reply[0] + 1, reply[1])


def entries_of(player_ids: Sequence[str], reply: Any) -> list[Entry | None]:
    """Return the entries of players, `None` for unknown ones, of rank, score and record of each."""
    return [
        None if rank is None else Entry(rank + 1, player_id, record[_SEQUENCE_BYTES:].decode(), score_of(score))
        for player_id, rank, score, record in zip(player_ids, reply[::3], reply[1::3], reply[2::3], strict=True)
    ]


def neighbours(reply: Any) -> list[Entry]:
    """Return the entries around a player, none for an unknown one."""
    return [] if reply is None else ranked(reply)


def ranked(reply: Any) -> list[Entry]:
    """Return the entries of rows and the rank of the first one."""
    first, rows = reply
    return entries_from(rows, first + 1)


def entries_from(rows: list[bytes], first_rank: int) -> list[Entry]:
    """Return the entries of members and scores in turn."""
    entries = []
    for rank, (member, score) in enumerate(zip(rows[::2], rows[1::2], strict=True), first_rank):
        entries.append(Entry(rank, *names_of(member), score_of(score)))
    return entries


def names_of(member: bytes, tie_bytes: int = _SEQUENCE_BYTES) -> tuple[str, str]:
    """Return id and username of a member, which is the place in the tie, the username, 0xFF, the id."""
    username, separator, player_id = member[tie_bytes:].partition(SEPARATOR)
    if not separator:
        raise ValueError(f"a member without its separator, {member[:64]!r}")
    return player_id.decode(), username.decode()
