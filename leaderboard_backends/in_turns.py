"""Checks of long input in an event loop: a turn of the others comes after each few hundred values."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from itertools import islice
from typing import Final, TypeVar, cast

from . import model
from .model import Score

Checked = TypeVar("Checked")

TURN: Final = 500
"""Values that are checked in one turn, which takes less than a millisecond."""


class _Turn:
    """Lets the event loop run everybody else once; the same as `asyncio.sleep(0)`, without importing asyncio."""

    def __await__(self) -> Generator[None]:
        yield


async def take_turn() -> None:
    """Let all other tasks run that can."""
    await _Turn()


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
    while part := list(islice(left, TURN)):
        checked += check(part, len(checked))
        if len(part) < TURN:
            break
        await _Turn()
    return checked
