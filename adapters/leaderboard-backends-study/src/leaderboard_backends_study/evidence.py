"""The figures of a result that claims are judged by: medians with intervals, by backend or by program of the study.

A figure that the result lacks raises `NotMeasuredError`, which says what to run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from statistics import median
from typing import Final, Literal, NoReturn, TypeAlias, TypeVar

from leaderboard_backends.comparison.cost.bill import Bill
from leaderboard_backends.comparison.cost.footprint import Footprint, footprints
from leaderboard_backends.comparison.cost.source import Inputs
from leaderboard_backends.comparison.document import spread
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.readings import Statistic as Noisy
from leaderboard_backends.comparison.report.operations import recovery
from leaderboard_backends.comparison.schema import (
    BackendFacts,
    CodeFacts,
    Distribution,
    DrillFigures,
    Figures,
    Mode,
    ProgramFigures,
    Result,
    Run,
    ServiceFigures,
    ThroughputFigures,
)
from leaderboard_backends.comparison.statistics import (
    Floors,
    Interval,
    NoiseClass,
    interval,
    noise_floors,
    operations_of,
    runs_of,
    values,
)
from leaderboard_backends.numerals import elapsed
from leaderboard_backends.workload.operations import OPERATIONS

from .costs import study_bills
from .findings import Judged, MissingFiguresError, NotMeasuredError
from .inputs import Claim, costs

Asked = TypeVar("Asked", bound=Hashable)
Read = TypeVar("Read")

Statistic: TypeAlias = Literal["mean_us", "p50_us", "p99_us"]

WORKLOAD: Final = "realtime"
SORTED: Final = "sortedcontainers"
"""The board that represents the study's SortedContainers."""

LABELS: Final = {"sortedcontainers": SORTED, "redis": "redis", "zodb": "zodb"}
"""The boards that represent the study's, by the last part of a claim's id."""

CODE: Final = {"sortedcontainers": SORTED, "redis": "redis", "zodb": "zodb"}
"""The same, by the names in the rows of code."""

FULL: Final = "leaderboard compare --plan full measures it"


