"""A board that is ready passes, on every kind of storage, and nothing of the run is left on it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import redis

from leaderboard_backends import open_leaderboard
from leaderboard_backends.preflight import configured
from leaderboard_backends.preflight.configured import check_configured
from leaderboard_backends.preflight.memory import check_eviction
from leaderboard_backends.preflight.replication import check_replication
from leaderboard_backends.preflight.run import CHECKS, FINE
from leaderboard_backends.preflight.server import Server
from leaderboard_backends.testing.groups import EmbeddedCluster
from leaderboard_backends.testing.servers import EmbeddedServer

from .boards import Opened, findings, good, of_status
from .conftest import RIGHT

LINES = [*(check.name for check in CHECKS), "clean-up"]


def dump(url: str) -> dict[bytes, bytes]:
    """Return everything that is on a server, as it would be copied."""
    client: Any = redis.Redis.from_url(url)
    with client:
        return {key: client.dump(key) for key in client.scan_iter()}


def test_a_board_in_memory_passes(tmp_path: Path) -> None:
    found = findings(tmp_path, good("memory://weekly"))
    assert list(found) == LINES
    assert of_status(found, "failed") == {}
    assert of_status(found, "warning") == {}
    assert set(of_status(found, "not applicable")) == {
        "configured board",
        "persistence",
        "replication",
        "eviction",
        "access",
        "migration",
        "order where none is needed",
        "fat entries",
    }


def test_a_board_on_a_server_passes_and_leaves_nothing_there(tmp_path: Path, ready_url: str) -> None:
    with open_leaderboard(ready_url, board="other") as other:
        other.update_score("ada", "Ada", 5)
    before = dump(ready_url)
    found = findings(tmp_path, good(ready_url, durable=True))
    assert of_status(found, "failed") == {}
    assert of_status(found, "warning") == {}
    assert set(of_status(found, "not applicable")) == {
        "configured board",
        "replication",
        "migration",
        "order where none is needed",
        "fat entries",
    }
    assert dump(ready_url) == before
    assert before


def test_a_url_of_valkey_is_looked_at_as_one_of_redis(tmp_path: Path, ready_url: str) -> None:
    url = f"valkey{ready_url.removeprefix('redis')}"
    with Server(url) as server, Opened(tmp_path, good(url)) as subject:
        assert server.answers()
        assert check_configured(subject).status in FINE
        assert check_eviction(subject).status == "passed"
        assert check_replication(subject).status == "not applicable"


def test_a_board_on_a_cluster_passes_and_is_read_where_it_is(tmp_path: Path) -> None:
    settings = {name: value for name, value in RIGHT.items() if name != "requirepass"}
    settings |= {"min-replicas-to-write": "1", "cluster-require-full-coverage": "no"}
    with EmbeddedCluster(primaries=2, node_timeout=60, settings=settings) as cluster:
        url = f"{cluster.url}?shards=4"
        document = good(url, durable=True)
        with Opened(tmp_path, document) as subject:
            assert check_configured(subject).status == "not applicable"
        with open_leaderboard(url, board="weekly") as board:
            board.update_scores([("ada", "Ada", 5), ("bob", "Bob", 5)])
        found = findings(tmp_path, document)
        assert (of_status(found, "failed"), of_status(found, "warning")) == ({}, {})
        assert found["configured board"].figure == "opens as configured; its first 2 entries were read"
        assert re.match(
            r"6,000 players: one server holds them by its memory, up to about \d+,000,000, and answers faster",
            found["premature sharding"].figure,
        )
        assert cluster.nodes[0].password not in repr(found)


def test_the_configured_board_is_read_and_not_written(tmp_path: Path, ready_url: str) -> None:
    with open_leaderboard(ready_url, board="weekly") as board:
        board.update_scores([("ada", "Ada", 5), ("bob", "Bob", 5), ("cy", "Cy", 7)])
        before = dump(ready_url)
        found = findings(tmp_path, good(ready_url, durable=True))
        assert found["fat entries"].status == "passed"
        assert "in 3 entries" in found["fat entries"].figure
        assert found["configured board"].figure == "opens as configured; its first 3 entries were read"
        assert dump(ready_url) == before
        board.clear()


def test_a_password_is_in_no_figure(tmp_path: Path, ready_url: str) -> None:
    found = findings(tmp_path, good(ready_url))
    assert "correct-horse" not in repr(found)
    wrong = findings(tmp_path, good(ready_url.replace("horse", "donkey")))
    assert wrong["storage answers"].status == "failed"
    assert "donkey" not in repr(wrong)


def test_a_board_in_a_file_passes_and_its_file_is_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    file = folder / "board.fs"
    with open_leaderboard(f"zodb://{file}?board=weekly") as board:
        board.update_scores([("ada", "Ada", 5), ("bob", "Bob", 5)])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    found = findings(tmp_path, good(f"zodb://{file}", durable=True))
    assert of_status(found, "failed") == {}
    assert of_status(found, "warning") == {}
    assert found["persistence"].figure.startswith("on a disk")
    assert found["configured board"].figure == "opens as configured; its first 2 entries were read"
    assert "in 2 entries" in found["fat entries"].figure
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_journal_passes_while_the_app_has_it_open_and_its_copy_is_read(tmp_path: Path) -> None:
    url = f"journal://{tmp_path}/boards"
    document = good(f"{url}?fsync=always", durable=True)
    with open_leaderboard(url, board="weekly") as app:
        app.update_scores([("ada", "Ada", 5), ("bob", "Bob", 5)])
        found = findings(tmp_path, document)
        assert of_status(found, "failed") == {}
        assert found["configured board"].figure == "opens as configured; its first 2 entries were read"
        assert f"only its owner can write {tmp_path}/boards" in found["access"].figure
        assert [path.name for path in (tmp_path / "boards").iterdir()] == ["weekly.board"]
        assert len(app) == 2


def read_of_journal(folder: Path) -> str:
    """Return what is found of the configured board in a journal."""
    with Opened(folder, good(f"journal://{folder}/boards")) as subject:
        return check_configured(subject).figure


def test_a_journal_is_copied_again_where_the_app_wrote_to_it_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is gone by its turn, or one is copied before what another one says of it."""
    gone, copytree, rglob = ["snapshot-0000000001"], shutil.copytree, Path.rglob

    def copied(source: Path, target: Path) -> None:
        copytree(source, target)
        if gone:
            (target / gone[0]).unlink()
            raise shutil.Error([(gone.pop(), "", "No such file or directory")])
        if not torn:
            torn.append(next(target.glob("log-*")))
            torn[0].unlink()

    def listed(path: Path, pattern: str) -> list[Path]:
        return [*rglob(path, pattern), path / "unfinished-1"]

    torn = list[Path]()
    with open_leaderboard(f"journal://{tmp_path}/boards", board="weekly") as app:
        app.update_scores([("ada", "Ada", 5), ("bob", "Bob", 5)])
        monkeypatch.setattr(shutil, "copytree", copied)
        monkeypatch.setattr(Path, "rglob", listed)
        assert read_of_journal(tmp_path) == "opens as configured; its first 2 entries were read"
    assert (gone, len(torn)) == ([], 1)


