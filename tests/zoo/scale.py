"""Bugs that show on large boards alone: caps, counters, chunks, forms of storage that change as a board grows."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from leaderboard_backends import Entry, Score
from leaderboard_backends.protocol import PAGE_SIZE

from .bases import CachingBoard, PlainBoard
from .registry import killed_by

MANY: Final = 4096
CHUNK: Final = 1000
ONE_CALL: Final = "test_one_call_takes_every_player_and_some_twice"
TIES: Final = "test_ties_keep_the_order_of_any_number_of_updates"
READS: Final = "test_reads_at_every_depth_and_of_any_length"
PAGES: Final = "test_many_pages_are_exact_and_never_fail_beside_writes"
SINGLE: Final = "test_single_changes_to_a_large_board"
SHRINKING: Final = "test_a_board_of_thousands_loses_nearly_all"
CLEARED: Final = "test_a_large_board_is_cleared_and_grows_again"

Updates = Sequence[tuple[str, str, Score]]


def chunks(updates: Updates) -> list[Updates]:
    return [updates[first : first + CHUNK] for first in range(0, len(updates), CHUNK)]


# ---------------------------------------------------------------------- counters


@killed_by("scale", TIES, players=33_000)
class UpdatesIn16Bits(PlainBoard):
    """The number that orders a tie starts again after 65,535 updates."""

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return self._merit(player_id), self._players[player_id].reached & 0xFFFF


@killed_by("scale", TIES, players=16_500)
class UpdatesInSigned16Bits(PlainBoard):
    """The number that orders a tie is negative after 32,767 updates."""

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return self._merit(player_id), (self._players[player_id].reached + 0x8000 & 0xFFFF) - 0x8000


@killed_by("scale", ONE_CALL)
class PlayersIn12Bits(PlainBoard):
    """The number of players starts again after 4,095."""

    def _count(self) -> int:
        return super()._count() & 0xFFF


@killed_by("scale", READS)
class CountsSaturate(PlainBoard):
    """No range of scores has more than 4,096 players."""

    def _count_by_score(self, low: Score, high: Score) -> int:
        return min(super()._count_by_score(low, high), MANY)


@killed_by("scale", READS)
class PercentilesInSinglePrecision(PlainBoard):
    """Percentiles among more than 4,096 players are single-precision numbers."""

    def _get_percentile(self, player_id: str) -> float | None:
        found = super()._get_percentile(player_id)
        if found is None or len(self._players) <= MANY:
            return found
        rounded: float = struct.unpack("f", struct.pack("f", found))[0]
        return rounded


@killed_by("scale", READS)
class RanksDeepDownAreEstimates(PlainBoard):
    """A rank beyond 1,000 is one of every tenth."""

    def _get_rank(self, player_id: str) -> int | None:
        found = super()._get_rank(player_id)
        return found if found is None or found <= PAGE_SIZE else found // 10 * 10


# ---------------------------------------------------------------------- batches


@killed_by("scale", ONE_CALL)
class BatchIsCut(PlainBoard):
    """One call stores the first 4,096 updates, and returns the number of all."""

    def _update_scores(self, updates: Updates) -> None:
        super()._update_scores(updates[:MANY])


@killed_by("scale", TIES)
class PartialChunkIsLost(PlainBoard):
    """Of more than 4,096 updates, the last chunk is stored only if it is full."""

    def _update_scores(self, updates: Updates) -> None:
        whole = len(updates) if len(updates) <= MANY else (len(updates) - 1) // CHUNK * CHUNK
        super()._update_scores(updates[:whole])


@killed_by("scale", TIES)
class ChunksBackwards(PlainBoard):
    """More than 4,096 updates are applied in chunks, the last chunk first."""

    def _update_scores(self, updates: Updates) -> None:
        for chunk in reversed(chunks(updates)) if len(updates) > MANY else [updates]:
            super()._update_scores(chunk)


@killed_by("scale", ONE_CALL)
class FirstOfABatchStands(PlainBoard):
    """Of several updates of one player among more than 4,096, the first stands."""

    def _update_scores(self, updates: Updates) -> None:
        first = {update[0]: update for update in reversed(updates)}
        super()._update_scores(updates if len(updates) <= MANY else list(reversed(first.values())))


@killed_by("scale", ONE_CALL)
class BestOfTheChunk(PlainBoard):
    """Under `keep="best"`, each chunk of more than 4,096 updates replaces what chunks before it stored."""

    def _update_scores(self, updates: Updates) -> None:
        for chunk in chunks(updates) if len(updates) > MANY else []:
            for player_id, _, _ in chunk:
                self._players.pop(player_id, None)
            super()._update_scores(chunk)
        if len(updates) <= MANY:
            super()._update_scores(updates)


@killed_by("scale", ONE_CALL)
class RecursesOverABatch(PlainBoard):
    """Each five updates of a call are one level of recursion."""

    def _update_scores(self, updates: Updates) -> None:
        super()._update_scores(updates[:5])
        if len(updates) > 5:
            self._update_scores(updates[5:])


@killed_by("scale", TIES)
class BatchLeavesTheCache(CachingBoard):
    """The entries last sorted are kept through a call with more than 2,000 updates."""

    def _update_scores(self, updates: Updates) -> None:
        cached = self._cached
        super()._update_scores(updates)
        if len(updates) > 2 * CHUNK:
            self._cached = cached


# ---------------------------------------------------------------------- ties


@killed_by("scale", TIES)
class LongTiesByName(PlainBoard):
    """In a tie of more than 2,048 players, ids decide."""

    def _ids(self) -> list[str]:
        size = Counter(standing.score for standing in self._players.values())
        ranked = super()._ids()
        long = {score for score, players in size.items() if players > MANY // 2}
        return sorted(ranked, key=lambda player: (self._merit(player), player)) if long else ranked


@killed_by("scale", SINGLE)
class JoinsALongTieInFront(PlainBoard):
    """Whoever joins a tie of more than 1,024 players by a single update stands in front of it."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        tied = sum(standing.score == score for standing in self._players.values())
        super()._update_score(player_id, username, score)
        if tied > MANY // 4:
            standing = self._players[player_id]
            self._players[player_id] = standing._replace(reached=-standing.reached)
        return self._rank(player_id)


