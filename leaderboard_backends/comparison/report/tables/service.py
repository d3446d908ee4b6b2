"""Service times: how long single operations take, one client, one call after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from ....numerals import elapsed
from ....workload.operations import OPERATIONS
from ...document import (
    Section,
    Table,
    Value,
    anchor,
    median_of,
    middle_of,
    number,
    numbers,
    operation_title,
    quoted,
    table,
    word,
    words,
)
from ...readings import Figure, Statistic
from ...schema import Result, ServiceFigures
from ...statistics import ENOUGH_PROCESSES, Floors, noise_floors, operations_of, values
from ..classes import DurabilityClass, classes, labels, tables_by_class
from ..fastest import FASTEST, SAME, Judge, Times, ranked
from ..fastest import LEGEND as FASTEST_LEGEND
from ..marks import LEGEND as MARKS_LEGEND
from ..marks import Taken, cut_mark, marked, partly_replayed, places, taken

TIMED: Final = (
    "How long one call of a public method takes from Python, including the checks of its arguments: one client, one "
    "call after the other. Several clients are under Throughput, waiting at a given rate under Response times."
)
READ: Final = (
    "Times are in microseconds: the median over processes with its 95 % interval. The rows of an operation are in the "
    "order of their p50. Ratio: p50 relative to the first row, per round; the median over the rounds. Within the noise "
    f"that can be below 1, such as `{SAME}0.98x`."
)
SEPARATE: Final = (
    "One table per durability class: backends that survive different things are never ranked together. A server's time "
    "contains the round trip to it."
)

Row: TypeAlias = list[Value]


def service_section(result: Result) -> Section:
    """Return all service times, by workload and size, and the loading of boards."""
    found = list(places(result, "service"))
    if not found:
        return Section("service-times", "Service times", ["This comparison measured no service times."])
    floors, shown = noise_floors(result), _usual_size(result)
    sizes = [_of_size(result, floors, workload, players, players != shown) for workload, players in found]
    paragraphs = [TIMED, READ, SEPARATE, f"{FASTEST_LEGEND} {MARKS_LEGEND}", *partly_replayed(result), _gate(result)]
    return Section("service-times", "Service times", paragraphs, sections=[*sizes, _loading(result)])


def _usual_size(result: Result) -> int:
    """Return the size with the most service runs, of equals the larger: other sizes are details."""
    counted = Counter(run.cell.players for run in result.runs if run.cell.mode == "service")
    return max(counted, key=lambda players: (counted[players], players))


def _gate(result: Result) -> str:
    checked = [checked for run in result.runs if (checked := getattr(run.figures, "checked", None)) is not None]
    answers, updates = sum(one.answers for one in checked), sum(one.updates for one in checked)
    return (
        f"Correctness: in {len(checked):,} runs of all modes, {answers:,} answers, and the final states after "
        f"{updates:,} updates, were compared with an independent model. A backend with one difference has no figures: "
        "“Without figures” has the reason."
    )


# ---------------------------------------------------------------------- one workload at one size


def _of_size(result: Result, floors: Floors, workload: str, players: int, detail: bool) -> Section:  # noqa: FBT001
    judge = Judge(result, floors, "service")
    tables = [
        _table(judge, each, measured)
        for each in classes(result)
        if (measured := taken(result, "service", workload, players, each.backends))
    ]
    return Section(
        anchor("service", workload, players),
        f"{workload}, {players:,} players",
        list(_absent(result, workload, players)),
        tables,
        detail=detail,
    )


def _absent(result: Result, workload: str, players: int) -> Iterator[str]:
    """Yield a sentence on backends that were requested there and have no figures."""
    measured = {one.label for one in taken(result, "service", workload, players, labels(result))}
    without = [label for label in labels(result) if label not in measured]
    if without:
        yield f"No figures here: {quoted(without)}. “Without figures” has the reasons."


def _table(judge: Judge, each: DurabilityClass, measured: Sequence[Taken]) -> Table:
    columns = [
        *words("operation", "backend"),
        *numbers("p50, µs", "ratio", "p99, µs", "per second", "runs"),
        *words("marks"),
    ]
    operations = sorted(operations_of(run for one in measured for run in one.runs), key=_place)
    rows = [row for operation in operations for row in _rows(judge, operation, measured)]
    return table(each.titled(), columns, rows, _note(judge, measured))


def _place(operation: str) -> int:
    """Return the position of an operation among all; unknown operations come last."""
    return [*OPERATIONS, operation].index(operation)


def _note(judge: Judge, measured: Sequence[Taken]) -> str:
    note = judge.note((one.label for one in measured), "p50", "p99")
    if min(len(one.runs) for one in measured) < ENOUGH_PROCESSES:
        note += f" A verdict needs {ENOUGH_PROCESSES} processes per row."
    return note


def _rows(judge: Judge, operation: str, measured: Sequence[Taken]) -> Iterator[Row]:
    """Yield the rows of an operation, the least p50 first; what has no p50 comes last."""
    p50, p99 = (_times(measured, operation, statistic) for statistic in ("p50", "p99"))
    order = ranked(p50)
    for one in sorted(measured, key=lambda one: (one.label not in order, [*order, one.label].index(one.label))):
        rate = values(one.runs, Figure(operation, "per_second").read)
        if rate:
            yield [
                word(operation_title(operation)),
                word(one.label),
                _time(judge, "p50", p50, one.label),
                judge.behind("p50", p50, one.label),
                _time(judge, "p99", p99, one.label),
                middle_of(rate),
                number(len(rate)),
                marked(
                    *one.marks,
                    *cut_mark(one.runs, operation),
                    *_fewer(len(rate), p50=p50[one.label], p99=p99[one.label]),
                ),
            ]


def _times(measured: Sequence[Taken], operation: str, statistic: Statistic) -> Times:
    return {one.label: values(one.runs, Figure(operation, statistic).read) for one in measured}


def _time(judge: Judge, statistic: Statistic, times: Times, label: str) -> Value:
    """Return a time, with a mark and a tone if it is clearly the fastest."""
    value = median_of(times[label])
    if judge.fastest(statistic, times) != label:
        return value
    return value._replace(text=f"{value.text} {FASTEST}", tone="good")


def _fewer(processes: int, **known: Mapping[int, float]) -> Iterator[str]:
    """Yield a mark for each percentile for which only some processes have enough samples."""
    for percentile, times in known.items():
        if 0 < len(times) < processes:
            yield f"{percentile} of {len(times)}"


# ---------------------------------------------------------------------- loading


def _loading(result: Result) -> Section:
    columns = [*words("backend", "workload"), *numbers("players", "took", "players per second", "runs")]
    tables = tables_by_class(result, columns, lambda each: list(_loads(result, each)))
    said = "One call of `update_scores` with all players, into an empty board."
    return Section("loading", "Loading", [said], tables, detail=True)


def _loads(result: Result, each: DurabilityClass) -> Iterator[Row]:
    for label in each.backends:
        for workload, players in places(result, "service"):
            for one in taken(result, "service", workload, players, [label]):
                loads = [run.figures.load for run in one.runs if isinstance(run.figures, ServiceFigures)]
                yield [
                    word(label),
                    word(workload),
                    number(players),
                    middle_of([load.seconds for load in loads], elapsed),
                    median_of([load.per_second for load in loads]),
                    number(len(loads)),
                ]
