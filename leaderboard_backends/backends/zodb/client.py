"""The client of a ZEO server: ZEO's own, with a limit for every reply, and an end whatever an interrupt cut in two."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from os import getpid
from threading import Lock
from time import monotonic
from typing import Any, Final, TypeAlias
from weakref import finalize

from ZEO.asyncio.client import ClientThread
from ZEO.asyncio.futures import AsyncTask, run_coroutine_threadsafe, switch_thread
from ZEO.ClientStorage import ClientStorage
from ZEO.Exceptions import ClientDisconnected

from ...errors import BackendUnavailableError, LeaderboardError
from .served import see_newest

Address: TypeAlias = tuple[str, int] | str
"""Host and port, or the path of a unix socket."""

_WITHOUT_LIMIT: Final = frozenset({"pack"})
"""Requests whose replies take as long as the database is large."""
_ENDING: Final = 5.0
"""Seconds that are waited for threads to end."""
_HANGING_UP: Final = 1.0
"""Seconds for an event loop to note that its connections are closed, before it ends."""


class _Latch:
    """Is set once, by another thread than that which waits.

    An interrupt of who waits for a `threading.Event` can leave its lock held, and whoever sets it then hangs for ever;
    nothing that an interrupt can do to the lock of this one keeps `set` waiting.
    """

    __slots__ = ("_lock", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._lock = Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Let go who waits."""
        if not self.is_set:
            self.is_set = True
            self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Return whether it is set, after so many seconds at the latest."""
        if not self.is_set and self._lock.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            self._lock.release()
        return self.is_set


class _Reply:
    """What a request in the event loop's thread will come to."""

    __slots__ = ("_error", "_value", "come")

    def __init__(self) -> None:
        self.come: Final = _Latch()
        self._value: Any = None
        self._error: BaseException | None = None

    def ask(self, request: Any, loop: Any) -> None:
        """Begin a request; called in the loop's thread."""
        AsyncTask(request, loop).add_done_callback(self._take)

    def _take(self, task: Any) -> None:
        try:
            self._value = task.result()
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self._error = error
        self.come.set()
        switch_thread()  # as ZEO's own does: who waits has work to do

    def fail(self) -> None:
        """Have it come to nothing, where the loop has ended."""
        self._error = self._error or ClientDisconnected("closed")
        self.come.set()

    def result(self) -> Any:
        """Wait for it, and return or raise it."""
        self.come.wait()
        error, self._error = self._error, None
        if error is None:
            return self._value
        try:
            raise error
        finally:
            del error  # which refers to this frame


