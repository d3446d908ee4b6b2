"""Workload files: what one may say, and finding, reading and hashing them.

A workload is a TOML file, or a CSV of events alone, which gets a mix of its own. The hash covers only what is measured,
so that neither comments nor a new name change it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from ..errors import ConfigurationError
from ..model import shorten
from ..toml_files import check_word, decode_toml, parse_toml, read_text, refuse, shipped
from .events import Events, read_events
from .operations import OPERATIONS
from .scores import ChangeName, DistributionName

SCHEMA_VERSION: Final = 1
FOLDER: Final = "workloads"

EVENTS_ALONE: Final = """\
schema_version = 1
name = {name}
title = {title}
events = {events}

[mix]
update = 90
rank = 8
top_100 = 2
"""
"""The workload that a CSV without a TOML file means."""

LARGEST_SIZE: Final = 10_000_000
LARGEST_BLOCK: Final = 1000
"""The largest number of steps in a block with the exact mix; the smallest share is one step of it."""

Size = Annotated[int, Meta(ge=1, le=LARGEST_SIZE)]
Rate = Annotated[float, Meta(ge=1, le=1_000_000)]


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is on the board before the first step."""

    share: Annotated[float, Meta(ge=0, le=1)] | None = None
    """Share of the players on the board at first, by default all; share of the events to load, by default half."""
    scores: Literal["drawn", "tied"] = "drawn"
    """`drawn` from the distribution, or `tied`: all at 0, as at the start of a season."""


class ScoreForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How scores are drawn."""

    distribution: DistributionName = "uniform"
    players_per_score: Annotated[float, Meta(ge=1, le=LARGEST_SIZE)] = 5.0
    """Players who share a score that occurs, on average; 1: hardly any ties."""
    change: ChangeName = "any other"
    """The next score of a player: `any other` of the distribution, or a `climb` by up to a hundredth of its spread."""


class PlayerForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which players the steps name."""

    popularity: Literal["uniform", "zipf"] = "uniform"
    """`uniform`, or `zipf`: the k-th most popular player with a weight of `k ** -exponent`."""
    exponent: Annotated[float, Meta(ge=0, le=3)] = 1.0


