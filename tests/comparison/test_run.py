"""Runs as a whole: order, places of the user's own, and what is left when they are interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from leaderboard_backends import open_leaderboard
from leaderboard_backends.comparison.result import Comparison, read_result
from leaderboard_backends.comparison.run import Plan
from leaderboard_backends.comparison.targets import LEFT_OUT, find_targets
from leaderboard_backends.errors import ConfigurationError
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.trials import trial_places

MINE = [("ann", "Ann", 3), ("bob", "Bob", 5)]
WAIT = 60


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as running:
        yield running


@pytest.fixture
def fifo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    monkeypatch.setenv("HANGS_FIFO", str(path))
    return path


def plan(seed: int) -> Plan:
    return Plan(find_targets(["naive", "memory", "zodb"]), (10, 20), {"update": 1}, seed, 1.0)


def test_the_order_of_runs_is_that_of_the_seed_and_has_each_once() -> None:
    orders = [[(target.label, players) for target, players in plan(seed).cells()] for seed in (1, 1, 2, 3)]
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1
    assert all(sorted(order) == sorted(orders[0]) and len(set(order)) == 6 for order in orders)


def test_the_result_has_the_cells_by_size_and_as_named(comparing: Callable[..., Comparison], watcher: Any) -> None:
    result = comparing("memory", "naive", players=(10, 20), steps=5)
    named = [("memory", 10), ("naive", 10), ("memory", 20), ("naive", 20)]
    assert [(cell.backend, cell.players) for cell in result.cells] == named
    assert sorted(watcher.begun) == sorted(named)
    assert result.finished


def test_without_names_every_place_for_trials_is_compared_and_fakeredis_is_not() -> None:
    found = [target.label for target in find_targets([])]
    assert set(found) == set(trial_places()) - set(LEFT_OUT)
    assert {"naive", "memory", "valkey", "valkey-fsync", "zodb", "zodb+memory"} <= set(found)
    assert "fakeredis" in LEFT_OUT


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (["valky"], "'valky' names no backend. Ready to run here: naive, memory"),
        (["memori://"], "Did you mean memory://"),
        (["naive", "naive"], "named twice"),
        (["redis://h/0?board=mine"], "leave board out"),
        (["memory://?keep=best"], "leave keep out"),
        (["module:"], "module:Class"),
        (["redis://u:secret@h:99999/0"], "port"),
    ],
)
def test_a_name_that_is_no_backend_is_refused_before_anything_runs(named: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        find_targets(named)
    assert said in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_two_urls_of_one_scheme_have_two_labels_and_show_no_place() -> None:
    named = ["redis://u:secret@one/0", "redis://two/0", "zodb:///srv/board.fs"]
    targets = find_targets(named)
    assert [target.label for target in targets] == ["redis://", "redis:// #2", "zodb://"]
    assert not [word for word in ("secret", "one", "two", "/srv") if word in repr(targets)]


def test_an_installed_plug_in_is_compared_by_its_url(
    comparing: Callable[..., Comparison], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "acme_boards-1.2.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-boards\nVersion: 1.2\n")
    (installed / "top_level.txt").write_text("boards\n")
    (installed / "entry_points.txt").write_text("[leaderboard_backends.backends]\nacme = boards:Plugged\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}")
    (cell,) = comparing("acme://").cells
    assert (cell.backend, cell.status, cell.reason) == ("acme://", "ok", "")
    assert cell.facts is not None
    assert cell.facts.distribution == "acme-boards 1.2"
    assert cell.code is not None
    assert cell.code.files == ["boards.py"]


@pytest.mark.parametrize("named", ["valkey", "valkey-fsync"])
def test_an_embedded_server_is_measured_and_labelled(comparing: Callable[..., Comparison], named: str) -> None:
    (cell,) = comparing(named).cells
    assert (cell.status, cell.reason) == ("ok", "")
    assert cell.facts is not None
    assert cell.facts.durability == {"valkey": "memory only", "valkey-fsync": "appendfsync always"}[named]
    assert cell.facts.server is not None
    assert cell.facts.server.startswith(("Valkey ", "Redis "))
    assert cell.memory is not None
    assert cell.memory.server_used_bytes is not None
    assert cell.memory.server_used_bytes / 200 > 25
    assert (cell.memory.disk_bytes is not None) == (named == "valkey-fsync")


def test_without_a_server_its_row_says_so_and_the_others_go_on(
    comparing: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADERBOARD_SERVER", "/no/such/valkey-server")
    without, memory = comparing("valkey", "memory").cells
    assert (without.status, memory.status) == ("unavailable", "ok")
    assert "LEADERBOARD_SERVER names '…/valkey-server'" in without.reason


@pytest.mark.parametrize("named", ["zodb", "zodb+memory"])
def test_a_database_is_measured_and_labelled(comparing: Callable[..., Comparison], named: str) -> None:
    (cell,) = comparing(named).cells
    assert (cell.status, cell.reason) == ("ok", "")
    assert cell.facts is not None
    assert cell.facts.durability == {"zodb": "every commit", "zodb+memory": "memory only"}[named]
    assert cell.memory is not None
    if named == "zodb":
        assert cell.memory.disk_bytes is not None
        assert cell.memory.disk_bytes_of_updates is not None
        assert cell.memory.disk_bytes / 200 > 25
        assert cell.memory.disk_bytes_of_updates > 0


@pytest.mark.parametrize("target", ["{url}", "{unix_url}", "{unix_url}?db=3"])
def test_a_users_server_keeps_its_boards_and_nothing_of_ours(
    comparing: Callable[..., Comparison], server: EmbeddedServer, target: str
) -> None:
    with open_leaderboard(server.url, board="mine") as mine:
        mine.update_scores(MINE)
        keys = _keys(server)
        (cell,) = comparing(target.format(url=server.url, unix_url=server.unix_url)).cells
        assert (cell.status, cell.reason) == ("ok", "")
        assert cell.facts is not None
        assert cell.facts.server is not None
        assert _keys(server) == keys
        assert [entry.player_id for entry in mine] == ["bob", "ann"]


@pytest.mark.parametrize("query", ["", "?db=3"])
def test_a_users_server_is_cleared_of_the_board_of_a_worker_that_was_ended(
    comparing: Callable[..., Comparison], server: EmbeddedServer, query: str
) -> None:
    (cell,) = comparing(f"{server.unix_url}{query}", steps=20_000, time_limit=60.0, give_up_after=1.0).cells
    assert cell.status == "timed out"
    assert _keys(server) == []


def test_a_users_file_keeps_its_boards_and_nothing_of_ours(
    comparing: Callable[..., Comparison], tmp_path: Path
) -> None:
    url = f"zodb://{tmp_path}/board.fs"
    with open_leaderboard(url, board="mine") as mine:
        mine.update_scores(MINE)
    (cell,) = comparing(url).cells
    assert (cell.status, cell.reason) == ("ok", "")
    with open_leaderboard(url, board="mine") as mine:
        assert [entry.player_id for entry in mine] == ["bob", "ann"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_the_worker_keeps_the_result_and_says_so(
    boards: Path, fifo: Path, tmp_path: Path, number: signal.Signals
) -> None:
    del boards
    command = ["-m", "leaderboard_backends", "compare", "boards:Hangs", "--players", "50", "--updates", "10", "--out"]
    out = tmp_path / "out"
    with _started(*command, str(out)) as process:
        worker = int(fifo.read_text())
        process.send_signal(number)
        output, errors = process.communicate(timeout=WAIT)
    assert process.returncode == 130
    assert not psutil.pid_exists(worker)
    assert "Interrupted" in errors
    assert "not run" in output
    result = read_result(out / "result.json")
    assert not result.finished
    assert [cell.status for cell in result.cells] == ["not run"]


def test_an_interrupt_stops_the_server_too(boards: Path, fifo: Path) -> None:
    with _started(str(boards / "beside_server.py")) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        worker = int(fifo.read_text())
        assert psutil.pid_exists(server)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=WAIT)
    assert output == "False not run\n"
    assert not psutil.pid_exists(worker)
    assert not psutil.pid_exists(server)


def _started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _keys(server: EmbeddedServer) -> list[str]:
    import redis  # noqa: PLC0415 - where a server is looked into

    found: list[str] = []
    for db in (0, 3):
        with redis.Redis(port=server.port, db=db, decode_responses=True) as client:
            found += sorted(map(str, client.scan_iter()))
    return found