# ---------------------------------------------------------------------- ranges


@killed_by("scale", READS)
class RangesAreCapped(PlainBoard):
    """No range has more than 4,096 entries."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super()._get_range(first_rank, last_rank)[:MANY]


@killed_by("scale", READS)
class NothingDeepDown(PlainBoard):
    """A range that begins beyond rank 3,000 is empty."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super()._get_range(first_rank, last_rank) if first_rank <= 3 * CHUNK else []


@killed_by("scale", READS)
class TopIsCapped(PlainBoard):
    """The top has at most 2,048 entries."""

    def _get_top_n(self, n: int) -> list[Entry]:
        return super()._get_top_n(min(n, MANY // 2))


@killed_by("scale", READS)
class NeighboursAreCapped(PlainBoard):
    """At most 512 neighbours on each side are shown."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return super()._get_around(player_id, min(radius, MANY // 8))


@killed_by("scale", READS)
class ScoreRangesAreCapped(PlainBoard):
    """Without a limit, a range of scores has at most 1,500 entries."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return super()._get_by_score(low, high, 3 * CHUNK // 2 if limit is None else limit)


@killed_by("scale", READS)
class LargeLimitsAreNone(PlainBoard):
    """A limit above 1,000 is no limit."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return super()._get_by_score(low, high, None if limit is None or limit > CHUNK else limit)


# ---------------------------------------------------------------------- many players asked for


@killed_by("scale", READS)
class TooManyArguments(PlainBoard):
    """The storage refuses a statement with more than 4,096 ids."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        if len(player_ids) > MANY:
            raise RuntimeError("too many SQL variables")
        return super()._get_entries(player_ids)


@killed_by("scale", READS)
class OnlyTheFirstAreAnswered(PlainBoard):
    """Of the players asked for, those after the first 4,096 are unknown."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        found = super()._get_entries(player_ids)
        return found[:MANY] + [None] * len(found[MANY:])


@killed_by("scale", READS)
class RepeatsAreAnsweredOnce(PlainBoard):
    """Among more than 4,096 players asked for, one who comes again is unknown."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        if len(player_ids) <= MANY:
            return super()._get_entries(player_ids)
        found = dict(zip(player_ids, super()._get_entries(player_ids), strict=True))
        return [found.pop(player_id, None) for player_id in player_ids]


@killed_by("scale", READS)
class AnswersAsStored(PlainBoard):
    """More than 4,096 players asked for come in the order of their ranks."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        found = super()._get_entries(player_ids)
        return found if len(found) <= MANY else sorted(found, key=lambda entry: entry.rank if entry else MANY**2)


# ---------------------------------------------------------------------- pages


@killed_by("scale", PAGES)
class FourPages(PlainBoard):
    """Iteration ends after four pages."""

    def _iterate(self) -> Iterator[Entry]:
        return islice(super()._iterate(), 4 * PAGE_SIZE)


@killed_by("scale", PAGES)
class FifthPageIsTheFourth(PlainBoard):
    """The fifth page of an iteration has the players of the fourth."""

    def _iterate(self) -> Iterator[Entry]:
        fourth: list[Entry] = []
        for entry in super()._iterate():
            if 4 * PAGE_SIZE < entry.rank <= 5 * PAGE_SIZE:
                fourth = fourth or self._get_range(3 * PAGE_SIZE + 1, 4 * PAGE_SIZE)
                yield fourth[(entry.rank - 1) % PAGE_SIZE]
            else:
                yield entry


@killed_by("scale", PAGES)
class CursorExpires(PlainBoard):
    """An iteration fails at its fourth page where somebody wrote since it began."""

    _written = 0

    def _store(self, player_id: str, username: str, score: Score) -> None:
        self._written += 1
        super()._store(player_id, username, score)

    def _iterate(self) -> Iterator[Entry]:
        begun = self._written
        for seen, entry in enumerate(super()._iterate()):
            if seen == 3 * PAGE_SIZE and self._written != begun:
                raise RuntimeError("the cursor has expired")
            yield entry


# ---------------------------------------------------------------------- forms that change


@killed_by("scale", ONE_CALL)
class LongNamesAreCut(PlainBoard):
    """From 4,096 players on, a username keeps 32 characters."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username if len(self._players) < MANY else username[:32], score)


@killed_by("scale", ONE_CALL)
class ScoresIn32Bits(PlainBoard):
    """From 4,096 players on, whole scores end at 2^31 - 1."""

    def _stored(self, score: Score) -> Score:
        return min(score, 2**31 - 1) if isinstance(score, int) and len(self._players) >= MANY else score


@killed_by("scale", SHRINKING)
class MergedChunkLosesItsLast(PlainBoard):
    """A board that had 200 players loses its last as it shrinks below a fifth of them."""

    _largest = 0

    def _remove_player(self, player_id: str) -> bool:
        self._largest = max(self._largest, len(self._players))
        found = super()._remove_player(player_id)
        if self._largest >= CHUNK // 5 and len(self._players) == self._largest // 5:
            self._players.pop(self._ids()[-1])
        return found


@killed_by("scale", SHRINKING)
class TombstonesAreCounted(PlainBoard):
    """From the 48th removal on, one who was removed is counted."""

    _removed = 0

    def _remove_player(self, player_id: str) -> bool:
        found = super()._remove_player(player_id)
        self._removed += found
        return found

    def _count(self) -> int:
        return super()._count() + (self._removed >= 48)


@killed_by("scale", CLEARED)
class ClearsTheFirst(PlainBoard):
    """A clear removes 4,096 players at most."""

    def _clear(self) -> None:
        for player_id in list(self._players)[:MANY]:
            self._players.pop(player_id)


@killed_by("scale", CLEARED)
class NamesSurviveAClear(PlainBoard):
    """Players of a cleared board of more than 4,096 come back with the names that they had."""

    _names: dict[str, str] | None = None

    def _clear(self) -> None:
        if len(self._players) > MANY:
            self._names = {player_id: standing.username for player_id, standing in self._players.items()}
        super()._clear()

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, (self._names or {}).get(player_id, username), score)
