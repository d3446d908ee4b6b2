"""A parallel run: an old implementation and its successor get the same calls, and what they answer is compared.

The caller gets what the old one answers, and its errors: nothing changes for an app but time. Both must begin with the
same content. Calls are made one after the other, under a lock, so that both get the writes of all threads in the same
order. What the two answered and how long each took is counted by operation, as for shadowed reads (`ShadowReads`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from copy import deepcopy
from functools import partial
from threading import RLock
from time import perf_counter
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar

from ..errors import BackendError
from ..forks import guard
from .tally import Outcome, Tally, TallyReport

Old = TypeVar("Old")
New = TypeVar("New")
Value = TypeVar("Value")


class _Answer(NamedTuple):
    """What a call returned or raised, and after how many seconds."""

    value: Any
    error: Exception | None
    seconds: float

    def __repr__(self) -> str:
        return repr(self.value) if self.error is None else f"raised {self.error!r}"


def _ask(call: Callable[[], Any]) -> _Answer:
    began = perf_counter()
    try:
        value = call()
    except Exception as error:  # noqa: BLE001 - errors are answers here; the old one's is raised
        return _Answer(None, error, perf_counter() - began)
    return _Answer(value, None, perf_counter() - began)


def _special(name: str) -> Any:
    """Return a special method that both get, if the old one has it."""

    def method(self: ParallelRun[Any, Any], *arguments: Any) -> Any:
        if not hasattr(type(self.old), name):
            return NotImplemented
        return self._call(name, arguments, {})

    method.__name__ = name
    return method


class ParallelRun(Generic[Old, New]):
    """Stands in for `old`: every method, operator and property is asked of `new`, too, and the answers are compared.

    An iterator is compared item by item as it is read; with `ordered=False`, the items of an iterator or of a view such
    as `items()` are compared at once, in any order, as for a dict and a board. A result that is a container of its own
    kind (a copy of a tree, a slice) is a parallel run of both, in the same report. Errors are the same if the new
    one's class is the old one's or a subclass. A storage that fails behind `new` (`BackendError`) is counted as failed,
    and so are answers that cannot be compared.

    An app that uses `isinstance` sees this class. Cost: that of both calls, and some 5 µs.
    """

    def __init__(self, old: Old, new: New, *, ordered: bool = True, tally: Tally | None = None) -> None:
        self.old: Final = old
        self.new: Final = new
        self._ordered: Final = ordered
        self._tally: Final = Tally() if tally is None else tally
        self._lock: Final = guard(RLock())

    def report(self) -> TallyReport:
        """Return what was compared so far, by operation; `first` is the old one, `second` the new one."""
        return self._tally.report()

    def compare(self, operation: str, of_old: Callable[[Old], Value], of_new: Callable[[New], object]) -> Value:
        """Ask each of the two in its own way, under a name for the report; returns or raises what the old one does.

        For code that asks the new one differently, for example a sorted dict and a board's `get_top_n`.
        """
        result: Value = self._compared(operation, "", partial(of_old, self.old), partial(of_new, self.new))
        return result

    def __repr__(self) -> str:
        return f"<ParallelRun of {type(self.old).__name__} and {type(self.new).__name__}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by copy, pickle and the like, which would get a half of it
            raise AttributeError(name)
        if callable(getattr(self.old, name)):
            return lambda *arguments, **options: self._call(name, arguments, options)
        return self._compared(name, "", lambda: getattr(self.old, name), lambda: getattr(self.new, name))

    __getitem__ = _special("__getitem__")
    __setitem__ = _special("__setitem__")
    __delitem__ = _special("__delitem__")
    __contains__ = _special("__contains__")
    __len__ = _special("__len__")
    __iter__ = _special("__iter__")
    __reversed__ = _special("__reversed__")
    __and__ = _special("__and__")
    __or__ = _special("__or__")
    __sub__ = _special("__sub__")
    __xor__ = _special("__xor__")
    __ior__ = _special("__ior__")
    __eq__ = _special("__eq__")
    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        """Whether the old one counts as true; one without a length does, and so does an empty board."""
        return bool(self._compared("bool", (), lambda: bool(self.old), lambda: bool(self.new)))

    def __copy__(self) -> Any:
        return self._call("copy", (), {})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(deepcopy(self.old, memo), deepcopy(self.new, memo), ordered=self._ordered, tally=self._tally)

    # ------------------------------------------------------------------ one call

    def _call(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        def to(side: str) -> Callable[[], Any]:
            given = [getattr(each, side) if isinstance(each, ParallelRun) else each for each in arguments]
            return lambda: getattr(getattr(self, side), name)(*given, **options)

        return self._compared(name.strip("_"), arguments, to("old"), to("new"))

    def _compared(self, operation: str, arguments: object, of_old: Callable[[], Any], of_new: Callable[[], Any]) -> Any:
        """Ask both, compare, and return or raise what the old one does."""
        with self._lock:
            old, new = _ask(of_old), _ask(of_new)
            if old.error is None and new.error is None:
                if old.value is self.old and new.value is self.new:  # an operator in place
                    return self
                if _are_containers(old.value, new.value):
                    return type(self)(old.value, new.value, ordered=self._ordered, tally=self._tally)
                if isinstance(old.value, Iterator) and isinstance(new.value, Iterator):
                    if self._ordered:
                        return self._iterate(operation, arguments, old, new)
                    found = _Items(old.value)
                    self._note(operation, arguments, old._replace(value=found), new._replace(value=_Items(new.value)))
                    return iter(found)
            self._note(operation, arguments, old, new)
        if old.error is not None:
            raise old.error
        return old.value

    def _iterate(self, operation: str, arguments: object, old: _Answer, new: _Answer) -> Iterator[Any]:
        """Yield what the old iterator does, compared item by item up to the first difference."""
        spent = [old.seconds, new.seconds]
        outcome: Outcome = "same"
        try:
            while True:
                with self._lock:
                    one = _ask(partial(next, old.value))
                    other = _ask(partial(next, new.value)) if outcome == "same" else one
                spent = [spent[0] + one.seconds, spent[1] + other.seconds]
                if outcome == "same":
                    outcome = self._judge(operation, arguments, one, other)
                if isinstance(one.error, StopIteration):
                    return
                if one.error is not None:
                    raise one.error
                yield one.value
        finally:
            self._tally.add(operation, outcome, (spent[0], spent[1]))

    # ------------------------------------------------------------------ the comparison

    def _note(self, operation: str, arguments: object, old: _Answer, new: _Answer) -> None:
        self._tally.add(operation, self._judge(operation, arguments, old, new), (old.seconds, new.seconds))

    def _judge(self, operation: str, arguments: object, old: _Answer, new: _Answer) -> Outcome:
        """Return what became of a call, or of an item, and keep why the two answers are not the same."""
        try:
            if self._same(old, new):
                return "same"
        except Exception as error:  # noqa: BLE001 - of answers that cannot be compared, which is nothing to the caller
            self._tally.fail(error)
            return "failed"
        if isinstance(new.error, BackendError):
            self._tally.fail(new.error)
            return "failed"
        self._tally.differ(operation, arguments, old, new)
        return "differing"

    def _same(self, old: _Answer, new: _Answer) -> bool:
        if old.error is not None or new.error is not None:
            return old.error is not None and isinstance(new.error, type(old.error))
        if not self._ordered and isinstance(old.value, _IN_ANY_ORDER) and isinstance(new.value, _IN_ANY_ORDER):
            return Counter(old.value) == Counter(new.value)
        return bool(old.value == new.value)


class _Items(list[Any]):
    """What an iterator yielded."""


_IN_ANY_ORDER: Final = (_Items, KeysView, ValuesView, ItemsView)


def _are_containers(old: object, new: object) -> bool:
    """Whether both are containers that their content alone can compare, as trees are and a dict is not."""
    return not isinstance(old, Mapping) and all(hasattr(each, "keys") and hasattr(each, "items") for each in (old, new))
