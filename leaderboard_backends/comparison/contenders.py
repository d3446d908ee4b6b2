"""What is compared: backends of files in `benchmarks/backends`, of installed plug-ins, and what a user names.

A file says where boards are opened for a run (the target: a name of a temporary storage, a URL, or `module:callable`),
with which settings of a server, and what a reader has to know of the row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from secrets import token_hex
from typing import Final, Protocol

import msgspec

from ..errors import ConfigurationError
from ..location import Location, after_secret
from ..model import shorten
from ..registry import ENTRY_POINT_GROUP
from ..testing.opening import is_url
from ..testing.server_process import ServerProcess
from ..testing.trials import GroupPlace, ServerPlace, TrialPlace, trial_place, trial_places
from ..toml_files import read_toml, shipped
from .opening import Where, check_target
from .redaction import conceal
from .schema import Sheet

SCHEMA_VERSION: Final = 1
BOARD: Final = "compare"
LEFT_OUT: Final = (
    "fakeredis",
    "redis (replica)",
    "redis+sentinel",
    "redis+sentinel (read_from replica)",
    "redis+cluster",
    "redis+cluster (read_from replica)",
    "zeo",
)
"""Targets that are not compared unless named, by the user or in a plan (`besides`): fakeredis, whose speed says nothing
about a server's, and boards on several servers or with a copy, whose start takes seconds."""

NO_SHEET: Final = Sheet()


@dataclass(frozen=True, slots=True)
class Place:
    """An open target for one run."""

    where: Where = field(repr=False)
    servers: tuple[ServerProcess, ...] = ()
    """All processes that were started for it."""

    @property
    def server(self) -> ServerProcess | None:
        """The server that has the data, where there is one alone."""
        return self.servers[0] if len(self.servers) == 1 else None


class Contender(Protocol):
    """A backend to compare: its label in the tables, its metadata, and a fresh target for each run."""

    @property
    def label(self) -> str:
        """The name in results and tables."""
        ...

    @property
    def sheet(self) -> Sheet:
        """What a person has to know of it."""
        ...

    @property
    def path(self) -> str:
        """A folder that its processes import from as well; empty where they need none."""
        ...

    @property
    def target(self) -> str:
        """What the user gave to open boards with, which may hold a password; empty where that is not the user's."""
        ...

    @property
    def identity(self) -> str:
        """Text that identifies this backend and its settings, without secrets."""
        ...

    @property
    def modules(self) -> Sequence[str]:
        """Modules that its boards come from and that are not this library's."""
        ...

    @property
    def drills(self) -> bool:
        """Whether its board comes back after a crash of one process alone, which is what a drill measures."""
        ...

    def open(self, directory: Path) -> AbstractContextManager[Place]:
        """Make the target ready, with its files in `directory`; all it started ends with the context."""
        ...


@dataclass(frozen=True, slots=True)
class Ready:
    """A target made anew for each run, so that memory and files belong to that one board."""

    label: str
    place: TrialPlace
    sheet: Sheet = NO_SHEET
    path = ""
    target = ""

    @property
    def drills(self) -> bool:
        """Not where other servers stand beside it or take its place."""
        return not isinstance(self.place, GroupPlace)

    @property
    def identity(self) -> str:
        """The target, with a server's settings."""
        return conceal(repr(self.place))

    @property
    def modules(self) -> Sequence[str]:
        """Modules of the plug-in that makes the target, if one does."""
        return plugin_modules(self.place.name)

    @contextmanager
    def open(self, directory: Path) -> Iterator[Place]:
        """Make the target; raises what making it raises."""
        with self.place.open(directory) as trial:
            where = Where(
                target=trial.url,
                board=BOARD,
                server_pids=[server.pid for server in trial.servers],
                copies=trial.copies,
                data_path=str(trial.data) if trial.data else None,
            )
            yield Place(where, trial.servers)


@dataclass(frozen=True, slots=True)
class Given:
    """What the user named: a URL, on a board with a name of its own for each run, or `module:callable`."""

    label: str
    target: str = field(repr=False)
    sheet: Sheet = NO_SHEET
    path: str = ""
    drills = True

    @property
    def identity(self) -> str:
        """The label: the target may hold a password."""
        return self.label

    @property
    def modules(self) -> Sequence[str]:
        """The module that was named, or those of the plug-in that serves the URL."""
        scheme, mark, _ = self.target.partition("://")
        return plugin_modules(scheme) if mark else (self.target.partition(":")[0],)

    def open(self, directory: Path) -> AbstractContextManager[Place]:
        """Choose the board's name; nothing else is prepared, because the storage is the user's."""
        del directory
        board = f"{BOARD}-{token_hex(8)}"
        if not is_url(self.target):
            return nullcontext(Place(Where(self.target, board)))
        return nullcontext(Place(Where(self.target, board, shared=True)))


def plugin_modules(scheme: str) -> tuple[str, ...]:
    """Return the modules that serve a scheme and are not this library's; nothing is imported."""
    return tuple(plugin.module for plugin in entry_points(group=ENTRY_POINT_GROUP, name=scheme))


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `benchmarks/backends`."""

    schema_version: int
    place: str
    """The target: the name of a temporary storage, a URL, or `module:callable`."""
    title: str
    label: str = ""
    """The name in results and tables; the file's own where none is given."""
    settings: dict[str, str] = {}
    """Lines of the configuration of a server that is started for each run."""
    path: str = ""
    """The folder of the file, to import from."""
    tuning: list[str] = []
    setup: list[str] = []
    watch: list[str] = []
    configuration: str = ""
    round_trips: str = ""


