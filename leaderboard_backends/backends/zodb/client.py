"""The client of a ZEO server: ZEO's own, with a limit for every reply."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from os import getpid
from threading import Event
from typing import Any, Final, TypeAlias

from ZEO.asyncio.client import ClientThread
from ZEO.asyncio.futures import run_coroutine_threadsafe
from ZEO.ClientStorage import ClientStorage
from ZEO.Exceptions import ClientDisconnected

from ...errors import BackendUnavailableError

Address: TypeAlias = tuple[str, int] | str
"""Host and port, or the path of a unix socket."""

_WITHOUT_LIMIT: Final = frozenset({"pack"})
"""Requests whose replies take as long as the database is large."""
_STARTING: Final = 5.0
"""Seconds that the thread of a client may take to begin, or to end."""
_LAST_CALLBACKS: Final = 0.05
"""Seconds for an event loop to note that a connection is closed."""


class _BoundedClient(ClientThread):  # type: ignore[misc]  # ZEO ships no types
    """A connection that is given up where the server does not reply in time; ZEO's own waits for ever.

    A server that is frozen, or whose machine is gone, ends no connection. Hanging up makes every caller that waits
    raise `ClientDisconnected`, and the client connect anew.
    """

    def __init__(self, made: list[_BoundedClient], reply_timeout: float, *args: Any, **options: Any) -> None:
        self.pid = getpid()
        self._ended = Event()  # an interrupt of `join` makes the interpreter take a thread for ended that runs
        made.append(self)
        self._reply_timeout = reply_timeout
        super().__init__(*args, **options)

    def give_up(self) -> bool:
        """Close a client in whatever state it is, and return whether its thread has ended.

        That of the parent of a forked child is left alone, and counts as ended.
        """
        started = getattr(self, "started", None)  # none where an interrupt came before the thread was made
        if started is None or self.pid != getpid() or not started.wait(_STARTING):
            return True
        with suppress(Exception):
            self.close()
        with suppress(RuntimeError):  # the loop ended meanwhile
            if not self._ended.is_set():  # an interrupt cut an earlier `close` in two, which is not begun twice
                self.loop.call_soon_threadsafe(self.client.close)
                self.loop.call_soon_threadsafe(self.loop.call_later, _LAST_CALLBACKS, self.loop.stop)
        return self._ended.wait(_STARTING)

    def run_io_thread(self) -> None:
        """Run the event loop until it is stopped."""
        try:
            super().run_io_thread()
        finally:
            self._ended.set()

    def setup_delegation(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the event loop in which the connection lives."""
        super().setup_delegation(loop)
        self.io_call = self._call_in_time

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Ask the server, and return its reply."""
        return super().call(method, *args, **options, limited=method not in _WITHOUT_LIMIT)

    def _call_in_time(self, request: Any, wait: bool = True, limited: bool = True) -> Any:  # noqa: FBT001, FBT002 - ZEO's
        future = run_coroutine_threadsafe(request, self.loop)
        if not wait:
            return future
        asked = self.client.protocol
        limit = self._reply_timeout + (0 if self.client.operational else self.timeout)
        try:
            return future.result(limit if limited else None)
        except TimeoutError:
            self.loop.call_soon_threadsafe(self._hang_up, asked)
            return future.result()

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

    def __call__(self) -> Any:
        """Return a ZEO client's storage.

        Raises `BackendUnavailableError` where no server answers within `wait_timeout`.
        """
        self._made[:] = [client for client in self._made if not client.give_up()]
        try:
            return ClientStorage(self._address, server_sync=True, _client_factory=self._factory, **self._settings)
        except ClientDisconnected as error:
            raise BackendUnavailableError(
                f"{self._place}: no ZEO server that serves the storage {self._settings['storage']!r} answered within "
                f"{self._settings['wait_timeout']:g} s (wait_timeout): start one with runzeo, or correct the address "
                "or the option storage. Nothing was applied."
            ) from error
