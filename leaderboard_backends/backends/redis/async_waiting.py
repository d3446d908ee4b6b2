"""What stands in line for one connection of an asyncio program, and the requests that are made of it.

Each caller has a place, from the line to its reply. Updates and increments of one board that stand in the line together
become one request, at most `MOST_TOGETHER`, in their order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from .requests import BoardRequests, Call, Request

MOST_TOGETHER: Final = 64
"""Calls that one script makes: about 0.3 ms of the server's time."""
LARGEST_WRITE: Final = 256 * 1024
"""Bytes after which a write ends and the rest of the line waits for the next one."""

MOST_BYTES_OF_A_CALL: Final = 400


class Place:
    """One request, or one call that may be made together with others, from the line to its reply."""

    __slots__ = ("asked", "board", "call", "future", "request")

    def __init__(
        self,
        future: asyncio.Future[Any],
        asked: float,
        request: Request[Any] | None,
        board: BoardRequests | None = None,
        call: Call[Any] | None = None,
    ) -> None:
        self.future: Final = future
        self.asked: Final = asked
        self.request: Final = request
        self.board: Final = board
        self.call: Final = call

    def whole(self) -> Request[Any]:
        """Return the request of this place alone, for errors and for sending."""
        if self.request is not None:
            return self.request
        assert self.board is not None  # noqa: S101 - one of the two is there
        assert self.call is not None  # noqa: S101 - as above
        return self.board.together([self.call])


class Sent:
    """A request that was sent, those who wait for its reply, and the replies so far."""

    __slots__ = ("began", "deadline", "is_over", "places", "replies", "request")

    def __init__(self, request: Request[Any], places: Sequence[Place]) -> None:
        self.request: Final = request
        self.places: Final = places
        self.replies: Final[list[Any]] = []
        self.began = self.deadline = 0.0
        self.is_over = False
        """Whether nobody waits any more."""

    def fail(self, error: Callable[[], Exception]) -> None:
        """Tell everybody who still waits, each with an error of its own."""
        self.is_over = True
        for place in self.places:
            if not place.future.done():
                place.future.set_exception(error())


def taken_from(line: deque[Place], most: int) -> list[Sent]:
    """Take requests from the line; calls of one board become one, where no other write of it stands between."""
    if len(line) == 1 and most > 0:
        place = line.popleft()
        return [] if place.future.done() else [_sent([place])]
    groups: list[list[Place]] = []
    open_groups: dict[str, list[Place]] = {}
    size = 0
    while line and len(groups) < most and size < LARGEST_WRITE:
        place = line.popleft()
        if place.future.done():  # its caller was cancelled, or it waited for too long
            continue
        if place.board is None:
            request = place.whole()
            size += len(request.packed)
            groups.append([place])
            if request.writes:
                open_groups.pop(request.key, None)
            continue
        group = open_groups.get(place.board.key)
        if group is None or len(group) >= MOST_TOGETHER or not _alike(group[0], place):
            group = open_groups[place.board.key] = []
            groups.append(group)
        group.append(place)
        size += MOST_BYTES_OF_A_CALL
    return [_sent(group) for group in groups]


def _sent(group: Sequence[Place]) -> Sent:
    """Return the request of some places: of one, or of calls that are made together."""
    board = group[0].board
    if board is None:
        return Sent(group[0].whole(), group)
    return Sent(board.together([place.call for place in group if place.call is not None]), group)


def _alike(one: Place, other: Place) -> bool:
    """Whether two calls of a board run the same script: its keep rule is that of the object."""
    return one.board is other.board or (
        one.board is not None and other.board is not None and one.board.kind == other.board.kind
    )


def hand_over(sent: Sent, reply: Any) -> None:
    """Give a reply to its caller, or its parts to those who made calls together."""
    if len(sent.places) == 1:
        future = sent.places[0].future
        if not future.done():
            future.set_result(reply)
        return
    parts = reply
    if not isinstance(parts, list) or len(parts) != len(sent.places):
        parts = [reply] * len(sent.places)  # which no call can parse: the board is damaged, and each says so
    for place, part in zip(sent.places, parts, strict=True):
        if not place.future.done():
            place.future.set_result(part)


def elements_of(reply: list[Any]) -> int:
    """Return how many elements a reply has that take time to parse, those of the lists in it included."""
    return len(reply) + sum([elements_of(part) for part in reply if type(part) is list])
