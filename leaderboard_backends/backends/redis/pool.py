"""A pool of connections for many threads, which hands out none that the server has closed meanwhile.

redis-py's own pool sends what it is given through layers that repeat a command after a lost connection. This one gives
the bare connection, so that a command is sent once. It makes a connection when all others are in use, up to its size,
and starts anew in a forked child.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, Final, Protocol, TypeAlias

from redis.exceptions import RedisError

from ...errors import BackendUnavailableError, LeaderboardClosedError


class Connection(Protocol):
    """What is used of redis-py's connections, which are not typed throughout."""

    def connect(self) -> None:
        """Connect and greet the server, unless connected."""

    def disconnect(self) -> None:
        """Close the socket, if there is one."""

    def can_read(self, timeout: float = 0) -> bool:
        """Whether something waits to be read; raises where the server closed the connection."""
        ...

    def send_packed_command(self, command: Sequence[bytes], check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's own signature
        """Send bytes."""

    def read_response(self) -> Any:
        """Read one reply, or raise it where it is an error."""


_Turn: TypeAlias = SimpleQueue[Connection | None]
"""Where one who waits gets a connection, or `None`: room to make one."""


class ConnectionPool:
    """At most `size` connections; a call waits up to `timeout` seconds for a free one, first come, first served."""

    def __init__(self, make: Callable[[], Connection], size: int, timeout: float) -> None:
        self._make: Final = make
        self._size: Final = size
        self._timeout: Final = timeout
        self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._idle: list[Connection] = []
        self._waiting: deque[_Turn] = deque()
        self._in_being = 0
        self._lock = Lock()
        self._pid = os.getpid()

    def take(self) -> Connection:
        """Return a connected, idle connection, to be given back with `give` or `drop`.

        Raises `BackendUnavailableError` where all are in use for too long, `LeaderboardClosedError` after `close`, and
        redis-py's or the system's errors where connecting fails. Whatever is raised, nothing was sent but a greeting.
        """
        if self._pid != os.getpid():
            self._reset()
        connection = self._next()
        if connection is not None and not _is_stale(connection):
            return connection
        try:
            if connection is not None:
                connection.disconnect()
            return self._connected()
        except BaseException:
            self._pass_on(None)
            raise

    def give(self, connection: Connection) -> None:
        """Take back a connection that has no reply outstanding."""
        if self._closed:
            self.drop(connection)
        else:
            self._pass_on(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection that must not be used again, and make room for another."""
        try:
            connection.disconnect()
        finally:
            self._pass_on(None)

    def close(self) -> None:
        """Disconnect all idle connections now, and those in use when they come back."""
        self._closed = True
        with self._lock:
            idle, self._idle = self._idle, []
            self._in_being -= len(idle)
        for connection in idle:
            connection.disconnect()

    def _next(self) -> Connection | None:
        """Return an idle connection, or `None` for room to make one; wait where there is neither."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._in_being < self._size:
                self._in_being += 1
                return None
            turn: _Turn = SimpleQueue()
            self._waiting.append(turn)
        try:
            return turn.get(timeout=self._timeout)
        except BaseException as error:
            self._leave(turn)
            if not isinstance(error, Empty):
                raise
        raise BackendUnavailableError(
            f"all {self._size} connections of this board were in use for {self._timeout:g} s; nothing was sent. "
            f"Raise max_connections, or use fewer threads."
        )

    def _leave(self, turn: _Turn) -> None:
        """Stop waiting; what came too late goes to the next in line."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return
        self._pass_on(turn.get())

    def _pass_on(self, connection: Connection | None) -> None:
        """Hand a connection, or room for one, to whoever waits longest; else keep it."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().put(connection)
            elif connection is None:
                self._in_being -= 1
            else:
                self._idle.append(connection)

    def _connected(self) -> Connection:
        if self._closed:
            raise LeaderboardClosedError("the board was closed meanwhile: open it again to use it.")
        connection = self._make()
        connection.connect()
        return connection


def _is_stale(connection: Connection) -> bool:
    """Whether the server closed an idle connection, or left something to read that nobody waits for."""
    try:
        return connection.can_read(0)
    except (RedisError, OSError):
        return True
