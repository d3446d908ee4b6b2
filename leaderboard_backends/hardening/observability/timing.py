"""Takes down each call of a board: how long it took, whether it failed, how it was answered.

A call costs two looks at a clock, one observation of a histogram and one entry in the recorder, O(1). What goes wrong
in that is logged, and never reaches the caller: a write that was applied is acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from logging import getLogger
from threading import RLock
from traceback import walk_tb
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from ...errors import BackendError, LeaderboardClosedError, ScoreLimitError
from ...forks import guard
from ...wrapper import LIVE, answered, last_answer
from ..reentrance import inside
from .board_metrics import BoardMetrics, is_failure, kind_of
from .names import BULK, CALL_OF
from .recorder import Recorder

logger = getLogger("leaderboard_backends.hardening")

_READING: Final = ("check_updates", "check_player_ids")
"""The functions of the contract that read what a caller gives to be iterated."""


class Calls:
    """The calls of one board, for its metrics and its recorder.

    One that a finalizer or a signal handler makes while another of its thread is taken down is not: it could not get
    the locks of prometheus-client.
    """

    def __init__(self, metrics: BoardMetrics, recorder: Recorder, *, layered: bool) -> None:
        self.clock: Final = recorder.clock
        self.layered: Final = layered
        """Whether answers may be others than live: of wrappers inside, or of a storage with replicas or shards."""
        self._metrics: Final = metrics
        self._recorder: Final = recorder
        self._observe: Final = metrics.observe
        self._count_updates: Final = metrics.count_updates
        self._record_update: Final = recorder.update
        self._record_query: Final = recorder.query
        self._told = False
        self._in_prometheus: Final = guard(RLock())
        """Held in calls of prometheus-client, whose own locks a forked child could not get."""
        self._is_inside: Final = inside(self._in_prometheus)

    def queried(self, operation: str, began: float) -> None:
        """Take down a query that was answered."""
        if self._is_inside():
            return
        try:
            ended = self.clock()
            with self._in_prometheus:
                self._observe[operation](ended - began)
            self._record_query(ended, ended - began)
        except Exception as problem:  # noqa: BLE001 - see `_tell`
            self._tell(problem)

    def updated(self, operation: str, began: float, updates: int) -> None:
        """Take down an update of one player, of so many scores."""
        if self._is_inside():
            return
        try:
            ended = self.clock()
            with self._in_prometheus:
                self._observe[operation](ended - began)
                if updates:
                    self._count_updates()
            self._record_update(ended, ended - began, updates)
        except Exception as problem:  # noqa: BLE001 - see `_tell`
            self._tell(problem)

    def did(self, operation: str, began: float, updates: int) -> None:
        """Take down an operation of `names.BULK`, of so many scores."""
        if self._is_inside():
            return
        try:
            ended = self.clock()
            with self._in_prometheus:
                self._observe[operation](ended - began)
                if updates:
                    self._count_updates(updates)
            self._recorder.bulk(ended, updates)
        except Exception as problem:  # noqa: BLE001 - see `_tell`
            self._tell(problem)

    def count_source(self) -> None:
        """Count a query that was answered otherwise than live."""
        source = last_answer().source
        if source == "live" or self._is_inside():
            return
        try:
            with self._in_prometheus:
                self._metrics.count_source[source]()
        except Exception as problem:  # noqa: BLE001 - see `_tell`
            self._tell(problem)

    def failed(self, operation: str, began: float, error: Exception) -> None:
        """Take down an error: a failure is a call too, a refusal is none; what either says was applied is counted."""
        if self._is_inside():
            return
        try:
            kind, failure, applied = type(error), is_failure(type(error)), _applied_of(error)
            if (failure or applied) and _is_of_input(error):
                failure, applied = False, 0
            if failure:
                self._call_failed(operation, began, applied)
            elif applied:
                self._count_applied(applied)
            with self._in_prometheus:
                self._metrics.count_error(kind, failure=failure)
            self._recorder.error(kind_of(kind), failure=failure)
        except Exception as problem:  # noqa: BLE001 - see `_tell`
            self._tell(problem)

    def _call_failed(self, operation: str, began: float, applied: int) -> None:
        if operation in BULK:
            self.did(operation, began, applied)
        elif CALL_OF[operation] == "update":
            self.updated(operation, began, 0)
        else:
            self.queried(operation, began)

    def _count_applied(self, updates: int) -> None:
        """Count what a batch that was refused, and is no call, had applied before."""
        with self._in_prometheus:
            self._count_updates(updates)
        self._recorder.applied(self.clock(), updates)

    def _tell(self, problem: Exception) -> None:
        """Log, once, that a call could not be taken down: metrics may be kept in files, and those may be gone."""
        if not self._told:
            self._told = True
            logger.error(
                "a call of board %s could not be recorded (%s: %s); this is logged only once",
                *(self._metrics.labels[0], type(problem).__name__, problem),
                exc_info=problem,
            )


def _applied_of(error: Exception) -> int:
    """Return how many updates of a batch an error says were applied."""
    if not isinstance(error, BackendError | LeaderboardClosedError | ScoreLimitError):
        return 0
    return error.applied if error.outcomes is None else len(error.outcomes.applied)


def _is_of_input(error: Exception) -> bool:
    """Whether an error came out of an iterable of the caller's, which is read before anything is asked of the board."""
    return any(frame.f_code.co_name in _READING for frame, _ in walk_tb(error.__traceback__))


