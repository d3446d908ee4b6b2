"""What is worked off in an event loop without waiting for anything, in turns: all tasks together do so much in each.

A turn of the loop lasts as long as all that runs in it, so that a limit for each task would be none for many of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar, cast
from weakref import WeakKeyDictionary

from . import model
from .model import Score

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

Checked = TypeVar("Checked")

WORK_OF_A_TURN: Final = 200
"""Work in one turn of an event loop; one unit is a call on one player of a board in memory, about 5 µs."""
CHECKED_AT_ONCE: Final = 400
"""Values that are checked without a pause."""
FEW_VALUES: Final = 10
"""Values up to which the time that they take is not counted, as counting takes as long."""
VALUES_OF_A_UNIT: Final = 2
"""Values that take one unit to be checked, and to be made a request of afterwards."""


class Turns:
    """What is left of the work of this turn of one event loop, and who waits for a later one, in order."""

    def __init__(self) -> None:
        self.ahead = 0
        """Work that was taken and is not done yet: whoever comes next may do it, at any time."""
        self._left = WORK_OF_A_TURN
        self._line: Final[deque[tuple[int, Future[None]]]] = deque()
        self._is_counting = False
        """Whether the next turn renews what is left."""
        self._context: Final = Context()
        """The context of what is done for all, which is no task's own."""

    def _fits(self, work: int) -> bool:
        return work <= self._left or self._left == WORK_OF_A_TURN

    async def take(self, work: int, loop: AbstractEventLoop) -> None:
        """Go on at once where this turn has so much left and nobody waits, else in a later one."""
        if not self._is_counting:
            self._is_counting = True
            loop.call_soon(self._renew, loop, context=self._context)
        if self._fits(work) and not self._line:
            self._left -= work
            return
        waiter: Future[None] = loop.create_future()
        self._line.append((work, waiter))
        await waiter

    def keep(self, work: int) -> None:
        """Have work ahead that was taken and is not done, and what is left of this turn where nobody waits for it."""
        if not self._line:
            work += max(0, self._left)
            self._left = 0
        self.ahead = min(WORK_OF_A_TURN, self.ahead + work)

    def _renew(self, loop: AbstractEventLoop) -> None:
        self._left = WORK_OF_A_TURN
        while self._line and self._fits(self._line[0][0]):
            work, waiter = self._line.popleft()
            if not waiter.done():  # else its task was cancelled
                self._left -= work
                waiter.set_result(None)
        self._is_counting = self._left < WORK_OF_A_TURN
        if self._is_counting:
            loop.call_soon(self._renew, loop, context=self._context)


_turns: Final[WeakKeyDictionary[AbstractEventLoop, Turns]] = WeakKeyDictionary()


async def take(work: int) -> Turns:
    """Wait for a turn of the event loop that has so much work left, or all of it for what takes longer."""
    from asyncio import get_running_loop  # noqa: PLC0415 - importing it takes longer than importing this package

    loop = get_running_loop()
    if (turns := _turns.get(loop)) is None:
        turns = _turns[loop] = Turns()
    await turns.take(work, loop)
    return turns


async def check_updates(updates: object) -> list[tuple[str, str, Score]]:
    """Return all updates checked, as `model.check_updates` does."""
    return await _check(updates, model.check_updates)


async def check_player_ids(player_ids: object) -> list[str]:
    """Return the ids as a list, as `model.check_player_ids` does."""
    return await _check(player_ids, lambda part, _: model.check_player_ids(part))


async def _check(values: object, check: Callable[[object, int], list[Checked]]) -> list[Checked]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        return check(values, 0)  # which refuses it
    left = iter(cast("Iterable[object]", values))
    checked: list[Checked] = []
    while part := list(islice(left, CHECKED_AT_ONCE)):
        if len(part) > FEW_VALUES:
            await take(len(part) // VALUES_OF_A_UNIT)
        checked += check(part, len(checked))
    return checked
