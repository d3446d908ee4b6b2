"""`leaderboard compare` as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.comparison.result import read_result


def run(*arguments: str) -> Result:
    return CliRunner().invoke(leaderboard, ["compare", *arguments], prog_name="leaderboard")


def test_a_comparison_prints_tables_and_writes_json_and_markdown(tmp_path: Path) -> None:
    out = tmp_path / "reports" / "latest"
    done = run("naive", "memory", "--players", "20,10", "--updates", "30", "--seed", "9", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "Time of one operation at 10 players" in done.stdout
    assert done.stdout.index("at 10 players") < done.stdout.index("at 20 players")
    assert "4 of 4 runs have figures" in done.stderr
    result = read_result(out / "result.json")
    assert (result.settings.seed, result.settings.players, result.settings.steps["around"]) == (9, [10, 20], 30)
    assert (out / "report.md").read_text(encoding="utf-8").startswith("# Comparison of leaderboard backends\n")


def test_without_a_folder_nothing_is_written_and_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("memory", "--players", "10", "--updates", "5")
    assert done.exit_code == 0, done.output
    assert "Nothing was written: --out DIR keeps it." in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_wrong_board_is_told_and_ends_in_exit_code_1(boards: Path) -> None:
    assert boards.exists()
    done = run("boards:TellsTheRankBefore", "memory", "--players", "200", "--updates", "50")
    assert done.exit_code == 1
    assert "wrong" in done.stdout
    assert "1 of 2 runs have figures" in done.stderr


def test_a_board_that_cannot_run_here_leaves_the_others_their_figures(boards: Path) -> None:
    assert boards.exists()
    done = run("boards:Absent", "memory", "--players", "10", "--updates", "5")
    assert done.exit_code == 0
    assert "unavailable" in done.stdout


def test_where_no_board_can_run_the_exit_code_is_1(boards: Path) -> None:
    assert boards.exists()
    assert run("boards:Absent", "--players", "10", "--updates", "5").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--players", "1000,many"], "'1000,many' is no list of players"),
        (["--players", "0"], "whole numbers from 1 to 10,000,000"),
        (["--players", ""], "is no list of players"),
        (["--players", "1e3"], "for example 1000,10000,100000"),
        (["--updates", "0"], "--updates"),
        (["--seed", "x"], "--seed"),
        (["--time-limit", "0"], "--time-limit"),
        (["--time-limit", "nan"], "nan is no number of seconds"),
        (["memori://"], "Did you mean memory://"),
        (["valky"], "Ready to run here: naive, memory, valkey"),
        (["redis://u:secret@h/0?board=weekly"], "leave board out"),
    ],
)
def test_a_misspelt_command_line_says_what_is_allowed_and_runs_nothing(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert "secret" not in done.output


def test_a_folder_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("memory", "--out", str(tmp_path / "file" / "folder"))
    assert done.exit_code == 1
    assert "cannot be written" in done.stderr


def test_no_file_of_a_run_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert run("valkey", "zodb", "--players", "20", "--updates", "5").exit_code == 0
    assert not list(tmp_path.iterdir())
