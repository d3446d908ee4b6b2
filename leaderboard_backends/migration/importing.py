"""Filling a board from rows of any origin: a table, a query, a sorted set; and writing one to a table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TextIO

from ..errors import BoardMismatchError
from ..model import Entry, Order, is_better
from ..protocol import LeaderboardBackend
from .copying import NO_LIMITS, Rest, TargetLimits, copy_entries
from .streams import BoardStream, EntryStream, Hear, Pause, Throttle, players_of
from .tables import Format, Row, write_table

_CHANGED: Final = (
    "the board changed while it was exported, so that a player may be missing or twice in the table: stop its writers, "
    "for example by its fence, or accept that (--live; live=True)."
)


class ImportResult(NamedTuple):
    """An import that is complete."""

    rows: int
    """Rows that were read."""
    written: int
    """Rows that were written; the others were in the board already."""
    players: int
    """Players on the board now."""
    best_first: bool
    """Whether the rows were in the board's order; only then can an interrupted import be resumed."""
    seconds: float


def import_rows(
    rows: Iterable[Row],
    target: LeaderboardBackend,
    *,
    resume: bool = False,
    add: bool = False,
    rate: float | None = None,
    limits: TargetLimits = NO_LIMITS,
    hear: Hear = lambda _: None,
    pause: Pause = time.sleep,
) -> ImportResult:
    """Write rows to a board in their order, in batches of 1,000, so that of equal scores the earlier row ranks first.

    A player who comes twice has the score of the later row, as the board's `keep` rule has it. `resume` continues an
    import of the same rows that was interrupted: what the board has is compared with the beginning of the rows, which
    must be best first. `add` writes to a board that has players, after which nothing can be resumed. `rate`, `limits`,
    `hear` and `pause` are those of `copy_board`.

    Raises `BoardMismatchError` where the board has players, unless `resume` or `add` says that it may, and where it has
    other players than the first ones of the rows; `UpdateRefusedError` for a player that `limits` do not allow; what
    reading the rows raises, what the board raises. O(n log n), one round trip per 1,000 rows, memory O(1).
    """
    throttle, began = Throttle(rate, pause), time.monotonic()
    present = players_of(target)
    if present and not (resume or add):
        raise BoardMismatchError(
            f"the board has {present:,} players already: clear it; or resume, if they are of an import of the same "
            "rows that was interrupted; or add to them."
        )
    ranked = _Ranked(rows, target.order)
    stream = EntryStream(ranked)
    done, written = copy_entries(stream, target, present if resume else 0, throttle=throttle, limits=limits, hear=hear)
    return ImportResult(done + written, written, players_of(target), ranked.best_first, time.monotonic() - began)


class _Ranked:
    """Rows as entries, numbered in their order, which is checked meanwhile."""

    def __init__(self, rows: Iterable[Row], order: Order) -> None:
        self._rows: Final = rows
        self._order: Final = order
        self.best_first = True

    def __iter__(self) -> Iterator[Entry]:
        before = None
        for rank, (player_id, username, score) in enumerate(self._rows, 1):
            if before is not None and is_better(score, before, self._order):
                self.best_first = False
            before = score
            yield Entry(rank, player_id, username, score)


def export_board(
    board: LeaderboardBackend,
    file: TextIO,
    form: Format = "jsonl",
    *,
    live: bool = False,
    rate: float | None = None,
    hear: Hear = lambda _: None,
    pause: Pause = time.sleep,
) -> int:
    """Write all players of a board to a text file, best first; returns how many they are.

    The file must be open with `newline=""` and UTF-8. `live` accepts that the board is written meanwhile, where a
    player whose rank changes may be in the table twice or not at all. Raises `BoardMismatchError` where it is written,
    as far as the board has a version; what reading and writing raise. `rate` is the most players per second; `hear` is
    told how many were written. O(n), one round trip per 1,000 players, memory: one page.
    """
    throttle, rest = Throttle(rate, pause), Rest(board, _CHANGED)
    stream = BoardStream(board)
    write_table(_paced(stream, throttle, hear), file, form)
    if not live:
        rest.check()
    return stream.read


def _paced(stream: BoardStream, throttle: Throttle, hear: Hear) -> Iterator[Entry]:
    while page := stream.take(throttle.step):
        yield from page
        hear(stream.read)
        throttle.passed(len(page))
