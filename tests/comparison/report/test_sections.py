"""Whatever is in a result can be shown, nothing of it is dropped, and no table ranks two durability classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from itertools import chain
from math import isfinite
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from leaderboard_backends.comparison.cost.source import load_result
from leaderboard_backends.comparison.document import Section
from leaderboard_backends.comparison.figures import ProgramFigures, Timing
from leaderboard_backends.comparison.report.markdown import escaped, markdown
from leaderboard_backends.comparison.report.sections import sections
from leaderboard_backends.comparison.report.terminal import print_sections
from leaderboard_backends.comparison.schema import Cell, Result, Run

from . import made_up
from .small import (
    EVERYSEC,
    FSYNC,
    MEMORY,
    NAIVE,
    VALKEY,
    ZODB,
    a_a,
    cell,
    distribution,
    every_section,
    every_table,
    recovery,
    response,
    result,
    service,
    throughput,
    timed,
    times,
    words_of,
)

FULL = made_up.result(rounds=2, sizes=(100, 100_000))
STATUSES = ("wrong", "failed", "timed out", "unavailable", "not run")
RANKED = ("service", "loading", "throughput", "response", "memory", "growth", "crash-recovery", "percentiles")
"""Sections whose rows are compared with one another."""


def only(*modes: str) -> Result:
    return replace(FULL, runs=[run for run in FULL.runs if run.cell.mode in modes])


def without(keep: Callable[[Run], bool]) -> Result:
    return replace(FULL, runs=[run for run in FULL.runs if keep(run)])


def failed(status: str) -> Result:
    runs = [
        replace(run, status=status, reason=f"{run.cell.backend} | {status}\nin `{run.cell.mode}`", figures=None)
        for run in FULL.runs
    ]
    return replace(FULL, runs=runs)


RESULTS = {
    "full": FULL,
    "one backend": without(lambda run: run.cell.backend == "memory"),
    "one round": without(lambda run: run.round == 0),
    "one size": made_up.result(rounds=2, sizes=(100,)),
    "no a_a": without(lambda run: not run.cell.a_a),
    "a_a alone": without(lambda run: run.cell.a_a),
    "interrupted": replace(
        FULL,
        finished=False,
        runs=[
            run if number % 3 else replace(run, status="not run", figures=None) for number, run in enumerate(FULL.runs)
        ],
    ),
    "nothing run": replace(FULL, runs=[], traces=[], workloads=[], backends=[], methods={}, versions={}),
    "nothing known of workloads": replace(FULL, workloads=[]),
    "nothing known of backends": replace(FULL, backends=[]),
    "load averages not told": replace(
        FULL, machine=replace(FULL.machine, load_average_before=[], load_average_after=[])
    ),
    **{f"only {mode}": only(mode) for mode in ("service", "throughput", "response", "recovery")},
    **{f"all {status}": failed(status) for status in STATUSES},
    "few samples": result(times("memory", 5.0, spread=(1.0,))),
    "no percentiles": result([Run(cell("memory"), 1, "ok", figures=service({"rank": timed(None, None, samples=1)}))]),
    "no operations": result([Run(cell("memory"), 1, "ok", figures=service({}))]),
    "no players": result([Run(cell("memory", players=0), 1, "ok", figures=service({"rank": 2.0}, players=0))]),
    "no clients": result([Run(cell("memory", "throughput"), 1, "ok", figures=throughput())]),
    "no rates": result([Run(cell("memory", "response"), 1, "ok", figures=response({}))]),
    "figures of nothing": result([Run(cell("memory"), 1, "ok")]),
    "a program alone": result(
        [
            Run(
                Cell("program", "", 5, "a-program"),
                1,
                "ok",
                figures=ProgramFigures([Timing("insert", distribution(2, 3))], 9),
            )
        ]
    ),
}


class Report(NamedTuple):
    result: Result
    sections: list[Section]


@pytest.fixture(params=[*RESULTS], scope="module")
def report(request: pytest.FixtureRequest) -> Report:
    """Return each result with all its sections."""
    found = RESULTS[request.param]
    return Report(found, sections(found))


def shown(found: Sequence[Section]) -> tuple[str, str]:
    file = StringIO()
    print_sections(found, Console(file=file))
    return markdown(found, "A comparison"), file.getvalue()


def test_whatever_a_result_lacks_it_can_be_shown(report: Report) -> None:
    for text in shown(report.sections):
        assert "Why not to trust this" in text
        assert "Without figures" in text
        assert "nan" not in text.split()


def test_each_backend_and_each_run_without_figures_is_in_the_report(report: Report) -> None:
    text = markdown(report.sections, "A comparison")
    for label in report.result.settings.backends:
        assert f"| {label} " in text
    for run in report.result.runs:
        if run.status != "ok":
            assert escaped(run.reason) in text


def test_rows_of_two_durability_classes_are_in_one_table_nowhere(report: Report) -> None:
    ranked = [section for section in report.sections if section.name.startswith(RANKED)]
    for table in every_table(*ranked):
        headings = [column.heading for column in table.columns]
        for heading in {"backend", "against"}.intersection(headings):
            labels = {row[headings.index(heading)].text for row in table.rows}
            known = {facts.durability for label in labels if (facts := report.result.facts(label))}
            assert len(known) <= 1


def test_tables_have_a_value_for_each_column_and_figures_are_sorted_as_numbers(report: Report) -> None:
    for table in every_table(*report.sections):
        assert {len(row) for row in table.rows} <= {len(table.columns)}
        for place, column in enumerate(table.columns):
            sorts = [row[place].sort for row in table.rows]
            if column.figures:
                assert all(sort is None or isfinite(float(sort)) for sort in sorts)
                assert not any(isinstance(sort, str) for sort in sorts)
                texts = [row[place].text for row in table.rows]
                assert all(
                    (sort is None) == (text == "-" or "not" in text) for sort, text in zip(sorts, texts, strict=True)
                )


def test_each_section_has_a_name_of_its_own_that_can_be_an_anchor(report: Report) -> None:
    names = [section.name for section in every_section(report.sections)]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in names)


def test_the_order_of_runs_does_not_matter() -> None:
    turned = replace(FULL, runs=FULL.runs[::-1])
    one, other = (words_of(*sections(found)).splitlines() for found in (FULL, turned))
    assert sorted(one) == sorted(other)


def test_a_tone_never_says_what_the_text_does_not() -> None:
    tables = every_table(*sections(FULL), *sections(RESULTS["all wrong"]))
    toned = [value for table in tables for row in table.rows for value in row if value.tone]
    assert toned
    said = {
        "good": ("*", "holds", "fits", "yes"),
        "bad": (
            "did not keep up",
            "wrong",
            "DOES NOT CONFORM",
            "NOT RUN",
            "does not hold",
            "nothing fits",
            "not known",
            "smaller",
            "larger",
            " of ",  # lost updates of those acknowledged
        ),
    }
    unsaid = [value for value in toned if not any(mark in value.text for mark in said.get(value.tone, [value.text]))]
    assert unsaid == []


def test_words_are_the_fields_and_none_needs_a_plug_in() -> None:
    every, kept = sections(load_result(None), plug_ins=False), ("traces", "circumstances")  # texts of the result itself
    others = words_of(*(section for section in every if section.name not in kept)).lower()
    for word in (
        "the study",
        "a player\n",
        " a second\n",
        " a month",
        "reckoned",
        "target",
        "a_a",
        "stands behind",
    ):
        assert word not in others, word


RUNS = st.lists(
    st.sampled_from(
        [
            *times("memory", 5.0),
            *times("naive", 90.0, spread=(1.0, 1.2)),
            *times("memory", 5.0, players=100),
            *a_a("redis", 50.0, 52.0),
            *(
                Run(cell(label, mode), number, status, "no | reason\nat `all`")  # type: ignore[arg-type]
                for label in ("memory", "zodb", "never-opened")
                for mode in ("service", "throughput", "response", "recovery")
                for number, status in enumerate(STATUSES, 1)
            ),
            *(
                Run(cell(label, "recovery"), 9, "ok", figures=recovery(lost=lost))
                for label, lost in (("zodb", 0), ("naive", 5))
            ),
        ]
    ),
    max_size=12,
    unique_by=lambda run: (run.cell, run.round),
)


@given(RUNS, st.booleans(), st.integers(1, 7))
@settings(max_examples=8, deadline=None)
def test_any_handful_of_runs_can_be_shown(runs: list[Run], finished: bool, rounds: int) -> None:  # noqa: FBT001
    backends = [NAIVE, MEMORY, VALKEY, EVERYSEC, FSYNC, ZODB]
    made = result(runs, backends, asked=["never-opened"], finished=finished, rounds=rounds)
    found = sections(made)
    text, _ = shown(found)
    labels = chain((facts.label for facts in backends), ["never-opened"], (run.cell.backend for run in runs))
    assert all(f"| {label} " in text for label in labels)
    statuses = {run.status for run in runs if run.status != "ok"}
    (missing,) = (section for section in found if section.name == "without-figures")
    assert all(f"\n{status}\n" in words_of(missing) for status in statuses)
