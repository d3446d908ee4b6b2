"""Results of one machine, code, workload and settings become one, which says so; others are refused in words."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.comparable import caution, merge
from leaderboard_backends.comparison.figures import ProgramFigures
from leaderboard_backends.comparison.result_files import decode_result, encode_result
from leaderboard_backends.comparison.schema import Cell, Result, Run
from leaderboard_backends.errors import ConfigurationError

from .timings import repeated, result, service


def measured(*labels: str) -> Result:
    cells = [Cell("service", "realtime", 1000, label) for label in labels]
    runs = [run for cell in cells for run in repeated(cell, [service({"rank": 1.0})])]
    return result(runs, versions={"redis": "8.1"})


def test_a_backend_that_was_added_later_stands_beside_the_others_and_the_result_says_so() -> None:
    first, later = measured("memory", "redis"), replace(measured("acme"), started="2026-12-01T00:00:00Z")
    merged = merge([first, later])
    assert [facts.label for facts in merged.backends] == ["memory", "redis", "acme"]
    assert merged.runs == [*first.runs, *later.runs]
    assert merged.seconds == first.seconds + later.seconds
    assert len(merged.settings.merged) == 2
    assert "acme (2026-12-01" in caution(merged)
    assert "not interleaved" in caution(merged)
    assert decode_result(encode_result(merged)) == merged
    again = merge([merged, measured("other")])
    assert len(again.settings.merged) == 3


def test_a_program_that_both_have_is_that_of_the_first() -> None:
    def with_programs(label: str, *names: str) -> Result:
        made = measured(label)
        programs = [Run(Cell("program", "", 10, name), 1, "ok", label, figures=ProgramFigures([])) for name in names]
        return replace(made, runs=[*made.runs, *programs])

    merged = merge([with_programs("memory", "sorts"), with_programs("acme", "sorts", "counts")])
    programs = [(run.cell.backend, run.reason) for run in merged.runs if run.cell.mode == "program"]
    assert programs == [("sorts", "memory"), ("counts", "acme")]
    assert {run.cell.backend for run in merged.runs if run.cell.mode == "service"} == {"memory", "acme"}


def test_one_result_stays_as_it_is() -> None:
    alone = measured("memory")
    assert merge([alone]) is alone
    assert caution(alone) == ""


def other(given: Result, what: str) -> Result:
    machine, settings, (workload, *rest) = given.machine, given.settings, given.workloads
    return {
        "processor": replace(given, machine=replace(machine, cpu="another")),
        "memory:": replace(given, machine=replace(machine, memory_bytes=1)),
        "file system": replace(given, machine=replace(machine, file_system="tmpfs")),
        "version of redis": replace(given, versions={**given.versions, "redis": "0"}),
        "seeds": replace(given, settings=replace(settings, seed=77)),
        "the code of": replace(given, settings=replace(settings, code="another")),
        "plan": replace(given, settings=replace(settings, plan="another")),
        "rounds": replace(given, settings=replace(settings, rounds=99)),
        "workload": replace(given, workloads=[replace(workload, sha256="another"), *rest]),
        "method of": replace(given, methods={"runs": "another"}),
    }[what]


@pytest.mark.parametrize(
    "what",
    [
        "processor",
        "memory:",
        "file system",
        "version of redis",
        "seeds",
        "the code of",
        "plan",
        "rounds",
        "workload",
        "method of",
    ],
)
def test_what_was_not_measured_alike_is_refused_with_what_differs(what: str) -> None:
    with pytest.raises(ConfigurationError, match=f"cannot be merged: .*{what}"):
        merge([measured("memory"), other(measured("acme"), what)])


def test_a_backend_of_both_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="memory is in both"):
        merge([measured("memory", "redis"), measured("memory", "acme")])
