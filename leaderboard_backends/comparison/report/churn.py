"""Memory while players come and go: what a board keeps of those who have left."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final

from ...numerals import duration, size, times
from ..document import Section, Value, anchor, columns, number, word
from ..measurements import Measured, Measurements, Values
from .by_class import Row, cells_by_class, marked

INTRODUCTION: Final = (
    "Each step removes who has been on the board for longest and adds a player who was never there, one call each, as "
    "fast as one client can. The board has as many players at the end as after the load: what its memory is larger by "
    "is kept of those who left, or not given back. Process and server are private memory, less that before the load."
)


def churn_sections(m: Measurements) -> list[Section]:
    """Return memory after the load and after churn, where it was measured."""
    head = columns("backend", "after", "#joined", "#process", "#server", "#by the load's", "#files grew by", "marks")
    found = []
    for place in m.places("churn"):
        tables = cells_by_class(m, "churn", head, _rows, place=place)
        if tables:
            found.append(Section(anchor("churn", place.workload, place.players), place.title, tables=tables))
    return [Section("churn", "Memory while players come and go", [INTRODUCTION], sections=found)] if found else []


def _rows(one: Measured) -> Iterator[Row]:
    """Yield a row for the load, for half of the time and for the end."""
    process, server = one.by_amount("churn", "process_bytes"), one.by_amount("churn", "server_bytes")
    moments = sorted(process)
    first = _whole(process, server, moments[0])
    for moment in dict.fromkeys((moments[0], moments[len(moments) // 2], moments[-1])):
        whole = _whole(process, server, moment)
        yield [
            word(one.label),
            Value(duration(moment) if moment else "the load", moment),
            _middle(one.values("churn", "joined", moment)),
            _middle(process[moment], in_bytes=True),
            _middle(server.get(moment, {}), in_bytes=True),
            number(whole / first if moment and first > 0 else None, times),
            _middle(one.values("churn", "disk_bytes") if moment == moments[-1] and moment else {}, in_bytes=True),
            marked(one),
        ]


def _whole(process: dict[float, Values], server: dict[float, Values], moment: float) -> float:
    return median(process[moment].values()) + median(server.get(moment, {0: 0.0}).values())


def _middle(values: Values, *, in_bytes: bool = False) -> Value:
    found = median(values.values()) if values else None
    return number(found, size) if in_bytes else number(found)
