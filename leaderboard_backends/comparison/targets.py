"""What is compared: the embedded defaults, each with a fresh place for each run, and what the user names.

A new default is one more line in `EMBEDDED`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Final, Protocol

from ..errors import ConfigurationError
from ..location import Location
from ..testing.servers import EmbeddedServer
from .opening import check_target, is_url

BOARD: Final = "compare"
_SERVER_SCHEMES: Final = ("redis", "rediss", "unix")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run's board is, and whom to ask about memory and files around it."""

    target: str = field(repr=False)
    board: str = BOARD
    shared: bool = False
    """The storage is the user's own: only this run's board is cleared afterwards."""
    server_url: str | None = field(default=None, repr=False)
    server_pid: int | None = None
    data_path: Path | None = None


class Target(Protocol):
    """Something to compare: a label for the tables, and a fresh place for each run."""

    @property
    def label(self) -> str:
        """The name in results and tables."""
        ...

    def open(self, directory: Path) -> AbstractContextManager[Place]:
        """Make the place ready, with `directory` for its files; all it started ends with the context."""
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """A board in the worker's own memory."""

    label: str
    url: str

    def open(self, directory: Path) -> AbstractContextManager[Place]:
        """Nothing to make ready."""
        del directory
        return nullcontext(Place(self.url))


@dataclass(frozen=True, slots=True)
class TemporaryFile:
    """A board in a file of its own in the run's temporary folder."""

    label: str
    scheme: str

    def open(self, directory: Path) -> AbstractContextManager[Place]:
        """Name the file; the backend makes it."""
        file = directory / "board.fs"
        return nullcontext(Place(f"{self.scheme}://{file}", data_path=file))


@dataclass(frozen=True, slots=True)
class EmbeddedValkey:
    """A server started for each run, so that its memory is that board's alone; over its unix socket."""

    label: str
    settings: Mapping[str, str]

    @contextmanager
    def open(self, directory: Path) -> Iterator[Place]:
        """Start the server; raises `ServerNotFoundError` or `ServerStartError`."""
        with EmbeddedServer(self.settings, directory=directory) as server:
            url = server.unix_url
            files = directory if self.settings.get("appendonly") == "yes" else None
            yield Place(url, server_url=url, server_pid=server.pid, data_path=files)


@dataclass(frozen=True, slots=True)
class Given:
    """What the user named: a URL, on a board with a name of its own for each run, or `module:callable`."""

    label: str
    target: str = field(repr=False)

    def open(self, directory: Path) -> AbstractContextManager[Place]:
        """Choose the board's name; nothing is made ready, the storage is the user's."""
        del directory
        board = f"{BOARD}-{token_hex(8)}"
        if not is_url(self.target):
            return nullcontext(Place(self.target, board))
        location, _ = Location.parse(self.target)
        server = self.target if location.scheme in _SERVER_SCHEMES else None
        file = Path(location.path) if location.scheme == "zodb" else None
        return nullcontext(Place(self.target, board, shared=True, server_url=server, data_path=file))


EMBEDDED: Final[Mapping[str, Target]] = {
    target.label: target
    for target in (
        InProcess("naive", "naive://"),
        InProcess("memory", "memory://"),
        EmbeddedValkey("valkey", {"save": "", "appendonly": "no"}),
        EmbeddedValkey("valkey-fsync", {"save": "", "appendonly": "yes", "appendfsync": "always"}),
        TemporaryFile("zodb", "zodb"),
        InProcess("zodb-memory", "zodb+memory://"),
    )
}
"""What is compared where nothing is named. `fakeredis` is left out: it stands in for a server in unit tests, and its
speed tells nothing about one."""


def find_targets(named: Iterable[str]) -> list[Target]:
    """Return the targets that the user named: embedded ones by name, others by URL or `module:callable`.

    Raises a `ConfigurationError` for what names nothing, an embedded one named twice, a URL with board, order or keep.
    """
    targets: list[Target] = []
    for text in named or EMBEDDED:
        target = EMBEDDED.get(text) or _given(text, [known.label for known in targets])
        if target.label in (known.label for known in targets):
            raise ConfigurationError(f"{text} is named twice: name it once.")
        targets.append(target)
    return targets


def _given(text: str, taken: list[str]) -> Given:
    if not is_url(text) and ":" not in text:
        raise ConfigurationError(
            f"{text!r} names no backend. Embedded ones: {', '.join(EMBEDDED)}. Others are named by a URL such as "
            f"redis://host:6379/0, or by module:Class."
        )
    check_target(text)
    stem = f"{Location.parse(text)[0].scheme}://" if is_url(text) else text
    labels = (stem if number == 1 else f"{stem} #{number}" for number in range(1, len(taken) + 2))
    return Given(next(label for label in labels if label not in taken), text)
