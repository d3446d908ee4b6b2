"""What is compared: places made for each run, those of installed plug-ins among them, and what the user names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Final, Protocol

from ..errors import ConfigurationError
from ..location import Location
from ..testing.opening import is_url
from ..testing.trials import TrialPlace, trial_place, trial_places
from .opening import check_target

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
class Ready:
    """A place that is made for each run, so that its memory and its files are that board's alone."""

    place: TrialPlace

    @property
    def label(self) -> str:
        """The place's name."""
        return self.place.name

    @contextmanager
    def open(self, directory: Path) -> Iterator[Place]:
        """Make the place; raises what making it raises."""
        with self.place.open(directory) as trial:
            server = trial.server
            yield Place(
                trial.url,
                server_url=server.unix_url if server else None,
                server_pid=server.pid if server else None,
                data_path=trial.data,
            )


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


LEFT_OUT: Final = ("fakeredis", "valkey-tcp")
"""Places that are not compared unless named: fakeredis stands in for a server in unit tests, and its speed tells
nothing about one; TCP is the same server on another way."""


def default_targets() -> list[Target]:
    """Return what is compared where nothing is named: what is ready to run here, plug-ins included."""
    return [Ready(place) for name, place in trial_places().items() if name not in LEFT_OUT]


def find_targets(named: Iterable[str]) -> list[Target]:
    """Return the targets that the user named: places for trials by name, others by URL or `module:callable`.

    Raises a `ConfigurationError` for what names nothing, a place named twice, a URL with board, order or keep.
    """
    targets: list[Target] = []
    for text in named:
        target = _named(text, [known.label for known in targets])
        if target.label in (known.label for known in targets):
            raise ConfigurationError(f"{text} is named twice: name it once.")
        targets.append(target)
    return targets or default_targets()


def _named(text: str, taken: list[str]) -> Target:
    if not is_url(text) and ":" not in text:
        return Ready(trial_place(text))
    check_target(text)
    stem = f"{Location.parse(text)[0].scheme}://" if is_url(text) else text
    labels = (stem if number == 1 else f"{stem} #{number}" for number in range(1, len(taken) + 2))
    return Given(next(label for label in labels if label not in taken), text)
