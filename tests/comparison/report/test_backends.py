"""Backends, faults, noise and circumstances: all that is needed to judge and to repeat the figures."""

from __future__ import annotations

from msgspec.structs import replace

from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report.circumstances import (
    backends_section,
    circumstances_section,
    traces_section,
)
from leaderboard_backends.comparison.report.tables import MISTAKES
from leaderboard_backends.comparison.report.trust import missing_section, noise_section, trust_section
from leaderboard_backends.comparison.schema import CodeFacts, CodeSize, Metadata, Result, Run, Verdict

from .small import (
    EVERYSEC,
    MEMORY,
    ZODB,
    a_a,
    cell,
    columns,
    every_section,
    every_table,
    facts,
    result,
    times,
    words_of,
)


def test_the_fairness_metadata_tells_durability_sharing_and_round_trips_of_each_row() -> None:
    table = backends_section(Measurements(result([], [EVERYSEC, MEMORY, ZODB], asked=["never"]))).tables[0]
    assert columns(table, "backend", "durability", "lives in", "round trips", "shared") == [
        ("memory", "memory only", "process", "none", "no"),
        ("redis (appendfsync everysec)", "everysec", "server", "1", "yes"),
        ("zodb", "every commit", "file", "none", "no"),
        ("never", "not known", "-", "-", "-"),
    ]


def test_round_trips_of_a_server_are_known_of_own_backends_alone() -> None:
    other = replace(EVERYSEC, label="theirs", distribution="theirs 2.1")
    assert columns(backends_section(Measurements(result([], [other]))).tables[0], "round trips") == [("1 or more",)]


def test_the_kit_s_verdict_has_its_numbers_its_digest_and_what_failed() -> None:
    wrong = facts("wrong", verdict=Verdict("DOES NOT CONFORM", "all", 1140, 5, "0.1.0, sha256 79fe", 9, ["a|b", "c"]))
    unjudged = replace(facts("unjudged"), verdict=None)
    table = backends_section(Measurements(result([], [MEMORY, wrong, unjudged]))).tables[2]
    assert columns(table, "verdict", "passed", "failed", "parts", "kit", "what failed") == [
        ("CONFORMS", "1,145", "0", "all", "0.1.0, sha256 79fe1db1353e", "-"),
        ("DOES NOT CONFORM", "1,140", "5", "all", "0.1.0, sha256 79fe", "a|b; c"),
        ("not judged", "-", "-", "-", "-", "-"),
    ]


def test_settings_steps_and_what_can_be_watched_are_told() -> None:
    metadata = Metadata(
        "A board", ["synchronous=FULL"], ["pip install it", "choose a folder"], ["its size"], 'url = "x://y"'
    )
    section = backends_section(Measurements(result([], [facts("memory", metadata=metadata), ZODB])))
    (table,) = (table for inner in section.sections for table in inner.tables)
    assert columns(table, "backend", "what", "text")[:6] == [
        ("memory", "class", "Board, leaderboard-backends 0.1.0"),
        ("memory", "tuning", "synchronous=FULL"),
        ("memory", "set-up, step 1", "pip install it"),
        ("memory", "set-up, step 2", "choose a folder"),
        ("memory", "configuration", 'url = "x://y"'),
        ("memory", "to monitor", "its size"),
    ]
    assert ("zodb", "tuning", "none: the storage's own defaults") in columns(table, "backend", "what", "text")


def test_code_is_told_by_backend_and_by_feature() -> None:
    counted = replace(MEMORY, code=CodeSize(412, 30, ["a.py", "b.lua"]))
    rows = [
        CodeFacts("board", "memory", 9, 412, None, 1, "not counted: C code"),
        CodeFacts("limits", "memory", None, None, None, None),
    ]
    tables = backends_section(Measurements(replace(result([], [counted, ZODB]), code=rows))).tables
    assert columns(tables[3], "backend", "statements", "other lines", "files") == [
        ("memory", "412", "30", "2"),
        ("zodb", "-", "-", "-"),
    ]
    assert columns(
        tables[4], "feature", "the app's author", "this library", "third party", "configuration", "note"
    ) == [
        ("board", "9", "412", "-", "1", "not counted: C code"),
        ("limits", "-", "-", "-", "-", "-"),
    ]


# ---------------------------------------------------------------------- without figures


def test_runs_without_figures_are_grouped_by_reason_and_wrong_ones_come_first() -> None:
    runs = [
        *(Run(cell("naive", players=size), 1, "timed out", "too slow") for size in (1_000_000, 100_000)),
        Run(cell("redis", "recovery"), 1, "unavailable", "no server"),
        *(Run(cell("memory"), number, "wrong", "step 7: rank 3") for number in (1, 2)),
        Run(cell("memory"), 3, "wrong", "step 9: rank 4"),
        Run(replace(cell("memory"), a_a=True), 1, "failed", ""),
    ]
    (table,) = missing_section(Measurements(result(runs))).tables
    assert columns(table, "status", "backend", "runs", "where", "reason") == [
        ("wrong", "memory", "2", "service: realtime 10,000", "step 7: rank 3"),
        ("wrong", "memory", "1", "service: realtime 10,000", "step 9: rank 4"),
        ("failed", "memory", "1", "service (A/A): realtime 10,000", "-"),
        ("timed out", "naive", "2", "service: realtime 100,000, 1,000,000", "too slow"),
        ("unavailable", "redis", "1", "recovery: realtime 10,000", "no server"),
    ]


