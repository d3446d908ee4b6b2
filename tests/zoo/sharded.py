"""A sound board over several shards, consistent per player and no more, and bugs that break this level.

The shards are dicts with a lock each. Ties are in the order of tickets from one sequencer. A read asks one shard after
the other, and lets others in between, as round trips would. But for `SkewedShards`, the bugs show beside other threads
alone: one thread by itself has right answers from each of these boards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from threading import Lock, get_ident, local
from typing import ClassVar, Final, TypeAlias

from leaderboard_backends import Capabilities, Entry, Keep, Order, Score
from leaderboard_backends.backends.naive import _Standing
from leaderboard_backends.in_process import InProcessLeaderboard
from leaderboard_backends.location import Option
from leaderboard_backends.model import add_scores, is_better, percentile

from .races import LINEARIZABLE, let_others_in
from .registry import killed_by

SHARDS: Final = 3
"""With them, of the players of the kit's histories, ada and eve have a shard each, bob and zoe share one."""
SKEW: Final = 3
"""Tickets by which the clock of one shard is fast."""
AHEAD: Final = 3
"""Tickets that a thread keeps for later."""

Key: TypeAlias = tuple[Score, int]
"""What the order goes by, smallest first: the score or its negative, and the ticket that reached it."""
Row: TypeAlias = tuple[Key, str, _Standing]
"""A player of a shard."""

_by_key: Final[Callable[[Row], Key]] = itemgetter(0)


@dataclass(slots=True, eq=False)
class Shard:
    """A part of the players."""

    players: dict[str, _Standing] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


class ShardedBoard(InProcessLeaderboard):
    """A board over several shards, each of which does one thing at a time."""

    capabilities = Capabilities(durable=False, shared=False, consistency="per player", lives_in="process")
    options: ClassVar[Mapping[str, Option]] = {}

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._shards = [Shard() for _ in range(SHARDS)]
        self._issued = 0

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._write(player_id, username, lambda _: score).rank

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._write(player_id, username, lambda standing: add_scores(standing, delta))

    def _write(self, player_id: str, username: str, score_after: Callable[[Score], Score]) -> Entry:
        """Store a score, with what stands on the player's shard right after, then count on the other shards."""
        own = self._shard(player_id)
        with own.lock:
            standing = own.players.get(player_id)
            score = score_after(standing.score if standing else 0)
            self._store(own, player_id, username, score, self._ticket())
            stored, rows = own.players[player_id], self._listed(own)
        rows += self._others(own)
        place = self._key(stored)
        return Entry(1 + sum(key < place for key, _, _ in rows), player_id, stored.username, stored.score)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        """Apply each shard's part in one step, with tickets taken before for all."""
        parts: dict[Shard, list[tuple[int, tuple[str, str, Score]]]] = {}
        for ticket, update in enumerate(updates, self._ticket(len(updates))):
            parts.setdefault(self._shard(update[0]), []).append((ticket, update))
        for shard, part in parts.items():
            with shard.lock:
                for ticket, update in part:
                    self._store(shard, *update, ticket)
            let_others_in()

    def _remove_player(self, player_id: str) -> bool:
        shard = self._shard(player_id)
        with shard.lock:
            return shard.players.pop(player_id, None) is not None

    def _clear(self) -> None:
        for shard in self._shards:
            with shard.lock:
                shard.players.clear()
            let_others_in()

    def _ticket(self, tickets: int = 1) -> int:
        """Return the first of so many tickets, each higher than all before it."""
        with self._lock:
            first = self._issued + 1
            self._issued += tickets
            return first

    def _store(self, shard: Shard, player_id: str, username: str, score: Score, ticket: int) -> None:
        """Apply one update to a shard, whose lock is held."""
        standing = shard.players.get(player_id)
        if standing is None or (
            score != standing.score and (self._keep == "last" or is_better(score, standing.score, self._order))
        ):
            shard.players[player_id] = _Standing(score, ticket, username)
        else:
            shard.players[player_id] = standing._replace(username=username)

    # ------------------------------------------------------------------ shards

    def _shard(self, player_id: str) -> Shard:
        return self._shards[sum(player_id.encode()) % SHARDS]

    def _asked(self) -> Iterable[Shard]:
        """Return the shards in the order in which a read asks them."""
        return self._shards

    def _key(self, standing: _Standing) -> Key:
        return -standing.score if self._order == "descending" else standing.score, standing.reached

    def _listed(self, shard: Shard) -> list[Row]:
        """Return the players of a shard, whose lock is held."""
        return [(self._key(standing), player_id, standing) for player_id, standing in shard.players.items()]

    def _read(self, shard: Shard) -> list[Row]:
        """Return the players of a shard at one moment."""
        let_others_in()
        with shard.lock:
            return self._listed(shard)

    def _others(self, own: Shard) -> list[Row]:
        """Return the players of all shards but one, each shard at a moment of its own."""
        return [row for shard in self._asked() if shard is not own for row in self._read(shard)]

    def _ranked(self, rows: Iterable[Row]) -> list[Entry]:
        ranked = enumerate(sorted(rows, key=_by_key), 1)
        return [Entry(rank, player_id, standing.username, standing.score) for rank, (_, player_id, standing) in ranked]

    def _joined(self) -> list[Entry]:
        """Return the whole board, joined from the shards."""
        return self._ranked([row for shard in self._asked() for row in self._read(shard)])

    # ------------------------------------------------------------------ reads

    def _standing(self, player_id: str) -> Score | None:
        shard = self._shard(player_id)
        with shard.lock:
            standing = shard.players.get(player_id)
            return standing.score if standing else None

    def _get_score(self, player_id: str) -> Score | None:
        return self._standing(player_id)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        entries = {entry.player_id: entry for entry in self._joined()}
        return [entries.get(player_id) for player_id in player_ids]

    def _get_percentile(self, player_id: str) -> float | None:
        entries = self._joined()
        ranks = {entry.player_id: entry.rank for entry in entries}
        return percentile(ranks[player_id], len(entries)) if player_id in ranks else None

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._joined()[first_rank - 1 : last_rank]

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        entries = self._joined()
        rank = next((entry.rank for entry in entries if entry.player_id == player_id), None)
        return [] if rank is None else entries[max(0, rank - 1 - radius) : rank + radius]

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return [entry for entry in self._joined() if low <= entry.score <= high][:limit]

    def _count_by_score(self, low: Score, high: Score) -> int:
        return len(self._get_by_score(low, high, None))

    def _count(self) -> int:
        return sum(len(self._read(shard)) for shard in self._shards)