class Timed(Protocol):
    """A board whose calls are taken down."""

    @property
    def _inner(self) -> object: ...

    @property
    def _calls(self) -> Calls: ...


Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")
Method = Callable[Concatenate[Any, Parameters], Value]
"""A public method of a board."""


def query(operation: str, method: Method[Parameters, Value]) -> Method[Parameters, Value]:
    """Return a method that reads, taken down.

    The board inside is asked right away: it checks what is given, and is closed where the one around it is.
    """
    name = method.__name__

    @wraps(method)
    def timed(self: Timed, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
        calls = self._calls
        if calls.layered:
            answered(LIVE)  # what an earlier read of this thread left there is none of this one
        read = getattr(self._inner, name)
        began = calls.clock()
        try:
            answer: Value = read(*arguments, **options) if options else read(*arguments)
        except Exception as error:
            calls.failed(operation, began, error)
            raise
        calls.queried(operation, began)
        if calls.layered:
            calls.count_source()
        return answer

    return timed


def update(operation: str, method: Method[Parameters, Value], *, scores: int) -> Method[Parameters, Value]:
    """Return a method that writes one player, and so updates one score or none, taken down.

    The board inside is asked right away, as in `query`, unless there is a keyword such as `achieved_at`.
    """
    name = method.__name__

    @wraps(method)
    def timed(self: Timed, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
        calls = self._calls
        write = getattr(self._inner, name)
        began = calls.clock()
        try:
            answer: Value = method(self, *arguments, **options) if options else write(*arguments)
        except Exception as error:
            calls.failed(operation, began, error)
            raise
        calls.updated(operation, began, scores)
        return answer

    return timed


def bulk(operation: str, method: Method[Parameters, Value]) -> Method[Parameters, Value]:
    """Return a method of `names.BULK`, taken down; one that returns a number has updated so many scores."""
    reads = CALL_OF[operation] == "query"

    @wraps(method)
    def timed(self: Timed, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
        calls = self._calls
        if reads and calls.layered:
            answered(LIVE)
        began = calls.clock()
        try:
            answer = method(self, *arguments, **options)
        except Exception as error:
            calls.failed(operation, began, error)
            raise
        calls.did(operation, began, answer if isinstance(answer, int) else 0)
        if reads and calls.layered:
            calls.count_source()
        return answer

    return timed
