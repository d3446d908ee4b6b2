"""Response time at given rates, counted from the intended start of each operation, so that stalls show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from ....numerals import significant
from ...document import NOTHING, Section, Table, Value, anchor, median_of, middle_of, number, numbers, word, words
from ...schema import Distribution, RateFigures, ResponseFigures, Result, Run
from ..classes import DurabilityClass, tables_by_class
from ..marks import Taken, marked, partly_replayed, places, taken

NAME: Final = "response-times"
TITLE: Final = "Response times at given rates"

INTRODUCTION: Final = (
    "One client receives operations at a fixed rate (per second), ready or not, and each is timed **from its intended "
    "start**: a stall delays every operation that was due meanwhile. Where a backend does not keep up, waiting times "
    "would grow without end; the table has the rate that it reached instead."
)

_PERCENTILES: Final[dict[str, Callable[[Distribution], float | None]]] = {
    "p50, µs": lambda time: time.p50_us,
    "p99, µs": lambda time: time.p99_us,
    "p99.9, µs": lambda time: time.p999_us,
}


class Paced(NamedTuple):
    """One backend at one rate, in every process that has figures of it."""

    rate: float
    by_round: dict[int, RateFigures]

    @property
    def kept_up(self) -> int:
        """In how many processes it kept up."""
        return sum(figures.response is not None for figures in self.by_round.values())

    def percentile(self, read: Callable[[Distribution], float | None]) -> dict[int, float]:
        """Return a percentile by round, of the processes that have it."""
        times = {round_: figures.response for round_, figures in self.by_round.items()}
        read_times = {round_: read(time) for round_, time in times.items() if time is not None}
        return {round_: time for round_, time in read_times.items() if time is not None}


def response_section(result: Result) -> Section:
    """Return response times by rate, and what the harness adds to each."""
    found = [section for place in places(result, "response") for section in _of_place(result, *place)]
    if not found:
        return Section(NAME, TITLE, ["This comparison measured no response times with figures."])
    return Section(NAME, TITLE, [INTRODUCTION, *partly_replayed(result)], sections=found)


def _of_place(result: Result, workload: str, players: int) -> Iterator[Section]:
    def rows(each: DurabilityClass) -> list[list[Value]]:
        measured = taken(result, "response", workload, players, each.backends)
        found = [(paced, one) for one in measured for paced in at_rates(one.runs, idle=False)]
        return [_row(paced, one) for paced, one in sorted(found, key=lambda pair: pair[0].rate)]

    columns = [
        *numbers("rate"),
        *words("backend"),
        *numbers(*_PERCENTILES, "reached", "runs"),
        *words("marks"),
    ]
    tables = tables_by_class(result, columns, rows)
    if tables:
        tables += _harness(result, workload, players)
        yield Section(anchor("response", workload, players), f"{workload}, {players:,} players", tables=tables)


def at_rates(runs: Sequence[Run], *, idle: bool) -> list[Paced]:
    """Return the figures of each rate, the lowest first, of the backend or of a board that does nothing."""
    found: dict[float, Paced] = {}
    for number_, run in enumerate(runs):
        if isinstance(run.figures, ResponseFigures):
            for figures in run.figures.idle if idle else run.figures.rates:
                found.setdefault(figures.rate, Paced(figures.rate, {})).by_round[number_] = figures
    return sorted(found.values())


def _row(paced: Paced, one: Taken) -> list[Value]:
    reached = [figures.achieved for figures in paced.by_round.values()]
    behind = len(paced.by_round) - paced.kept_up
    return [
        number(paced.rate, significant),
        word(one.label),
        *(_times(paced) if paced.kept_up else _did_not_keep_up(paced)),
        middle_of(reached),
        number(len(paced.by_round)),
        marked(*one.marks, *([f"{behind} did not keep up"] if 0 < behind < len(paced.by_round) else [])),
    ]


def _times(paced: Paced) -> Iterator[Value]:
    for read in _PERCENTILES.values():
        yield median_of(paced.percentile(read))


def _did_not_keep_up(paced: Paced) -> list[Value]:
    reached = middle_of([figures.achieved for figures in paced.by_round.values()])
    said = f"did not keep up (reached {reached.text}/s)"
    return [Value(said, tone="bad"), *[NOTHING] * (len(_PERCENTILES) - 1)]


def _harness(result: Result, workload: str, players: int) -> Iterator[Table]:
    """Yield the table of a board that does nothing, over the runs of all backends."""
    runs = [
        run
        for run in result.runs
        if (run.cell.mode, run.cell.workload, run.cell.players) == ("response", workload, players)
    ]
    idle = at_rates(runs, idle=True)
    if idle:
        columns = numbers("rate", *_PERCENTILES, "runs")
        rows = [[number(paced.rate, significant), *_times(paced), number(len(paced.by_round))] for paced in idle]
        note = (
            "The same rates with a board that does nothing: each time above contains this much of the harness itself."
        )
        yield Table("What the harness adds", columns, rows, note)
