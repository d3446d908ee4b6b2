"""Which failures acknowledged updates survive, and whether that meets `durable`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..capabilities import Home, Kept
from ..config import Opening
from ..numerals import percent, size
from ..usage import IN_MEMORY, file_system
from .finding import Finding, failed, not_applicable, passed, together, warning
from .kinds import kind_of, promises_of
from .server import Persistence, Server, ask_each
from .subject import Subject

LEAST_FREE: Final = 256e6
"""Bytes below which a disk counts as full."""
LOW_FREE: Final = 0.1
"""The part of a disk below which it counts as getting full."""

SURVIVES: Final = {
    "always": "every acknowledged update is on the disk",
    "everysec": "a crash loses about the last second of updates",
    "no": "a power cut loses up to about 30 s of updates",
}
"""By `appendfsync`."""

SET_IN: Final = "in the server's configuration file (CONFIG SET changes it until the next restart)"
DURABLE_SERVER: Final = f"Set appendonly yes and appendfsync always {SET_IN}."
LOGGED_SERVER: Final = (
    f"If updates must survive a crash, set appendonly yes {SET_IN}: appendfsync everysec loses about the last second "
    f"of them, appendfsync always none (then also set durable = true)."
)
DURABLE_EXPECTED: Final = "but durable = true"
LOSES_ALL: Final = "If updates must survive a crash, use a durable backend or turn on the storage's persistence."
NOT_DURABLE: Final = "or set durable = false if the last updates may be lost."


def check_persistence(subject: Subject) -> Finding:
    """Look at the server's settings, at the file's disk, or at what a board in memory is expected to be."""
    return _CHECKS[kind_of(subject.opening)](subject)


def _of_process(subject: Subject) -> Finding:
    if not subject.expectations.durable:
        return not_applicable("data is in this process's memory, and durable = false")
    return failed(
        f"data is in this process's memory: every update is lost when it ends, {DURABLE_EXPECTED}",
        f"Use a durable backend (journal:///path?fsync=always, zodb:///path, sqlite:///path, redis:// with appendfsync "
        f"always), {NOT_DURABLE}",
    )


def _of_other(subject: Subject) -> Finding:
    if subject.expectations.durable and not promises_of(subject.opening).durable:
        return failed(f"the backend is not durable, {DURABLE_EXPECTED}", f"Use a durable backend, {NOT_DURABLE}")
    return _power_cut(subject, subject.storage_info().machine_crash)


def _power_cut(subject: Subject, kept: Kept, where: str = "") -> Finding:
    """Judge what a power cut leaves, as the board itself says."""
    figure = f"{where}a power cut leaves {_words(kept)}"
    if kept.amount == "everything":
        return passed(figure)
    if kept.amount == "not known":
        return warning(figure, "Look it up in the backend's documentation.")
    if subject.expectations.durable:
        return failed(
            f"{figure}, {DURABLE_EXPECTED}",
            f"Let the storage sync every write (redis://: appendfsync always; sqlite://: synchronous=full; "
            f"journal://: fsync=always), {NOT_DURABLE}",
        )
    return warning(figure, LOSES_ALL) if kept.amount == "nothing" else passed(figure)


def _words(kept: Kept) -> str:
    said = f"{kept.amount} ({kept.detail})" if kept.detail else kept.amount
    return f"{said}, as declared" if kept.declared else said


# ---------------------------------------------------------------------- a server


def _of_server(subject: Subject) -> Finding:
    return together([_of_one(subject, found) for found in ask_each(subject.opening, Server.persistence)])


def _of_one(subject: Subject, found: Persistence | None) -> Finding:
    if found is None:
        return _undisclosed(subject)
    findings = [_kept(subject, found)]
    if found.failing:
        findings.append(failed(f"it fails: {found.failing}", "Look at the server's log and at its disk."))
    return together(findings)


def _undisclosed(subject: Subject) -> Finding:
    """Judge a server that refuses CONFIG GET or INFO by what the board's URL declares of it."""
    if subject.opening.options.get("appendfsync"):
        return _power_cut(subject, subject.storage_info().machine_crash)
    return warning(
        "the server does not report its persistence settings",
        "Permit its user +config|get and +info, or declare the setting with the board's option appendfsync.",
    )


def _kept(subject: Subject, found: Persistence) -> Finding:
    figure = _figure(found)
    if found.append_only and found.fsync == "always":
        return passed(figure)
    if subject.expectations.durable:
        return failed(f"{figure}, {DURABLE_EXPECTED}", DURABLE_SERVER)
    return passed(figure) if found.append_only and found.fsync == "everysec" else warning(figure, LOGGED_SERVER)


def _figure(found: Persistence) -> str:
    if found.append_only:
        return f"appendonly yes, appendfsync {found.fsync}: {SURVIVES.get(found.fsync, 'unknown')}"
    if found.snapshots:
        return f"appendonly no, save {found.snapshots}: a crash loses every update since the last snapshot"
    return "appendonly no, no snapshots: a crash of the server loses every update"


# ---------------------------------------------------------------------- a file


def _of_file(subject: Subject) -> Finding:
    """Look at the disk of the configured file; the folder is there, as a scratch board was made in it."""
    folder = data_folder(subject.opening)
    kind = file_system(folder)
    on_disk = (
        failed(
            f"{folder} is a {kind}: its files are in memory, and lost when the machine restarts",
            "Put the board's file on a disk.",
        )
        if kind in IN_MEMORY
        else _power_cut(subject, subject.storage_info().machine_crash, f"on a disk ({kind}); ")
    )
    return together([on_disk, _room(folder)])


def _room(folder: Path) -> Finding:
    disk = shutil.disk_usage(folder)
    part = disk.free / disk.total if disk.total else 0.0
    figure = f"{size(disk.free)} free, {percent(part)}"
    if disk.free < LEAST_FREE:
        return failed(figure, "Make room: on a full disk every update is refused.")
    if part < LOW_FREE:
        return warning(figure, "Make room; the file of a zodb:// board grows with every update until pack().")
    return passed(figure)


def data_folder(opening: Opening) -> Path:
    """Return the folder that a board's file is in, wherever links lead to, or the one that it keeps its files in."""
    path = Path(opening.location.path).resolve()
    return path if path.is_dir() else path.parent


_CHECKS: Final[dict[Home, Callable[[Subject], Finding]]] = {
    "process": _of_process,
    "server": _of_server,
    "files": _of_file,
    "not known": _of_other,
}
