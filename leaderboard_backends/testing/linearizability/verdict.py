"""The assertion that a history is linearizable, and the account of one that is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isinf

from ...errors import InvalidScoreError
from ...model import Keep, Order
from .history import Operation
from .search import BUDGET, Linearization, linearize
from .sequential import EMPTY, State, apply


def assert_linearizable(
    history: Iterable[Operation], order: Order, keep: Keep, *, start: State = EMPTY, budget: int = BUDGET
) -> None:
    """Raise `AssertionError` unless one board, doing one thing at a time, can have given every answer.

    `start` is the board's state before the history. The error tells how far an order was found, the board at that
    point, and every operation that is left, with its times. Raises `SearchBudgetError` where a history is too large to
    be judged. Cost: `linearize`.
    """
    __tracebackhide__ = True
    operations = list(history)
    found = linearize(operations, order, keep, start=start, budget=budget)
    if not found.complete:
        raise AssertionError("\n".join(_account(operations, order, keep, start, found)))


def _account(
    operations: Sequence[Operation], order: Order, keep: Keep, start: State, found: Linearization
) -> Iterator[str]:
    origin = min(operation.invoked for operation in operations)
    yield (
        f"not linearizable: no order of these {len(operations)} operations, each at a moment between its call and its "
        f"return, explains all answers ({order}, keep {keep}; {found.tried} configurations tried)."
    )
    yield f"The board at the start: {_board(start)}"
    yield f"The longest order that explains its answers, {len(found.placed)} operations:"
    yield from (line(operation, origin) for operation in found.placed)
    yield f"The board after them: {_board(found.state)}"
    yield f"The {len(found.left)} operations that are left, by the time of the call:"
    earliest = min(operation.returned for operation in found.left)
    for operation in found.left:
        here = _here(operation, order, keep, found.state) if operation.invoked <= earliest else ""
        yield f"{line(operation, origin)}{here}"


def _board(state: State) -> str:
    shown = ", ".join(
        f"{rank}. {standing[0]!r} {standing[1]!r} {standing[2]}" for rank, standing in enumerate(state, 1)
    )
    return shown or "empty"


def line(operation: Operation, origin: int) -> str:
    """Return an operation with its times, in µs since `origin`."""
    end = "   never" if isinf(operation.returned) else f"{(operation.returned - origin) / 1000:8.1f}"
    return f"  {(operation.invoked - origin) / 1000:8.1f} to {end} µs  process {operation.process}: {operation}"


def _here(operation: Operation, order: Order, keep: Keep, state: State) -> str:
    """Return what an operation that could come next would answer."""
    try:
        answer = apply(state, operation.call, operation.arguments, order, keep)[1]
    except InvalidScoreError as error:
        return f"; next, it would be refused: {error}"
    return f"; next, it would answer {answer!r}"
