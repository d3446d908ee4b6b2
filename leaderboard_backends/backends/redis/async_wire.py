"""One connection of an asyncio program to a server: what was sent over it, and what came of it, in order."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from functools import partial
from math import inf
from select import POLLIN, poll
from sys import maxsize
from typing import TYPE_CHECKING, Any, Final, cast

import hiredis
from redis.exceptions import AuthenticationError, InvalidResponse, MovedError, NoScriptError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ...errors import BackendError, BackendReadOnlyError
from .address import Address
from .async_waiting import Place, Sent, elements_of
from .requests import Request, pack

if TYPE_CHECKING:
    from .async_server import AsyncServer

MOST_AT_ONCE: Final = 64
"""Callers who get their replies in one turn of the event loop, which others wait for; calls that were made together
are answered together, half as many more at most."""
ELEMENTS_OF_A_CALLER: Final = 16
"""Elements of a reply that take about as long to be parsed as anything else that a caller does with it."""
IDLE: Final = 0.02
"""Seconds without a reply after which a connection is looked at before it is used: the server may have closed it."""
_NO_REPLY: Final = object()


class Wire(asyncio.Protocol):
    """One connection: what was sent over it and not answered yet, in order."""

    def __init__(self, server: AsyncServer) -> None:
        self._server: Final = server
        self._reader: Final = hiredis.Reader(
            protocolError=InvalidResponse, replyError=_error_of, notEnoughData=_NO_REPLY
        )
        self._transport: asyncio.Transport | None = None
        self.sent: Final[deque[Sent]] = deque()
        self.origin: Any = None
        """Where it leads, of a server that is not always the same one."""
        self.is_full = False
        """Whether the socket takes no more for now."""
        self.lost: Final[asyncio.Future[None]] = server.loop.create_future()
        self._now: Final = server.loop.time
        self._timeout: Final = server.address.socket_timeout
        self._heard = self._now()
        self._is_reading = False
        """Whether replies that came are still to be read."""
        self._is_partial = False
        """Whether what came last was a part of a reply."""

    # ------------------------------------------------------------------ what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def pause_writing(self) -> None:
        """Leave the line alone while the server takes nothing."""
        self.is_full = True

    def resume_writing(self) -> None:
        """Let the line go on."""
        self.is_full = False
        self._server.wake()

    def data_received(self, data: bytes) -> None:
        """Read the replies that came."""
        self._reader.feed(data)
        self._heard = self._now()
        if self._is_reading:
            self._is_partial = True
        else:
            self._read()

    def _read(self, most: int = MOST_AT_ONCE, *, is_later: bool = False) -> None:
        """Hand over replies to so many callers; the rest in the next turn of the loop, after those have had theirs.

        What comes in the turn that hands over the last of the rest waits for its own turn, too.
        """
        reader, sent, left = self._reader, self.sent, most
        self._is_reading = False
        try:
            while (reply := reader.gets()) is not _NO_REPLY:
                first = sent[0]
                first.replies.append(reply)
                if len(first.replies) < first.request.replies:
                    continue
                self._server.answered(sent.popleft(), self)
                left -= len(first.places)
                if isinstance(reply, list):
                    left -= elements_of(reply) // ELEMENTS_OF_A_CALLER
                if left <= 0 or (left < most / 2 and sent and len(sent[0].places) > left):
                    self._read_later()
                    break
            else:
                if is_later and left < most:
                    self._read_later()
        except InvalidResponse as error:
            self._server.drop(self, error)
        except IndexError:
            self._server.drop(self, InvalidResponse("a reply that nobody asked for"))
        else:
            if left < most or not is_later:
                self._is_partial = left == most or reader.has_data()
            self._server.rest(self)

    def _read_later(self) -> None:
        self._is_reading = True
        self._server.loop.call_soon(partial(self._read, is_later=True), context=self._server.context)

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand over what came before the end; the outcome of the rest is unknown."""
        self._read(maxsize)
        self._server.drop(self, exc or RedisConnectionError("Connection closed by server."))
        if not self.lost.done():
            self.lost.set_result(None)

    # ------------------------------------------------------------------ what the server calls

    def send(self, sent: Sequence[Sent]) -> None:
        """Send requests by one write."""
        assert self._transport is not None  # noqa: S101 - it is connected
        began = self._server.loop.time()
        deadline = began + self._server.address.socket_timeout
        for each in sent:
            each.began, each.deadline = began, deadline + each.request.waits
        self.sent.extend(sent)
        packed = sent[0].request.packed if len(sent) == 1 else b"".join([each.request.packed for each in sent])
        self._transport.write(packed)

    def send_one(self, sent: Sent) -> None:
        """Send one request; the same as `send`, in less time."""
        assert self._transport is not None  # noqa: S101 - it is connected
        sent.began = began = self._now()
        sent.deadline = began + self._timeout
        self.sent.append(sent)
        self._transport.write(sent.request.packed)

    def is_stale(self) -> bool:
        """Whether the server closed the connection while it was idle, and the event loop has not come to see it."""
        if self._transport is None or self._transport.is_closing():
            return True
        if self.sent or self._now() - self._heard < IDLE:
            return False
        waiting = poll()
        waiting.register(self._transport.get_extra_info("socket").fileno(), POLLIN)
        return bool(waiting.poll(0))

    def heard_of_reply(self) -> float:
        """Return when a part of the next reply came last; minus infinity where none did.

        That is now where replies are there that wait for their turn.
        """
        if self._is_reading:
            return self._now()
        return self._heard if self._is_partial else -inf

    def is_idle(self) -> bool:
        """Whether nobody waits for a reply."""
        return all(each.is_over or all(place.future.done() for place in each.places) for each in self.sent)

    def is_closing(self) -> bool:
        """Whether the socket is closed, or is just being closed."""
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.abort()
        elif not self.lost.done():
            self.lost.set_result(None)


