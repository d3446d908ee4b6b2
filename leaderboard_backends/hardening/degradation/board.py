"""`DegradableLeaderboard`: the wrapper, made of the ideas of the other modules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any, ClassVar, Final, Protocol, Self, TypeVar, TypeVarTuple, cast

from ... import model
from ...answers import live_wanted
from ...errors import BackendReadOnlyError, BackendUnavailableError, ConfigurationError
from ...location import Option
from ...model import Entry, Score
from ...protocol import PAGE_SIZE, LeaderboardBackend
from ...wrapper import LIVE, Answer, Reopen, Wrapper, answered, last_answer
from .bands import Asked, RankBand, RankBands
from .bounded_reads import open_for_reads
from .breaker import Breaker, Circuit
from .cached_top import CachedTop
from .memory_of_answers import MemoryOfAnswers
from .settings import BAND_SECONDS, CACHE_SECONDS, FAILURES, OPTIONS, RETRY_AFTER, STALE_ENTRIES, STALE_FOR
from .top import Adding, Change, Clearing, Loading, Placing, Removing

Given = TypeVarTuple("Given")
Value = TypeVar("Value")


class DegradableLeaderboard(Wrapper):
    """A board that goes on answering reads, and refuses writes at once, while its storage does not answer.

    By default there are a circuit breaker (`failures`, `retry_after`) and a memory of earlier answers (`stale_entries`
    of each kind: of one player, of several, of the board, of unknown players; `stale_for`); 0 turns each of them off. A
    read that the storage does not answer gets the answer to the same read before, if there was one; `last_answer` says
    so, and how old the answer is. `capabilities` describe live answers. A write is sent once or not at all, and the
    error that it raises says whether it was applied. `ping` always asks the storage.

    The first `cache_top` players are served from memory for `cache_seconds`. A read of the first `live_top` alone asks
    the storage, unless that does not answer. `reads` is a second board object on the same storage with short time-outs,
    for all reads; `wrap` opens it for `read_timeout`. Without it, a read takes as long as the storage's own time-outs
    allow; boards in memory and in files answer or fail at once, and take no `read_timeout`. `clock` counts seconds.

    Raises `BackendReadOnlyError` for a write in read-only mode, `BackendUnavailableError` for a call that the breaker
    refuses and that no earlier answer serves, `ConfigurationError` for settings that contradict each other. A read that
    asks for a live answer gets none from memory, and an answer without some shards is not remembered. Beside what the
    board inside costs: O(1), no round trip. Source of the breaker: M. Nygard, "Release It!", 2007.
    """

    position = 100
    options: ClassVar[Mapping[str, Option]] = OPTIONS
    read_only: bool
    """Whether writes are refused now; may be switched at any time, and holds for writes that begin after that."""

    def __init__(
        self,
        inner: LeaderboardBackend,
        *,
        reads: LeaderboardBackend | None = None,
        read_only: bool = False,
        failures: int = FAILURES,
        retry_after: float = RETRY_AFTER,
        stale_entries: int = STALE_ENTRIES,
        stale_for: float = STALE_FOR,
        cache_top: int = 0,
        cache_seconds: float = CACHE_SECONDS,
        live_top: int = 0,
        band_seconds: float = BAND_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(inner)
        if live_top and live_top >= cache_top:
            raise ConfigurationError(
                f"live_top ({live_top}) must be below cache_top ({cache_top}), otherwise nothing is served from memory."
            )
        self.read_only = read_only
        self._reads = inner if reads is None else reads
        self._clock = clock
        self._stale_for = stale_for if stale_entries else 0.0
        self._cached_ranks = range(live_top + 1, cache_top + 1)
        self._read_timeout: float | None = None
        self._breaker = Breaker(self.name, failures, retry_after, clock) if failures else None
        self._guarded: _Guard = self._breaker.call if self._breaker else _plainly
        self._memories = _memories(stale_entries, stale_for) if stale_entries else None
        self._cache = self._make_cache(cache_top, cache_seconds) if cache_top else None
        self._bands = self._make_bands(band_seconds)
        self._texts = [
            f"breaker after {failures} failures" if failures else "",
            f"stale up to {stale_for:g} s" if stale_entries else "",
            f"top {cache_top} cached for {cache_seconds:g} s" if cache_top else "",
            f"top {live_top} live" if cache_top and live_top else "",
        ]

    @classmethod
    def wrap(
        cls, inner: LeaderboardBackend, reopen: Reopen, *, read_timeout: float | None = None, **settings: Any
    ) -> Self:
        """Return the wrapper around a board; with `read_timeout`, around a second board object for reads, too.

        Raises `ConfigurationError` where the backend has no time-outs, and what opening that second object raises.
        """
        if read_timeout is None:
            return cls(inner, **settings)
        reads = open_for_reads(inner, reopen, read_timeout)
        try:
            board = cls(inner, reads=reads, **settings)
        except BaseException:
            reads.close()
            raise
        board._read_timeout = read_timeout
        return board

    def _make_cache(self, size: int, lifetime: float) -> CachedTop:
        """Return the cache of the top. Where others can write the board as well, answers may be late from now on."""
        promised = self.capabilities
        alone = not (promised.shared or promised.durable)
        if not alone:
            self.capabilities = replace(promised, consistency="eventual")
        read = self._behind_breaker(self._reads.get_top_n)
        return CachedTop(read, size, lifetime, self._stale_for, order=self.order, alone=alone, clock=self._clock)

    def _make_bands(self, lifetime: float) -> RankBands:
        asked = Asked(
            self._behind_breaker(self._reads.count),
            self._behind_breaker(self._reads.get_range),
            self._behind_breaker(self._reads.count_by_score),
        )
        return RankBands(asked, lifetime, order=self.order, clock=self._clock)

    def _behind_breaker(self, read: Callable[..., Value]) -> Callable[..., Value]:
        """Return a read that is refused where the breaker is open."""
        return partial(cast("Any", self._guarded), read)

    # ------------------------------------------------------------------ what is special

    @property
    def circuit(self) -> Circuit | None:
        """The state of the breaker: `closed` where calls are made as usual, `None` where there is no breaker."""
        return None if self._breaker is None else self._breaker.state

    def rank_band(self, player_id: str) -> RankBand | None:
        """Return the band of ranks that a player is in, `None` for an unknown player; noted as `approximate`.

        Costs one `get_score`, and 15 questions to the board each `band_seconds`. Players who tie with the last of a
        band are in it. Raises `BackendUnavailableError` where the storage does not answer and no bounds are known.
        """
        if self._closed:
            self._refuse_closed()
        score = self._get_score(model.check_player_id(player_id))
        if score is None:
            return None
        told = last_answer()
        band = self._bands.find(score, renew=told.source != "stale")
        band = band if band.age >= told.age else band._replace(age=told.age)
        answered(Answer("approximate", band.age))
        return band

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._write(Placing, self._inner.update_score, player_id, username, score)

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._write(Adding, self._inner.increment_score, player_id, username, delta)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._write(Loading, self._inner.update_scores, updates)

    def _remove_player(self, player_id: str) -> bool:
        return self._write(Removing, self._inner.remove_player, player_id)

    def _clear(self) -> None:
        self._write(Clearing, self._inner.clear)

    def _delete(self) -> None:
        self._write(Clearing, self._inner.delete)

    def _write(
        self, describe: Callable[[*Given], Change], write: Callable[[*Given], Value], *arguments: *Given
    ) -> Value:
        if self.read_only:
            raise BackendReadOnlyError(
                f"the board {self.name!r} is in read-only mode: nothing was applied. Set its read_only to false to "
                "accept writes again."
            )
        if self._breaker is not None and not self._breaker.calm:
            self._breaker.admit_write(self._reads.ping)
        if self._cache is None:
            return self._guarded(write, *arguments)
        change = describe(*arguments)
        try:
            self._cache.begin(change)
            answer = self._guarded(write, *arguments)
            change.settle(answer)
        finally:
            self._cache.note_end(change)
            self._cache.settle_ended()
        return answer

    # ------------------------------------------------------------------ reads

    def _get_score(self, player_id: str) -> Score | None:
        return self._ask("get_score", self._reads.get_score, player_id)

    def _get_rank(self, player_id: str) -> int | None:
        return self._ask("get_rank", self._reads.get_rank, player_id)

    def _get_entry(self, player_id: str) -> Entry | None:
        return self._ask("get_entry", self._reads.get_entry, player_id)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._ask("get_entries", self._reads.get_entries, tuple(player_ids))

    def _get_percentile(self, player_id: str) -> float | None:
        return self._ask("get_percentile", self._reads.get_percentile, player_id)

    def _get_top_n(self, n: int) -> list[Entry]:
        if n in self._cached_ranks and not live_wanted():
            return self._from_cache(1, n)
        try:
            return self._ask("get_top_n", self._reads.get_top_n, n)
        except BackendUnavailableError as error:
            return self._from_old_cache(1, n, error)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        if last_rank in self._cached_ranks and not live_wanted():
            return self._from_cache(first_rank, last_rank)
        try:
            return self._ask("get_range", self._reads.get_range, first_rank, last_rank)
        except BackendUnavailableError as error:
            return self._from_old_cache(first_rank, last_rank, error)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._ask("get_around", self._reads.get_around, player_id, radius)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._ask("get_by_score", self._reads.get_by_score, low, high, limit)

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._ask("count_by_score", self._reads.count_by_score, low, high)

    def _count(self) -> int:
        return self._ask("count", self._reads.count)

    def _iterate(self) -> Iterator[Entry]:
        """Iterate by pages. Only the first is remembered: a walk through a long board would push out all else.

        Where the first was not live, that is what the walk is noted as.
        """
        page, answer = self.get_range(1, PAGE_SIZE), last_answer()
        yield from page
        first = 1
        while len(page) == PAGE_SIZE:
            if self._closed:
                self._refuse_closed()
            first += PAGE_SIZE
            answered(LIVE)
            page = self._guarded(self._reads.get_range, first, first + PAGE_SIZE - 1)
            if answer.source != "live":
                answered(answer)
            yield from page

    def _ask(self, operation: str, read: Callable[[*Given], Value], *arguments: *Given) -> Value:
        """Ask the storage, and remember the answer; where it gives none, answer as before, unless live is wanted.

        What is inside may note how it came to its answer; an answer that was old already is remembered as such.
        Answers that nobody is known have room of their own, as there are as many of them as anybody can invent ids.
        """
        answered(LIVE)
        memories = self._memories
        if memories is None or live_wanted():
            return self._guarded(read, *arguments)
        question = (operation, arguments)
        moment = self._clock()
        try:
            answer = self._guarded(read, *arguments)
        except BackendUnavailableError as error:
            return cast("Value", self._recall(memories, question, error))
        told = last_answer()
        if told.coverage is not None:  # without some shards, in place of an answer that may be whole
            return answer
        kind = operation
        if operation in _OF_PLAYERS and _is_of_nobody(answer):
            memories[operation].forget(question)
            kind = _OF_NOBODY
        memories[kind].keep(question, answer, moment - told.age)
        return answer

    def _recall(self, memories: _Memories, question: tuple[str, object], error: BackendUnavailableError) -> object:
        now = self._clock()
        found = memories[question[0]].recall(question, now) or memories[_OF_NOBODY].recall(question, now)
        if found is None:
            raise error
        answer, age = found
        answered(Answer("stale", age))
        return answer

    def _from_cache(self, first_rank: int, last_rank: int) -> list[Entry]:
        """Answer from the cached top; while it may not be shown, ask the storage."""
        try:
            found = cast("CachedTop", self._cache).get()
            if found is None:
                return self._ask("get_range", self._reads.get_range, first_rank, last_rank)
        except BackendUnavailableError as error:
            return self._from_old_cache(first_rank, last_rank, error)
        top, answer = found
        answered(answer)
        return top.entries[first_rank - 1 : last_rank]

    def _from_old_cache(self, first_rank: int, last_rank: int, error: BackendUnavailableError) -> list[Entry]:
        """Answer from the last top that was read, also what is live as a rule; raises `error` where it has not all."""
        if self._cache is None or last_rank >= self._cached_ranks.stop or live_wanted():
            raise error
        top, answer = self._cache.get_stale(error)
        answered(answer)
        return top.entries[first_rank - 1 : last_rank]

    # ------------------------------------------------------------------ life

    def _ping(self) -> None:
        """Ask the storage, whatever the breaker says; it hears what became of it."""
        asked = self._breaker.openings if self._breaker else 0
        try:
            self._reads.ping()
        except BackendUnavailableError as error:
            if self._breaker is not None:
                self._breaker.failed(error)
            raise
        if self._breaker is not None and self._breaker.state != "closed":
            self._breaker.answered(asked)

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            if self._closed and self._reads is not self._inner:
                self._reads.close()

    def _settings(self) -> str:
        bound = f"reads within {self._read_timeout:g} s" if self._read_timeout else ""
        return ", ".join(filter(None, ["read-only" if self.read_only else "", *self._texts, bound]))


_OF_A_PLAYER: Final = ("get_score", "get_rank", "get_entry", "get_percentile")
_OF_SEVERAL: Final = ("get_entries", "get_around")
_OF_NOBODY: Final = "nobody"
_OF_PLAYERS: Final = frozenset({*_OF_A_PLAYER, *_OF_SEVERAL})


_Memories = Mapping[str, MemoryOfAnswers]
"""The memory of each operation; and, under another name, that of answers which say that nobody is known."""


def _memories(entries: int, seconds: float) -> _Memories:
    """Return the memory of each operation: whoever asks much of one kind pushes out answers of that kind alone."""
    of_a_player, of_several, of_nobody, of_all = (MemoryOfAnswers(entries, seconds) for _ in range(4))
    named = {**dict.fromkeys(_OF_A_PLAYER, of_a_player), **dict.fromkeys(_OF_SEVERAL, of_several)}
    return defaultdict(lambda: of_all, named, **{_OF_NOBODY: of_nobody})


def _is_of_nobody(answer: object) -> bool:
    return answer is None or (type(answer) is list and not any(answer))


class _Guard(Protocol):
    """Makes a call, or refuses it."""

    def __call__(self, call: Callable[[*Given], Value], /, *arguments: *Given) -> Value: ...


def _plainly(call: Callable[[*Given], Value], *arguments: *Given) -> Value:
    return call(*arguments)
