"""Viewers of a live page, and what they watch: many streams and a steady flow of updates, from one event loop.

Each update gives one of the players shown the highest score so far, so that the first row of an event tells which
updates a viewer has seen: all up to that one.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from http_load import LENGTH, OK, request

FIRST: Final = 1_000_000
"""The score of the first update."""
CONNECTIONS: Final = 10
"""Of the updates; one may overtake another one by as long as a request takes."""
_EVENT: Final = b"event: board"
_EVENT_END: Final = b"\n\n\r\n"
_LEADER: Final = re.compile(rb'"rows":\[\[1,"[^"]*","[^"]*","([0-9,]+)"')
_NOTHING: Final = -1


class Seen(NamedTuple):
    """What a viewer got: when, and the last update that it shows."""

    at: float
    last: int


class Viewer(asyncio.Protocol):
    """One stream; `seen` has each event of it."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        self._path: Final = path
        self._loop: Final = loop
        self._read = b""
        self._transport: asyncio.Transport | None = None
        self.joined: Final = loop.create_future()
        self.seen: Final[list[Seen]] = []
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(request("GET", self._path))

    def data_received(self, data: bytes) -> None:
        """Take note of an event once it is whole."""
        read = self._read = self._read + data
        if not read.endswith(_EVENT_END):
            return
        self._read = b""
        found = _LEADER.search(read, max(read.rfind(_EVENT), 0))  # the newest of several
        if found:
            self.seen.append(Seen(self._loop.time(), int(found[1].replace(b",", b"")) - FIRST))
            if not self.joined.done():
                self.joined.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the server ended the stream."""
        self.lost = True
        if not self.joined.done():
            self.joined.set_exception(exc or ConnectionError(f"the server ended a stream: {self._read!r}"))

    def close(self) -> None:
        """Go away."""
        assert self._transport is not None
        self._transport.abort()


class Updates:
    """A steady flow of updates over a few connections; `planned` has when each was to be sent."""

    def __init__(self, port: int, path: str, token: str, players: Sequence[str]) -> None:
        self._port, self._path, self._token, self._players = port, path, token, players
        self.planned: Final[list[float]] = []

    async def flow(self, a_second: int, seconds: float) -> None:
        """Give one player after the other the highest score, at planned times, over the connection that is free first.

        One that is late is sent at once, and counts from when it was to be sent.
        """
        began = asyncio.get_running_loop().time()
        times = (began + number / a_second for number in range(int(a_second * seconds)))
        await asyncio.gather(*(self._send(times) for _ in range(CONNECTIONS)))

    async def _send(self, times: Iterator[float]) -> None:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for at in times:
            update = self._next(at)
            await asyncio.sleep(max(at - loop.time(), 0))
            writer.write(update)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(OK), head
            start = head.index(LENGTH) + len(LENGTH)
            await reader.readexactly(int(head[start : head.index(b"\r", start)]))
        writer.close()

    def _next(self, at: float) -> bytes:
        number = len(self.planned)
        self.planned.append(at)
        player = self._players[number % len(self._players)]
        body = {"player_id": player, "username": f"name of {player}", "score": FIRST + number}
        return request("POST", self._path, json.dumps(body).encode(), self._token)


def latencies(viewers: Sequence[Viewer], planned: Sequence[float], numbers: range) -> list[float]:
    """Return for each viewer and each of these updates the seconds until the viewer had it; sorted."""
    found: list[float] = []
    for viewer in viewers:
        for before, seen in pairwise([Seen(0.0, _NOTHING), *viewer.seen]):
            shown = range(max(before.last + 1, numbers.start), min(seen.last + 1, numbers.stop))
            found += [seen.at - planned[number] for number in shown]
    return sorted(found)
