"""`leaderboard compare` as a user runs it."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends.cli import compare, comparison_bar
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.comparison.journal import Head, Journal
from leaderboard_backends.comparison.result_files import read_result

QUICK = ("--steps", "60", "--proof", "isolation", "--rounds", "1")


@pytest.fixture(scope="module", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep traces and verdicts in one folder: each backend is judged once for all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep traces and verdicts in a folder of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(leaderboard, ["compare", *arguments], prog_name="leaderboard")


def test_a_comparison_ends_with_the_answer_and_keeps_its_result(tmp_path: Path) -> None:
    out = tmp_path / "results" / "mine.json"
    done = run("naive", "memory", "--players", "20,10", *QUICK, "--seed", "9", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("The answer\nFor up to 20 players and one app process: ")
    assert "Without figures" not in done.stdout
    assert len(done.stdout.splitlines()) <= 40
    assert "4 of 4 runs have figures" in done.stderr
    result = read_result(out)
    assert result.finished
    assert (result.settings.seed, result.settings.plan) == (9, "quick")
    assert sorted({run.cell.players for run in result.runs}) == [10, 20]
    assert [path.name for path in out.parent.iterdir()] == ["mine.json"]


def test_without_a_file_nothing_is_kept_and_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    done = run("memory", "--players", "10", *QUICK)
    assert done.exit_code == 0, done.output
    assert "The result was not saved; --out FILE saves it." in done.stderr
    assert not list((tmp_path / "here").iterdir())


def test_traces_and_verdicts_are_kept_for_the_next_time(cache: Path) -> None:
    for _ in range(2):
        assert run("memory", "--players", "10", *QUICK).exit_code == 0
        kept = sorted(path.relative_to(cache) for path in cache.rglob("*") if path.is_file())
    assert len(kept) == 4  # a trace, its answers, what leads there, and a verdict
    assert len(list((cache / "leaderboard-backends" / "verdicts").iterdir())) == 1


def test_events_of_ones_own_are_replayed(tmp_path: Path) -> None:
    rows = "".join(f"p{number % 7},P{number % 7},{number * 3}\n" for number in range(80))
    (tmp_path / "season.csv").write_text(f"player_id,username,score\n{rows}")
    out = tmp_path / "mine.json"
    done = run("memory", "--workload", str(tmp_path / "season.csv"), *QUICK, "--details", "--out", str(out))
    assert done.exit_code == 0, done.output
    (only,) = read_result(out).runs
    assert (only.cell.workload, only.cell.players, only.status) == ("season", 7, "ok")
    said = " ".join(done.stdout.split())
    (updates,) = (trace.steps["update"] for trace in read_result(out).traces)
    assert f"Of the 80 events of season, a run replays and times {updates};" in said


def test_a_workload_of_ones_own_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("schema_version = 1\n[mix]\nupdate = 1\nrank = 3\n")
    out = tmp_path / "mine.json"
    done = run("memory", "--workload", str(tmp_path / "mine.toml"), "--players", "10", *QUICK, "--out", str(out))
    assert done.exit_code == 0, done.output
    assert [run.cell.workload for run in read_result(out).runs] == ["mine"]


def test_a_wrong_board_is_told_and_ends_in_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "comparison" / "boards"))
    done = run("boards:TellsTheRankBefore", "memory", "--players", "200", *QUICK)
    assert done.exit_code == 1
    assert "wrong" in done.stdout
    assert "1 of 2 runs have figures" in done.stderr


@pytest.mark.parametrize(("flags", "code"), [([], 1), (["--allow-missing"], 0)])
def test_a_board_that_cannot_run_here_leaves_the_others_their_figures_and_the_exit_code_tells(
    flags: list[str], code: int
) -> None:
    done = run("redis://127.0.0.1:1/0", "memory", "--players", "10", *QUICK, *flags)
    assert done.exit_code == code
    assert "1 of 2 runs have figures" in done.stderr
    assert ("Runs without figures: redis:// (unavailable)" in done.stderr) == bool(code)


def test_into_a_pipe_it_tells_what_it_does_and_how_long_a_hanging_board_may_take_can_be_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "comparison" / "boards"))
    monkeypatch.setattr(comparison_bar, "SILENCE_SECONDS", 1.0)
    done = run("boards:HangsLate", "--players", "10", *QUICK, "--run-timeout", "5")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    still = [line for line in lines if line.startswith("still running")]
    kit, begun, ended, _, why = (line for line in lines if line not in still)
    assert kit == "conformance test of boards:HangsLate"
    assert begun == "round 1: boards:HangsLate, service, realtime, 10 players"
    assert re.fullmatch(f"still running after [0-9]+ s: {begun}", still[-1])
    assert "timed out: no result after 5 s in update_score; the process was stopped" in ended
    assert "boards:HangsLate (timed out)" in why


def test_a_class_that_is_not_there_is_told_and_ends_in_exit_code_1() -> None:
    done = run("naive_boards:Absent", "memory", "--players", "10", *QUICK, "--allow-missing")
    assert done.exit_code == 1
    assert "there is no module naive_boards here" in " ".join(done.stdout.split())


def test_where_no_board_can_run_the_exit_code_is_1() -> None:
    assert run("redis://127.0.0.1:1/0", "--players", "10", *QUICK, "--allow-missing").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--players", "1000,many"], "'many' is not a number of players"),
        (["--players", "0"], "is not a number of players"),
        (["--players", ""], "is not a number of players"),
        (["--players", "20M"], "at most 10,000,000 players"),
        (["--steps", "0"], "--steps"),
        (["--seed", "x"], "--seed"),
        (["--time-limit", "0"], "--time-limit"),
        (["--rounds", "0"], "--rounds"),
        (["--proof", "none"], "'none' is not 'all'"),
        (["--plan", "slow"], "give one of full, quick"),
        (["--workload", "slow"], "Known workloads: churn, lobby, realtime, season-start"),
        (["--resume"], "--resume needs --out"),
        (["memori://"], "Did you mean memory://"),
        (["valky"], "Ready to run here: naive, memory,"),
        (["postgres"], "redis (appendfsync everysec)"),
        (["redis:/u:secret@h"], "redis:/***@h is not a backend"),
        (["memory", "--out", "/dev/null"], "--out /dev/null is a device or a pipe"),
        (["redis://u:secret@h/0?board=weekly"], "leave board out"),
    ],
)
def test_a_misspelt_command_line_says_what_is_allowed_and_runs_nothing(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert "secret" not in done.output


def test_a_size_beside_events_is_refused_with_the_size_that_they_have(tmp_path: Path) -> None:
    (tmp_path / "season.csv").write_text("player_id,username,score\na,A,1\nb,B,2\na,A,3\n")
    done = run("memory", "--workload", str(tmp_path / "season.csv"), "--players", "10", *QUICK)
    assert done.exit_code == 2
    assert "have 2 players" in " ".join(done.stderr.split())


def test_a_file_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("memory", "--out", str(tmp_path / "file" / "mine.json"))
    assert done.exit_code == 1
    assert "cannot be written" in done.stderr


def test_a_result_is_replaced_by_force_alone(tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    out.write_text("kept")
    done = run("memory", "--players", "10", *QUICK, "--out", str(out))
    assert done.exit_code == 2
    assert "exists: name another file, or replace it with --force" in " ".join(done.stderr.split())
    assert out.read_text() == "kept"
    assert run("memory", "--players", "10", *QUICK, "--out", str(out), "--force").exit_code == 0
    assert read_result(out).finished


def test_a_file_whose_name_is_no_utf_8_gets_a_result_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "\udcf6.json"
    arguments = ["memory", "--players", "10", *QUICK, "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["leaderboard", "compare", *arguments])
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    assert read_result(out).settings.command.endswith(r"/\udcf6.json'")


def test_what_an_interrupted_run_left_is_replaced_by_force_alone(tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    journal = tmp_path / "mine.json.journal"
    with Journal(journal) as earlier:
        earlier.begin(Head("digest", "2026-11-01T00:00:00+00:00", {}))
    whole = journal.read_bytes()
    done = run("memory", "--players", "10", *QUICK, "--out", str(out))
    assert done.exit_code == 1
    assert "--resume continues from them, --force discards them" in " ".join(done.stderr.split())
    assert (journal.read_bytes(), out.exists()) == (whole, False)
    assert run("memory", "--players", "10", *QUICK, "--out", str(out), "--force").exit_code == 0
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["mine.json"]


def test_the_result_is_kept_before_it_is_printed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "leaderboard_backends", "compare", "memory", "--players", "10", *QUICK]
    out = tmp_path / "mine.json"
    with subprocess.Popen([*command, "--out", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()  # as head does
        _, told = process.communicate(timeout=60)
    assert b"1 of 1 runs have figures" in told
    assert b"Traceback" not in told
    assert read_result(out).finished
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == ["mine.json"]


def test_a_terminal_of_ascii_gets_the_answer_all_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "leaderboard_backends", "compare", "memory", "--players", "10", *QUICK]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert b"The answer" in done.stdout


def test_a_full_disk_ends_a_comparison_in_a_line_and_it_goes_on_where_there_is_room(tmp_path: Path) -> None:
    arguments = ["memory", "--players", "10,20", *QUICK]
    out = tmp_path / "mine.json"
    limit = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, -1)); "
    limited = [sys.executable, "-c", f"{limit}runpy.run_module('leaderboard_backends', run_name='__main__')"]
    assert run(*arguments, "--out", str(tmp_path / "warm.json")).exit_code == 0  # traces are drawn
    full = subprocess.run([*limited, "compare", *arguments, "--out", out], capture_output=True, text=True, check=False)
    assert full.returncode == 1
    said = " ".join(full.stderr.split())
    assert "mine.json.journal cannot be written: File too large. It has all finished runs: free some space" in said
    assert "Traceback" not in full.stderr
    again = run(*arguments, "--out", str(out), "--resume")
    assert again.exit_code == 0, again.output
    assert len(read_result(out).runs) == 2


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "Free some space"), (errno.EDQUOT, "Free some space"), (errno.EACCES, "Correct that")],
)
def test_only_a_full_disk_is_said_to_need_room(number: int, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, "no", "/srv/traces")

    monkeypatch.setattr(compare, "run_comparison", fail)
    done = run("memory", "--players", "10", *QUICK)
    assert done.exit_code == 1
    assert f"the comparison stopped: /srv/traces: no. {remedy} and run it again: " in " ".join(done.stderr.split())


def test_going_on_with_nothing_is_refused(tmp_path: Path) -> None:
    done = run("memory", "--players", "10", *QUICK, "--out", str(tmp_path / "mine.json"), "--resume")
    assert done.exit_code == 1
    assert "there is nothing to resume" in " ".join(done.stderr.split())


def test_no_file_of_a_run_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert run("redis", "zodb", "--players", "20", *QUICK).exit_code == 0
    assert not list((tmp_path / "temporary").iterdir())
