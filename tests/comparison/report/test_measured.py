"""Throughput, response, memory, growth and recoveries: what is said is what was measured, and of which class."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.document import Section
from leaderboard_backends.comparison.figures import (
    BatchFigures,
    ClientsFigures,
    DiskFigures,
    HardeningFigures,
    LoadFigures,
    MemoryFigures,
    PartTime,
    ServiceFigures,
)
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report.growth import growth_section
from leaderboard_backends.comparison.report.memory import memory_section
from leaderboard_backends.comparison.report.rates import Limit, limit, response_section, throughput_section
from leaderboard_backends.comparison.report.recovery import recovery_section
from leaderboard_backends.comparison.report.service import hardening_sections
from leaderboard_backends.comparison.schema import Run

from .small import (
    CHECKED,
    FSYNC,
    MEMORY,
    NAIVE,
    VALKEY,
    ZODB,
    cell,
    columns,
    distribution,
    every_table,
    recovery,
    repeated,
    response,
    result,
    service,
    throughput,
    times,
    words_of,
)

THREE = (1.0, 1.1, 0.9)


# ---------------------------------------------------------------------- throughput


def clients(kind: str, number: int, rate: float, client: float = 0.9, server: float | None = None) -> ClientsFigures:
    return ClientsFigures(kind, number, round(rate), 1.0, client, server)  # type: ignore[arg-type]


def test_throughput_is_told_by_kind_and_number_of_clients() -> None:
    runs = repeated(
        cell("redis", "throughput"),
        lambda part: throughput(
            clients("processes", 4, 24_000 * part, 1.3, 0.6),
            clients("threads", 1, 8_000 * part, 0.5, 0.4),
            clients("threads", 4, 12_000 * part, 0.95, 0.5),
        ),
        THREE,
    )
    (table,) = every_table(throughput_section(Measurements(result(runs, [VALKEY]))))
    headings = ("kind", "clients", "per second", "ratio", "client cores", "server cores", "held back by", "runs")
    assert columns(table, *headings) == [
        ("threads", "1", "8,000 (7,200-8,800)", "1.00x", "0.500", "0.400", "waiting", "3"),
        ("threads", "4", "12,000 (10,800-13,200)", "1.50x", "0.950", "0.500", "client-bound", "3"),
        ("processes", "4", "24,000 (21,600-26,400)", "-", "1.30", "0.600", "client-bound", "3"),
    ]


@pytest.mark.parametrize(
    ("kind", "number", "client", "server", "expected"),
    [
        ("processes", 8, 1.1, 0.85, "server"),
        ("processes", 8, 1.35, 0.65, "client-bound"),
        ("processes", 8, 0.9, 0.3, "waiting"),
        ("processes", 1, 0.95, 0.5, "client-bound"),
        ("threads", 8, 0.95, 0.5, "client-bound"),
        ("threads", 8, 0.5, 0.3, "waiting"),
        ("threads", 8, 0.98, None, "processor"),
        ("threads", 8, 0.2, None, "waiting"),
        ("processes", 2, 1.9, None, "processor"),
        ("processes", 2, 1.0, None, "waiting"),
    ],
)
def test_what_held_clients_back_on_two_cores(
    kind: str, number: int, client: float, server: float | None, expected: Limit
) -> None:
    assert limit(kind, number, client, server, cores=2) == expected


def test_more_cores_than_the_clients_use_are_waiting_not_client_bound() -> None:
    assert limit("processes", 8, 2.0, 0.5, cores=2) == "client-bound"
    assert limit("processes", 8, 2.0, 0.5, cores=16) == "waiting"


def test_batches_are_told_in_updates_a_second() -> None:
    runs = repeated(
        cell("zodb", "throughput"),
        lambda part: throughput(batches=[BatchFigures(100, 60_000, part), BatchFigures(10, 9_000, part)]),
        THREE,
    )
    (table,) = every_table(throughput_section(Measurements(result(runs, [ZODB]))))
    assert columns(table, "backend", "updates per call", "updates per second", "ratio") == [
        ("zodb", "10", "9,000 (8,180-10,000)", "1.00x"),
        ("zodb", "100", "60,000 (54,500-66,700)", "6.7x"),
    ]


# ---------------------------------------------------------------------- hardening


def test_a_part_around_a_board_adds_the_difference_of_its_time_from_that_of_the_board_alone() -> None:
    def figures(part: float) -> HardeningFigures:
        times = {"": 10.0, "validation": 12.0, "all parts": 30.0}
        of_parts = [PartTime(name, "update", distribution(time * part, None)) for name, time in times.items()]
        return HardeningFigures([*of_parts, PartTime("", "rank", distribution(5.0, None))], CHECKED)

    runs = repeated(cell("sortedcontainers", "hardening"), figures, THREE)
    (table,) = every_table(*hardening_sections(Measurements(result(runs, [MEMORY]))))
    assert columns(table, "operation", "part", "p50, µs", "adds, µs") == [
        ("update and rank", "none", "10.0 (9.00-11.0)", "-"),
        ("update and rank", "validation", "12.0 (10.8-13.2)", "2.00 (1.80-2.20)"),
        ("update and rank", "all parts", "30.0 (27.0-33.0)", "20.0 (18.0-22.0)"),
        ("rank", "none", "5.00 (5.00-5.00)", "-"),
    ]


def test_without_a_run_of_hardening_there_is_no_such_section() -> None:
    assert hardening_sections(Measurements(result(times("memory", 1.0)))) == []


# ---------------------------------------------------------------------- response


def test_response_is_told_by_rate_and_what_did_not_keep_up_says_what_it_reached() -> None:
    runs = [
        *repeated(
            cell("memory", "response"),
            lambda part: response({500: distribution(20 * part, 40 * part, p999=90 * part, samples=10_000)}),
            THREE,
        ),
        *repeated(cell("naive", "response"), lambda part: response({500: 310.4 * part}), THREE),
    ]
    (table,) = every_table(response_section(Measurements(result(runs, [MEMORY, NAIVE]))))
    assert columns(table, "rate", "backend", "p50, µs", "p99, µs", "p99.9, µs", "reached") == [
        ("500", "memory", "20.0 (18.0-22.0)", "40.0 (36.0-44.0)", "90.0 (81.0-99.0)", "500"),
        ("500", "naive", "did not keep up (reached 310/s)", "-", "-", "310"),
    ]


def test_a_backend_that_kept_up_in_some_processes_alone_says_in_how_many_it_did_not() -> None:
    figures = [response({500: distribution(20, 40)}), response({500: 310.0}), response({500: distribution(22, 44)})]
    runs = [Run(cell("memory", "response"), number, "ok", figures=each) for number, each in enumerate(figures)]
    (table,) = every_table(response_section(Measurements(result(runs))))
    assert columns(table, "p50, µs", "runs", "marks") == [("21.0 (20.0-22.0)", "3", "1 did not keep up")]


def test_what_the_harness_adds_is_over_the_runs_of_all_backends() -> None:
    runs = [
        Run(cell(label, "response"), 1, "ok", figures=response({500: distribution(9, 9)}, {500: distribution(own, 6)}))
        for label, own in (("memory", 2.0), ("naive", 4.0))
    ]
    table = every_table(response_section(Measurements(result(runs, [MEMORY, NAIVE]))))[-1]
    assert table.title == "What the harness adds"
    assert columns(table, "rate", "p50, µs", "p99, µs", "runs") == [
        ("500", "3.00 (2.00-4.00)", "6.00 (6.00-6.00)", "2")
    ]


# ---------------------------------------------------------------------- memory


def loaded(label: str, players: int, memory: MemoryFigures) -> list[Run]:
    figures = ServiceFigures(LoadFigures(players, 1.0), memory, {}, 0.05, CHECKED)
    return repeated(cell(label, players=players), lambda _: figures, (1.0, 1.0))


def table_called(section: Section, title: str) -> list[tuple[str, ...]]:
    """Return all rows of the tables whose titles begin so."""
    tables = [table for table in every_table(section) if table.title.startswith(title)]
    return [tuple(value.text for value in row) for table in tables for row in table.rows]


def test_bytes_a_player_have_the_server_beside_the_client() -> None:
    runs = loaded("redis", 10_000, MemoryFigures(4_000_000, 30_000, 1_340_000, 1_400_000, 1_210_000))
    rows = table_called(memory_section(Measurements(result(runs, [VALKEY]))), "Bytes per player")
    each = ("3.00 (3.00-3.00)", "140 (140-140)", "134 (134-134)", "121 (121-121)")
    assert rows == [("redis", "realtime", "10,000", *each, "4.00 MB", "2")]


def test_private_memory_of_a_small_board_is_not_told() -> None:
    runs = loaded("redis", 9_999, MemoryFigures(4_000_000, 30_000, 9_999, 1_400_000, None))
    rows = table_called(memory_section(Measurements(result(runs, [VALKEY]))), "Bytes per player")
    assert rows == [("redis", "realtime", "9,999", "-", "-", "1.00 (1.00-1.00)", "-", "4.00 MB", "2")]


def test_three_sizes_make_a_line_of_fixed_cost_and_bytes_a_player() -> None:
    runs = [
        run
        for players in (1_000, 10_000, 100_000, 1_000_000)
        for run in loaded("memory", players, MemoryFigures(3_000_000, 500_000 + 190 * players))
    ]
    rows = table_called(memory_section(Measurements(result(runs))), "Fixed cost")
    assert rows == [("memory", "realtime", "process", "3.50 MB", "190", "0.0 %", "3")]


def test_bytes_an_update_are_those_of_the_drill() -> None:
    disk = [DiskFigures(100, 2_000, 240_000, 3_000_000), DiskFigures(1, 300, 36_000, None)]
    runs = repeated(cell("zodb", "recovery"), lambda _: recovery(disk=disk), (1.0, 1.0))
    assert table_called(memory_section(Measurements(result(runs, [ZODB]))), "Disk") == [
        ("zodb", "realtime", "10,000", "1", "120 (120-120)", "-", "2"),
        ("zodb", "realtime", "10,000", "100", "120 (120-120)", "1,500 (1,500-1,500)", "2"),
    ]


# ---------------------------------------------------------------------- growth


def test_growth_is_told_by_size_with_its_slope() -> None:
    runs = [*times("naive", 10.0, players=1_000), *times("naive", 100.0, players=10_000)]
    table = every_table(growth_section(Measurements(result(runs, [NAIVE]))))[0]
    assert columns(table, "operation", "backend", "1,000", "10,000", "slope", "10x players") == [
        ("rank", "naive", "10.0", "100", "1.00 (1.00-1.00)", "10x")
    ]


def test_each_operation_says_where_the_naive_board_stops_winning() -> None:
    def both(label: str, rank: float, count: float, players: int) -> list[Run]:
        return repeated(
            cell(label, players=players),
            lambda part: service({"rank": rank * part, "count": count * part}, players=players),
        )

    runs = [
        *both("naive", 1.0, 1.0, 100),
        *both("naive", 100.0, 1.0, 10_000),
        *both("zodb", 10.0, 2.0, 100),
        *both("zodb", 10.0, 2.0, 10_000),
    ]
    rows = table_called(growth_section(Measurements(result(runs, [NAIVE, ZODB]))), "Crossovers")
    assert rows == [
        ("zodb", "realtime", "rank", "below 1,000 players (1,000 to 1,000)"),
        ("zodb", "realtime", "count by score", "always, up to 10,000"),
    ]


def test_without_a_naive_board_there_are_no_crossovers() -> None:
    runs = [*times("memory", 5.0, players=100), *times("memory", 6.0)]
    assert "Crossovers" not in words_of(growth_section(Measurements(result(runs))))


# ---------------------------------------------------------------------- recoveries


def test_a_recovery_says_what_was_lost_and_what_brought_the_board_back() -> None:
    runs = [
        *repeated(cell("memory", "recovery"), lambda _: recovery(lost=400), (1.0, 1.0)),
        *repeated(cell("redis (appendfsync always)", "recovery"), lambda _: recovery(), (1.0, 1.0)),
    ]
    section = recovery_section(Measurements(result(runs, [MEMORY, FSYNC])))
    headings = ("backend", "start, s", "load, s", "restore, s", "by", "lost", "processes", "ports", "runs")
    rest = ("0.310", "4.50", "6.70 (6.70-6.70)")
    assert [columns(table, *headings) for table in section.tables] == [
        [("memory", *rest, "reload", "800 of 800", "1", "2", "2")],
        [("redis (appendfsync always)", *rest, "restart", "0 of 800", "1", "2", "2")],
    ]
    assert "not a power cut" in words_of(section)


def test_recoveries_that_came_back_in_two_ways_say_both() -> None:
    figures = (recovery(), recovery(lost=3))
    runs = [Run(cell("redis", "recovery"), number, "ok", figures=each) for number, each in enumerate(figures)]
    (table,) = recovery_section(Measurements(result(runs, [VALKEY]))).tables
    assert columns(table, "by", "lost") == [("restart or reload", "3 of 800")]


def test_a_disturbed_recovery_is_marked() -> None:
    runs = [
        replace(run, cores_elsewhere=1.2) for run in repeated(cell("memory", "recovery"), lambda _: recovery(), (1.0,))
    ]
    assert columns(recovery_section(Measurements(result(runs))).tables[0], "marks") == [("~",)]