class _BoundedClient(ClientThread):  # type: ignore[misc]  # ZEO ships no types
    """A connection that is given up where the server does not reply in time; ZEO's own waits for ever.

    A server that is frozen, or whose machine is gone, ends no connection. Hanging up makes every caller that waits
    raise `ClientDisconnected`, and the client connect anew.
    """

    def __init__(self, made: list[_BoundedClient], reply_timeout: float, *args: Any, **options: Any) -> None:
        self.pid: Final = getpid()
        self.ended: Final = _Latch()
        """Set once the thread has ended, or found that it need not begin."""
        self._begun: Final = _Latch()
        self._awaited: Final[set[_Reply]] = set()
        self._reply_timeout: Final = reply_timeout
        made.append(self)
        super().__init__(*args, **options)

    # ------------------------------------------------------------------ the thread

    @property
    def started(self) -> _Latch:
        """Set once the event loop runs."""
        return self._begun

    @started.setter
    def started(self, event: object) -> None:
        """Keep to the latch, which ZEO would put an event in the place of."""

    def run_io_thread(self) -> None:
        """Run the event loop until it is stopped."""
        try:
            if not self.is_closed():
                super().run_io_thread()
        finally:
            self.ended.set()
            for reply in list(self._awaited):  # nobody takes a request to a closed loop for one on its way
                reply.fail()

    def setup_delegation(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the event loop in which the connection lives."""
        super().setup_delegation(loop)
        self.io_call = self._call_in_time
        loop.call_soon(loop.call_soon, self._end_if_closed)  # one turn later than `started` is set

    def close(self) -> None:
        """End the connection and its thread, and wait for that a while; nothing in a forked child of its process."""
        self.give_up()
        if self.started.is_set and self.pid == getpid():
            self.ended.wait(_ENDING)

    def give_up(self) -> None:
        """Have the connection and its thread end, in whatever state they are; waits for nothing.

        It may be called again, also where an interrupt cut an earlier call, or the start of the thread. A thread that
        is still to begin ends by itself.
        """
        self._ClientThread__closed = True  # ZEO's own, without which the end of the loop counts as a failure
        if self.started.is_set and self.pid == getpid():
            with suppress(RuntimeError):  # the loop has ended
                self.loop.call_soon_threadsafe(self._end)

    def _end_if_closed(self) -> None:
        if self.is_closed():
            self._end()

    def _end(self) -> None:
        self.client.close().add_done_callback(lambda _: self.loop.stop())
        self.loop.call_later(_HANGING_UP, self.loop.stop)

    # ------------------------------------------------------------------ requests

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Ask the server, and return its reply."""
        return super().call(method, *args, **options, limited=method not in _WITHOUT_LIMIT)

    def _call_in_time(self, request: Any, wait: bool = True, limited: bool = True) -> Any:  # noqa: FBT001, FBT002 - ZEO's
        if not wait:
            return run_coroutine_threadsafe(request, self.loop)
        reply = _Reply()
        self._awaited.add(reply)
        try:
            self.loop.call_soon_threadsafe(reply.ask, request, self.loop)
            asked = self.client.protocol
            limit = self._reply_timeout + (0 if self.client.operational else self.timeout)
            if limited and not reply.come.wait(limit):
                self.loop.call_soon_threadsafe(self._hang_up, asked)
            return reply.result()
        finally:
            self._awaited.discard(reply)

    def _hang_up(self, asked: Any) -> None:
        protocol = self.client.protocol
        if protocol is not None and protocol is (asked or protocol):
            protocol.close(ClientDisconnected(f"no reply within {self._reply_timeout:g} s (reply_timeout)"))
            self.client.disconnected(protocol)


class Connector:
    """Connects to one server as often as need be; a client that an interrupt left without owner ends with the next."""

    def __init__(self, address: Address, place: str, *, reply_timeout: float, **settings: Any) -> None:
        self._address = address
        self._place = place
        self._settings = settings
        self._made: list[_BoundedClient] = []
        self._factory = partial(_BoundedClient, self._made, reply_timeout)
        finalize(self, _give_up, self._made).atexit = False

    def __call__(self) -> Any:
        """Return a ZEO client's storage.

        Raises `BackendUnavailableError` where no server answers within `wait_timeout`, or no client can start.
        """
        _give_up(self._made)
        until = monotonic() + _ENDING  # for all of them: they may have the file of the cache
        self._made[:] = [
            client
            for client in self._made
            if client.pid == getpid() and client.started.is_set and not client.ended.wait(until - monotonic())
        ]
        try:
            return see_newest(ClientStorage(self._address, _client_factory=self._factory, **self._settings))
        except ClientDisconnected as error:
            raise BackendUnavailableError(
                f"{self._place}: no ZEO server that serves the storage {self._settings['storage']!r} answered within "
                f"{self._settings['wait_timeout']:g} s (wait_timeout): start one with runzeo, or correct the address "
                "or the option storage. Nothing was applied."
            ) from error
        except LeaderboardError:
            raise
        except Exception as error:  # of the cache file, or of the thread
            raise BackendUnavailableError(
                f"{self._place}: its client cannot start ({type(error).__name__}: {error}). Check that no other "
                "process has its cache file (options client and var), that this user may write it, and the limits "
                "of open files and threads. Nothing was applied."
            ) from error


def _give_up(clients: Iterable[_BoundedClient]) -> None:
    for client in clients:
        client.give_up()