def ready_contenders() -> dict[str, Contender]:
    """Return by label what is ready to run here: one for each file, and for each target without a file."""
    return {label: one for label, one in known_contenders().items() if _target_of(one) not in LEFT_OUT}


def known_contenders() -> dict[str, Contender]:
    """Return by label what can run here, with what is not compared unless named."""
    from_files = dict(_from_files(shipped("backends")))
    places = {name: Ready(name, place) for name, place in trial_places().items()}
    found: dict[str, Contender] = {name: from_files.get(name, one) for name, one in places.items()}
    others = {label: one for label, one in from_files.items() if label not in found}
    for label, one in others.items():
        if _target_of(one) in LEFT_OUT:  # the file's label says more than the target's name
            found.pop(_target_of(one), None)
        found[label] = one
    return found


def _target_of(contender: Contender) -> str:
    return contender.place.name if isinstance(contender, Ready) else ""


def _from_files(folder: Path) -> Iterator[tuple[str, Contender]]:
    """Yield the backends of the files in a folder, without targets of plug-ins that are not installed."""
    for path in sorted(folder.glob("*.toml")):
        file = read_toml(path, _File, SCHEMA_VERSION)
        if is_url(file.place) or ":" in file.place or file.place in trial_places():
            contender = _contender(path, file)
            yield contender.label, contender


def read_contender(path: Path) -> Contender:
    """Return the backend of a file. Raises `ConfigurationError` with the file, the key, and what is allowed there."""
    return _contender(path, read_toml(path, _File, SCHEMA_VERSION))


def _contender(path: Path, file: _File) -> Contender:
    tuning, setup, watch = ([conceal(line) for line in lines] for lines in (file.tuning, file.setup, file.watch))
    label = file.label or path.stem
    sheet = Sheet(conceal(file.title), tuning, setup, watch, conceal(file.configuration), conceal(file.round_trips))
    if is_url(file.place) or ":" in file.place:
        check_target(file.place)
        folder = str((path.parent / file.path).resolve()) if file.path else ""
        return Given(label, file.place, sheet, folder)
    place = trial_place(file.place)
    if isinstance(place, ServerPlace):
        place = replace(place, settings={**place.settings, **file.settings})
    elif file.settings:
        raise ConfigurationError(f"{path}: settings are for servers; {file.place} is none.")
    return Ready(label, place, sheet)


def find_contenders(named: Iterable[str], besides: Iterable[str] = ()) -> list[Contender]:
    """Return the backends that the user named: by label, by a file of their own, by URL or `module:callable`.

    Where none is named, those that are ready to run here, and `besides`. Raises a `ConfigurationError` for what names
    nothing, one named twice, a URL with board, order or keep.
    """
    known = known_contenders()
    texts = list(named) or [*ready_contenders(), *besides]
    found = _told_apart([_named(text, known) for text in texts])
    label, number = next(iter(Counter(contender.label for contender in found).most_common(1)), ("", 0))
    if number > 1:
        raise ConfigurationError(f"{label} is named twice: name it once.")
    return found


def _told_apart(found: Sequence[Contender]) -> list[Contender]:
    """Return the backends, with distinct labels for several URLs of one scheme."""
    alike: dict[str, list[str]] = {}
    for one in found:
        if is_url(one.target) and one.target not in alike.setdefault(one.label, []):
            alike[one.label].append(one.target)
    labels = {(label, url): text for label, urls in alike.items() for url, text in _labels(label, urls)}
    return [
        replace(one, label=labels.get((one.label, one.target), one.label)) if isinstance(one, Given) else one
        for one in found
    ]


def _labels(label: str, urls: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each URL with its label, by what differs: host, file, options. No user and no password is shown.

    Those that differ in nothing else are numbered.
    """
    parsed = [Location.parse(url) for url in urls]
    hosts = [",".join(f"{host}:{port}" if port else host for host, port in where.hosts) for where, _ in parsed]
    paths = [where.path for where, _ in parsed]
    names = [path.rpartition("/")[2] for path in paths]
    columns = [hosts, names if len({*names}) == len({*paths}) else paths]
    shown = {name for _, options in parsed for name in options.keys() - after_secret(options)}
    for option in sorted(shown):
        given = [f"{option}={options[option]}" if option in options else "" for _, options in parsed]
        columns += [given] if [*map(conceal, given)] == given else []
    differing = [column for column in columns if len({*column}) > 1]
    texts = [", ".join(filter(None, row)) for row in zip(*differing, strict=True)] or [""] * len(urls)
    found = [f"{label} ({text})" if text else label for text in texts]
    for number, (url, text) in enumerate(zip(urls, found, strict=True)):
        yield url, text if text not in found[:number] else f"{text} #{number + 1}"


def _place(name: str, known: Mapping[str, Contender]) -> TrialPlace:
    """Return a target without a file. Raises `ConfigurationError`, with all labels that there are."""
    places = trial_places()
    if name not in places:
        raise ConfigurationError(
            f"{shorten(name)} is not a known backend. Ready to run here: {', '.join(known)}. Others are named by a URL "
            "such as redis://host:6379/0, by module:Class, or by a .toml file."
        )
    return places[name]


def _named(text: str, known: Mapping[str, Contender]) -> Contender:
    if text in known:
        return known[text]
    if by_target := next((one for one in known.values() if _target_of(one) == text), None):
        return by_target
    if text.endswith(".toml"):
        return read_contender(Path(text))
    if not is_url(text) and ":" not in text:
        return Ready(text, _place(text, known))
    check_target(text)
    return Given(f"{Location.parse(text)[0].scheme}://" if is_url(text) else text, text)
