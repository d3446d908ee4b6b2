"""Workload files: finding, reading and hashing them.

A workload is a TOML file (`form` says what it may contain), or a CSV of events alone, which gets a mix of its own. The
hash covers only what is measured, so that neither comments nor a new name change it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from ...errors import ConfigurationError
from ...model import shorten
from ..schema import WorkloadFacts
from ..shipped import shipped
from .events import Events, read_events
from .form import SCHEMA_VERSION, Workload
from .rules import Rules

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


@dataclass(frozen=True, slots=True)
class WorkloadFile:
    """A workload as read: what it says, the text that says so, and the SHA-256 of what is asked."""

    path: Path
    spec: Workload
    text: str
    sha256: str
    events: Events | None = None

    def facts(self) -> WorkloadFacts:
        """Return the facts for a result."""
        events = len(self.events.rows) if self.events else 0
        return WorkloadFacts(self.spec.name, self.spec.title, self.sha256, self.text, events)


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
    if path.suffix.lower() == ".csv":
        return _understood(path, _text_for(path))
    try:
        return _understood(path, path.read_bytes().decode())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not TOML: byte {error.start} is not UTF-8.") from error


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


def _understood(path: Path, text: str) -> WorkloadFile:
    """Return what a text at a path says; its events are read too."""
    rules = Rules(path)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        rules.refuse(f"it is no TOML: {error}.")
    rules.check_found(found)
    try:
        workload = msgspec.convert(found, Workload)
    except msgspec.ValidationError as error:
        rules.explain(found, error)
    workload = _named(workload, path)
    rules.check(workload)
    if workload.events is None:
        return WorkloadFile(path, workload, text, _sha256(workload))
    rules.check_events(workload, found)
    events = read_events(path.parent / workload.events)
    workload = msgspec.structs.replace(workload, sizes=(events.players,))
    return WorkloadFile(path, workload, text, _sha256(workload, events.sha256), events)


def _named(workload: Workload, path: Path) -> Workload:
    name = workload.name or path.stem
    return msgspec.structs.replace(workload, name=name, title=workload.title or name)


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
