from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import redis

from leaderboard_backends import open_leaderboard
from leaderboard_backends.comparison.figures import DiskFigures, ServiceFigures
from leaderboard_backends.comparison.measure.recovery import recover
from leaderboard_backends.comparison.measure.session import Session, packed, session
from leaderboard_backends.comparison.opening import Where
from leaderboard_backends.comparison.schema import Result
from leaderboard_backends.comparison.targets import Target, find_targets
from leaderboard_backends.registry import ENTRY_POINT_GROUP
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.workload.spec import find_workloads
from leaderboard_backends.workload.trace import draw_trace, encode_trace


@pytest.mark.parametrize("scores", [[], [1, -(2**53), 2**53], [1, 0.5, -2], [1e300]])
def test_scores_are_given_to_the_board_as_they_are_and_as_objects_of_its_own(scores: list[int | float]) -> None:
    given = list(packed(scores))
    assert given == scores
    assert not [one for one, other in zip(given, scores, strict=True) if one is other and abs(one) > 256]


def test_disk_is_counted_once_a_server_has_rewritten_a_log_that_it_was_about_to_rewrite(tmp_path: Path) -> None:
    settings = {"appendonly": "yes", "auto-aof-rewrite-percentage": "0", "auto-aof-rewrite-min-size": "64kb"}
    with (
        EmbeddedServer(settings, directory=tmp_path) as server,
        open_leaderboard(server.unix_url) as board,
        redis.Redis(unix_socket_path=str(server.socket_path)) as client,
    ):
        session = Session(Where(server.unix_url, "default", data_path=str(tmp_path)), board, 0)
        for _ in range(8):
            client.set("one", b"x" * 1_000_000)
        assert not board.storage_info().busy
        assert (session.disk_bytes() or 0) > 8_000_000
        client.config_set("auto-aof-rewrite-percentage", 100)
        assert (session.disk_bytes() or 0) < 2_000_000
        assert not board.storage_info().busy


def test_an_update_has_no_growth_where_files_shrank() -> None:
    assert [DiskFigures(1, 10, grown, None).grown for grown in (-1, 0, 5)] == [None, 0, 5]


def test_what_a_board_keeps_of_each_player_is_counted_as_its_memory(comparing: Callable[..., Result]) -> None:
    figures = comparing("naive", players=(20_000,), steps=5, time_limit=0.01).runs[0].figures
    assert isinstance(figures, ServiceFigures)
    assert figures.memory.board_bytes / 20_000 > 100


@pytest.mark.parametrize(
    ("url", "durability"),
    [
        ("sqlite://{path}", "every commit"),
        ("sqlite://{path}?synchronous=normal", "not known"),
        ("zodb://{path}", "every commit"),
        ("journal://{path}?fsync=always", "every commit"),
        ("journal://{path}", "everysec"),
        ("journal://{path}?fsync=never", "not known"),
        ("memory://", "memory only"),
    ],
)
def test_a_comparison_ranks_a_users_own_board_by_what_it_says(tmp_path: Path, url: str, durability: str) -> None:
    target = url.format(path=tmp_path / "board")
    with session(Where(target, "compare-1", shared=True)) as opened:
        assert opened.facts("mine").durability == durability
        assert (opened.data_path() is None) == (durability == "memory only")


SERVED = """
import subprocess
from contextlib import contextmanager
from leaderboard_backends import Kept, StorageInfo
from leaderboard_backends.backends.naive import NaiveLeaderboard

class Served(NaiveLeaderboard):
    @classmethod
    @contextmanager
    def open_trial(cls, scheme, directory):
        with subprocess.Popen(["sleep", "60"], cwd=directory) as server:
            try:
                yield f"{scheme}://{server.pid}"
            finally:
                server.kill()

    @classmethod
    def from_location(cls, location, name, order, keep, **options):
        board = cls(name, order=order, keep=keep)
        board.pid = int(location.hosts[0][0])
        return board

    def _storage_info(self):
        return StorageInfo("server", server_pid=self.pid, machine_crash=Kept("everything", "its log", declared=True))
"""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A plug-in that starts a server for a trial."""
    metadata = tmp_path / "served-1.dist-info"
    metadata.mkdir()
    (tmp_path / "served.py").write_text(SERVED)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: served\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\nserved = served:Served\n")
    monkeypatch.syspath_prepend(tmp_path)
    (target,) = find_targets(["served"])
    return replace(target, path=str(tmp_path))


def test_a_server_that_a_plug_in_starts_for_a_trial_counts_as_one_of_ours(served: Target, tmp_path: Path) -> None:
    with served.open(tmp_path) as (where, _), session(where) as opened:
        facts = opened.facts("served")
        assert (facts.home, facts.servers, facts.durability) == ("server", 1, "every commit")
        assert facts.durability_told == "everything: its log (declared)"
        (pid,) = opened.server_pids
        assert psutil.Process(pid).cwd() == str(tmp_path)
        assert (opened.server_bytes()[1] or 0) > 0
        users_own = Session(Where(where.target, "mine", shared=True), opened.board, 0)
        assert users_own.server_pids == []
    assert not psutil.pid_exists(pid)


def test_a_server_that_a_plug_in_starts_is_one_process_more_to_run(served: Target, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_bytes(encode_trace(draw_trace(find_workloads(["realtime"])[0], 50, 100, 1)))
    figures = recover(served, trace, tmp_path, 60)
    assert (figures.processes, figures.ports, figures.restored_by) == (1, 0, "load")
