"""Groups of real servers for tests and comparisons, all on 127.0.0.1 and ended with the process that uses them.

    with EmbeddedSentinel(replicas=2) as group:
        board = open_leaderboard(group.url, board="weekly", **group.options)
        group.primary.kill()

Each server is an `EmbeddedServer`, to be stopped, killed, frozen and started again like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from secrets import token_urlsafe
from time import monotonic, sleep
from types import TracebackType
from typing import ClassVar, Final, Self

from ..backends.redis.address import Address, SentinelAddress
from ..backends.redis.requests import REPLICATION, Request
from ..backends.redis.sentinel import Sentinels
from ..backends.redis.server import Server
from ..errors import BackendUnavailableError
from .servers import START_TIMEOUT, EmbeddedServer, ServerStartError

_LOOK_AGAIN: Final = 0.05


class _Sentinel(EmbeddedServer):
    """A Sentinel, which keeps what it learned in a configuration file of its own."""

    _ready: ClassVar[str] = "Sentinel ID is"

    def _arguments(self, port: int) -> list[str]:
        file = self.socket_path.with_name("sentinel.conf")
        if not file.exists():
            file.write_text(self._configuration(port))  # in a folder that only this user may enter
        return [str(file), "--sentinel"]

    def _input(self, port: int) -> str:
        del port
        return ""


class EmbeddedSentinel:
    """A primary, its replicas, and the Sentinels that watch them and promote a replica when the primary fails.

    `down_after` is how many seconds a server must be silent to be taken for down; a failover takes that and one or two
    seconds more. `settings` are those of the primary and of the replicas. Starting takes some seconds, until all know
    of each other.
    """

    def __init__(
        self,
        *,
        replicas: int = 2,
        sentinels: int = 3,
        service: str = "board",
        down_after: float = 1.0,
        settings: Mapping[str, str] = {},
        executable: Path | None = None,
    ) -> None:
        self.service: Final = service
        self._password: Final = token_urlsafe(24)
        self._settings: Final = {
            "requirepass": self._password,
            "masterauth": self._password,
            "repl-diskless-sync-delay": "0",
            **settings,
        }
        self._counts: Final = replicas, sentinels
        self._down_after: Final = down_after
        self._executable: Final = executable
        self._stack: Final = ExitStack()
        self.servers: Final[list[EmbeddedServer]] = []
        """The primary and the replicas, the one that was the primary at the start first."""
        self.sentinels: Final[list[EmbeddedServer]] = []

    # ------------------------------------------------------------------ where it is

    @property
    def url(self) -> str:
        """The service as a URL, with the password of its servers; that of the Sentinels is in `options`."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://:{self._password}@{hosts}/{self.service}/0"

    @property
    def options(self) -> dict[str, str]:
        """The options that a board needs beside the URL."""
        return {"sentinel_password": self._password}

    def address(self, *sentinels: EmbeddedServer) -> SentinelAddress:
        """Return the address of the service by these Sentinels, or by all."""
        nodes = tuple(("127.0.0.1", sentinel.port) for sentinel in sentinels or self.sentinels)
        return SentinelAddress(sentinels=nodes, service=self.service, sentinel_password=self._password)

    @property
    def primary(self) -> EmbeddedServer:
        """The server that the Sentinels name as the primary now. Raises `BackendUnavailableError` where none does."""
        port = Sentinels(self.address()).primary(all_of_them=True).node.port
        return next(server for server in self.servers if server.port == port)

    @property
    def replicas(self) -> list[EmbeddedServer]:
        """The servers that are not the primary now."""
        primary = self.primary
        return [server for server in self.servers if server is not primary]

    # ------------------------------------------------------------------ life

    def start(self) -> Self:
        """Start all servers, and return once each knows of the others. Raises `ServerStartError`."""
        replicas, sentinels = self._counts
        with ExitStack() as stack:
            first = self._start(stack, self.servers, EmbeddedServer, self._settings)
            for _ in range(replicas):
                settings = {**self._settings, "replicaof": f"127.0.0.1 {first.port}"}
                self._start(stack, self.servers, EmbeddedServer, settings)
            # A Sentinel looks for replicas when it starts, and then not before 10 seconds have passed.
            self.wait("replicate", lambda: self._following(first) == replicas)
            for _ in range(sentinels):
                self._start(stack, self.sentinels, _Sentinel, self._watching(first.port))
            self.wait("know of each other", self._all_know_of_each_other)
            self._stack.enter_context(stack.pop_all())
        return self

    def wait(self, what: str, is_so: Callable[[], bool], timeout: float = START_TIMEOUT) -> None:
        """Wait until something is so of the group. Raises `ServerStartError` after `timeout` seconds."""
        end = monotonic() + timeout
        while not is_so():
            if monotonic() > end:
                raise ServerStartError(f"the servers of a group did not {what} within {timeout:g} s.")
            sleep(_LOOK_AGAIN)  # they tell nobody; bounded above

    def wait_for_replicas(self) -> None:
        """Wait until all other servers follow the present primary, and are in step. Raises `ServerStartError`."""
        self.wait("follow their primary", lambda: self._following(self.primary) == self._counts[0])

    def close(self) -> None:
        """Stop all servers and remove their directories."""
        self._stack.close()
        self.servers.clear()
        self.sentinels.clear()

    def __enter__(self) -> Self:
        return self if self.servers else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(
        self,
        stack: ExitStack,
        servers: list[EmbeddedServer],
        kind: type[EmbeddedServer],
        settings: Mapping[str, str],
    ) -> EmbeddedServer:
        server = stack.enter_context(kind(settings, tcp=True, executable=self._executable))
        servers.append(server)
        return server

    def _following(self, server: EmbeddedServer) -> int:
        """Return how many replicas are in step with a server."""
        address = Address("127.0.0.1", server.port, password=self._password)
        request: Request[int] = Request(REPLICATION, lambda reply: int(reply.count(b"state=online")), "")
        return Server(address).carry(request)

    def _watching(self, port: int) -> dict[str, str]:
        own = {
            "monitor": f"127.0.0.1 {port} {self._counts[1] // 2 + 1}",
            "auth-pass": self._password,
            "down-after-milliseconds": f"{self._down_after * 1000:.0f}",
            "failover-timeout": f"{3000 * self._down_after:.0f}",
        }
        lines = {f"sentinel {name}": f"{self.service} {value}" for name, value in own.items()}
        return {**lines, "sentinel sentinel-pass": self._password, "requirepass": self._password}

    def _all_know_of_each_other(self) -> bool:
        replicas, _ = self._counts
        for sentinel in self.sentinels:
            asked = Sentinels(self.address(sentinel))
            with suppress(BackendUnavailableError):
                if len(asked.replicas()) == replicas and asked.others() == self._counts[1] - 1:
                    continue
            return False
        return True
