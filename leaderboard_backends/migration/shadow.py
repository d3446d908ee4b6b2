"""Shadowed reads: a sampled share of an app's reads is asked of two boards, and the answers are compared.

Whoever answers a read calls `asked` afterwards. All that it costs the caller is a random number and, for the reads of
the sample, an append to a bounded queue. A thread of its own asks both boards, many reads at a time, as each time that
it gets hold of the interpreter costs the callers more than a read. That the caller's own answer is not taken costs the
first board a little more and is worth it: an answer of a moment ago is out of date, on a board that is written, before
the second board can be asked.

Answers that differ are asked again on both boards for a quarter of a second before they count. The second board may be
behind: it has settled if it gives an answer that the first one gave meanwhile. Where the first one's answers changed,
and the second one gave none of them, nothing can be told; only where the first one stood still do they differ.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from queue import Empty, SimpleQueue
from random import random
from threading import Event, RLock, Thread, current_thread
from time import perf_counter
from typing import Final, NamedTuple, TypeVar

from ..answers import LIVE, answered, last_answer, live_answers
from ..errors import BackendUnavailableError, InvalidArgumentError
from ..forks import guard, survive_forks
from ..model import Entry, Score, check_count, shorten
from ..protocol import LeaderboardBackend
from ..wrapper import Wrapper
from .tally import Outcome, Tally, TallyReport

logger = logging.getLogger("leaderboard_backends")

Value = TypeVar("Value")

CAPACITY: Final = 1_000
"""Reads that may wait; further ones are dropped."""
PAUSES: Final = (0.0, 0.01, 0.05, 0.2)
"""Seconds before each time that answers which differ are asked again."""
GATHERING: Final = 0.03
"""Seconds for which reads are gathered once none waits, unless they come to half of those that may wait."""
IDLE: Final = 5.0
"""Seconds without a read after which the thread ends; the next read starts another one."""
PATIENCE: Final = 2.0
"""Seconds for which `close` waits for a comparison in work."""


class _Read(NamedTuple):
    operation: str
    arguments: tuple[object, ...]


class ShadowReads:
    """Compares a share of the reads of one board with another one, in a thread of its own.

    `share` is from 0 (none) to 1 (all), `capacity` how many reads may wait. Neither board is closed by it. Nothing that
    a board raises reaches a caller: such reads are counted as failed. A forked child begins with an empty report.
    Raises `InvalidArgumentError` for a share that is none.
    """

    def __init__(
        self, first: LeaderboardBackend, second: LeaderboardBackend, share: float, *, capacity: int = CAPACITY
    ) -> None:
        if not 0 <= share <= 1:
            raise InvalidArgumentError(
                f"share is the part of all reads that is compared, from 0 to 1 (0.01 is one in 100), not "
                f"{shorten(share)}."
            )
        self.first: Final = first
        self.second: Final = second
        self.share: Final = share
        self._share = share
        self._capacity: Final = check_count(capacity, "capacity", 1)
        self._tally: Final = Tally()
        self._waiting: SimpleQueue[_Read | SimpleQueue[None] | None] = SimpleQueue()
        self._hurry: SimpleQueue[None] = SimpleQueue()
        """Cuts the gathering of reads short."""
        self._working: _Read | None = None
        self._thread: Thread | None = None
        self._closed = Event()
        self._lock: Final = guard(RLock())
        survive_forks(self._begin_anew)

    def asked(self, operation: str, *arguments: object) -> None:
        """Take note of a read that was answered, for example `asked("get_rank", "ada")`: a share of them is compared.

        `operation` is the name of a method of a board, `__len__` and `__contains__` included. Never waits and never
        raises; 0.1 µs, and about 1 µs for a read of the sample. The arguments must not be changed afterwards.
        """
        if random() < self._share:  # noqa: S311 - no secret
            self._take(_Read(operation, arguments))

    def report(self) -> TallyReport:
        """Return what was found so far, by operation (`len` and `contains` for the methods of Python)."""
        return self._tally.report()

    @property
    def waiting(self) -> int:
        """How many reads wait to be compared."""
        return self._waiting.qsize()

    def wait(self, seconds: float = 10.0) -> bool:
        """Wait until all reads so far are compared, `seconds` at most; returns whether they are."""
        done: SimpleQueue[None] = SimpleQueue()  # an `Event` has a lock that an interrupt here leaves held
        self._put(done)
        self._hurry.put(None)
        try:
            done.get(timeout=max(0.0, seconds))
        except Empty:
            return False
        return True

    def close(self) -> None:
        """Compare nothing any more; reads that wait are dropped. Waits for a comparison in work, up to 2 s."""
        self._share = -1.0
        self._closed.set()
        self._waiting.put(None)
        self._hurry.put(None)
        thread = self._thread
        if thread is not None and thread is not current_thread():
            thread.join(PATIENCE)

    # ------------------------------------------------------------------ in the caller

    def _take(self, read: _Read) -> None:
        waiting = self._waiting.qsize()
        if waiting < self._capacity:
            self._put(read)
            if waiting == self._capacity // 2:
                self._hurry.put(None)
        else:
            self._tally.add(_shown(read.operation), "dropped")

    def _put(self, item: _Read | SimpleQueue[None]) -> None:
        self._waiting.put(item)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                thread = Thread(target=self._run, name="leaderboard-shadow", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # no more threads, or the interpreter ends: the caller must not notice
                    self._tally.fail(error)
                else:
                    self._thread = thread

    def _begin_anew(self) -> None:
        """Have nothing of the parent in a forked child: its thread is not here, its reads are not ours."""
        self._waiting, self._hurry, self._thread = SimpleQueue(), SimpleQueue(), None
        if not self._closed.is_set():
            self._closed = Event()  # the thread may have been inside the old one
        self._tally.clear()

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        with live_answers():
            self._work(self._waiting)

    def _work(self, waiting: SimpleQueue[_Read | SimpleQueue[None] | None]) -> None:
        while True:
            try:
                item = waiting.get(timeout=IDLE)
            except Empty:
                self._thread = None  # first, so that whoever puts something in from here on starts another one
                if waiting.empty():
                    return
                self._start()
                return
            if isinstance(item, SimpleQueue):
                item.put(None)
            elif item is None:
                return
            elif self._closed.is_set():
                self._tally.add(_shown(item.operation), "dropped")
            else:
                self._compare(item)
                if waiting.empty():
                    with suppress(Empty):
                        self._hurry.get(timeout=GATHERING)

    def _compare(self, read: _Read) -> None:
        """Ask both boards and take down what they answer."""
        name = _shown(read.operation)
        try:
            (first, of_first), (second, of_second) = _answer(self.first, read), _answer(self.second, read)
            outcome: Outcome = "same" if first == second else self._again(read, first, second)
        except Exception as error:  # noqa: BLE001 - what a board raises here is nobody's but the report's
            self._tally.fail(error)
            self._tally.add(name, "failed")
            return
        count = self._tally.add(name, outcome, (of_first, of_second))
        if outcome == "differing" and count == 1:
            logger.warning("%s of the boards %r and %r differs", name, self.first, self.second)

    def _again(self, read: _Read, first: object, second: object) -> Outcome:
        """Ask both again until the second one gives an answer that the first one gave, or time is up."""
        given = [first]
        for pause in PAUSES:
            if self._closed.wait(pause):
                return "dropped"
            given.append(_answer(self.first, read)[0])
            second = _answer(self.second, read)[0]
            if second in given:
                return "settled"
            if sum(each != later for each, later in pairwise(given)) > 1:
                return "unclear"  # it changes too fast to be asked at the right moment
        if any(each != first for each in given) or _answer(self.first, read)[0] != first:
            return "unclear"
        self._tally.differ(_shown(read.operation), read.arguments, first, second)
        return "differing"


def _answer(board: LeaderboardBackend, read: _Read) -> tuple[object, float]:
    """Return what a board's storage itself answers, and after how many seconds. Raises what the read raises.

    Raises `BackendUnavailableError` for an answer of anything else, such as a cache.
    """
    method: Callable[..., object] = getattr(board, read.operation)
    began = perf_counter()
    answered(LIVE)  # as `ask`, which takes a while to see whether it was given a coroutine function
    value = method(*read.arguments)
    answer, seconds = last_answer(), perf_counter() - began
    if answer.source != "live":
        raise BackendUnavailableError(f"a shadowed read is {answer.source}, and not answered by the storage itself.")
    return value, seconds


def _shown(operation: str) -> str:
    return operation.strip("_")


class ShadowedBoard(Wrapper):
    """A wrapper whose reads are taken note of, where `_shadow` is set; iteration is not."""

    _shadow: ShadowReads | None = None

    def _noted(self, answer: Value, operation: str, *arguments: object) -> Value:
        if self._shadow is not None:
            self._shadow.asked(operation, *arguments)
        return answer

    def _get_score(self, player_id: str) -> Score | None:
        return self._noted(self._inner.get_score(player_id), "get_score", player_id)

    def _get_rank(self, player_id: str) -> int | None:
        return self._noted(self._inner.get_rank(player_id), "get_rank", player_id)

    def _get_entry(self, player_id: str) -> Entry | None:
        return self._noted(self._inner.get_entry(player_id), "get_entry", player_id)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._noted(self._inner.get_entries(player_ids), "get_entries", player_ids)

    def _get_percentile(self, player_id: str) -> float | None:
        return self._noted(self._inner.get_percentile(player_id), "get_percentile", player_id)

    def _get_top_n(self, n: int) -> list[Entry]:
        return self._noted(self._inner.get_top_n(n), "get_top_n", n)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._noted(self._inner.get_range(first_rank, last_rank), "get_range", first_rank, last_rank)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._noted(self._inner.get_around(player_id, radius), "get_around", player_id, radius)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._noted(self._inner.get_by_score(low, high, limit), "get_by_score", low, high, limit)

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._noted(self._inner.count_by_score(low, high), "count_by_score", low, high)

    def _count(self) -> int:
        return self._noted(self._inner.count(), "__len__")
