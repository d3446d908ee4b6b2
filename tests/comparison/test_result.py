from __future__ import annotations

import getpass
import socket
from pathlib import Path

import msgspec
import pytest

from leaderboard_backends.comparison.render import REPORT_FILE, RESULT_FILE, markdown, markdown_report, write_report
from leaderboard_backends.comparison.result import (
    Cell,
    Comparison,
    OperationFigures,
    ResultError,
    decode_result,
    encode_result,
    read_result,
)
from leaderboard_backends.comparison.tables import Column, Table, tables

PERSONAL = [str(Path.cwd()), str(Path.home()) + "/", socket.gethostname()]


@pytest.fixture(scope="module")
def figures() -> OperationFigures:
    return OperationFigures(120, 120, 2.5, 2.0, 4.0, 1234.5, 5000.0, 400_000.0)


@pytest.fixture(scope="module")
def result(half_failed: Comparison) -> Comparison:
    return half_failed


def test_a_result_reads_back_from_its_json_as_it_was(result: Comparison) -> None:
    assert decode_result(encode_result(result)) == result


@pytest.mark.parametrize("stored", [b"", b"[]", b"{}", b'{"schema_version": "1"}', b'{"schema_version": 1}'])
def test_what_is_no_result_is_refused(stored: bytes) -> None:
    with pytest.raises(ResultError, match="no result of a comparison"):
        decode_result(stored)


def test_a_result_of_another_schema_version_is_refused(result: Comparison) -> None:
    newer = encode_result(msgspec.structs.replace(result, schema_version=99))
    with pytest.raises(ResultError, match="schema version 99"):
        decode_result(newer)


def test_every_table_is_made_from_the_json_alone(result: Comparison, tmp_path: Path) -> None:
    write_report(result, tmp_path)
    read = read_result(tmp_path / RESULT_FILE)
    assert markdown_report(read) == (tmp_path / REPORT_FILE).read_text(encoding="utf-8")
    assert tables(read) == tables(result)


def test_a_report_replaces_the_last_one_and_leaves_nothing_else(result: Comparison, tmp_path: Path) -> None:
    for _ in range(2):
        write_report(result, tmp_path / "new" / "folder")
    assert sorted(file.name for file in (tmp_path / "new" / "folder").iterdir()) == [REPORT_FILE, RESULT_FILE]


def test_a_result_tells_versions_machine_seed_and_traces_but_not_whose_machine_it_is(result: Comparison) -> None:
    assert {"leaderboard-backends", "sortedcontainers", "CPython"} <= set(result.versions)
    assert result.machine.cores > 0
    assert result.machine.cpu
    assert [(trace.players, len(trace.sha256)) for trace in result.traces] == [(20, 64), (200, 64)]
    written = encode_result(result).decode() + markdown_report(result)
    assert not [text for text in PERSONAL if text in written]
    assert f"/{getpass.getuser()}/" not in written


def test_every_cell_has_its_row_or_its_reason(result: Comparison) -> None:
    by_title = {table.title: table for table in tables(result)}
    for players in ("20", "200"):
        latency = by_title[f"Time of one operation at {players} players: p50 / p99 in µs"]
        assert [row[0].removesuffix(" ~") for row in latency.rows] == ["naive"]
    problems = by_title["Without figures"]
    assert [tuple(row[:3]) for row in problems.rows] == [
        ("boards:Raises", "20", "failed"),
        ("boards:Raises", "200", "failed"),
    ]
    assert all("ZeroDivisionError" in row[3] for row in problems.rows)


def test_a_cut_operation_shows_its_samples(result: Comparison, figures: OperationFigures) -> None:
    cut = msgspec.structs.replace(figures, samples=12, p99_us=None)
    (row,) = _latency_rows(result, {"update": cut, "rank": figures})
    assert row == ["naive", "2.00 / - (n=12)", "2.00 / 1,234", "-", "-"]


@pytest.mark.parametrize(("cores", "name"), [(None, "naive"), (0.1, "naive"), (1.2, "naive ~")])
def test_a_disturbed_run_is_marked(
    result: Comparison, figures: OperationFigures, cores: float | None, name: str
) -> None:
    cell = Cell("naive", 20, "ok", operations={"update": figures}, cores_elsewhere=cores)
    latency = tables(msgspec.structs.replace(result, cells=[cell]))[0]
    assert latency.rows[0][0] == name
    assert ("other processes" in latency.note) == name.endswith("~")


def _latency_rows(result: Comparison, operations: dict[str, OperationFigures]) -> list[list[str]]:
    cell = Cell("naive", 20, "ok", operations=operations)
    return [list(row) for row in tables(msgspec.structs.replace(result, cells=[cell]))[0].rows]


def test_markdown_lines_up_and_escapes() -> None:
    table = Table(
        "A title", [Column("name", figures=False), Column("µs")], [["a|b", "1"], ["long name", "1,000"]], "A note."
    )
    assert markdown(table) == (
        "## A title\n\n"
        "| name      |    µs |\n"
        "| --------- | ----: |\n"
        "| a\\|b      |     1 |\n"
        "| long name | 1,000 |\n"
        "\nA note.\n"
    )
