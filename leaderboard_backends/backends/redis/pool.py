"""A pool of connections for many threads that loses no place, whatever interrupts a call, and needs no lock.

redis-py's own pool sends what it is given through layers that repeat a command after a lost connection. This one gives
the bare connection, so that a command is sent once. It makes a connection when all others are in use, up to its size.

An exception can be raised in the middle of any call: by a signal's handler, or by another thread
(`PyThreadState_SetAsyncExc`). So ownership is plain references: whoever uses a `Place` holds the only one, the pool
counts places by weak references that go away with the place, and everything else is a single atomic step on a deque, a
set or a queue. A call that ends anywhere, for any reason, frees its place; a lock could stay locked, and a fork could
copy it locked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final, Protocol, TypeAlias
from weakref import ref

from redis.exceptions import RedisError

from ...errors import BackendUnavailableError

_LOOK_AGAIN: Final = 0.05
"""Seconds after which one who waits looks for a place that an interrupted call left, of which nobody is told."""


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


class _Mark(ref["Place"]):
    """A weak reference that is hashed by its own identity, which outlives the place's."""

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__
    __ne__ = object.__ne__


class Place:
    """One of the pool's places, with a connection of its own."""

    __slots__ = ("__weakref__", "connected", "connection", "epoch", "mark")

    def __init__(self, connection: Connection, epoch: object, places: set[_Mark]) -> None:
        self.connection: Final = connection
        self.epoch: Final = epoch
        self.connected = False
        self.mark: Final = _Mark(self, places.discard)

    def connect(self) -> None:
        """Connect, unless connected already."""
        if not self.connected:
            self.connection.connect()
            self.connected = True

    def is_stale(self) -> bool:
        """Whether the server closed the idle connection, or left something to read that nobody waits for."""
        try:
            return self.connection.can_read(0)
        except (RedisError, OSError):
            return True


class Lease:
    """The use of a place by one call, from `take` to `give` or `drop`: it holds the place, and then no more."""

    __slots__ = ("place",)

    def __init__(self, place: Place | None = None) -> None:
        self.place = place

    def end(self) -> Place | None:
        """Return the place, and hold it no more."""
        place, self.place = self.place, None
        return place


_Turn: TypeAlias = SimpleQueue[Place | None]
"""Where one who waits gets a place, or `None`: room to make one."""


class ConnectionPool:
    """At most `size` connections; a call waits up to `timeout` seconds for a free one, first come, first served."""

    def __init__(self, make: Callable[[], Connection], size: int, timeout: float) -> None:
        self._make: Final = make
        self._size: Final = size
        self._timeout: Final = timeout
        self._reset()

    def _reset(self) -> None:
        self._epoch = object()
        self._idle: deque[Place] = deque()
        self._waiting: deque[_Turn] = deque()
        self._places: set[_Mark] = set()

    def take(self, within: float = inf) -> tuple[Lease, Connection]:
        """Return a connected, idle connection and the lease of it, to be ended with `give` or `drop`.

        Raises `BackendUnavailableError` where all are in use for too long (the pool's time-out, or `within` so many
        seconds), and redis-py's or the system's errors where connecting fails. Whatever is raised, nothing was sent but
        a greeting.
        """
        while True:
            lease = Lease()
            try:
                place = self._place_for(lease, within)
                if not place.connected:
                    place.connect()
                    return lease, place.connection
                if place.epoch is self._epoch and not place.is_stale():
                    return lease, place.connection
            except BaseException:
                self.drop(lease)
                raise
            self.drop(lease)

    def give(self, lease: Lease) -> None:
        """Take back a connection that has no reply outstanding."""
        if lease.place is None or lease.place.epoch is not self._epoch:
            return self.drop(lease)
        # Nothing can come between the two calls of the next line; into a cast, a function, an interrupt can.
        self._idle.append(lease.end())  # type: ignore[arg-type]  # it has a place
        if self._waiting:
            self._serve()
        return None

    def drop(self, lease: Lease) -> None:
        """Close a connection that must not be used again, and make room for another; does nothing after `give`."""
        if (place := lease.place) is not None:
            self._places.discard(place.mark)
            place.connection.disconnect()
            lease.place = None
            if self._waiting:
                self._serve()

    def renew(self) -> None:
        """Use no connection that was made before: idle ones are closed now, those in use when they come back."""
        self._epoch = object()
        with suppress(IndexError):
            for _ in range(len(self._idle)):
                self.drop(Lease(self._idle.pop()))

    def abandon(self) -> None:
        """Start anew in a forked child; the parent's connections are closed here without a word to the server."""
        inherited = [place for mark in self._places if (place := mark()) is not None]
        self._reset()
        for place in inherited:
            place.connection.disconnect()

    # Whatever has a place has it in the lease, and never in a variable as well once it is idle or somebody else's: an
    # exception that is kept keeps the variables of all functions that it went through, and with them the place.

    def _place_for(self, lease: Lease, within: float) -> Place:
        if not self._free(lease):
            self._wait(lease, min(self._timeout, within))
        if lease.place is None:
            waited = round(max(0.0, min(self._timeout, within)), 3)
            raise BackendUnavailableError(
                f"all {self._size} connections of this process to the server were in use for {waited:g} s; nothing was "
                "sent. Raise max_connections, or use fewer threads."
            )
        return lease.place

    def _free(self, lease: Lease) -> bool:
        """Take an idle place, or make one where there is room: it counts from then on until nobody holds it."""
        try:
            lease.place = self._idle.pop()
        except IndexError:
            if len(self._places) >= self._size:
                return False
            place = lease.place = Place(self._make(), self._epoch, self._places)
            self._places.add(place.mark)
            if len(self._places) > self._size:  # two made the last one at once: neither keeps it, and both look again
                self._places.discard(place.mark)
                lease.place = None
        return lease.place is not None

    def _wait(self, lease: Lease, timeout: float) -> None:
        turn: _Turn = SimpleQueue()
        end = monotonic() + timeout
        self._waiting.append(turn)
        try:
            while not self._free(lease) and (left := end - monotonic()) > 0:
                with suppress(Empty):
                    lease.place = turn.get(timeout=min(left, _LOOK_AGAIN))
                if lease.place is not None:
                    break
                if turn not in self._waiting:  # there was word of room: stay the first in line until it is taken
                    self._waiting.appendleft(turn)
        finally:
            self._leave(turn)

    def _leave(self, turn: _Turn) -> None:
        """Stop waiting; what came too late goes to the next in line."""
        with suppress(ValueError):  # it was served
            self._waiting.remove(turn)
        lease = Lease()
        while not turn.empty():
            lease.place = turn.get()
            try:
                self.give(lease)
            finally:
                self.drop(lease)

    def _serve(self) -> None:
        """Give an idle place, or the word that there is room for one, to whoever waits longest."""
        lease = Lease()
        with suppress(IndexError):
            lease.place = self._idle.pop()
        if lease.place is None and len(self._places) >= self._size:
            return
        try:
            self._waiting.popleft().put(lease.end())
        except IndexError:
            if lease.place is not None:
                self._idle.append(lease.end())  # type: ignore[arg-type]  # as above
