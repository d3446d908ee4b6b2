"""What carries requests to one node of a cluster in an asyncio program, and how several nodes are asked at once.

All tasks share one connection to each node, as to a server. Writes that replicas are to confirm (WAIT) go over another
one, because WAIT holds up all that follows it there: those that gather while one WAIT is answered are sent together,
with one WAIT for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from math import inf
from time import monotonic
from typing import Any, Final

from redis.exceptions import NoScriptError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ...errors import BackendError, LeaderboardError
from .address import CONNECT_TIMEOUT, Address
from .async_server import MOST_SENT, AsyncServer, in_parsing_thread
from .async_waiting import Place, Sent
from .async_wire import Wire, ask_first, connect
from .nodes import READONLY
from .plans import Answers, Running
from .requests import Request
from .routing import is_confirmation
from .shard_requests import Part

_SHORTEST: Final = 0.001
"""Seconds for which replies are waited for at least."""
LONG_ANSWER: Final = 2000
"""Rows up to which a plan goes on in the event loop."""


class NodeServer(AsyncServer):
    """Carries requests to one node, which is connected to within a short time, or not at all.

    With `reads_replica`, the node answers reads of its primary's slots, too.
    """

    def __init__(self, address: Address, *, reads_replica: bool = False) -> None:
        super().__init__(address)
        self._quickly: Final = address.at(
            address.host,
            address.port,
            connect_timeout=min(CONNECT_TIMEOUT, address.connect_timeout),
            socket_timeout=min(CONNECT_TIMEOUT, address.socket_timeout),
        )
        self._reads_replica: Final = reads_replica
        self._confirming: _ConfirmingServer | None = None

    def join(self, requests: Sequence[Request[Any]]) -> list[Place]:
        """Put requests that are sent together in the line; those that replicas are to confirm, in one of their own."""
        if not is_confirmation(requests[-1]):
            return super().join(requests)
        if self._confirming is None:
            self._confirming = _ConfirmingServer(self.address)
            self._confirming.version = self.version
            self._confirming.hold(self)
        return self._confirming.join(requests)

    def hold(self, owner: object) -> None:
        """Keep the connections open for as long as an owner lives and does not `leave`."""
        super().hold(owner)
        if self._confirming is not None:
            self._confirming.hold(self)

    async def leave(self, owner: object) -> None:
        """Close the connections once nobody uses them."""
        await super().leave(owner)
        if self._confirming is not None and not self._owners:
            await self._confirming.leave(self)

    async def _new_wire(self) -> Wire:
        wire = await connect(self, self._quickly)
        if self._reads_replica:
            try:
                await ask_first(wire, Request(READONLY, bytes, ""), self._quickly)
            except BaseException:
                wire.close()
                raise
        return wire

    def _send_again(self, sent: Sent, request: Request[Any], wire: Wire) -> None:
        """Leave it to the caller to send a script anew: replicas are to confirm what is written then."""
        del request, wire
        sent.fail(lambda: NoScriptError("the node does not know the script"))


class _ConfirmingServer(NodeServer):
    """Carries writes that replicas are to confirm to one node: all that wait by one write, with one WAIT at its end."""

    def join(self, requests: Sequence[Request[Any]]) -> list[Place]:
        """Put requests in the line, of which the last one is WAIT."""
        return AsyncServer.join(self, requests)

    def _may_send(self, wire: Wire) -> bool:
        return not wire.sent and super()._may_send(wire)

    def _why_late(self) -> str:
        return (
            f"{self.address} was busy for {self.address.pool_timeout:g} s (pool_timeout) with earlier writes of this "
            "process that replicas are to confirm (wait_replicas); nothing was sent. Check the replicas, or lower "
            "wait_timeout."
        )

    def _take(self, most: int) -> list[Sent]:
        """Take what waits, up to the end of what one caller asks for; equal requests to confirm become one."""
        del most
        sent: list[Sent] = []
        confirmations: dict[bytes, tuple[Request[Any], list[Place]]] = {}
        is_whole = True
        while self._line and (len(sent) < MOST_SENT or not is_whole):
            place = self._line.popleft()
            request = place.whole()
            is_whole = is_confirmation(request)
            if place.future.done():
                continue
            if is_whole:
                confirmations.setdefault(request.packed, (request, []))[1].append(place)
            else:
                sent.append(Sent(request, [place]))
        return [*sent, *(Sent(request, places) for request, places in confirmations.values())]


def node_server(address: Address) -> NodeServer:
    """Return what carries requests to a node."""
    return NodeServer(address)


def replica_server(address: Address) -> NodeServer:
    """Return what carries reads to a replica of a primary."""
    server = NodeServer(address, reads_replica=True)
    server.version = "a replica"
    return server


async def exchange(
    parts: Mapping[AsyncServer, Sequence[Request[Any]]], deadline: float
) -> dict[AsyncServer, list[Any]]:
    """Send requests to several servers at once; returns the outcomes of each server's, as `server.exchange` does.

    Reads to a server that none of the writes goes to are given up at a moment of `monotonic`.
    """
    outcomes: dict[AsyncServer, list[Any]] = {}
    joined: dict[AsyncServer, list[Place]] = {}
    for server, requests in parts.items():
        server.check_loop()  # what is missing then is no shard
        try:
            joined[server] = server.join(requests)
        except BackendError as error:  # nothing was sent
            outcomes[server] = [error] * len(requests)
    reads = {server: places for server, places in joined.items() if not any(each.writes for each in parts[server])}
    clock = None
    if reads and deadline < inf:
        loop = asyncio.get_running_loop()
        clock = loop.call_later(max(_SHORTEST, deadline - monotonic()), _give_up, reads)
    try:
        for server, places in joined.items():
            outcomes[server] = [await _outcome(server, place) for place in places]
    except BaseException:
        for places in joined.values():
            _abandon(places)
        raise
    finally:
        if clock is not None:
            clock.cancel()
    return outcomes


async def _outcome(server: AsyncServer, place: Place) -> Any:
    try:
        return await server.answer_of(place.whole(), await place.future)
    except (LeaderboardError, NoScriptError) as error:
        return error


def _give_up(reads: Mapping[AsyncServer, Collection[Place]]) -> None:
    for server, places in reads.items():
        server.give_up(places, RedisTimeoutError("no reply in time"))


def _abandon(places: Collection[Place]) -> None:
    """Leave the line, or what will be answered, whose errors nobody waits for."""
    for place in places:
        if not place.future.cancel() and not place.future.cancelled():
            place.future.exception()


async def proceed(run: Running[Any], answers: Answers) -> None:
    """Go on with a plan: in a thread where that takes long, as a row takes some 2 µs."""
    parts = [part for value in answers.joint if isinstance(value, dict) for part in value.values()]
    if sum(len(part.behind) + len(part.ahead) for part in parts if isinstance(part, Part)) > LONG_ANSWER:
        await in_parsing_thread(run.proceed, answers)
    else:
        run.proceed(answers)