def test_what_was_asked_for_and_never_run_is_named() -> None:
    assert "Asked for, but never run: `zodb`, `never`." in words_of(
        missing_section(Measurements(result(times("memory", 5.0), [MEMORY, ZODB], asked=["never"])))
    )


def test_a_report_without_faults_says_so_and_an_interrupted_one_too() -> None:
    assert missing_section(Measurements(result(times("memory", 5.0)))).paragraphs == ["Every run has figures."]
    assert "interrupted" in words_of(missing_section(Measurements(result(times("memory", 5.0), finished=False))))


def test_what_runs_noted_is_told_once_with_its_number() -> None:
    runs = [replace(run, notes=["its code was not counted"]) for run in times("memory", 5.0)]
    (table,) = missing_section(Measurements(result(runs))).tables
    assert columns(table, "backend", "runs", "note") == [("memory", "5", "its code was not counted")]


# ---------------------------------------------------------------------- noise


def test_floors_and_the_ratios_of_a_a_runs_are_told() -> None:
    tables = {
        table.title: table for table in every_table(noise_section(Measurements(result(a_a("memory", 10.0, 10.4)))))
    }
    floor = ("p50, µs", "in the process", "1.04x", "memory against itself, rank, realtime, 10,000 players")
    assert floor in columns(tables["Noise floors"], "statistic", "class", "floor", "from")
    ratio = ("memory", "rank", "p50, µs", "1.04 (1.04-1.04)")
    assert ratio in columns(tables["Ratios of A/A runs"], "backend", "figure", "statistic", "second / first")


def test_without_a_a_runs_nothing_is_told_apart() -> None:
    section = noise_section(Measurements(result(times("memory", 10.0))))
    assert "no difference counts" in words_of(section)
    assert [table.title for table in every_table(section)] == ["The cost of the clock"]


def test_disturbed_runs_are_told_by_cell() -> None:
    elsewhere = [0.1, 0.4, 1.25, None, 0.0]
    runs = [replace(run, cores_elsewhere=cores) for run, cores in zip(times("memory", 5.0), elsewhere, strict=True)]
    section = noise_section(Measurements(result(runs)))
    assert "Of 4 runs in which it could be measured, 2 were disturbed" in words_of(section)
    table = section.tables[1]
    assert columns(table, "backend", "mode", "runs", "most cores elsewhere") == [("memory", "service", "2", "1.25")]


# ---------------------------------------------------------------------- circumstances


def test_traces_have_their_hash_seed_steps_and_ties() -> None:
    table = traces_section(result([])).tables[0]
    assert columns(table, "workload", "players", "seed", "steps", "warm-up", "tied", "SHA-256") == [
        ("realtime", "10,000", "7", "900", "50", "90 %", "ef" * 32)
    ]


def test_the_text_of_a_workload_is_there_line_by_line() -> None:
    (section,) = (each for each in every_section([traces_section(result([]))]) if each.name == "workload-realtime")
    assert section.detail
    assert columns(section.tables[0], "line", "text") == [("1", "schema_version = 1"), ("2", 'name = "realtime"')]


def test_the_circumstances_have_the_exact_command_machine_versions_and_methods() -> None:
    said = words_of(circumstances_section(result([])))
    for text in (
        "leaderboard compare --seed 7",
        "d1ge57",
        "a processor, 2 cores",
        "8.0 GiB",
        "ext4",
        "0.10 0.20 0.30",
        "12 min 34 s",
        "9.1.2",
        "each in a fresh process",
    ):
        assert text in said


# ---------------------------------------------------------------------- trust


def test_the_limits_of_this_very_result_come_first() -> None:
    hasty = result([replace(run, cores_elsewhere=2.0) for run in times("memory", 5.0)], rounds=1, finished=False)
    hasty = replace(hasty, machine=replace(hasty.machine, file_system="tmpfs"))
    limits = limits_of(hasty)
    for place, word in enumerate(("Interrupted", "Too few", "A/A", "tmpfs", "slowed 5 runs down")):
        assert word in limits[place]
    sound = limits_of(result(a_a("memory", 5.0, 5.1)))
    assert len(limits) == len(sound) + 5
    assert sound[0].startswith("**One machine**: a processor, 2 cores")


def limits_of(of: Result) -> list[str]:
    """Return all limits of a result: five in view, and the further ones."""
    section = trust_section(Measurements(of))
    assert len(section.points) <= 5
    return [*section.points, *section.sections[0].points]


def test_limits_are_of_what_was_measured_and_of_nothing_else(whole: Result, half_failed: Result) -> None:
    words = ("the server", "local sockets", "kill -9", "Throughput says where", "(realtime)")
    assert [word for word in words if word not in " ".join(limits_of(whole))] == []
    assert [word for word in words if word in " ".join(limits_of(half_failed))] == ["(realtime)"]
    events = replace(half_failed, workloads=[replace(facts, events=80) for facts in half_failed.workloads])
    assert "Synthetic" not in " ".join(limits_of(events))


def test_of_a_server_that_was_given_nothing_is_said_to_be_known(whole: Result) -> None:
    elsewhere = replace(whole, runs=[run for run in whole.runs if run.cell.mode == "response"])
    said = " ".join(limits_of(elsewhere))
    assert "where the server of `redis (appendfsync always)` ran, and what else it did, is not known" in said
    assert "local sockets" not in said


def test_each_mistake_of_others_has_an_answer() -> None:
    table = trust_section(Measurements(result([]))).sections[0].tables[0]
    assert columns(table, "elsewhere", "here") == list(MISTAKES.items())
    assert all(MISTAKES.values())
