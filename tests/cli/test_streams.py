"""What a command prints, and what happens where that cannot be written, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from leaderboard_backends import open_leaderboard
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.comparison.result_files import encode_result, read_result
from leaderboard_backends.registry import ENTRY_POINT_GROUP

COMMAND = [sys.executable, "-m", "leaderboard_backends"]
NOISY = """
import os
from leaderboard_backends.backends.naive import NaiveLeaderboard

print("printed by Python")
os.write(1, b"printed by C\\n")

class Board(NaiveLeaderboard):
    pass
"""
HOSTILE = "\x1b[31m\x9b2J\u202eevil"


def sh(redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with its streams as a shell sets them up."""
    script = f'"$@" {redirection}'
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", *COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("arguments", [["--version"], ["backends"], ["backends", "--json"]], ids=str)
def test_a_full_disk_behind_the_output_is_one_line(arguments: Sequence[str]) -> None:
    done = sh(">/dev/full", *arguments)
    assert (done.returncode, done.stderr) == (1, "Error: the output cannot be written: No space left on device.\n")


def test_a_closed_stdout_is_one_line_and_nobodys_file() -> None:
    done = sh(">&-", "backends")
    assert (done.returncode, done.stderr) == (1, "Error: the output cannot be written: Bad file descriptor.\n")


def test_a_closed_stdin_is_one_line() -> None:
    done = sh("<&-", "import", "-", "redis://h/0")
    told = "Error: - is stdin, and that was closed: redirect a file or a pipe to it, or name the file.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


@pytest.mark.parametrize("arguments", [["--help"], ["backends"]], ids=str)
def test_a_reader_that_goes_away_is_no_news(arguments: Sequence[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("redirection", ["2>/dev/full", ">&- 2>&- <&-"])
def test_an_error_that_cannot_be_told_is_an_exit_code_still(redirection: str) -> None:
    done = sh(redirection, "config", "check", "/nowhere.toml")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_a_name_that_the_output_has_no_characters_for_is_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [f"sqlite://{tmp_path}/{name}.db" for name in "ab"]
    with open_leaderboard(urls[0]) as board:
        board.update_score("日本", "", 1)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = sh("", "verify", *urls)
    assert (done.returncode, r"\u65e5\u672c" in done.stdout, done.stderr) == (1, True, "")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["report", "a.json", "--html"], "file"),
        (["report", "a.json", "--charts"], "folder"),
        (["compare", "memory", "--out"], "file"),
        (["compare", "memory", "--traces"], "folder"),
        (["conformance", "memory", "--out"], "folder"),
    ],
)
def test_a_dash_is_refused_where_stdout_can_be_no_such_file(
    arguments: list[str], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(leaderboard, [*arguments, "-"])
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert f"- is stdout, and this needs a {kind}" in " ".join(done.stderr.split())


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published result's first round of the service times of 1,000 players."""
    path, whole = tmp_path_factory.mktemp("result") / "result.json", read_result(Path("reports/results/full.json"))
    runs = [run for run in whole.runs if (run.cell.mode, run.cell.players, run.round) == ("service", 1_000, 1)]
    path.write_bytes(encode_result(replace(whole, runs=runs)))
    return path


def test_a_full_disk_behind_a_file_is_one_line(result: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    done = sh("", "report", str(result), "--markdown", str(full))
    assert done.returncode == 1
    assert done.stderr == f"Error: {full} cannot be written: No space left on device.\n"


# ---------------------------------------------------------------------- foreign code, foreign texts


@pytest.fixture
def noisy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plug-in whose import prints."""
    (tmp_path / "noisy.py").write_text(NOISY)
    (tmp_path / "noisy-1.dist-info").mkdir()
    (tmp_path / "noisy-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: noisy\nVersion: 1\n")
    points = f"[{ENTRY_POINT_GROUP}]\nnoisy = noisy:Board\n[leaderboard_backends.commands]\nnoisy = noisy:Board\n"
    (tmp_path / "noisy-1.dist-info" / "entry_points.txt").write_text(points)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_what_a_plug_in_prints_is_not_among_the_json(noisy: Path) -> None:
    done = sh("", "backends", "--json")
    assert {"noisy", "memory"} <= {record["scheme"] for record in json.loads(done.stdout)}
    assert sorted(done.stderr.splitlines()) == ["printed by C", "printed by Python"]
    boards = noisy / "boards.toml"
    boards.write_text('[boards.a]\nurl = "noisy://a"\nmonitoring = true\n')
    assert json.loads(sh("", "monitoring", "dashboard", "--config", str(boards)).stdout)
    assert "printed" not in sh("", "noisy").stdout
    plan = ["migrate", "plan", "--config", str(boards), "a"]
    for refused in (plan, ["export", "noisy://a", "-"], ["copy", "noisy://a", "noisy://b", "--json"]):
        done = sh("", *refused)
        assert (done.returncode, done.stdout, "printed by C" in done.stderr) == (1, "", True)


def test_files_that_are_in_the_current_folder_by_chance_are_nobodys_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in ("statistics", "json", "redis", "multiprocessing", "conftest", "sitecustomize"):
        Path(f"{module}.py").write_text("raise SystemExit('of the folder')")
    Path("mine.py").write_text("from leaderboard_backends.backends.naive import NaiveLeaderboard as Board\n")
    script = str(Path(sys.executable).with_name("leaderboard"))
    small = ["--players", "10", "--steps", "10", "--proof", "isolation", "--rounds", "1", "--time-limit", "1"]
    for arguments in (
        ["compare", "mine:Board", *small],
        ["conformance", "mine:Board", "--part", "isolation"],
    ):
        done = subprocess.run([script, *arguments], capture_output=True, text=True, timeout=120, check=False)
        assert "of the folder" not in done.stdout + done.stderr
        assert done.returncode == (0 if arguments[0] == "compare" else 3), done.stdout + done.stderr


def test_a_text_changes_no_terminal(result: Path, tmp_path: Path) -> None:
    boards = tmp_path / "boards.toml"
    name = HOSTILE.encode("unicode-escape").decode().replace("\\x", "\\u00")
    boards.write_text(f'[boards.good]\nurl = "memory://"\n[boards."{name}"]\nurl = "memory://good"\nx = 1\n')
    hostile = json.loads(result.read_text().replace("redis (unix socket)", name))
    (tmp_path / "result.json").write_text(json.dumps(hostile))
    for arguments in (["config", "check", str(boards)], ["report", str(tmp_path / "result.json")], [HOSTILE]):
        done = sh("", *arguments)
        for character in "\x1b\x9b\u202e":
            assert character not in done.stdout + done.stderr
        assert "evil" in done.stdout + done.stderr
