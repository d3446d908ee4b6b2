"""Load for an HTTP server, from one event loop: requests over connections that stay open, each sent after an answer.

It reads of an answer what ends it, its length, and no more, so that the server is what is measured. It runs in this
process, on a core beside the server's where there are two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

LENGTH: Final = b"content-length: "
OK: Final = b"HTTP/1.1 200"


class Connection(asyncio.Protocol):
    """Sends one request after the other, and counts nothing but answers with the status 200."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests: Final = requests
        self._done: Final = done
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Send the next request once an answer is whole."""
        read = self._read = self._read + data
        head = read.find(b"\r\n\r\n")
        if head < 0:
            return
        start = read.index(LENGTH) + len(LENGTH)
        length = int(read[start : read.index(b"\r", start)])
        if len(read) < head + 4 + length:
            return
        if not read.startswith(OK):
            self._end(AssertionError(read))
        self._read = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the server closed the connection."""
        self._end(exc or ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None)
        if request is None:
            self._end(None)
            self._transport.close()
        else:
            self._transport.write(request)

    def _end(self, error: Exception | None) -> None:
        if self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)


async def send_all(port: int, requests: Sequence[bytes], connections: int) -> float:
    """Send all requests over so many connections, and return the seconds until the last one was answered."""
    loop = asyncio.get_running_loop()
    left = iter(requests)
    before = loop.time()
    waiting = []
    for _ in range(connections):
        done = loop.create_future()
        waiting.append(done)
        await loop.create_connection(lambda done=done: Connection(left, done), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*waiting)
    return loop.time() - before


def request(method: str, path: str, body: bytes = b"", token: str = "") -> bytes:
    """Return a request as it goes over the wire."""
    headers = ["Host: 127.0.0.1"]
    if token:
        headers.append(f"Authorization: Bearer {token}")
    if body:
        headers += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *headers, "", ""]).encode() + body