class Evidence:
    """A result, with the prices and the model that costs are computed from."""

    def __init__(self, result: Result, inputs: Inputs | None = None) -> None:
        self.result, self.m = result, Measurements(result)
        self.inputs = inputs or Inputs.shipped()

    # ------------------------------------------------------------------ boards

    @property
    def labels(self) -> list[str]:
        """The backends that were requested."""
        return self.result.settings.backends

    def runs(self, backend: str, players: int, workload: str = WORKLOAD) -> list[Run]:
        """Return the service runs of a board that have figures; raises `NotMeasuredError` where there are none."""
        runs = runs_of(self.result, "service", workload, players, backend)
        return runs or missing(f"service times of {backend} at {players:,} players, {workload}")

    def by_round(
        self, backend: str, operation: str, players: int, statistic: Statistic = "p50_us", workload: str = WORKLOAD
    ) -> dict[int, float]:
        """Return the time of an operation in microseconds, by round: each round is a process of its own."""
        found = values(self.runs(backend, players, workload), _time_of(operation, statistic))
        return found or missing(f"{_NAMES[statistic]} of {operation} on {backend} at {players:,} players, {workload}")

    def time(
        self, backend: str, operation: str, players: int, statistic: Statistic = "p50_us", workload: str = WORKLOAD
    ) -> Interval:
        """Return the time of an operation in microseconds: the median over processes, with its interval."""
        return interval([*self.by_round(backend, operation, players, statistic, workload).values()])

    def operations(self, backend: str, players: int, workload: str = WORKLOAD) -> list[str]:
        """Return the operations of a board that have service times."""
        return operations_of(self.runs(backend, players, workload))

    def memory(self, backend: str, players: int) -> float:
        """Return the bytes that loading the players added, in the process and on a server; opening is not counted."""
        grown = values(self.runs(backend, players), _taken_by_load)
        return median(grown.values())

    def load_seconds(self, backend: str, players: int) -> float:
        """Return the seconds that loading the players took."""
        runs = self.runs(backend, players)
        return median(run.figures.load.seconds for run in runs if isinstance(run.figures, ServiceFigures))

    def throughput(self, backend: str, clients: int, kind: str = "threads") -> Interval:
        """Return the operations per second with a number of clients, from the first workload and size that has them."""
        return self.throughputs(backend, kind).get(clients) or missing(f"throughput of {clients} {kind} on {backend}")

    def throughputs(self, backend: str, kind: str) -> dict[int, Interval]:
        """Return the operations per second by number of clients; empty where none were measured."""
        rates: dict[int, list[float]] = {}
        for run in self._of_mode("throughput", backend):
            clients = run.figures.clients if isinstance(run.figures, ThroughputFigures) else []
            for several in clients:
                if several.kind == kind:
                    rates.setdefault(several.clients, []).append(several.per_second)
        return {number: interval(found) for number, found in rates.items()}

    def share_of_updates(self, backend: str) -> float:
        """Return the share of the operations in `throughputs` that change the board; the others are reads."""
        cells = {(run.cell.workload, run.cell.players) for run in self._of_mode("throughput", backend)}
        steps: Counter[str] = Counter()
        for trace in self.result.traces:
            if (trace.workload, trace.players) in cells:
                steps.update(trace.steps)
        changes = sum(number for name, number in steps.items() if name in OPERATIONS and OPERATIONS[name].changes)
        return changes / steps.total() if changes else missing(f"updates among the operations on {backend}")

    def drills(self, backend: str) -> list[DrillFigures]:
        """Return the figures of crash recovery of a board, at its largest size."""
        one = recovery(self.m, backend)
        runs = one.runs if one is not None else []
        drills = [run.figures for run in runs if isinstance(run.figures, DrillFigures)]
        return drills or missing(f"crash recovery of {backend}")

    def lost(self, backend: str) -> tuple[int, int]:
        """Return how many acknowledged updates all crashes lost, and how many updates were acknowledged."""
        drills = self.drills(backend)
        return sum(drill.lost for drill in drills), sum(drill.acknowledged for drill in drills)

    def _of_mode(self, mode: str, backend: str) -> list[Run]:
        """Return the runs of a mode that have figures, of its first workload, without A/A runs."""
        mine = [run for run in self.result.runs if (run.cell.mode, run.cell.backend) == (mode, backend)]
        good = [run for run in mine if run.status == "ok" and not run.cell.twin]
        return [run for run in good if run.cell.workload == good[0].cell.workload]

    def floor(self, one: str, two: str, mode: Mode = "service", statistic: Noisy = "p50") -> float:
        """Return the noise floor of a figure of two boards, as a ratio; by default of the p50 of service times."""
        classes = [NoiseClass.of(self.result.facts(label)) for label in (one, two)]
        return max(self._floors.of(each, mode, statistic) for each in classes)

    @cached_property
    def _floors(self) -> Floors:
        return noise_floors(self.result)

    # ------------------------------------------------------------------ facts, code

    def facts(self, label: str) -> BackendFacts:
        """Return the facts of a board."""
        return self.result.facts(label) or missing(f"the board {label}")

    def code(self, feature: str, backend: str) -> CodeFacts:
        """Return a row of code."""
        rows = [row for row in self.result.code if (row.feature, row.backend) == (feature, backend)]
        return rows[0] if rows else missing(f"code size of {feature} on {backend}")

    # ------------------------------------------------------------------ programs of the study

    def program(self, name: str) -> list[ProgramFigures]:
        """Return the figures of a program, one per process; raises with the reason where it has none."""
        runs = [run for run in self.result.runs if (run.cell.mode, run.cell.backend) == ("program", name)]
        found = [run.figures for run in runs if run.status == "ok" and isinstance(run.figures, ProgramFigures)]
        if not found and runs:
            missing(f"`{name}` ({runs[0].status}: {runs[0].reason})")
        return found or missing(f"`{name}`")

    def timing(self, name: str, operation: str) -> Interval:
        """Return the mean time of an operation of a program, in microseconds: the median over processes."""
        means = [
            timing.time.mean_us
            for figures in self.program(name)
            for timing in figures.timings
            if timing.operation == operation
        ]
        return interval(means) if means else missing(f"{operation} of `{name}`")

    def count(self, name: str, what: str) -> float:
        """Return a count of a program: the median over processes."""
        found = [figures.counts[what] for figures in self.program(name) if what in figures.counts]
        return median(found) if found else missing(f"{what} of `{name}`")

    def program_memory(self, name: str) -> float:
        """Return the bytes that a program's structure took: the median over processes."""
        found = [figures.memory_bytes for figures in self.program(name) if figures.memory_bytes is not None]
        return median(found) if found else missing(f"memory of `{name}`")

    # ------------------------------------------------------------------ costs

    @cached_property
    def footprints(self) -> dict[str, Footprint]:
        """Bytes of each board, by label."""
        return {one.backend: one for one in footprints(self.m)}

    @cached_property
    def study_bills(self) -> Mapping[int, Mapping[str, Bill]]:
        """The bills of the boards that represent the study's, by size and by the study's names."""
        inputs = self.inputs
        return study_bills(costs(), [*self.footprints.values()], inputs.model, inputs.prices)

    def bill(self, players: int, studied: str) -> Bill:
        """Return the bill of the board that represents one of the study's; raises where there is no amount."""
        found = self.study_bills[players].get(studied)
        if found is None:
            missing(f"bytes per player of {costs().measured_as[studied]}")
        if found.problem:
            raise NotMeasuredError(f"no amount for {studied} at {players:,} players: {found.problem}")
        return found


Evaluator: TypeAlias = Callable[[Claim, Evidence], Judged]
"""Judges one claim; raises `NotMeasuredError` where the result lacks the figures."""


def measured(keys: Iterable[Asked], read: Callable[[Asked], Read]) -> dict[Asked, Read]:
    """Return the value read for each key, without the keys whose figures the result lacks."""
    found = {}
    for key in keys:
        with suppress(NotMeasuredError):
            found[key] = read(key)
    return found


def missing(what: str) -> NoReturn:
    """Raise `MissingFiguresError`, with what is missing and what to run."""
    raise MissingFiguresError(f"not measured in this result: {what}; {FULL}")


_NAMES: Final[dict[Statistic, str]] = {"mean_us": "mean", "p50_us": "p50", "p99_us": "p99"}


def _time_of(operation: str, statistic: Statistic) -> Callable[[Figures], float | None]:
    def read(figures: Figures) -> float | None:
        timed = figures.operations.get(operation) if isinstance(figures, ServiceFigures) else None
        return None if timed is None else _read(timed.time, statistic)

    return read


def _read(time: Distribution, statistic: Statistic) -> float | None:
    found: float | None = getattr(time, statistic)
    return found


def _taken_by_load(figures: Figures) -> float | None:
    if not isinstance(figures, ServiceFigures):
        return None
    memory = figures.memory
    server = memory.server_used_bytes if memory.server_private_bytes is None else memory.server_private_bytes
    return memory.board_bytes + (server or 0)


def told(time: Interval) -> str:
    """Return a time in microseconds as text, with its interval."""
    return spread(time, lambda microseconds: elapsed(microseconds / 1e6))