def test_of_a_folder_of_journals_only_the_configured_board_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_leaderboard(f"journal://{tmp_path}/boards", board="other") as other:
        other.update_scores((f"p{number}", "", number) for number in range(1000))
        assert "it does not exist yet" in read_of_journal(tmp_path)
        monkeypatch.setattr(configured, "LARGEST_COPY", 10_000)
        with open_leaderboard(f"journal://{tmp_path}/boards", board="weekly") as app:
            app.update_score("ada", "Ada", 5)
            assert read_of_journal(tmp_path) == "opens as configured; its first 1 entries were read"


def test_what_an_app_has_written_to_sqlite_just_now_is_read_beside_it(tmp_path: Path) -> None:
    """It is in the write-ahead log alone."""
    file = tmp_path / "data" / "board.db"
    file.parent.mkdir()
    with open_leaderboard(f"sqlite://{file}", board="weekly") as app:
        app.update_scores([("ada", "Ada", 5), ("bob", "Bob", 5)])
        written = Path(f"{file}-wal").read_bytes()
        assert written
        found = findings(tmp_path, good(f"sqlite://{file}"))
        assert found["configured board"].figure == "opens as configured; its first 2 entries were read"
        assert Path(f"{file}-wal").read_bytes() == written
        assert {path.name for path in file.parent.iterdir()} == {"board.db", "board.db-shm", "board.db-wal"}
        app.update_score("cy", "Cy", 7)
        assert len(app) == 3


def test_what_a_crash_left_in_the_log_of_sqlite_is_read_and_the_log_stays(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with open_leaderboard(f"sqlite://{tmp_path}/board.db", board="weekly") as app:
        app.update_scores([("ada", "Ada", 5), ("bob", "Bob", 5)])
        for name in ("board.db", "board.db-wal"):
            shutil.copyfile(tmp_path / name, folder / name)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    found = findings(tmp_path, good(f"sqlite://{folder}/board.db"))
    assert found["configured board"].figure == "opens as configured; its first 2 entries were read"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    found = findings(tmp_path, good(f"zodb://{folder}/board.fs"))
    assert of_status(found, "failed") == {}
    assert list(folder.iterdir()) == []


def test_a_board_over_a_unix_socket_is_local_without_a_password(tmp_path: Path, plain_server: EmbeddedServer) -> None:
    found = findings(tmp_path, good(plain_server.unix_url))
    assert of_status(found, "failed") == {}
    assert found["access"].figure == "the server is reached through a unix socket"


@pytest.mark.parametrize("url", ["naive://", "fakeredis://weekly", "zodb+memory://weekly"])
def test_every_board_in_this_process_is_checked(tmp_path: Path, url: str) -> None:
    assert of_status(findings(tmp_path, good(url, expected_players=500)), "failed") == {}
