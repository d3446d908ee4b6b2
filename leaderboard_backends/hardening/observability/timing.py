"""Takes down each call of a board: how long it took, whether it failed, how it was answered.

A call costs two looks at a clock, one observation of a histogram and one entry in the recorder, O(1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from ...errors import BackendError, InvalidValueError
from ...wrapper import LIVE, answered, last_answer
from .board_metrics import BoardMetrics
from .faults import is_failure, kind_of
from .names import BULK, CALL_OF
from .recorder import Recorder


class Calls:
    """The calls of one board, for its metrics and its recorder."""

    def __init__(self, metrics: BoardMetrics, recorder: Recorder, *, layered: bool) -> None:
        self.clock: Final = recorder.clock
        self.layered: Final = layered
        """Whether there are wrappers inside that may answer from memory."""
        self._metrics: Final = metrics
        self._recorder: Final = recorder
        self._observe: Final = metrics.observe
        self._count_updates: Final = metrics.count_updates
        self._record_update: Final = recorder.update
        self._record_query: Final = recorder.query

    def queried(self, operation: str, began: float) -> None:
        """Take down a query that was answered."""
        ended = self.clock()
        self._observe[operation](ended - began)
        self._record_query(ended, ended - began)
        if self.layered:
            self._count_source()

    def updated(self, operation: str, began: float, updates: int) -> None:
        """Take down an update of one player."""
        ended = self.clock()
        self._observe[operation](ended - began)
        self._record_update(ended, ended - began, updates)
        if updates:
            self._count_updates()

    @contextmanager
    def bulk(self, operation: str, updates: int = 0) -> Iterator[None]:
        """Take down an operation of `names.BULK` that is done within, and updates so many scores."""
        queries = self.layered and CALL_OF[operation] == "query"
        if queries:
            answered(LIVE)
        began = self.clock()
        try:
            yield
        except Exception as error:
            self.failed(operation, began, error)
            raise
        self._did_bulk(operation, began, updates)
        if queries:
            self._count_source()

    def _did_bulk(self, operation: str, began: float, updates: int) -> None:
        ended = self.clock()
        self._observe[operation](ended - began)
        self._recorder.bulk(ended, updates)
        if updates:
            self._count_updates(updates)

    def failed(self, operation: str, began: float, error: Exception) -> None:
        """Take down an error: a failure is a call too, a refusal is counted alone."""
        if isinstance(error, InvalidValueError):
            return  # by `refused`, which sees those of the outermost board's own checks too
        kind = type(error)
        self._metrics.count_error[kind]()
        failure = is_failure(kind)
        self._recorder.error(kind_of(kind), failure=failure)
        if failure:
            self._took(operation, began, error.applied if isinstance(error, BackendError) else 0)

    def refused(self, error: InvalidValueError) -> None:
        """Take down a value that breaks a rule of the contract or of validation."""
        self._metrics.count_error[type(error)]()
        self._recorder.error(kind_of(type(error)), failure=False)

    def _took(self, operation: str, began: float, updates: int) -> None:
        if operation in BULK:
            self._did_bulk(operation, began, updates)
        elif CALL_OF[operation] == "update":
            self.updated(operation, began, 0)
        else:
            ended = self.clock()
            self._observe[operation](ended - began)
            self._record_query(ended, ended - began)

    def _count_source(self) -> None:
        source = last_answer().source
        if source != "live":
            self._metrics.count_source[source]()


class Timed(Protocol):
    """A board whose calls are taken down."""

    _calls: Calls


Board = TypeVar("Board", bound=Timed)
Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")
Method = Callable[Concatenate[Board, Parameters], Value]


def query(operation: str) -> Callable[[Method[Board, Parameters, Value]], Method[Board, Parameters, Value]]:
    """Return a decorator of a hook that reads."""

    def decorate(hook: Method[Board, Parameters, Value]) -> Method[Board, Parameters, Value]:
        @wraps(hook)
        def timed(self: Board, *arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
            calls = self._calls
            if calls.layered:
                answered(LIVE)  # what an earlier read of this thread left there is none of this one
            began = calls.clock()
            try:
                answer = hook(self, *arguments, **options)
            except Exception as error:
                calls.failed(operation, began, error)
                raise
            calls.queried(operation, began)
            return answer

        return timed

    return decorate


def update(
    operation: str, *, scores: int
) -> Callable[[Method[Board, Parameters, Value]], Method[Board, Parameters, Value]]:
    """Return a decorator of a hook that writes one player, and so updates one score or none."""

    def decorate(hook: Method[Board, Parameters, Value]) -> Method[Board, Parameters, Value]:
        @wraps(hook)
        def timed(self: Board, *arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
            calls = self._calls
            began = calls.clock()
            try:
                answer = hook(self, *arguments, **options)
            except Exception as error:
                calls.failed(operation, began, error)
                raise
            calls.updated(operation, began, scores)
            return answer

        return timed

    return decorate


def counting_refusals(method: Method[Board, Parameters, Value]) -> Method[Board, Parameters, Value]:
    """Return a public method that counts values which break a rule: those are refused before any hook is called."""

    @wraps(method)
    def counted(self: Board, *arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
        try:
            return method(self, *arguments, **options)
        except InvalidValueError as error:
            self._calls.refused(error)
            raise

    return counted
