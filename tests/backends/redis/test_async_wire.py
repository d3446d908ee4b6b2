"""One connection of an asyncio program: to how many callers it hands replies in one turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from leaderboard_backends.backends.redis.async_waiting import Place, Sent
from leaderboard_backends.backends.redis.async_wire import MOST_AT_ONCE, Wire
from leaderboard_backends.backends.redis.requests import Request

OK = b"+OK\r\n"
ROWS = b"*200\r\n" + b"$1\r\nx\r\n" * 200


class Callers:
    """What a connection needs of its server, which counts the callers who were answered."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.address = SimpleNamespace(socket_timeout=5)
        self.context = Context()
        self.answered_callers = 0
        self.wire = Wire(self)  # type: ignore[arg-type]  # as much of a server as it needs

    def ask(self, together: Sequence[int]) -> None:
        """Have requests wait for replies, each of so many callers."""
        request: Request[Any] = Request(b"", lambda reply: reply, "")
        for callers in together:
            places = [Place(self.loop.create_future(), 0.0, request) for _ in range(callers)]
            self.wire.sent.append(Sent(request, places))

    def answered(self, sent: Sent, _: Wire) -> None:
        self.answered_callers += len(sent.places)

    def rest(self, _: Wire) -> None:
        """Keep the connection."""

    async def turns(self) -> list[int]:
        """Return how many callers were answered up to now, and in each turn until all were."""
        counted = [self.answered_callers]
        while self.wire.sent:
            await asyncio.sleep(0)
            counted.append(self.answered_callers - sum(counted))
        return counted


@pytest.mark.parametrize(
    ("together", "replies", "most"),
    [
        ([1] * 300, OK * 300, MOST_AT_ONCE),
        ([1] * (MOST_AT_ONCE - 1) + [64] * 3, OK * 300, MOST_AT_ONCE),
        ([1, 64] * 4, OK * 8, MOST_AT_ONCE + 1),
        ([1] * 50, ROWS * 50, MOST_AT_ONCE // 12),
    ],
    ids=["short replies", "calls made together behind others", "calls made together between others", "long replies"],
)
def test_so_many_callers_have_their_replies_in_one_turn(together: list[int], replies: bytes, most: int) -> None:
    async def program() -> None:
        callers = Callers()
        callers.ask(together)
        callers.wire.data_received(replies)
        counted = await callers.turns()
        assert max(counted) <= most
        assert sum(counted) == sum(together)

    asyncio.run(program())


def test_what_comes_in_the_turn_of_the_last_replies_has_a_turn_of_its_own() -> None:
    async def program() -> None:
        callers = Callers()
        callers.ask([1] * (2 * MOST_AT_ONCE + 1))
        callers.wire.data_received(OK * (MOST_AT_ONCE + 1))
        await asyncio.sleep(0)
        assert callers.answered_callers == MOST_AT_ONCE + 1
        callers.wire.data_received(OK * MOST_AT_ONCE)
        assert callers.answered_callers == MOST_AT_ONCE + 1
        assert max(await callers.turns()) <= MOST_AT_ONCE + 1
        assert callers.answered_callers == 2 * MOST_AT_ONCE + 1

    asyncio.run(program())


def test_a_reply_that_waits_for_its_turn_is_no_late_one() -> None:
    async def program() -> None:
        callers = Callers()
        callers.ask([1] * (MOST_AT_ONCE + 1))
        assert callers.wire.heard_of_reply() == -inf
        callers.wire.data_received(OK * (MOST_AT_ONCE + 1))
        callers.wire._heard -= 3600
        assert callers.wire.heard_of_reply() > callers.loop.time() - 60
        await callers.turns()
        await asyncio.sleep(0)  # it has looked that there are no more
        assert callers.wire.heard_of_reply() == -inf

    asyncio.run(program())