def _error_of(text: str) -> RedisError:
    """Return the exception for an error reply, as the blocking carrier's library has it."""
    word = text.partition(" ")[0]
    if word == "NOSCRIPT":
        return NoScriptError(text)
    if word == "MOVED":
        return MovedError(text.partition(" ")[2])
    if word == "WRONGPASS" or text.startswith(("ERR AUTH", "ERR invalid password", "ERR Client sent AUTH")):
        return AuthenticationError(text)
    return ResponseError(text)


def _greeting(address: Address) -> Request[Any]:
    """Return what is sent first over a connection: who we are, which database, and a PING, to see that it serves."""
    commands: list[tuple[str, ...]] = []
    if address.username or address.password:  # as redis-py does: an empty password is none
        commands.append(("AUTH", *([address.username] if address.username else []), address.password or ""))
    if address.client_name:
        commands.append(("CLIENT", "SETNAME", address.client_name))
    if address.db:
        commands.append(("SELECT", str(address.db)))
    commands.append(("PING",))
    return Request(b"".join(map(pack, commands)), list, "", replies=len(commands), takes_all=True)


async def connect(server: AsyncServer, address: Address) -> Wire:
    """Return a connection that has been greeted. Raises redis-py's or the system's errors; nothing else was sent."""
    loop = server.loop
    wire = Wire(server)
    try:
        async with asyncio.timeout(address.connect_timeout):
            if address.unix_socket is not None:
                await loop.create_unix_connection(lambda: wire, address.unix_socket)
            else:
                context = _tls_context(address) if address.tls else None
                await loop.create_connection(lambda: wire, address.host, address.port, ssl=context)
    except TimeoutError:
        raise RedisTimeoutError("Timeout connecting to server") from None
    except OSError as error:
        raise RedisConnectionError(str(error)) from error
    try:
        await ask_first(wire, _greeting(address), address)
    except BackendReadOnlyError:
        pass  # a server that cannot save (MISCONF) refuses PING with all writes, and answers reads
    except BackendError as error:
        wire.close()
        raise error.__cause__ or error from None
    except BaseException:
        wire.close()
        raise
    return wire


async def ask_first(wire: Wire, request: Request[Any], address: Address) -> Any:
    """Return the reply to a request over a connection that nobody else uses yet."""
    loop = asyncio.get_running_loop()
    place = Place(loop.create_future(), loop.time(), request)
    wire.send([Sent(request, [place])])
    try:
        async with asyncio.timeout(address.socket_timeout):
            return await place.future
    except TimeoutError:
        raise RedisTimeoutError("Timeout reading from server") from None


def _tls_context(address: Address) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if address.ssl_cert_reqs == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif not address.ssl_check_hostname:
        context.check_hostname = False
    if address.ssl_ca_certs is not None:
        context.load_verify_locations(address.ssl_ca_certs)
    if address.ssl_certfile:
        context.load_cert_chain(address.ssl_certfile, address.ssl_keyfile)
    return context
