"""What each part around a board adds to its service times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...numerals import significant
from ..document import Section, anchor, columns, median_of, number, operation_title, word
from ..measurements import Measured, Measurements
from .by_class import Row, cells_by_class, marked

INTRODUCTION: Final = (
    "The service time of a board alone, with each part of the hardening around it, and with all of them: the steps of "
    "one trace in turns on one board, so that what the machine does meanwhile hits all alike. The part adds the "
    "difference of the medians, in each process."
)


def hardening_sections(m: Measurements) -> list[Section]:
    """Return p50 by operation and part, and what the part adds; none where that was not measured."""
    head = columns("backend", "operation", "part", "#p50, µs", "#adds, µs", "#p99, µs", "#runs", "marks")
    found = []
    for place in m.places("hardening"):
        tables = cells_by_class(m, "hardening", head, _rows, place=place)
        if tables:
            found.append(Section(anchor("hardening", place.workload, place.players), place.title, tables=tables))
    return [Section("hardening", "What hardening costs", [INTRODUCTION], sections=found)] if found else []


def _rows(one: Measured) -> Iterator[Row]:
    operations = dict.fromkeys(figure.part for figure in one.figures)
    for operation, part in ((name, part) for name in operations for part in ("", *one.variants(name))):
        p50, alone = one.values(operation, "p50", variant=part), one.values(operation, "p50")
        added = {round_: time - alone[round_] for round_, time in p50.items() if round_ in alone}
        yield [
            word(one.label),
            word(operation_title(operation)),
            word(part or "none"),
            median_of(p50),
            median_of(added) if part else number(None, significant),
            median_of(one.values(operation, "p99", variant=part)),
            number(len(p50)),
            marked(one),
        ]
