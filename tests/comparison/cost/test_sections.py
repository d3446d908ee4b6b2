"""The report's section on costs has each backend at each size, with warnings and traces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.cost.source import Inputs
from leaderboard_backends.comparison.document import Section, Table, Value
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report.cost import (
    bills,
    cost_sections,
)
from leaderboard_backends.comparison.schema import Result

from ..advice.results import MODEL, PRICES, facts, inputs, memory, result, service

TODAY = date(2026, 11, 2)
SIZES = (1_000, 10_000_000)


def measured() -> Result:
    backends = [facts("mine"), facts("sortedcontainers"), facts("redis", "server", shared=True), facts("huge")]
    taken = {"mine": 100, "sortedcontainers": 100, "redis": 1, "huge": 10_000}
    runs = [
        run
        for label, each in taken.items()
        for run in service(label, {"update": 1.0}, taken=memory(process=1_000 * each, server=100_000))
    ]
    return result(backends, runs)


def flat(sections: list[Section] | tuple[Section, ...]) -> Iterator[Section]:
    for section in sections:
        yield section
        yield from flat(tuple(section.sections))


def tables(today: date = TODAY) -> dict[str, Table]:
    found = flat(cost_sections(Measurements(measured()), today, SIZES, inputs()))
    return {table.title: table for section in found for table in section.tables}


def row(table: Table, label: str) -> list[Value]:
    return next([*values] for values in table.rows if values[0].text == label)


def test_each_backend_has_amounts_at_each_size_with_their_traces() -> None:
    """10M players of 200 bytes twice are 3.7 GiB and 1 for the system: a large server."""
    backend, small, large, small_total, large_total, hours = row(tables()["What each backend costs"], "mine")
    assert [value.text for value in (small, large, small_total, large_total, hours)] == [
        "10.00",
        "73.00*",
        "3,600",
        "7,380",
        "30",
    ]
    assert "100 bytes per player as measured" in large.hint
    assert "x 60 months" in large_total.hint
    assert "service runs of realtime" in backend.hint


def test_what_fits_nowhere_has_no_amount_and_says_why() -> None:
    _, small, large, *_ = row(tables()["What each backend costs"], "huge")
    assert (small.text, large.text) == ("10.00", "-")
    assert "no server of the price table" in large.hint
    assert "no server of the price table" in row(tables()["Machines"], "huge")[2].text


def test_a_backend_without_hours_has_no_total() -> None:
    assert [value.text for value in row(tables()["What each backend costs"], "huge")[3:]] == ["-", "-", "-"]


def test_every_table_has_a_value_for_each_column() -> None:
    for table in tables().values():
        assert {len(values) for values in table.rows} == {len(table.columns)}, table.title


def test_old_prices_are_said_first() -> None:
    (section,) = cost_sections(Measurements(measured()), date(2027, 2, 1), SIZES, inputs())
    assert "92 days ago" in section.paragraphs[0]
    (fresh,) = cost_sections(Measurements(measured()), TODAY, SIZES, inputs())
    assert "days ago" not in " ".join(fresh.paragraphs)


def test_a_chart_has_a_bill_for_each_backend_and_size() -> None:
    every = bills(Measurements(measured()), SIZES, inputs())
    assert (every[0].backend, every[0].players, every[0].monthly, every[0].total) == ("mine", 1_000, 10.0, 3_600.0)
    assert (every[-1].backend, every[-1].players) == ("huge", 10_000_000)
    assert every[-1].problem
    assert len(every) == 8


def test_the_shipped_files_are_the_default() -> None:
    (section,) = cost_sections(Measurements(measured()), TODAY)
    assert "us-east-1" in " ".join(section.paragraphs)
    assert {one.players for one in bills(Measurements(measured()))} == {100_000, 1_000_000, 10_000_000}


def test_another_deployment_costs_what_it_costs() -> None:
    three = Inputs(PRICES, replace(MODEL, servers=3))
    amounts = {one.backend: one for one in bills(Measurements(measured()), (1_000,), three)}
    assert amounts["redis"].monthly == pytest.approx(3 * 10 + 20)  # app servers, and a cache node
    assert amounts["sortedcontainers"].problem
