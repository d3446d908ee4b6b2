from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.comparison.result_files import encode_result

from ..comparison.advice.results import facts, memory, response, result, service


@pytest.fixture
def measured(tmp_path: Path) -> str:
    """A result with a board in a process, one in a file that is shared, and one on a server."""
    times = {"memory": 10.0, "sqlite": 400.0, "redis": 100.0}
    runs = [
        run
        for label, time in times.items()
        for run in service(label, {"update": time, "rank": time}, 100_000, taken=memory(process=1_000, server=1_000))
    ]
    backends = [
        facts("memory"),
        facts("sqlite", "file", "every commit", shared=True),
        facts("redis", "server", shared=True),
    ]
    path = tmp_path / "result.json"
    path.write_bytes(encode_result(result(backends, runs)))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(leaderboard, ["advise", *arguments])


@pytest.mark.parametrize(
    ("arguments", "pick"),
    [
        (["--players", "50K"], "memory"),
        (["--players", "50K", "--durable"], "sqlite"),
        (["--players", "50K", "--durable", "--workers", "4"], "sqlite"),
        (["--players", "50K", "--durability", "every commit"], "sqlite"),
        (["--players", "50K", "--servers", "3", "--workers", "4"], "redis"),
        (["--players", "50K", "--updates", "120K/m"], "memory"),
        (["--players", "50K", "--p99", "800us", "--workers", "2"], "sqlite"),
        (["--players", "50K", "--p99", "700us", "--workers", "2"], "redis"),
    ],
)
def test_the_first_line_names_the_backend_to_take(measured: str, arguments: list[str], pick: str) -> None:
    done = run(*arguments, measured)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[1].startswith(f"Take {pick} for ")


def test_the_answer_says_why_what_it_costs_and_what_would_change_it(measured: str) -> None:
    done = run("--players", "50K", "--updates", "500/s", measured)
    said = " ".join(done.output.split())
    assert "Take memory for 50,000 players, 500 updates/s, 500 reads/s, 1 server with 1 worker" in said
    assert "p99 20.0 µs" in said
    assert "It costs 15.18 USD per month (t3.small)" in said
    assert "with a second app server: redis" in said


def test_where_nothing_fits_it_says_so_and_ends_with_1(measured: str) -> None:
    done = run("--players", "50K", "--servers", "2", "--durable", measured)
    assert done.exit_code == 1
    assert "Nothing fits 50,000 players" in done.output
    assert "its file is on one machine" in " ".join(done.output.split())


def test_as_many_reads_as_updates_are_meant_unless_they_are_given(measured: str) -> None:
    assert "100 updates/s, 100 reads/s" in run("--players", "1K", measured).output
    assert "700 updates/s, 700 reads/s" in run("--players", "1K", "--updates", "700/s", measured).output
    assert "700 updates/s, 0 reads/s" in run("--players", "1K", "--updates", "700/s", "--reads", "0/s", measured).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing option '--players'"),
        (["--players", "many"], "is not a number of players"),
        (["--players", "1K", "--updates", "2000"], "is not a rate"),
        (["--players", "1K", "--reads", "2000/d"], "is not a rate"),
        (["--players", "1K", "--p99", "10"], "is not a time"),
        (["--players", "1K", "--durability", "always"], "is not a durability"),
        (["--players", "1K", "--durability", "not known"], "write one of memory only, everysec, every commit"),
        (["--players", "1K", "--durable", "--durability", "everysec"], "give one of them"),
        (["--players", "1K", "--servers", "0"], "is not in the range"),
        (["--players", "1K", "--servers", "9" * 400], "is above 1000000000."),
        (["--players", "1K", "--workers", "1000000001"], "is above 1000000000."),
    ],
)
def test_bad_options_are_refused_in_a_line(measured: str, arguments: list[str], said: str) -> None:
    done = run(*arguments, measured)
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())


def test_the_help_names_no_end_of_what_is_counted() -> None:
    assert run("--help").output.count("x>=1") == 2


def test_a_term_that_the_price_table_does_not_have_is_refused(measured: str) -> None:
    done = run("--players", "1K", "--term", "bananas", measured)
    assert done.exit_code == 1
    assert "no price of the table is at the term 'bananas'" in done.output


def test_what_is_many_is_written_out_and_what_is_one_is_one(measured: str) -> None:
    said = " ".join(run("--players", "1K", "--updates", "5/h", "--servers", "1000000", measured).output.split())
    assert "5 updates/h, 5 reads/h, 1,000,000 servers with 1 worker each" in said


def test_a_file_that_gives_no_advice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(encode_result(result([facts("memory")], response("memory", {500: 1.0}))))
    for name, said in ((str(path), "no service times of updates"), ("nosuch.json", "cannot be read")):
        done = run("--players", "1K", name)
        assert done.exit_code == 1
        assert said in " ".join(done.output.split())
