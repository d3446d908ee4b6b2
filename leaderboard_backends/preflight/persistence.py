"""What an acknowledged update survives, beside what is expected of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..capabilities import Home, Kept
from ..comparison.document.numerals import percent, size
from ..comparison.machine import IN_MEMORY, file_system
from ..config import Opening
from .finding import Finding, failed, not_applicable, passed, together, warning
from .kinds import kind_of, promises_of
from .server import Persistence, Server
from .subject import Subject

LEAST_FREE: Final = 256e6
"""Bytes below which a disk counts as full."""
LOW_FREE: Final = 0.1
"""The part of a disk below which it counts as getting full."""

SURVIVES: Final = {
    "always": "every acknowledged update is on the disk",
    "everysec": "up to about the last second of updates is lost with the server",
    "no": "what the system had not written yet, some 30 s of updates, is lost with the machine",
}
"""By `appendfsync`."""

DURABLE_SERVER: Final = (
    "Set appendonly yes and appendfsync everysec, or always, in the server's file (CONFIG SET does it until a restart)."
)


def check_persistence(subject: Subject) -> Finding:
    """Look at the server's settings, at the file's disk, or at what a board in memory is expected to be."""
    return _CHECKS[kind_of(subject.opening)](subject)


def _of_process(subject: Subject) -> Finding:
    if not subject.expectations.durable:
        return not_applicable("in this process's memory, and nothing durable is expected")
    return failed(
        "in this process's memory: every update is lost with it, and durable ones are expected",
        "Use a board that keeps them (redis:// with appendonly, zodb:///path), or expect none: durable = false.",
    )


def _of_other(subject: Subject) -> Finding:
    promises = promises_of(subject.opening)
    if subject.expectations.durable and not promises.durable:
        return failed("the backend promises nothing durable", "Use one that does, or expect none: durable = false.")
    kept = subject.storage_info().machine_crash
    figure = f"a power cut leaves {_words(kept)}"
    if subject.expectations.durable and kept.amount == "nothing":
        return failed(f"{figure}, and durable updates are expected", "Set the storage up so that it keeps them.")
    return passed(figure) if kept.amount == "everything" else warning(figure, "See what the backend's documents say.")


def _words(kept: Kept) -> str:
    said = f"{kept.amount} ({kept.detail})" if kept.detail else kept.amount
    return f"{said}, as declared" if kept.declared else said


# ---------------------------------------------------------------------- a server


def _of_server(subject: Subject) -> Finding:
    with Server.of(subject.opening) as server:
        found = server.persistence()
    if found is None:
        return warning("the server does not say how it keeps data", "Permit its user +config|get and +info.")
    findings = [_kept(subject, found)]
    if found.failing:
        findings.append(failed(f"it fails: {found.failing}", "Look at the server's log and at its disk."))
    return together(findings)


def _kept(subject: Subject, found: Persistence) -> Finding:
    figure = _told(found)
    if found.append_only and found.fsync in ("always", "everysec"):
        return passed(figure)
    if subject.expectations.durable:
        return failed(f"{figure}, and durable updates are expected", DURABLE_SERVER)
    return warning(figure, f"If updates must survive, say so (durable = true). {DURABLE_SERVER}")


def _told(found: Persistence) -> str:
    if found.append_only:
        return f"appendonly yes, appendfsync {found.fsync}: {SURVIVES.get(found.fsync, 'unknown')}"
    if found.snapshots:
        return f"appendonly no, save {found.snapshots}: what came after the last snapshot is lost with the server"
    return "appendonly no, no snapshots: every update is lost with the server"


# ---------------------------------------------------------------------- a file


def _of_file(subject: Subject) -> Finding:
    """Look at the disk of the configured file; the folder is there, as a scratch board was made in it."""
    folder = data_folder(subject.opening)
    kind = file_system(folder)
    on_disk = (
        failed(
            f"{folder} is a {kind}: its files are in memory, and gone when the machine restarts",
            "Put the board's file on a disk.",
        )
        if kind in IN_MEMORY
        else passed(f"on a disk ({kind}); a power cut leaves {_words(subject.storage_info().machine_crash)}")
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
    """Return the folder of a board's file."""
    return Path(opening.location.path).parent


_CHECKS: Final[dict[Home, Callable[[Subject], Finding]]] = {
    "process": _of_process,
    "server": _of_server,
    "files": _of_file,
    "not known": _of_other,
}
