"""What processes use: private memory, bytes on disk and to the disk, processor time, cores; and where files are."""

from __future__ import annotations

import ctypes
import gc
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from time import perf_counter
from typing import Final
from urllib.parse import quote

import psutil

LEAST_SECONDS: Final = 0.1
"""Shortest time over which the work of other processes can be measured."""

SQLITE_LOG: Final = "-wal"
"""What the name of an SQLite file's write-ahead log ends in."""

LOG_TIMEOUT: Final = 60.0
"""Seconds to wait for others who use an SQLite file."""

IN_MEMORY: Final = ("tmpfs", "ramfs")
"""File systems that never touch a disk."""

CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")
OWN_GROUPS: Final = Path("/proc/self/cgroup")


def private_bytes(pid: int | None = None) -> int:
    """Return the memory that a process shares with no other (USS); this one where `pid` is `None`.

    Raises `psutil.Error` where that process is gone or another user's.
    """
    return int(psutil.Process(pid).memory_full_info().uss)


def settled_private_bytes() -> int:
    """Return this process's private memory after a full collection, freed pages given back to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return private_bytes()


def bytes_on_disk(path: Path) -> int:
    """Return the size of a folder's files, or of a file and those beside it that carry its name."""
    return sum(size for _, size in _files(path))


def fold_logs(path: Path) -> None:
    """Copy the write-ahead log of each SQLite file here into the file and cut it off, as closing the file would.

    Raises `sqlite3.Error`, and `RuntimeError` where others hold the log for longer than `LOG_TIMEOUT`.
    """
    for file, size in list(_files(path)):
        if size and file.name.endswith(SQLITE_LOG):
            database = file.with_name(file.name.removesuffix(SQLITE_LOG))
            address = f"file:{quote(str(database))}?mode=rw"
            with closing(sqlite3.connect(address, uri=True, timeout=LOG_TIMEOUT)) as connection:
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise RuntimeError(f"the log of {database.name} is in use and could not be copied into the file")


def _files(path: Path) -> Iterator[tuple[Path, int]]:
    """Yield the files of a folder, or a file and those beside it that carry its name, with their sizes.

    A file that disappears meanwhile, such as the old log after a rewrite, is skipped.
    """
    for file in path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*"):
        with suppress(FileNotFoundError):
            size = file.stat().st_size
            if file.is_file():
                yield file, size


def bytes_written(pid: int | None = None) -> int | None:
    """Return how many bytes a process has sent to the storage layer, `None` where the system does not report it.

    It is `write_bytes` of `/proc/PID/io`: pages of 4 KiB that became dirty, whatever the program wrote of them.
    """
    try:
        told = Path(f"/proc/{pid or os.getpid()}/io").read_text(encoding="ascii")
    except OSError:
        return None
    fields = dict(line.split(": ") for line in told.splitlines())
    found = fields.get("write_bytes")
    return None if found is None else int(found)


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used. Raises `psutil.Error` where it is gone."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


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


def listening_ports(pid: int) -> int:
    """Return how many TCP ports a process listens on. Raises `psutil.Error` where it is gone or another user's."""
    connections = psutil.Process(pid).net_connections(kind="tcp")
    return len({connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN})


def file_system(path: Path) -> str:
    """Return the type of the file system that a folder is on, `unknown` where the system does not say."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return "unknown"
    real = path.resolve()
    around = [(mount[1], mount[2]) for mount in mounts if real.is_relative_to(mount[1])]
    return max(around, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]


class OtherWork:
    """Measures how many of the cores that this process may use others kept busy, from now until `cores` is read.

    The system counts in hundredths of a second, so that less than `LEAST_SECONDS` is too short.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._started = perf_counter()
        self._busy = self._busy_elsewhere()

    def cores(self) -> float | None:
        """Return the cores that others used on average, disturbances from outside a virtual machine included.

        It is `None` where too little time has passed to tell.
        """
        busy, seconds = self._busy_elsewhere() - self._busy, perf_counter() - self._started
        return round(max(0.0, busy / seconds), 2) if seconds >= LEAST_SECONDS else None

    def _busy_elsewhere(self) -> float:
        usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
        cores = psutil.cpu_times(percpu=True)
        cores = [core for number, core in enumerate(cores) if number in usable] or cores
        busy = sum(core.user + core.system + core.nice + getattr(core, "steal", 0.0) for core in cores)
        own = sum(times.user + times.system for times in (process.cpu_times() for process in self._processes))
        return float(busy - own)
