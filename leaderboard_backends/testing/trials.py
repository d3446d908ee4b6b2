"""Places for trials: made for one run of the kit or of a comparison, and gone with it.

Each has a name: a scheme whose backend knows how to make one in a folder (`open_trial`), plug-ins included by being
installed, or a real server started for the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlencode

from ..errors import ConfigurationError
from ..model import shorten
from ..registry import backend_class, is_built_in, schemes
from .server_process import ServerProcess
from .servers import EmbeddedServer
from .zeo import EmbeddedZEO


@dataclass(frozen=True, slots=True)
class Trial:
    """One open place: the URL of its boards, the servers behind it, the folder where a durable board's files are."""

    url: str
    servers: tuple[ServerProcess, ...] = ()
    """All processes that were started for it."""
    copies: int = 1
    """How many of these have the whole board: replicas do."""
    data: Path | None = None

    @property
    def server(self) -> ServerProcess | None:
        """The server that has the data, where there is one alone."""
        return self.servers[0] if len(self.servers) == 1 else None


class TrialPlace(Protocol):
    """Something that makes a place for a trial."""

    @property
    def name(self) -> str:
        """What a user calls it."""
        ...

    @property
    def usual(self) -> bool:
        """Whether it is compared without being named: not where its start takes seconds, or its speed says nothing."""
        ...

    def open(self, directory: Path) -> AbstractContextManager[Trial]:
        """Make the place ready, with `directory` for its files; all it started ends with the context."""
        ...


@dataclass(frozen=True, slots=True)
class SchemePlace:
    """A place that the backend of a scheme makes: in this process's memory, in the folder, or a server of its own."""

    name: str
    """The scheme, and what else tells the place from others of it, in parentheses."""
    options: str = ""
    """What is added to the board's URL."""
    usual: bool = field(default=True, repr=False, kw_only=True)

    @contextmanager
    def open(self, directory: Path) -> Iterator[Trial]:
        """Let the backend make it. Raises `ConfigurationError` where it makes none, or cannot be used here."""
        scheme = self.name.partition(" ")[0]
        backend = backend_class(scheme)
        place = backend.open_trial(scheme, directory)
        if place is None:
            raise ConfigurationError(
                f"{scheme}:// cannot make a temporary storage for a trial: give the URL of one, {scheme}://…"
            )
        with place as url:
            yield Trial(url + self.options, data=directory if backend.capabilities.durable else None)


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """A real Valkey or Redis server of its own, over TCP on loopback or over its unix socket."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    unix_socket: bool = False
    options: str = ""
    """What is added to the board's URL."""
    usual: bool = field(default=True, repr=False, kw_only=True)

    @contextmanager
    def open(self, directory: Path) -> Iterator[Trial]:
        """Start the server; raises `ServerNotFoundError` or `ServerStartError`."""
        with EmbeddedServer(self.settings, tcp=not self.unix_socket, directory=directory) as server:
            url = server.unix_url if self.unix_socket else server.url
            data = directory if self.settings.get("appendonly") == "yes" else None
            yield Trial(url + self.options, (server,), data=data)


@dataclass(frozen=True, slots=True)
class ZEOPlace:
    """A real ZEO server of its own, over its unix socket, with its data in the folder."""

    name: str
    usual: bool = field(default=False, repr=False, kw_only=True)

    @contextmanager
    def open(self, directory: Path) -> Iterator[Trial]:
        """Start the server; raises `ServerNotFoundError` or `ServerStartError`."""
        with EmbeddedZEO(directory=directory) as server:
            yield Trial(f"{server.url}?survives=everything", (server,), data=directory)


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """Several servers of its own, all on this machine, without persistence.

    A primary with two replicas and three Sentinels, or the three primaries of a cluster, as the name's scheme says;
    with a replica of each where boards are read from these. A thorough run has no fault tests here: those harm one
    server, and here others take its place or stand beside it.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    """What is added to the board's URL."""
    usual: bool = field(default=False, repr=False, kw_only=True)

    @contextmanager
    def open(self, directory: Path) -> Iterator[Trial]:
        """Start the servers; raises `ServerNotFoundError` or `ServerStartError`."""
        from .groups import EmbeddedCluster, EmbeddedSentinel  # noqa: PLC0415 - needs the extra `redis`

        del directory
        with ExitStack() as stack:
            group: EmbeddedCluster | EmbeddedSentinel
            if self.name.startswith("redis+cluster"):
                replicas = int(self.options.get("read_from") == "replica")
                group = cluster = stack.enter_context(EmbeddedCluster(replicas=replicas))
                servers, copies = tuple[EmbeddedServer, ...](cluster.nodes), 1 + replicas
            else:
                group = sentinel = stack.enter_context(EmbeddedSentinel())
                servers, copies = (*sentinel.servers, *sentinel.sentinels), len(sentinel.servers)
            yield Trial(f"{group.url}?{urlencode({**group.options, **self.options})}", servers, copies)


ALWAYS: Final = {"appendonly": "yes", "appendfsync": "always"}
"""The settings of a server that has each write on the disk before it answers."""

_OWN: Final[tuple[TrialPlace, ...]] = (
    SchemePlace("naive"),
    SchemePlace("memory"),
    SchemePlace("sortedcontainers"),
    SchemePlace("journal"),
    SchemePlace("journal (fsync always)", "?fsync=always"),
    ServerPlace("redis"),
    ServerPlace("redis (unix socket)", unix_socket=True),
    ServerPlace("redis (appendfsync always)", ALWAYS),
    ServerPlace("redis (replica)", options="?replica=true", usual=False),
    GroupPlace("redis+sentinel"),
    GroupPlace("redis+sentinel (read_from replica)", {"read_from": "replica"}),
    GroupPlace("redis+cluster", {"shards": "16"}),
    GroupPlace("redis+cluster (read_from replica)", {"shards": "16", "read_from": "replica"}),
    SchemePlace("fakeredis", usual=False),
    SchemePlace("zodb"),
    SchemePlace("zodb+memory"),
    ZEOPlace("zeo"),
)


def trial_places() -> dict[str, TrialPlace]:
    """Return all places by name: those of this library, and one for each scheme of an installed plug-in.

    No plug-in is imported; one that has no place for trials says so when it is opened.
    """
    plugins = [SchemePlace(scheme) for scheme in schemes() if not is_built_in(scheme)]
    return {place.name: place for place in (*_OWN, *plugins)}


def trial_place(name: str) -> TrialPlace:
    """Return the place of a name. Raises `ConfigurationError`, with the names that there are."""
    places = trial_places()
    if name not in places:
        raise ConfigurationError(
            f"{shorten(name)} is not a known backend. Ready to run here: {', '.join(places)}. Or give a URL such as "
            f"redis://host:6379/0, or module:Class."
        )
    return places[name]
