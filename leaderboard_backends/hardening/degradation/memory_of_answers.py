"""The last answers of a board, for when its storage does not answer: bounded in number, size and age."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import RLock
from typing import NamedTuple

from ...forks import survive_forks
from ..reentrance import inside


class _Kept(NamedTuple):
    answer: object
    moment: float
    """When it was asked for: no earlier than that, the storage gave this answer."""
    weight: int


class MemoryOfAnswers:
    """Remembers answers by their questions, `entries` entries in all, each up to `seconds` after it was asked for.

    A list weighs as many entries as it has, any other answer one. The answer that was given, or recalled, longest ago
    goes first; one that outweighs the whole memory is not remembered. Lists are copied in and out, so no caller can
    change what another gets. O(1) and a copy of the list, for both operations.
    """

    def __init__(self, entries: int, seconds: float) -> None:
        self._limit = entries
        self._seconds = seconds
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self.begin_anew()
        survive_forks(self.begin_anew)

    def begin_anew(self) -> None:
        """Take a lock that no thread of a forked parent held."""
        self._lock = RLock()
        self._is_inside = inside(self._lock)
        self._weight = sum(one.weight for one in self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def weight(self) -> int:
        """The entries that are remembered now."""
        return self._weight

    def keep(self, question: Hashable, answer: object, moment: float) -> None:
        """Remember an answer that was asked for at a moment, in place of an earlier one."""
        weight = 1
        if type(answer) is list:
            answer, weight = tuple(answer), len(answer) or 1
        if weight > self._limit or self._is_inside():  # where a finalizer or a signal handler comes amid this
            return
        kept, new = self._kept, _new(_Kept, (answer, moment, weight))
        with self._lock:
            old = kept.get(question)
            kept[question] = new
            if old is not None:
                kept.move_to_end(question)
                weight -= old.weight
            self._weight += weight
            while self._weight > self._limit:
                self._weight -= kept.popitem(last=False)[1].weight

    def forget(self, question: Hashable) -> None:
        """Remember no answer to a question any more."""
        with self._lock:
            old = self._kept.pop(question, None)
            if old is not None:
                self._weight -= old.weight

    def recall(self, question: Hashable, now: float) -> tuple[object, float] | None:
        """Return the last answer to a question and its age, or `None`."""
        with self._lock:
            found = self._kept.get(question)
            if found is None or now - found.moment > self._seconds:
                return None
            self._kept.move_to_end(question)
        answer = list(found.answer) if type(found.answer) is tuple else found.answer
        return answer, now - found.moment


_new = tuple.__new__  # spares the Python call in _Kept.__new__, on the path of every read
