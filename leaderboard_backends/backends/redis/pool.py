"""A pool of connections for many threads, which hands out none that the server has closed meanwhile.

redis-py's own pool sends what it is given through layers that repeat a command after a lost connection. This one gives
the bare connection, so that a command is sent once. It makes a connection when all others are in use, up to its size,
and starts anew in a forked child.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, Final, Protocol

from redis.exceptions import RedisError

from ...errors import BackendUnavailableError, LeaderboardClosedError


class Connection(Protocol):
    """What is used of redis-py's connections, which are not typed throughout."""

    pid: int

    @property
    def is_connected(self) -> bool:
        """Whether there is a socket."""

    def connect(self) -> None:
        """Connect and greet the server, unless connected."""

    def disconnect(self) -> None:
        """Close the socket, if there is one."""

    def can_read(self, timeout: float = 0) -> bool:
        """Whether something waits to be read; raises where the server closed the connection."""

    def send_packed_command(self, command: Sequence[bytes], check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's own signature
        """Send bytes."""

    def read_response(self) -> Any:
        """Read one reply, or raise it where it is an error."""


class ConnectionPool:
    """At most `size` connections; a call waits up to `timeout` seconds for a free one."""

    def __init__(self, connect: Callable[[], Connection], size: int, timeout: float) -> None:
        self._connect: Final = connect
        self._size: Final = size
        self._timeout: Final = timeout
        self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._free: SimpleQueue[Connection] = SimpleQueue()
        self._made = 0
        self._lock = Lock()
        self._pid = os.getpid()

    def take(self) -> Connection:
        """Return a connected, idle connection; give it back with `give`.

        Raises `BackendUnavailableError` where all are in use for too long, and redis-py's or the system's errors where
        connecting fails. Whatever is raised, nothing was sent but the greeting.
        """
        if self._pid != os.getpid():
            self._reset()
        try:
            connection = self._free.get_nowait()
        except Empty:
            connection = self._make() or self._wait()
        try:
            if connection.is_connected and not _is_stale(connection):
                return connection
            connection.disconnect()
            connection.connect()
        except BaseException:
            connection.disconnect()
            self.give(connection)
            raise
        return connection

    def give(self, connection: Connection) -> None:
        """Take a connection back, connected or not."""
        if self._closed or connection.pid != self._pid:
            connection.disconnect()
        self._free.put(connection)

    def close(self) -> None:
        """Disconnect all idle connections now, and those in use when they are given back."""
        self._closed = True
        try:
            while True:
                self._free.get_nowait().disconnect()
        except Empty:
            pass

    def _make(self) -> Connection | None:
        with self._lock:
            if self._made >= self._size:
                return None
            self._made += 1
        return self._connect()

    def _wait(self) -> Connection:
        if self._closed:
            raise LeaderboardClosedError("the board was closed meanwhile: open it again to use it.")
        try:
            return self._free.get(timeout=self._timeout)
        except Empty:
            raise BackendUnavailableError(
                f"all {self._size} connections of this board were in use for {self._timeout:g} s; nothing was sent. "
                f"Raise max_connections, or use fewer threads."
            ) from None


def _is_stale(connection: Connection) -> bool:
    """Whether the server closed an idle connection, or left something to read that nobody waits for."""
    try:
        return connection.can_read(0)
    except (RedisError, OSError):
        return True