class Arrival(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When steps come, in runs that measure response time."""

    process: Literal["poisson", "regular"] = "poisson"
    """`poisson`: independent of one another; `regular`: at equal distances."""
    rates: Annotated[tuple[Rate, ...], Meta(min_length=1)] = (
        500.0,
        2000.0,
        5000.0,
    )
    """Operations per second."""


class Workload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A workload file. With `events`, the path of a CSV beside it, updates are events that happened."""

    schema_version: int
    mix: dict[str, Annotated[float, Meta(ge=0, le=1_000_000)]]
    """The share of each operation among the steps, in any unit."""
    name: Annotated[str, Meta(pattern=r"^([a-z0-9][a-z0-9._-]{0,39})?$")] = ""
    title: str = ""
    sizes: Annotated[tuple[Size, ...], Meta(min_length=1)] = (
        100,
        1_000,
        10_000,
        100_000,
        1_000_000,
    )
    """Numbers of players that a full comparison takes."""
    load: Load = Load()
    scores: ScoreForm = ScoreForm()
    players: PlayerForm = PlayerForm()
    arrival: Arrival = Arrival()
    events: str | None = None

    @property
    def loaded_share(self) -> float:
        """The part of the players, or of the events, that is loaded."""
        if self.load.share is not None:
            return self.load.share
        return 1.0 if self.events is None else 0.5

    def shares(self) -> dict[str, Fraction]:
        """Return the mix as parts of 1, exact as they are written, without what has no share."""
        parts = {name: Fraction(str(share)) for name, share in self.mix.items() if share}
        whole = sum(parts.values())
        return {name: part / whole for name, part in parts.items()}


@dataclass(frozen=True, slots=True)
class WorkloadFile:
    """A workload as read: what it says, the text that says so, and the SHA-256 of what is asked."""

    path: Path
    spec: Workload
    text: str
    sha256: str
    events: Events | None = None


def workload_names() -> list[str]:
    """Return the names of the workloads that come with the library."""
    return sorted(path.stem for path in shipped(FOLDER).glob("*.toml"))


def find_workloads(names: Iterable[str]) -> list[WorkloadFile]:
    """Return the workloads of names of shipped ones, and of paths of a TOML or a CSV, each once and in that order.

    Raises `ConfigurationError` for what is neither, what cannot be read, and two workloads of one name.
    """
    found: dict[Path, WorkloadFile] = {}
    for name in names:
        path = _path(name)
        found.setdefault(path.resolve(), read_workload(path))
    named: dict[str, WorkloadFile] = {}
    for workload in found.values():
        other = named.setdefault(workload.spec.name, workload)
        if other is not workload:
            raise ConfigurationError(
                f"{other.path} and {workload.path} are both named {workload.spec.name!r}: a result could not "
                "distinguish them. Rename one."
            )
    return list(named.values())


def read_workload(path: Path) -> WorkloadFile:
    """Read a TOML, or a CSV of events alone. Raises `ConfigurationError`."""
    text = _text_for(path) if path.suffix.lower() == ".csv" else read_text(path)
    workload = decode_toml(path, text, Workload, SCHEMA_VERSION)
    workload = msgspec.structs.replace(workload, name=workload.name or path.stem)
    workload = msgspec.structs.replace(workload, title=workload.title or workload.name)
    _check_mix(path, workload)
    if workload.events is None:
        return WorkloadFile(path, workload, text, _sha256(workload))
    _check_events(path, workload, parse_toml(path, text))
    events = read_events(path.parent / workload.events)
    workload = msgspec.structs.replace(workload, sizes=(events.players,))
    return WorkloadFile(path, workload, text, _sha256(workload, events.sha256), events)


def _path(name: str) -> Path:
    if name in workload_names():
        return shipped(FOLDER) / f"{name}.toml"
    path = Path(name)
    if path.suffix.lower() not in (".toml", ".csv"):
        raise ConfigurationError(
            f"{shorten(name)} is not a workload. Known workloads: {', '.join(workload_names())}. Others are named by "
            "the path of a .toml, or of a .csv with player_id,username,score in time order."
        )
    return path


def _text_for(path: Path) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")[:40] or "events"
    texts = {"name": name, "title": f"the events of {path.name}", "events": path.name}
    return EVENTS_ALONE.format_map({key: json.dumps(text, ensure_ascii=False) for key, text in texts.items()})


def _check_mix(path: Path, workload: Workload) -> None:
    """Refuse shares that no trace can be drawn with."""
    for name in workload.mix:
        check_word(path, "mix", name, OPERATIONS)
    shares = workload.shares()
    if not shares:
        refuse(path, f"mix has no share above 0: give at least one operation ({', '.join(OPERATIONS)}) more than that.")
    if small := [name for name, share in shares.items() if share * LARGEST_BLOCK < 1]:
        refuse(
            path,
            f"mix.{small[0]} is {workload.mix[small[0]]:g}, less than one step in {LARGEST_BLOCK}: too few to measure. "
            "Give it a larger share, or remove it.",
        )
    if shares.get("leave", 0) > shares.get("join", 0):
        refuse(
            path,
            f"mix.leave is {workload.mix['leave']:g} and mix.join {workload.mix.get('join', 0):g}: the board would "
            "become empty. Give join at least the share of leave.",
        )


def _check_events(path: Path, workload: Workload, found: dict[str, Any]) -> None:
    """Refuse what does not go together with events."""
    given = [key for key in found if key in ("sizes", "scores")]
    given += ["load.scores"] if workload.load.scores == "tied" else []
    if given:
        refuse(path, f"{given[0]} is set although the events define it: remove it.")
    others = [name for name in workload.shares() if OPERATIONS[name].changes and name != "update"]
    if others or "update" not in workload.shares():
        what = f"has {others[0]}" if others else "has no update"
        refuse(path, f"mix {what}: with events, update replays them, and no other operation may change the board.")
    if workload.loaded_share == 1:
        refuse(path, "load.share is 1, so no event is left to replay: use a smaller share, such as 0.5.")


def _sha256(workload: Workload, events: str | None = None) -> str:
    """Return the SHA-256 of what is asked, in one form: keys sorted, no names; events stand for their sizes.

    Default values are left out, so that a key that a later version adds changes no hash.
    """
    asked = msgspec.to_builtins(msgspec.structs.replace(workload, name="", title="", events=events))
    unsaid = msgspec.to_builtins(Workload(SCHEMA_VERSION, {}))
    return sha256(msgspec.json.encode(_differing(asked, unsaid), order="sorted")).hexdigest()


def _differing(asked: dict[str, Any], unsaid: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for key, value in asked.items():
        if value != unsaid[key]:
            found[key] = _differing(value, unsaid[key]) if isinstance(unsaid[key], dict) and unsaid[key] else value
    return found
