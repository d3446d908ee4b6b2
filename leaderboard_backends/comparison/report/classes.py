"""Backends by what a power cut leaves of their updates: rows of two durability classes are never in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from ..document import Column, Table, Value, table
from ..schema import Durability, Result

TITLES: Final[dict[Durability, str]] = {
    "memory only": "memory only: a power cut takes everything",
    "everysec": "everysec: a power cut takes about the last second",
    "every commit": "every commit: each update waits for the disk",
    "not known": "durability not known",
}
"""The title of each class above its table, the least durable first; what could not be opened is in the last."""


class DurabilityClass(NamedTuple):
    """Backends that promise the same, by label, in the order in which they were named."""

    name: Durability
    backends: tuple[str, ...]

    def titled(self, title: str = "") -> str:
        """Return a table's title that says which class it is of."""
        said = TITLES[self.name]
        return f"{title}; {said}" if title else said[:1].upper() + said[1:]


Rows = Sequence[Sequence[Value]]


def labels(result: Result) -> list[str]:
    """Return the label of every backend that occurs in a result, the requested ones first."""
    run = (run.cell.backend for run in result.runs if run.cell.mode != "program")
    opened = (facts.label for facts in result.backends)
    return list(dict.fromkeys([*result.settings.backends, *opened, *run]))


def durability_of(result: Result, label: str) -> Durability:
    """Return the class of a backend."""
    facts = result.facts(label)
    return "not known" if facts is None else facts.durability


def classes(result: Result) -> list[DurabilityClass]:
    """Return the classes that have a backend, the least durable first, and what is not known last."""
    found = {name: tuple(each for each in labels(result) if durability_of(result, each) == name) for name in TITLES}
    return [DurabilityClass(name, backends) for name, backends in found.items() if backends]


def tables_by_class(
    result: Result, columns: Sequence[Column], rows: Callable[[DurabilityClass], Rows], title: str = "", note: str = ""
) -> list[Table]:
    """Return one table per class that has rows; a note follows the last one."""
    found = [(each, made) for each in classes(result) if (made := rows(each))]
    last = len(found) - 1
    return [
        table(each.titled(title), columns, made, note if place == last else "")
        for place, (each, made) in enumerate(found)
    ]


def in_class_order(result: Result) -> Iterator[tuple[DurabilityClass, str]]:
    """Yield every backend with its class, class by class."""
    for each in classes(result):
        for label in each.backends:
            yield each, label
