"""`leaderboard verify` shows who differs as a table and as JSON, and repairs a copy; its exit code judges."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.migration import copy_board
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture
def urls(server: EmbeddedServer, tmp_path: Path) -> tuple[str, str]:
    """The URLs of a board on a server, and of its copy in a file."""
    urls = f"{server.url}?board=weekly", f"sqlite://{tmp_path}/board.db?board=weekly"
    with open_leaderboard(urls[0]) as source, open_leaderboard(urls[1]) as copy:
        source.clear()
        source.update_scores([(f"player-{number}", "Näme", number % 3) for number in range(2_500)])
        copy_board(source, copy)
    return urls


@pytest.fixture
def copy(urls: tuple[str, str]) -> Iterator[LeaderboardBackend]:
    with open_leaderboard(urls[1]) as board:
        yield board


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(leaderboard, ["verify", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_boards_that_are_the_same_exit_with_0(urls: tuple[str, str]) -> None:
    done = run(*urls)
    assert done.exit_code == 0, done.output
    first, second, verdict = done.stdout.splitlines()
    assert first.rpartition(" ")[2] == second.rpartition(" ")[2]
    assert "(board weekly), 2,500 players, checksum " in first
    assert verdict.startswith("The boards are the same, to the last tie (")


def test_what_differs_is_a_table_and_json_and_exits_with_1(urls: tuple[str, str], copy: LeaderboardBackend) -> None:
    copy.remove_player("player-5")
    copy.update_score("player-4", "\x1b[31mred", 1)
    copy.update_score("only here", "", 7.5)
    done = run(*urls)
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert "only in A player-5 rank 2, 2, 'Näme' -" in rows
    assert "only in B only here - rank 1, 7.5, ''" in rows
    assert rows[-1].startswith("The boards differ: 1 only in A, 1 only in B, 1 username (")
    assert "\x1b" not in done.stdout
    found = json.loads(run(*urls, "--json").stdout)
    assert (found["equal"], found["at_rest"], found["complete"], found["repair"]) == (False, True, True, None)
    assert found["counts"] == {"only in A": 1, "only in B": 1, "username": 1}
    assert found["a"]["checksum"] != found["b"]["checksum"]
    renamed = next(each for each in found["differences"] if each["player_id"] == "player-4")
    assert (renamed["a"]["username"], renamed["b"]["username"]) == ("Näme", "\x1b[31mred")


def test_a_repair_writes_what_is_missing_says_so_and_is_verified(
    urls: tuple[str, str], copy: LeaderboardBackend
) -> None:
    copy.remove_player("player-5")
    copy.update_score("player-8", "", 1)
    copy.update_score("only here", "", 7.5)
    done = run(*urls, "--repair")
    assert done.exit_code == 1
    assert "only in B   only here" in done.stdout
    assert "Repaired B: written 2, placed again in ties 830, removed 0, left there though only in B 1." in done.stdout
    done = run(*urls, "--repair", "--remove", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["equal"], found["repair"]["removed"]) == (0, True, 1)
    with open_leaderboard(urls[0]) as source:
        assert list(source) == list(copy)


def test_boards_of_a_file_that_keep_the_best_are_repaired_too(
    urls: tuple[str, str], copy: LeaderboardBackend, tmp_path: Path
) -> None:
    path = tmp_path / "boards.toml"
    tables = (
        f"[boards.{name}]\nurl = '{url}'\nkeep = 'best'\n" for name, url in zip(("old", "new"), urls, strict=True)
    )
    path.write_text("".join(tables), encoding="utf-8")
    copy.update_score("player-0", "better than it was", 1_000)
    assert run("old", "new", "--config", str(path), "--repair").exit_code == 0
    assert copy.get_score("player-0") == 0


def test_one_board_by_two_urls_is_misuse_and_a_copy_of_its_file_is_another_board(
    urls: tuple[str, str], server: EmbeddedServer, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    shutil.copytree(tmp_path, tmp_path / "copy", ignore=shutil.ignore_patterns("link"))
    for one, other in (
        (urls[0], f"{server.unix_url}?board=weekly"),
        (urls[1], f"sqlite://{tmp_path}/link/board.db?board=weekly"),
    ):
        done = run(one, other)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "A and B are one board, given by two URLs" in done.stderr
    done = run(urls[1], f"sqlite://{tmp_path}/copy/board.db?board=weekly")
    assert done.exit_code == 0
    assert "have one history" in done.stdout
    assert "have one history" not in run(*urls).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["redis://h/0", "redis://h/1", "--remove"], 2, "--remove is a part of --repair: give both."),
        (["memory://a", "memory://b"], 1, "memory://a is a board in the memory of the process that opens it"),
    ],
)
def test_what_cannot_be_verified_is_told(arguments: list[str], code: int, said: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
