"""A TCP proxy on loopback that loses what it is told to lose, on its way to a server or back.

    with Proxy(server.port) as proxy:
        board = open_leaderboard(f"redis://127.0.0.1:{proxy.port}/0")
        proxy.mode = "lose replies"

It knows no protocol but that a client asks and then waits: all bytes from a client up to the server's next byte are
one request, all bytes of the server up to the client's next are its reply, and both together one turn.

For a network that falls apart, servers of a group get source addresses of their own (127.0.0.2 and so on, which Linux
has), and reach each other through proxies, each of which is silent towards those on the other side (`silence`).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from random import Random
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias, get_args

Fate: TypeAlias = Literal["pass", "lose requests", "tear requests", "lose replies", "tear replies", "hold replies"]
"""What happens to a turn. What is lost or torn in half ends the connection on both sides; what is held waits."""

LOSSES: Final[tuple[Fate, ...]] = tuple(fate for fate in get_args(Fate) if fate not in ("pass", "hold replies"))

HOLD_TIMEOUT: Final = 20.0
JOIN_TIMEOUT: Final = 10.0
_CHUNK: Final = 65536


class Proxy:
    """Passes bytes between clients and the server at `port` on 127.0.0.1; with `context`, its own side is TLS.

    `mode` is the fate of every turn after the next `passing` ones; `lose_at_random` draws one for each turn instead.
    Where the server does not listen, the proxy ends a client's connection at once.
    """

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self.mode: Fate = "pass"
        self.passing = 0
        """Turns to pass before `mode` applies."""
        self.turns = 0
        """Turns so far, of all clients."""
        self.lost = 0
        """Turns so far that were not passed."""
        self.held = Event()
        """Set once a reply is held."""
        self.release = Event()
        """Set by a test to let held replies go."""
        self._upstream = port
        self._silenced: frozenset[str] = frozenset()
        self._context = context
        self._draw: Callable[[], Fate] | None = None
        self._closed = False
        self._lock = Lock()
        self._links: set[_Link] = set()
        self._threads: set[Thread] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: Final[int] = self._listener.getsockname()[1]
        """Where clients connect to, on 127.0.0.1."""
        self._accepting = Thread(target=self._accept, name="proxy", daemon=True)
        self._accepting.start()

    def lose_at_random(self, chance: Random, share: float) -> None:
        """Lose or tear the request or the reply of this share of all turns from now on, greetings included."""
        self._draw = lambda: chance.choice(LOSSES) if chance.random() < share else "pass"

    def lose_nothing(self) -> None:
        """Pass all turns from now on."""
        self._draw, self.mode = None, "pass"

    def silence(self, *hosts: str) -> None:
        """Pass nothing more between the server and clients at these addresses, and at no others; end no connection.

        What was sent meanwhile is lost: connections of those who are heard again end.
        """
        with self._lock:
            heard = self._silenced.difference(hosts)
            self._silenced = frozenset(hosts)
            links = [link for link in self._links if link.host in heard]
        for link in links:
            link.cut()

    def is_silenced(self, host: str) -> bool:
        """Whether nothing is passed between the server and clients at an address."""
        return host in self._silenced

    def close(self) -> None:
        """End all connections and threads."""
        self.release.set()
        _shut(self._listener)
        self._listener.close()
        self._accepting.join(JOIN_TIMEOUT)
        with self._lock:
            self._closed = True
            links, threads = list(self._links), list(self._threads)
        for link in links:
            link.cut()
        for thread in threads:
            thread.join(JOIN_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, (host, _) = self._listener.accept()
                thread = Thread(target=self._serve, args=(client, host), name="proxy-client", daemon=True)
                with self._lock:
                    self._threads = {old for old in self._threads if old.is_alive()} | {thread}
                    thread.start()

    def _serve(self, client: socket.socket, host: str) -> None:
        """Pass the bytes of one client, to the end of its connection."""
        with (
            client,
            suppress(OSError),
            self._greeted(client) as end,
            socket.create_connection(("127.0.0.1", self._upstream), JOIN_TIMEOUT) as server,
        ):
            server.settimeout(None)
            link = _Link(self, end, server, host)
            with self._lock:
                if self._closed:
                    return
                self._links.add(link)
            try:
                link.run()
            finally:
                with self._lock:
                    self._links.discard(link)

    def _greeted(self, client: socket.socket) -> socket.socket:
        return client if self._context is None else self._context.wrap_socket(client, server_side=True)

    def next_fate(self) -> Fate:
        """Return the fate of a turn that begins."""
        with self._lock:
            self.turns += 1
            if self.passing > 0:
                self.passing -= 1
                return "pass"
            fate = self.mode if self._draw is None else self._draw()
            self.lost += fate != "pass"
            return fate

    def hold(self) -> None:
        """Wait until the test lets replies go."""
        self.held.set()
        self.release.wait(HOLD_TIMEOUT)


class _Link:
    """One client's connection and the server's."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket, host: str) -> None:
        self.host = host
        self._proxy = proxy
        self._client = client
        self._server = server
        self._asked = False
        self._is_silent = False
        self._fate: Fate = "pass"

    def run(self) -> None:
        """Pass bytes both ways until either side ends, or the fate of a turn ends both."""
        replies = Thread(target=self._pump, args=(self._server, self._client, self._reply), name="proxy-replies")
        replies.start()
        self._pump(self._client, self._server, self._request)
        replies.join()

    def cut(self) -> None:
        """End both sides."""
        _shut(self._client)
        _shut(self._server)

    def _pump(self, source: socket.socket, target: socket.socket, allowed: Callable[[bytes], bytes]) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                self._is_silent = self._is_silent or self._proxy.is_silenced(self.host)
                if self._is_silent:  # for good: what follows would lack what was lost
                    continue
                passed = allowed(data)
                target.sendall(passed)
                if len(passed) < len(data):
                    break
        self.cut()

    def _request(self, data: bytes) -> bytes:
        """Return what of a request's bytes reaches the server; what is not all of them is the last."""
        if not self._asked:
            self._asked, self._fate = True, self._proxy.next_fate()
        return _rest(data, lost=self._fate == "lose requests", torn=self._fate == "tear requests")

    def _reply(self, data: bytes) -> bytes:
        """Return what of a reply's bytes reaches the client; what is not all of them is the last."""
        self._asked = False
        if self._fate == "hold replies":
            self._proxy.hold()
        return _rest(data, lost=self._fate == "lose replies", torn=self._fate == "tear replies")


def _rest(data: bytes, *, lost: bool, torn: bool) -> bytes:
    if lost:
        return b""
    return data[: len(data) // 2] if torn else data


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