# ---------------------------------------------------------------------- ties


@killed_by("histories", LINEARIZABLE)
class SkewedShards(ShardedBoard):
    """The clock of one shard is fast: its players rank after others who reached the score later."""

    def _store(self, shard: Shard, player_id: str, username: str, score: Score, ticket: int) -> None:
        super()._store(shard, player_id, username, score, ticket + SKEW * (shard is self._shards[0]))


@killed_by("histories", LINEARIZABLE)
class TicketsAhead(ShardedBoard):
    """A thread takes the tickets of its next updates ahead, and overtakes in a tie whoever wrote in between."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._ahead = local()

    def _ticket(self, tickets: int = 1) -> int:
        kept: list[int] = self._ahead.__dict__.setdefault("tickets", [])
        if tickets > 1:
            kept.clear()
            return super()._ticket(tickets)
        while len(kept) <= AHEAD:
            kept.append(super()._ticket())
        return kept.pop(0)


@killed_by("histories", LINEARIZABLE)
class TiesByFirstAsked(ShardedBoard):
    """Two updates at one time get one ticket, and each reader ranks first whose shard it asked first."""

    _reads = 0

    def _ticket(self, tickets: int = 1) -> int:
        first = self._issued + 1
        let_others_in(0.001)
        with self._lock:
            self._issued = max(self._issued, first + tickets - 1)
        return first

    def _asked(self) -> Iterable[Shard]:
        self._reads += 1
        start = self._reads % SHARDS
        return self._shards[start:] + self._shards[:start]


# ---------------------------------------------------------------------- one player


@killed_by("histories", LINEARIZABLE)
class SumInTwoTrips(ShardedBoard):
    """An increment reads the score by one trip to the shard and writes the sum by another: of two, one is lost."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        total = add_scores(self._standing(player_id) or 0, delta)
        let_others_in()
        return self._write(player_id, username, lambda _: total)


@killed_by("histories", LINEARIZABLE)
class OwnUpdateNotInItsRank(ShardedBoard):
    """The rank that an update returns is read by a second trip: it is another update's, if that came in between."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        super()._update_score(player_id, username, score)
        return self._get_rank(player_id) or 1


# ---------------------------------------------------------------------- what is joined


@killed_by("histories", LINEARIZABLE)
class RankFromAStaleShard(ShardedBoard):
    """The rank that an update returns counts what other threads wrote to a shard as the update before it found it."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._found: dict[Shard, list[Row]] = {}
        self._writers: dict[Shard, int] = {}

    def _store(self, shard: Shard, player_id: str, username: str, score: Score, ticket: int) -> None:
        super()._store(shard, player_id, username, score, ticket)
        self._writers[shard] = get_ident()

    def _others(self, own: Shard) -> list[Row]:
        rows: list[Row] = []
        for shard in self._shards:
            if shard is not own:
                now = self._read(shard)
                rows += now if self._writers.get(shard) == get_ident() else self._found.get(shard, now)
                self._found[shard] = now
        return rows


@killed_by("threads", "test_a_friends_board_beside_writers_is_one_state")
class WithoutBusyShards(ShardedBoard):
    """What spans players leaves a shard out that is busy with another call."""

    def _read(self, shard: Shard) -> list[Row]:
        let_others_in()
        if not shard.lock.acquire(blocking=False):
            return []
        rows = self._listed(shard)
        let_others_in()
        shard.lock.release()
        return rows

    def _store(self, shard: Shard, player_id: str, username: str, score: Score, ticket: int) -> None:
        super()._store(shard, player_id, username, score, ticket)
        let_others_in()


@killed_by("histories", LINEARIZABLE)
class CountedBeforeItself(ShardedBoard):
    """A player who moves up while the own entry is read is counted among those who rank before it."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        found = [self._shard(player_id).players.get(player_id) for player_id in player_ids]
        keys = [key for shard in self._asked() for key, _, _ in self._read(shard)]
        return [
            None
            if standing is None
            else Entry(1 + sum(key < self._key(standing) for key in keys), player_id, standing.username, standing.score)
            for player_id, standing in zip(player_ids, found, strict=True)
        ]


@killed_by("histories", LINEARIZABLE)
class AsksAgainForMore(ShardedBoard):
    """A range asks for the first player, and again for the rest: one who moves meanwhile is lost, or twice."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return (self._joined()[:1] + self._joined()[1:])[first_rank - 1 : last_rank]
