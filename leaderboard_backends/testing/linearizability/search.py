"""The search for an order of operations that explains every answer.

The search is that of J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects", Journal of Parallel and
Distributed Computing 17 (1993): place one by one the operations that no other must precede, and go back where an
answer does not fit. What was tried is remembered as G. Lowe does, "Testing for linearizability", Concurrency and
Computation: Practice and Experience 29 (2017): by the set of operations placed, and the state that they lead to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, TypeAlias

from ...errors import InvalidScoreError
from ...model import Keep, Order
from .history import ANY, UNKNOWN, Operation
from .sequential import EMPTY, READS, State, apply

BUDGET: Final = 1_000_000
"""Configurations after which a search gives up; a history of 4 threads with 8 operations each has far fewer."""

_Step: TypeAlias = tuple[int, State]
"""The index of an operation that can come next, and the state after it."""


class SearchBudgetError(RuntimeError):
    """A history is too large to be judged: neither linearizable nor not. Record fewer operations at a time."""


@dataclass(frozen=True, slots=True)
class Linearization:
    """The longest order that was found."""

    complete: bool
    """Whether it has all operations that were answered: whether the history is linearizable."""
    placed: tuple[Operation, ...]
    """The operations, in the order found."""
    left: tuple[Operation, ...]
    """The others, by the time of the call; where `complete`, those that never happened."""
    state: State
    """The state after those placed."""
    tried: int
    """How many configurations were visited."""


def linearize(
    history: Iterable[Operation], order: Order, keep: Keep, *, start: State = EMPTY, budget: int = BUDGET
) -> Linearization:
    """Look for a linearization of a history, from a known state of the board.

    Cost, for p processes with n operations each: at most (n + 1)^p sets of placed operations, times 2 for each
    `UNKNOWN` one, times the states that a set can lead to; each takes O(p) calls of the model. A history that is
    linearizable needs a small part of it, as a rule about one step an operation.

    Raises `SearchBudgetError` after `budget` configurations.
    """
    return _Search(history, order, keep).run(start, budget)


class _Search:
    def __init__(self, history: Iterable[Operation], order: Order, keep: Keep) -> None:
        self._operations = sorted(history, key=lambda operation: operation.invoked)
        self._order: Order = order
        self._keep: Keep = keep
        self._answered = sum(
            1 << index for index, operation in enumerate(self._operations) if operation.answer is not UNKNOWN
        )

    def run(self, start: State, budget: int) -> Linearization:
        """Depth first, with a stack of its own, as histories are longer than Python's."""
        placed: list[int] = []
        longest: tuple[int, State, list[int]] = (0, start, [])
        seen = {(0, start)}
        stack = [(0, start, self._steps(0, start))]
        while stack:
            mask, state, steps = stack[-1]
            if (mask & self._answered).bit_count() > (longest[0] & self._answered).bit_count():
                longest = (mask, state, placed.copy())
            if mask & self._answered == self._answered:
                break
            for index, after in steps:
                configuration = (mask | 1 << index, after)
                if configuration not in seen:
                    seen.add(configuration)
                    stack.append((*configuration, self._steps(*configuration)))
                    placed.append(index)
                    break
            else:
                stack.pop()
                if placed:
                    placed.pop()
            if len(seen) > budget:
                raise SearchBudgetError(
                    f"{budget} configurations of {len(self._operations)} operations were tried without a verdict: "
                    "record fewer operations, or fewer concurrent ones."
                )
        return self._found(*longest, tried=len(seen))

    def _found(self, mask: int, state: State, placed: list[int], *, tried: int) -> Linearization:
        return Linearization(
            complete=mask & self._answered == self._answered,
            placed=tuple(self._operations[index] for index in placed),
            left=tuple(operation for index, operation in enumerate(self._operations) if not mask >> index & 1),
            state=state,
            tried=tried,
        )

    def _steps(self, mask: int, state: State) -> Iterator[_Step]:
        """Yield what can come next: first what was answered, as an unknown operation may as well never happen."""
        unknown: list[_Step] = []
        for index in eligible(self._operations, mask):
            operation = self._operations[index]
            try:
                after, answer = apply(state, operation.call, operation.arguments, self._order, self._keep)
            except InvalidScoreError:
                continue
            if operation.answer is UNKNOWN:
                if after != state:
                    unknown.append((index, after))
            elif operation.answer is ANY or operation.answer == answer:
                yield index, after
                if operation.call in READS:
                    return  # what changes nothing, now or later, can be placed as soon as its answer fits
        yield from unknown


def eligible(operations: Sequence[Operation], placed: int) -> Iterator[int]:
    """Yield the places of operations that can come next: those called before any other of those left returned.

    `operations` are by the time of the call; `placed` has a bit for each that has its place in the order already.
    """
    earliest = inf
    for index in range((~placed & placed + 1).bit_length() - 1, len(operations)):
        if placed >> index & 1:
            continue
        operation = operations[index]
        if operation.invoked > earliest:
            return
        earliest = min(earliest, operation.returned)
        yield index
