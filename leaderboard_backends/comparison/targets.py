"""What is compared: backends of files in `benchmarks/backends`, of installed plug-ins, and what a user names.

A file says where boards are opened for a run (the target: a name of a temporary storage, a URL, or `module:callable`),
with which settings of a server, and what a reader has to know of the row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from typing import Final

import msgspec

from ..errors import ConfigurationError
from ..location import Location, after_secret
from ..model import shorten
from ..registry import ENTRY_POINT_GROUP, installed
from ..testing.opening import is_url
from ..testing.server_process import ServerProcess
from ..testing.trials import GroupPlace, ServerPlace, TrialPlace, trial_place, trial_places
from ..toml_files import read_toml, shipped
from .opening import Where, check_target, conceal
from .schema import Metadata

BOARD: Final = "compare"


@dataclass(frozen=True, slots=True)
class Target:
    """A backend to compare, by its label in the tables: where its boards are opened, and what a reader has to know.

    Either `place` makes storage anew for each run, so that memory and files belong to that one board, or `url` is what
    the user named: a URL, on a board with a name of its own for each run, or `module:callable`.
    """

    label: str
    place: TrialPlace | None = None
    url: str = field(default="", repr=False)
    """It may hold a password."""
    metadata: Metadata = field(default_factory=Metadata)
    path: str = ""
    """A folder that its processes import from as well; empty where they need none."""

    @property
    def recovers(self) -> bool:
        """Whether a crash of one process alone says something: not where other servers stand beside it."""
        return not isinstance(self.place, GroupPlace)

    @property
    def usual(self) -> bool:
        """Whether it is compared without being named, by the user or in a plan (`besides`)."""
        return self.place is None or self.place.usual

    @property
    def identity(self) -> str:
        """Text that identifies this backend and its settings, without secrets."""
        return self.label if self.place is None else conceal(repr(self.place))

    @property
    def name(self) -> str:
        """The name of the storage that is made for each run; empty where it is the user's."""
        return "" if self.place is None else self.place.name

    @property
    def modules(self) -> Sequence[str]:
        """Modules that its boards come from and that are not this library's; nothing is imported."""
        scheme, mark, _ = self.url.partition("://")
        if not (self.name or mark):
            return (self.url.partition(":")[0],)
        return [plugin.module for plugin in installed(ENTRY_POINT_GROUP).select(name=self.name or scheme)]

    @contextmanager
    def open(self, directory: Path) -> Iterator[tuple[Where, ServerProcess | None]]:
        """Make the target ready for one run, with its files in `directory`; all it started ends with the context.

        Beside where its boards are, it yields the server that has the data, where there is one alone. Raises what
        making it raises.
        """
        if self.place is None:
            yield Where(self.url, f"{BOARD}-{token_hex(8)}", shared=is_url(self.url)), None
            return
        with self.place.open(directory) as trial:
            where = Where(
                target=trial.url,
                board=BOARD,
                server_pids=[server.pid for server in trial.servers],
                copies=trial.copies,
                data_path=str(trial.data) if trial.data else None,
            )
            yield where, trial.server


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `benchmarks/backends`."""

    schema_version: int
    target: str
    """Where boards are opened: the name of a temporary storage, a URL, or `module:callable`."""
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


def known_targets() -> dict[str, Target]:
    """Return by label what can run here, with what is not compared unless named.

    It is one for each file, and for each temporary storage without a file.
    """
    found = {name: Target(name, place) for name, place in trial_places().items()}
    for path in sorted(shipped("backends").glob("*.toml")):
        file = read_toml(path, _File)
        if ":" in file.target or file.target in trial_places():  # else it is that of a plug-in that is not installed
            target = _target(path, file)
            found[target.label] = target
    relabelled = {target.name for label, target in found.items() if not target.usual and target.name != label}
    return {label: target for label, target in found.items() if label not in relabelled}


def read_target(path: Path) -> Target:
    """Return the backend of a file. Raises `ConfigurationError` with the file, the key, and what is allowed there."""
    return _target(path, read_toml(path, _File))


def _target(path: Path, file: _File) -> Target:
    tuning, setup, watch = ([conceal(line) for line in lines] for lines in (file.tuning, file.setup, file.watch))
    label = file.label or path.stem
    metadata = Metadata(
        conceal(file.title), tuning, setup, watch, conceal(file.configuration), conceal(file.round_trips)
    )
    if ":" in file.target:
        check_target(file.target)
        folder = str((path.parent / file.path).resolve()) if file.path else ""
        return Target(label, url=file.target, metadata=metadata, path=folder)
    place = trial_place(file.target)
    if isinstance(place, ServerPlace):
        place = replace(place, settings={**place.settings, **file.settings})
    elif file.settings:
        raise ConfigurationError(f"{path}: settings are for servers; {file.target} is none.")
    return Target(label, place, metadata=metadata)


def find_targets(named: Iterable[str], besides: Iterable[str] = ()) -> list[Target]:
    """Return the backends that the user named: by label, by a file of their own, by URL or `module:callable`.

    Where none is named, those that are ready to run here, and `besides`. Raises a `ConfigurationError` for what names
    nothing, one named twice, a URL with board, order or keep.
    """
    known = known_targets()
    ready = [label for label, target in known.items() if target.usual]
    texts = list(named) or [*ready, *besides]
    found = [_named(text, known) for text in texts]
    alike: dict[str, dict[str, None]] = {}
    for target in found:
        if is_url(target.url):
            alike.setdefault(target.label, {})[target.url] = None
    labels = {(label, url): text for label, urls in alike.items() for url, text in _labels(label, [*urls])}
    found = [replace(target, label=labels.get((target.label, target.url), target.label)) for target in found]
    for label, number in Counter(target.label for target in found).items():
        if number > 1:
            raise ConfigurationError(f"{label} is named twice: name it once.")
    return found


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


def _named(text: str, known: Mapping[str, Target]) -> Target:
    """Return what a text names. Raises `ConfigurationError`, with all labels that there are."""
    if text in known:
        return known[text]
    if by_name := next((target for target in known.values() if target.name == text), None):
        return by_name
    if text.endswith(".toml"):
        return read_target(Path(text))
    if ":" in text:
        check_target(text)
        return Target(f"{Location.parse(text)[0].scheme}://" if is_url(text) else text, url=text)
    raise ConfigurationError(
        f"{shorten(text)} is not a known backend. Ready to run here: {', '.join(known)}. Others are named by a URL "
        "such as redis://host:6379/0, by module:Class, or by a .toml file."
    )
