"""Operations per second of several clients at once, and updates per second in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ....numerals import significant, whole
from ...document import Chart
from ...schema import Figures, Result, ThroughputFigures
from .axes import AS_NUMBER, at_each, logarithmic
from .lines import lines
from .panels import Frame, known_labels, number_columns
from .rows import Place, Reading, Row, class_names, ends, measured, panels_of, spans, usual_place

KINDS: Final = ("threads", "processes")


def throughput(result: Result) -> Iterator[Chart]:
    """Yield a chart of several clients and one of batches, at the workload and size with the most such runs."""
    place = usual_place(result, "throughput")
    if place is None:
        return
    clients = [*measured(result, place, _clients, significant, "clients")]
    if clients:
        yield _by_clients(result, place, clients)
    batches = [*measured(result, place, _batches, significant, "size")]
    if batches:
        yield _by_batch(result, place, batches)


def _clients(figures: Figures) -> Iterator[Reading]:
    if isinstance(figures, ThroughputFigures):
        yield from (Reading(each.kind, each.clients, each.per_second) for each in figures.clients if each.per_second)


def _batches(figures: Figures) -> Iterator[Reading]:
    if isinstance(figures, ThroughputFigures):
        yield from (Reading("", each.size, each.per_second) for each in figures.batches if each.per_second)


def _by_clients(result: Result, place: Place, rows: Sequence[Row]) -> Chart:
    panels = panels_of(rows, class_names(result).values(), KINDS)
    frame = Frame(
        "throughput",
        "Operations per second of several clients",
        f"All clients together, {_at(place)} {_at_most(rows, 'clients', panels)}",
        known_labels(result),
        panels,
        (("backend", "backend"), ("panel", "panel"), ("clients", "clients"), *number_columns("per second")),
    )
    return _chart(frame, "clients", "clients", rows)


def _by_batch(result: Result, place: Place, rows: Sequence[Row]) -> Chart:
    panels = panels_of(rows, class_names(result).values())
    frame = Frame(
        "batches",
        "Updates per second in batches",
        f"One client, so many updates per call of update_scores, {_at(place)} {_at_most(rows, 'size', panels)}",
        known_labels(result),
        panels,
        (("backend", "backend"), ("panel", "durability"), ("size", "updates per call"), *number_columns("per second")),
    )
    return _chart(frame, "size", "updates per call", rows)


def _chart(frame: Frame, field: str, title: str, rows: Sequence[Row]) -> Chart:
    return lines(
        frame, at_each(field, title, [row[field] for row in rows]), logarithmic("", AS_NUMBER, ends(rows)), rows
    )


def _at(place: Place) -> str:
    return (
        f"workload {place.workload}, {whole(place.players)} players, with 95 % intervals over processes; both axes are "
        "logarithmic."
    )


def _at_most(rows: Sequence[Row], field: str, panels: Sequence[str]) -> str:
    most = max(row[field] for row in rows)
    name = {"clients": "clients", "size": "updates per call"}[field]
    return f"At {whole(most)} {name}: {spans([row for row in rows if row[field] == most], whole, panels)}."
