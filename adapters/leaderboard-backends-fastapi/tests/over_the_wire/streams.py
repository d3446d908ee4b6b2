"""A viewer of a stream of server-sent events, as it comes over the wire."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any, cast

from .serving import WAIT


class Stream:
    """The events of a board, one after the other."""

    def __init__(self, response: HTTPResponse) -> None:
        self.response = response

    def next(self) -> dict[str, Any]:
        """Return the next event; raises `EOFError` at the end of the stream."""
        while True:
            lines = self.block()
            if lines[0].startswith("event: board"):
                return cast("dict[str, Any]", json.loads(lines[1].removeprefix("data: ")))

    def block(self) -> list[str]:
        """Return the next lines up to an empty one, comments included."""
        lines: list[str] = []
        while line := self.response.readline():
            if line == b"\n":
                return lines
            lines.append(line.decode().rstrip("\n"))
        raise EOFError

    def names(self) -> list[str]:
        """Return the names of the next event."""
        return [row[2] for row in self.next()["rows"]]


@contextmanager
def watching(port: int, board: str = "weekly") -> Iterator[Stream]:
    """Watch a board until the end of the block."""
    connection = HTTPConnection("127.0.0.1", port, timeout=WAIT)
    try:
        connection.request("GET", f"/boards/{board}/events")
        response = connection.getresponse()
        assert response.status == 200, response.read()
        yield Stream(response)
    finally:
        connection.close()


@contextmanager
def asleep(port: int, board: str = "weekly") -> Iterator[socket.socket]:
    """Hold a viewer that asked, and reads nothing."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        held.settimeout(WAIT)
        held.connect(("127.0.0.1", port))
        held.sendall(f"GET /boards/{board}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        yield held
