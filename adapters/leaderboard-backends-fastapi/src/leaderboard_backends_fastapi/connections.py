"""`Server`: uvicorn's, with bounds on what clients can hold open.

uvicorn waits for a client's headers, and for its reading of an answer, as long as the client likes, and takes
connections until the process has no descriptors left. Here one look a second ends the connections on which a client
did nothing for `idle_seconds`, and where there are too many, the one that has waited longest for its client makes room
for the next: whoever opens many and sends nothing pushes out its own, and others are served. Where all are at work, one
of the client that has most of them does.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from time import monotonic
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .app import Lives
from .guard import check_number, client_of
from .stream import WRITE_CHUNK

BACKLOG: Final = 64
"""How many connections are taken in one turn of the event loop."""

_SPARE: Final = 4 * BACKLOG + 96
"""Descriptors that connections leave free: four turns pass until a refused one is closed, and boards need some."""

_FEWEST: Final = 16
_ACCEPT: Final = "socket.accept()"
_log = logging.getLogger("leaderboard_backends_fastapi")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What clients may hold open. Raises `ConfigurationError` for what is no bound."""

    connections: int = 1000
    """The most connections, lower where the process may open few files."""
    waiting_per_client: int = 100
    """The most connections from one address that wait for their client, be it for a request or for a body's rest."""
    idle_seconds: float = 20.0
    """Seconds in which a client must send the whole head of a request, and read something of an answer."""

    def __post_init__(self) -> None:
        for field in fields(self):
            check_number(field.name, getattr(self, field.name), field.default, "a number above 0")

    def within_descriptors(self) -> int:
        """Return how many connections there may be in this process."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files == resource.RLIM_INFINITY or files - _SPARE >= self.connections:
            return self.connections
        most = max(files - _SPARE, _FEWEST)
        _log.warning(
            "at most %d connections instead of %d: this process may open only %d files", most, self.connections, files
        )
        return most


class Connections(ServerState):
    """The open connections of a server."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        self._bounds = bounds
        self._most = bounds.within_descriptors()

    def admit(self, new: Connection) -> None:
        """Make room for a connection, if need be, which may be to end it."""
        waiting = [each for each in self._all() if each.waits]
        of_client = [each for each in waiting if each.peer == new.peer]
        if len(of_client) > self._bounds.waiting_per_client:
            self._end(min(of_client, key=_since))
        elif len(self.connections) > self._most:
            others = [each for each in waiting if each is not new]
            self._end(min(others, key=_since) if others else self._of_the_greediest(new))

    def _of_the_greediest(self, new: Connection) -> Connection:
        """Return a connection of the client that has most of them; the new one where that is its own."""
        ((peer, _),) = Counter(each.peer for each in self._all()).most_common(1)
        return new if peer == new.peer else next(each for each in self._all() if each.peer == peer)

    def end_idle(self, now: float) -> None:
        """End the connections on which the client did nothing for too long."""
        for each in list(self._all()):
            if each.idle(now) > self._bounds.idle_seconds:
                self._end(each)

    def _all(self) -> Iterable[Connection]:
        return (each for each in self.connections if isinstance(each, Connection))

    def _end(self, connection: Connection) -> None:
        self.connections.discard(connection)
        connection.transport.abort()  # to close it would wait until the client has read what was sent


class Connection(H11Protocol):
    """A connection that knows how long it has waited for its client."""

    server_state: Connections
    peer = ""
    since = 0.0
    """When the client last did something, or the server was at work for it."""
    _unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a connection, if there is room."""
        self.app_state = {**self.app_state, WRITE_CHUNK: self.write_chunk}
        super().connection_made(transport)
        self.peer = client_of(self.client[0]) if self.client else ""
        self.since = monotonic()  # finer than the time of some event loops, so that none has waited as long as another
        self.server_state.admit(self)

    def write_chunk(self, chunk: bytes) -> bool:
        """Write a chunk of an answer at once, framed already; `False` where it would have to wait for the client.

        What ASGI has for it is a coroutine, so that each chunk takes a turn of a task, and its own framing.
        """
        if self.flow.write_paused or self.transport.is_closing():
            return False
        self.transport.write(chunk)
        return True

    def on_response_complete(self) -> None:
        """Wait for the client again."""
        self.since = monotonic()
        super().on_response_complete()

    @property
    def waits(self) -> bool:
        """Whether it is for the client to send: a request, or the rest of a body."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def idle(self, now: float) -> float:
        """Return for how many seconds the client has done nothing that is for it to do; to be asked every second.

        A request whose head has come is the server's affair, the time for its body too.
        """
        at_work = self.cycle is not None and not self.cycle.response_complete
        unsent = self.transport.get_write_buffer_size()
        if unsent < self._unsent or (at_work and not unsent):
            self.since = now
        self._unsent = unsent
        return now - self.since


def _since(connection: Connection) -> float:
    return connection.since


class Server(uvicorn.Server):
    """A server of bounded connections, which ends the streams of its boards before it waits for its connections."""

    def __init__(self, config: uvicorn.Config, lives: Lives, bounds: Bounds) -> None:
        """Take a configuration made with `http=Connection` and `backlog=BACKLOG`."""
        super().__init__(config)
        self.server_state: Connections = Connections(bounds)
        self._lives = lives
        self._told = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        asyncio.get_running_loop().set_exception_handler(self._tell)
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections, once a second."""
        if counter % 10 == 0:
            self.server_state.end_idle(monotonic())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: no new connections, no streams, then what is in work."""
        await self._lives.close()
        await super().shutdown(sockets)

    def _tell(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what nobody catches; that no connection can be taken, which asyncio says in a loop, once a second."""
        if not str(context.get("message", "")).startswith(_ACCEPT):
            loop.default_exception_handler(context)
        elif loop.time() - self._told >= 1:
            self._told = loop.time()
            _log.error("no connection can be accepted: %s", context.get("exception"))
