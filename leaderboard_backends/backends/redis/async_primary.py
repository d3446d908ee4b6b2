"""What carries requests to the primary of a service in an asyncio program.

What is believed, and for how long, is as in `sentinel`. A call that comes `CHECK_EVERY` seconds after the last check
waits until a Sentinel was asked, and with it whatever else stands in the line. A reply that took longer is believed
only after all of them were asked.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from functools import partial
from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError

from ...errors import BackendUnavailableError
from .address import SentinelAddress
from .async_sentinels import AsyncSentinels
from .async_server import AsyncServer
from .async_waiting import Sent
from .async_wire import Wire, ask_first, connect
from .requests import REPLICATION, Request
from .sentinels import CHECK_EVERY


class AsyncPrimaryServer(AsyncServer):
    """Carries requests to the primary of a service, whichever server that is."""

    def __init__(self, address: SentinelAddress) -> None:
        super().__init__(address)
        self.sentinels: Final = AsyncSentinels(address)
        self._checking: asyncio.Task[None] | None = None
        self._late: list[tuple[Sent, Wire]] = []
        """Requests whose replies took long, until the Sentinels were asked."""
        self._judging: asyncio.Task[None] | None = None

    async def leave(self, owner: object) -> None:
        """Close the connections once no board uses them, those to Sentinels included."""
        await super().leave(owner)
        if not self._owners and asyncio.get_running_loop() is self.loop:
            await self.sentinels.close()

    async def _new_wire(self) -> Wire:
        primary = await self.sentinels.primary()
        host, port = primary.node
        address = self.address.at(host, port)
        wire = await connect(self, address)
        try:
            reply = await ask_first(wire, Request(REPLICATION, bytes, ""), address)
        except BaseException:
            wire.close()
            raise
        if b"\nrole:master" not in reply:
            wire.close()
            raise BackendUnavailableError(
                f"{primary.node} is a replica, although Sentinel names it as the primary: a failover is under way. "
                "Nothing was sent; try again in some seconds."
            )
        wire.origin = primary
        return wire

    def _may_send(self, wire: Wire) -> bool:
        if self._checking is None:
            if not self.sentinels.is_due():
                return super()._may_send(wire)
            self._checking = self.loop.create_task(self._check(wire), context=Context())
        return False

    def _why_late(self) -> str:
        if self._checking is None:
            return super()._why_late()
        return (
            f"{self.address}: no Sentinel has said within {self.address.pool_timeout:g} s (pool_timeout) whether the "
            "primary still is one; nothing was sent. Check the Sentinels, or repeat the call."
        )

    async def _check(self, wire: Wire) -> None:
        """Ask a Sentinel whether the primary still is one, and let the line go on, perhaps over a new connection."""
        try:
            if await self.sentinels.has_moved(wire.origin):
                self._retire(wire)
        finally:
            self._checking = None
            self.wake()

    def answered(self, sent: Sent, wire: Wire) -> None:
        """Hand over the replies to a request, late ones after the Sentinels were asked."""
        if self.loop.time() - sent.began <= CHECK_EVERY or wire not in self._wires():  # one that greets is not in use
            super().answered(sent, wire)
            return
        self._late.append((sent, wire))
        if self._judging is None:
            self._judging = self.loop.create_task(self._judge(), context=Context())

    async def _judge(self) -> None:
        try:
            while self._late:
                late, self._late = self._late, []
                await self.sentinels.has_moved(late[0][1].origin, all_of_them=True)
                for sent, wire in late:
                    if await self.sentinels.has_moved(wire.origin):
                        error = RedisConnectionError("another server has become the primary since the command was sent")
                        sent.fail(partial(self._lost, error, sent.request))
                        self._retire(wire)
                    else:
                        super().answered(sent, wire)
        finally:
            self._judging = None
