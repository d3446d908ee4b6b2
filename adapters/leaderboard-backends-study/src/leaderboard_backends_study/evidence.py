"""The figures of a result that claims are judged by: medians with intervals, by backend or by program of the study.

A figure that the result lacks raises `MissingFiguresError`, which says what to run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from statistics import median
from typing import Final, Literal, NamedTuple, NoReturn, TypeAlias, TypeVar

from leaderboard_backends.comparison.cost.bill import Bill
from leaderboard_backends.comparison.cost.footprint import Footprint, footprints
from leaderboard_backends.comparison.cost.source import Inputs
from leaderboard_backends.comparison.document import spread
from leaderboard_backends.comparison.figures import ProgramFigures
from leaderboard_backends.comparison.measurements import Measured, Measurements, Place
from leaderboard_backends.comparison.named_figures import Statistic
from leaderboard_backends.comparison.report.recovery import Operation, operation
from leaderboard_backends.comparison.schema import BackendFacts, CodeFacts, Mode, Result
from leaderboard_backends.comparison.statistics import Interval, interval
from leaderboard_backends.numerals import elapsed
from leaderboard_backends.workload.operations import OPERATIONS

from .costs import study_bills
from .inputs import Claim, costs

Asked = TypeVar("Asked", bound=Hashable)
Read = TypeVar("Read")

WORKLOAD: Final = "realtime"
SORTED: Final = "sortedcontainers"
"""The board that represents the study's SortedContainers."""

BOARDS: Final = (SORTED, "redis", "zodb")
"""The boards that represent the study's three, which are the last parts of claims' ids as well."""

# ---------------------------------------------------------------------- verdicts

Verdict: TypeAlias = Literal["holds", "does not hold", "holds in part", "not measured", "opinion"]
"""`not measured`: the result lacks the figures, nothing here measures them, or the feature is not built yet. What is
stated and not measured has no influence. `opinion`: no figure decides it.
"""


class Judged(NamedTuple):
    """What an evaluator returns for a claim: the figures as text, and the verdict."""

    measured: str
    verdict: Verdict


class NotMeasuredError(Exception):
    """A claim cannot be judged by a result; the text says why, and what to do."""


class MissingFiguresError(NotMeasuredError):
    """The result lacks figures that can be measured; the text says which, and what to run."""


def decide(parts: Sequence[bool]) -> Verdict:
    """Return `holds` where all parts do, `does not hold` where none does, else `holds in part`."""
    if all(parts):
        return "holds"
    return "holds in part" if any(parts) else "does not hold"


# ---------------------------------------------------------------------- figures


class Evidence:
    """The figures of a result, with the prices and the model that costs are computed from."""

    def __init__(self, measurements: Measurements, inputs: Inputs) -> None:
        self.measurements = measurements
        self.inputs = inputs

    @property
    def result(self) -> Result:
        """The whole result."""
        return self.measurements.result

    @property
    def labels(self) -> list[str]:
        """The backends that were requested."""
        return self.result.settings.backends

    # ------------------------------------------------------------------ boards

    def service(self, backend: str, players: int, workload: str = WORKLOAD) -> Measured:
        """Return the service times of a board."""
        one = self.measurements.at(Place("service", workload, players), backend)
        return one if one.runs else missing(f"service times of {backend} at {players:,} players, {workload}")

    def time(
        self, backend: str, operation: str, players: int, statistic: Statistic = "p50", workload: str = WORKLOAD
    ) -> Interval:
        """Return the time of an operation in microseconds: the median over processes, with its interval."""
        found = self.service(backend, players, workload).values(operation, statistic)
        if not found:
            missing(f"{statistic} of {operation} on {backend} at {players:,} players, {workload}")
        return interval([*found.values()])

    def operations(self, backend: str, players: int) -> list[str]:
        """Return the operations of a board that have service times."""
        return self.service(backend, players).operations

    def memory(self, backend: str, players: int) -> float:
        """Return the bytes that loading the players added, in the process and on a server; opening is not counted."""
        one = self.service(backend, players)
        server = one.values("board", "server_memory") or one.values("board", "server_used_memory")
        grown = [each + server.get(number, 0) for number, each in one.values("board", "process_memory").items()]
        return median(grown) * one.loaded

    def throughputs(self, backend: str, kind: str = "threads") -> dict[int, float]:
        """Return the operations per second by number of clients, of the first workload and size; empty without any."""
        found = self.measurements.measured("throughput", [backend])
        rates = found[0].by_amount(kind, "per_second") if found else {}
        return {int(clients): median(by_round.values()) for clients, by_round in rates.items()}

    def throughput(self, backend: str) -> float:
        """Return the operations per second with one client."""
        rates = self.throughputs(backend)
        return rates[1] if 1 in rates else missing(f"throughput of 1 threads on {backend}")

    def share_of_updates(self, backend: str) -> float:
        """Return the share of the operations in `throughputs` that change the board; the others are reads."""
        cells = [(one.cell.workload, one.cell.players) for one in self.measurements.measured("throughput", [backend])]
        steps: Counter[str] = Counter()
        for trace in self.result.traces:
            if (trace.workload, trace.players) in cells[:1]:
                steps.update(trace.steps)
        changes = sum(number for name, number in steps.items() if name in OPERATIONS and OPERATIONS[name].changes)
        return changes / steps.total() if changes else missing(f"updates among the operations on {backend}")

    def operation(self, label: str) -> Operation:
        """Return what operating a board takes, with its recovery from a crash."""
        return operation(self.facts(label), self._recovery(label))

    def lost(self, label: str) -> tuple[int, int]:
        """Return how many acknowledged updates all crashes lost, and how many updates were acknowledged."""
        one = self._recovery(label)
        lost, acknowledged = (sum(one.values("restore", what).values()) for what in ("lost", "acknowledged"))
        return int(lost), int(acknowledged)

    def _recovery(self, label: str) -> Measured:
        return self.measurements.largest("recovery", label) or missing(f"crash recovery of {label}")

    def floor(self, one: str, two: str, mode: Mode, statistic: Statistic) -> float:
        """Return the noise floor of a figure of two boards, as a ratio."""
        facts = (self.result.facts(label) for label in (one, two))
        return max(self.measurements.floor(each, mode, statistic).ratio for each in facts)

    # ------------------------------------------------------------------ facts, code

    def facts(self, label: str) -> BackendFacts:
        """Return the facts of a board."""
        return self.result.facts(label) or missing(f"the board {label}")

    def code(self, feature: str, backend: str) -> CodeFacts:
        """Return a row of code."""
        rows = [row for row in self.result.code if (row.feature, row.backend) == (feature, backend)]
        return rows[0] if rows else missing(f"code size of {feature} on {backend}")

    @cached_property
    def statements(self) -> dict[str, int]:
        """The statements of each board's own code, by label; only of boards whose code was counted."""
        known = [facts for label in self.labels if (facts := self.result.facts(label)) is not None]
        return {facts.label: facts.code.statements for facts in known if facts.code is not None}

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
        return {one.backend: one for one in footprints(self.measurements)}

    @cached_property
    def study_bills(self) -> Mapping[int, Mapping[str, Bill]]:
        """The bills of the boards that represent the study's, by size and by the study's names."""
        return study_bills([*self.footprints.values()], self.inputs)

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
    raise MissingFiguresError(f"not measured in this result: {what}; leaderboard compare --plan full measures it")


def timed(time: Interval) -> str:
    """Return a time in microseconds as text, with its interval."""
    return spread(time, lambda microseconds: elapsed(microseconds / 1e6))
