"""A board read from the best player to the last, a page at a time, with a checksum of the whole.

Nothing else than what the storage itself holds will do: an answer from a cache, a replica that is behind, or without
the shards that did not answer would lose players. Such an answer raises `BackendUnavailableError`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from itertools import islice
from math import inf
from typing import Final, TypeVar

from ..answers import ask_live
from ..changes import Version
from ..errors import InvalidArgumentError
from ..model import Entry, shorten
from ..protocol import PAGE_SIZE, LeaderboardBackend

Asked = TypeVar("Asked")
Value = TypeVar("Value")

Hear = Callable[[int], object]
"""Is told how many players are done so far."""

Pause = Callable[[float], object]
"""Waits for so many seconds."""

LEAST_RATE: Final = 1e-6
"""A player in 11 days; the pauses of a much lower rate are longer than `time.sleep` takes."""
_DIGEST_BYTES: Final = 16
_STEPS_A_SECOND: Final = 10
"""How many steps a second a throttle makes at least: they are smaller then."""


def read_live(read: Callable[[Asked], Value], asked: Asked) -> Value:
    """Return what a read returns. Raises `BackendUnavailableError` for an answer that is not of the storage itself."""
    return ask_live(read, asked, "a part of the board")


def players_of(board: LeaderboardBackend) -> int:
    """Return the number of players, as the storage itself says it. Raises as `read_live`."""
    return read_live(len, board)


def entries_of(board: LeaderboardBackend, player_ids: Sequence[str]) -> list[Entry | None]:
    """Return the entries of these players, as the storage itself has them. Raises as `read_live`."""
    return read_live(board.get_entries, player_ids)


def range_of(board: LeaderboardBackend, first_rank: int, count: int = PAGE_SIZE) -> list[Entry]:
    """Return entries from a rank on, as the storage itself has them. Raises as `read_live`."""
    return read_live(lambda first: board.get_range(first, first + count - 1), first_rank)


def version_of(board: LeaderboardBackend) -> Version | None:
    """Return the version of a board, `None` where it has none."""
    return board.get_version() if board.capabilities.feed else None


def have_one_history(one: LeaderboardBackend, two: LeaderboardBackend) -> bool:
    """Return whether two objects are of one board, or one of a copy of the other; `False` where one has no version."""
    versions = version_of(one), version_of(two)
    return None not in versions and len({version.history for version in versions if version}) == 1


def is_same_storage(one: LeaderboardBackend, two: LeaderboardBackend) -> bool | None:
    """Return whether two objects with one history are of one board; `None` where their storages do not tell it.

    A copy of a board's file, or a replica of its server, has the same history. A few round trips.
    """
    first, second = one.storage_info(), two.storage_info()
    if first.files and second.files:
        there = [[path for path in each.files if path.exists()] for each in (first, second)]
        return any(path.samefile(other) for path in there[0] for other in there[1])
    if first.server_run and second.server_run:
        return first.server_run == second.server_run
    return True if first.server == second.server and first.kind == second.kind else None


def same(entry: Entry, other: Entry) -> bool:
    """Whether two entries are of one player with the same name and score."""
    return entry[1:] == other[1:]


class Throttle:
    """Keeps to at most `rate` players per second, `None` for no limit, by smaller steps and pauses between them.

    Time that something else took is not caught up with. Raises `InvalidArgumentError` for a rate below `LEAST_RATE`.
    """

    def __init__(self, rate: float | None, pause: Pause) -> None:
        if rate is not None and not LEAST_RATE <= rate < inf:
            raise InvalidArgumentError(
                f"rate is the most players per second, a number above 0, at least {LEAST_RATE:g}, not {shorten(rate)}."
            )
        self.step: Final = PAGE_SIZE if rate is None else max(1, min(PAGE_SIZE, int(rate / _STEPS_A_SECOND)))
        """Players to take at once."""
        self._rate: Final = rate
        self._pause: Final = pause
        self._due = time.monotonic()

    def passed(self, players: int) -> None:
        """Wait until the next players may pass, after so many since the last call."""
        if self._rate is None:
            return
        self._due += players / self._rate
        now = time.monotonic()
        if self._due > now:
            self._pause(self._due - now)
        else:
            self._due = now


class EntryStream:
    """Entries in the order of a board, best first, in pages; what was taken can be put back. Memory: one page."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.read = 0
        """Entries read so far."""
        self.ended = False
        self._entries: Final = iter(entries)
        self._back: Final[deque[Entry]] = deque()

    def take(self, count: int = PAGE_SIZE) -> list[Entry]:
        """Return the next entries, fewer only where they end."""
        taken = [self._back.popleft() for _ in range(min(count, len(self._back)))]
        fresh = self._next(count - len(taken)) if len(taken) < count and not self.ended else []
        self.read += len(fresh)
        return taken + fresh

    def put_back(self, entries: Iterable[Entry]) -> None:
        """Have `take` return these entries, in this order, before the others."""
        self._back.extendleft(reversed(list(entries)))

    def _next(self, count: int) -> list[Entry]:
        found = list(islice(self._entries, count))
        self.ended = len(found) < count
        return found


class BoardStream(EntryStream):
    """The entries of a board, with a checksum. Reads raise as `read_live`."""

    def __init__(self, board: LeaderboardBackend) -> None:
        super().__init__(board)
        self._digest: Final = blake2b(digest_size=_DIGEST_BYTES)

    def add_to_checksum(self, text: bytes) -> None:
        """Count entries into the checksum, by `checksum_text`: it is that of all in their order, however grouped."""
        self._digest.update(text)

    @property
    def checksum(self) -> str:
        """The checksum, in hexadecimal digits; two boards have the same one by chance in one of 2^128 cases."""
        return self._digest.hexdigest()

    def _next(self, count: int) -> list[Entry]:
        return read_live(super()._next, count)


def checksum_text(entries: Iterable[Entry]) -> bytes:
    """Return ids, names and scores for a checksum, the same under every version of the interpreter."""
    for_all_versions = ascii([entry[1:] for entry in entries])[1:-1]  # what repr escapes differs between them
    return f"{for_all_versions}, ".encode() if for_all_versions else b""
