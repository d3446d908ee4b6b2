"""The measures: percentiles of raw samples, private memory, bytes on disk, what else kept the machine busy."""

from __future__ import annotations

import ctypes
import gc
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Final

import psutil

from .result import OperationFigures

METHODS: Final = {
    "percentiles": "nearest rank on the sorted individual samples; p50 from 2 samples on, p95 from 20, p99 from 100",
    "clock": "time.perf_counter_ns around each call into a preallocated array; the clock's own cost is not subtracted",
    "throughput": "operations a second of one client, one call after the other: samples / their total time",
    "garbage collector": "on, as in an app; a full collection comes before the measured steps; the trace's objects "
    "are frozen out of its sight",
    "memory": "growth of the process's private memory (USS) by the load, after a full collection and malloc_trim; "
    "player ids and usernames were there before, scores are counted",
    "code": "statements of Python's syntax tree in the backend's own module or package, docstrings left out; "
    "Lua: lines that are neither blank nor comment",
}
"""How the figures come about, in words that belong into every result."""

_CLOCK_SAMPLES: Final = 2001


def percentile(ordered: Sequence[int], percent: int) -> int | None:
    """Return the nearest-rank percentile of sorted samples, `None` where they are too few to hold one.

    The p-th percentile is the smallest sample that at least p % of all samples do not exceed. It takes at least
    `100 / (100 - p)` samples for one of them to lie beyond it.
    """
    count = len(ordered)
    if count * (100 - percent) < 100:  # noqa: PLR2004 - per cent
        return None
    return ordered[-(-percent * count // 100) - 1]


def summarise(samples: Sequence[int], planned: int) -> OperationFigures:
    """Return the figures of one operation from its samples in nanoseconds; there must be at least one."""
    ordered = sorted(samples)
    total = sum(ordered)
    return OperationFigures(
        samples=len(ordered),
        planned=planned,
        average_us=_microseconds(total / len(ordered)),
        p50_us=_percentile_us(ordered, 50),
        p95_us=_percentile_us(ordered, 95),
        p99_us=_percentile_us(ordered, 99),
        maximum_us=_microseconds(ordered[-1]),
        per_second=round(len(ordered) * 1e9 / max(1, total), 1),
    )


def clock_cost_us() -> float:
    """Return the median time between two readings of the clock, in microseconds."""
    gaps = array("q", bytes(8 * _CLOCK_SAMPLES))
    for index in range(_CLOCK_SAMPLES):
        started = perf_counter_ns()
        gaps[index] = perf_counter_ns() - started
    return _microseconds(sorted(gaps)[_CLOCK_SAMPLES // 2])


def private_bytes(pid: int | None = None) -> int:
    """Return the memory that a process shares with no other (USS); this one where `pid` is `None`.

    Raises `psutil.Error` where that process is gone or another user's.
    """
    return int(psutil.Process(pid).memory_full_info().uss)


class OtherWork:
    """How many cores everything but these processes kept busy, from now on until `cores` is asked.

    The system counts in hundredths of a second, so that a span of under a tenth of one tells little.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._started = perf_counter_ns()
        self._busy = self._busy_elsewhere()

    def cores(self) -> float:
        """Return the cores that others used on average, disturbances from outside a virtual machine included."""
        busy, seconds = self._busy_elsewhere() - self._busy, (perf_counter_ns() - self._started) / 1e9
        return round(max(0.0, busy / seconds), 2)

    def _busy_elsewhere(self) -> float:
        machine = psutil.cpu_times()
        steal: float = getattr(machine, "steal", 0.0)
        own = sum(times.user + times.system for times in (process.cpu_times() for process in self._processes))
        return float(machine.user + machine.system + machine.nice + steal - own)


def settled_private_bytes() -> int:
    """Return this process's private memory after a full collection, freed pages given back to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return private_bytes()


def bytes_on_disk(path: Path) -> int:
    """Return the size of a folder's files, or of a file and those beside it that carry its name."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _percentile_us(ordered: Sequence[int], percent: int) -> float | None:
    found = percentile(ordered, percent)
    return None if found is None else _microseconds(found)


def _microseconds(nanoseconds: float) -> float:
    return round(nanoseconds / 1000, 3)
