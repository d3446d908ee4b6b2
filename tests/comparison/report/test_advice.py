"""A newcomer finds the backend for a typical need in one table, and all that stands behind it in the next."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.advice import Need, advise
from leaderboard_backends.comparison.document import Table, Value
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report.advice import PICKED, SIZES, TYPICAL, advice_section, answer_section
from leaderboard_backends.comparison.report.cost import cost_sections
from leaderboard_backends.comparison.schema import Result

from ..advice.results import ended, facts, inputs, memory, response, result, service, throughput


def measured() -> Result:
    backends = [
        facts("quick"),
        facts("file", "file", "every commit", shared=True),
        facts("server", "server", shared=True),
    ]
    times = {"quick": 10.0, "file": 200.0, "server": 100.0}
    runs = [
        run
        for label, time in times.items()
        for players in (1_000, 1_000_000)
        for run in service(label, {"update": time, "rank": time / 2}, players, taken=memory(process=1, server=1))
    ]
    return result(backends, runs)


def matrix() -> Table:
    section = advice_section(Measurements(measured()), inputs())
    (table,) = section.tables
    return table


def texts(values: list[Value]) -> list[str]:
    return [value.text for value in values]


def test_50k_players_durable_on_one_server_is_one_look_away() -> None:
    table = matrix()
    column = next(place for place, one in enumerate(table.columns) if one.heading == "up to 100,000 players")
    (row,) = (row for row in table.rows if row[0].text == "one server, durable")
    assert row[column].text == "file, 400 µs†, $10"
    assert "service times of realtime, 1,000,000 players" in row[column].hint


def test_each_typical_need_has_an_answer_at_each_size() -> None:
    rows = [[*row] for row in matrix().rows]
    assert texts([row[0] for row in rows]) == [*TYPICAL]
    assert {len(row) for row in rows} == {len(SIZES) + 1}
    names_need_a_larger_server = "file*, 400 µs, $10"
    assert texts(rows[0])[1:] == ["quick, 20.0 µs, $10"] * 3 + [names_need_a_larger_server]
    assert texts(rows[3])[1:] == ["file, 400 µs†, $10"] * 3 + ["file*, 400 µs†, $10"]
    assert texts(rows[4])[1:] == ["server, 200 µs†, $50"] * 3 + ["server*, 200 µs†, $50"]


def test_no_deployment_stands_there_only_as_durable_or_only_as_not_durable() -> None:
    kinds = {(typical.servers, typical.workers): set[str]() for typical in TYPICAL.values()}
    for typical in TYPICAL.values():
        kinds[typical.servers, typical.workers].add(typical.durability)
    assert kinds == {each: {"memory only", "every commit"} for each in ((1, 1), (1, 4), (3, 4))}


def test_the_p99_of_several_processes_is_marked_as_that_of_one_alone() -> None:
    table = matrix()
    marked = {row[0].text: "†" in row[1].text for row in table.rows if "," in row[1].text}
    assert marked["one app process"] is marked["one app process, durable"] is False
    assert marked["one server, durable"] is marked["3 servers"] is True
    assert "† p99 of one client: of several processes," in table.note


@pytest.mark.parametrize(
    ("together", "said"), [({1: 1000.0, 4: 1500.0, 12: 1600.0}, "were measured, and"), ({}, "were not measured, and")]
)
def test_what_several_carry_together_is_said_to_be_measured_where_it_was(together: dict[int, float], said: str) -> None:
    file = facts("file", "file", "every commit", shared=True)
    runs = [*service("file", {"update": 200.0}), *throughput("file", together)]
    section = advice_section(Measurements(result([file], runs)), inputs())
    assert (
        f"† p99 of one client: of several processes, updates per second {said} the p99 was not."
        in section.tables[0].note
    )


def test_notes_are_of_what_stands_in_the_matrix() -> None:
    runs = [run for players in SIZES for run in service("file", {"update": 200.0}, players)]
    section = advice_section(Measurements(result([facts("file", "file", "every commit")], runs)), inputs())
    note = section.tables[0].note
    assert f"{PICKED} For a need of your own" in note
    assert [mark for mark in ("extrapolated", "†", "~", "in a process") if mark in note] == []


def test_disturbed_runs_are_told_beside_the_verdict_and_beside_what_they_rule_out() -> None:
    calm = measured()
    runs = [replace(run, cores_elsewhere=0.8) if run.cell.backend == "quick" else run for run in calm.runs]
    disturbed = replace(calm, runs=runs)
    section = advice_section(Measurements(disturbed), inputs())
    assert any(said.startswith("**Disturbed**: while `quick` ran") for said in section.paragraphs)
    assert "~" in section.tables[0].rows[0][1].text
    assert "~" not in matrix().rows[0][1].text
    answer = answer_section(advise(disturbed, Need(1_000, 10**6), inputs()))
    assert answer.paragraphs[1].startswith("**Disturbed**")
    (why,) = (row[3].text for row in answer.tables[0].rows if row[0].text == "quick" and row[2].text == "load")
    assert why.endswith("(other processes disturbed its runs, so that its times are too long)")


def test_a_backend_that_was_asked_for_and_never_opened_is_told_with_its_reason() -> None:
    calm = measured()
    lacking = replace(
        calm,
        settings=replace(calm.settings, backends=[*calm.settings.backends, "redis://"]),
        runs=[*calm.runs, *ended("redis://", "unavailable", "no answer at the address")],
    )
    said = "`redis://` was not judged: unavailable: no answer at the address."
    section = advice_section(Measurements(lacking), inputs())
    assert said in section.paragraphs
    assert said in answer_section(advise(lacking, Need(1_000, 100), inputs())).paragraphs
    (cost,) = cost_sections(Measurements(lacking), date(2026, 11, 29), inputs=inputs())
    assert "`redis://` has no cost: unavailable: no answer at the address." in cost.paragraphs


def test_beyond_what_is_extrapolated_it_is_not_said_that_nothing_fits() -> None:
    section = answer_section(advise(measured(), Need(10_000_001, 100), inputs()))
    assert section.paragraphs[0].startswith("**Nothing is known** of 10,000,001 players")
    assert "is not extrapolated beyond 10 times as many" in section.paragraphs[1]


def test_where_nothing_fits_the_place_says_so_and_why() -> None:
    place = matrix().rows[-1][1]
    assert (place.text, place.tone) == ("nothing fits", "bad")
    assert "Ruled out by servers and workers: quick, file." in place.hint


def test_behind_each_place_stand_its_figures() -> None:
    section = advice_section(Measurements(measured()), inputs())
    (behind,) = section.sections
    (table,) = behind.tables
    assert behind.detail
    assert len(table.rows) == len(TYPICAL) * len(SIZES)
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert texts([*table.rows[0]])[:8] == [
        "one app process",
        "10,000",
        "quick",
        "memory only",
        "20.0 µs",
        "10.0 µs",
        "49,750",
        "10.00",
    ]


def test_a_result_that_gives_no_advice_says_so_in_the_report() -> None:
    section = advice_section(Measurements(result([facts("mine")], response("mine", {500: 1.0}))), inputs())
    assert "no service times of updates" in section.paragraphs[0]
    assert section.tables == ()


def test_the_answer_to_one_need_has_ranking_verdicts_and_changes() -> None:
    section = answer_section(advise(measured(), Need(1_000, 100), inputs()))
    assert section.paragraphs[0].startswith("Take `quick` for 1,000 players")
    ranking, everybody, changes = section.tables
    assert texts([row[0] for row in ranking.rows]) == ["quick", "file", "server"]
    assert texts([row[1] for row in everybody.rows]) == ["fits", "fits", "fits"]
    assert len(changes.rows) >= 3
    for table in section.tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.title


def test_an_answer_without_a_pick_has_no_ranking() -> None:
    section = answer_section(advise(measured(), Need(1_000, 10**6), inputs()))
    assert section.paragraphs[0].startswith("**Nothing fits** 1,000 players")
    assert [table.title for table in section.tables] == [
        "Every backend, and what rules it out",
        "What would change the answer",
    ]


def test_what_the_pick_does_not_show_is_said() -> None:
    section = answer_section(advise(measured(), Need(9_000_000, 100), inputs()))
    assert "Mind: extrapolated beyond the largest measured size, 1,000,000 players." in section.paragraphs
