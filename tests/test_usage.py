from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from leaderboard_backends import usage
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.usage import IN_MEMORY, file_system


def test_private_memory_grows_by_what_is_kept() -> None:
    before = usage.settled_private_bytes()
    kept = bytearray(b"x" * 20_000_000)
    grown = usage.settled_private_bytes() - before
    assert 19_000_000 < grown < 25_000_000
    assert len(kept) == 20_000_000


def test_disk_counts_a_folder_or_a_file_with_those_beside_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_bytes(b"12345")
    (tmp_path / "board.fs").write_bytes(b"123")
    (tmp_path / "board.fs.index").write_bytes(b"1")
    assert usage.bytes_on_disk(tmp_path) == 9
    assert usage.bytes_on_disk(tmp_path / "board.fs") == 4
    assert usage.bytes_on_disk(tmp_path / "absent") == 0


def test_a_write_ahead_log_is_taken_up_into_its_file_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "bo?ard#.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = wal")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("PRAGMA synchronous = off")
        writer.execute("CREATE TABLE entry (score)")
        writer.executemany("INSERT INTO entry VALUES (?)", [(score,) for score in range(1000)])
        log = tmp_path / "bo?ard#.db-wal"
        assert log.stat().st_size > path.stat().st_size
        usage.fold_logs(tmp_path)
        assert log.stat().st_size == 0
        usage.fold_logs(path)
        writer.execute("INSERT INTO entry VALUES (1000)")
        assert writer.execute("SELECT count(*), sum(score) FROM entry").fetchone() == (1001, 500_500)


def test_a_log_that_somebody_reads_an_older_state_from_is_not_said_to_be_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "LOG_TIMEOUT", 0.01)
    path = tmp_path / "board.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as writer,
        closing(sqlite3.connect(path, isolation_level=None)) as reader,
    ):
        writer.execute("PRAGMA journal_mode = wal")
        writer.execute("CREATE TABLE entry (score)")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM entry").fetchall()
        writer.execute("INSERT INTO entry VALUES (1)")
        with pytest.raises(RuntimeError, match=r"the log of board\.db is in use"):
            usage.fold_logs(path)


def test_bytes_written_are_those_that_reach_the_disk(tmp_path: Path) -> None:
    before = usage.bytes_written()
    if before is None or file_system(tmp_path) in IN_MEMORY:
        pytest.skip("this system does not tell what a process writes, or its temporary folder is in memory")
    with (tmp_path / "file").open("wb") as file:
        file.write(b"x" * 1_000_000)
        file.flush()
        os.fsync(file.fileno())
    written = (usage.bytes_written() or 0) - before
    assert 1_000_000 <= written < 2_000_000


def test_a_process_that_is_gone_or_not_to_be_asked_writes_nothing_known() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert usage.bytes_written(gone.pid) is None


def test_a_server_listens_on_one_port_where_it_was_asked_to() -> None:
    for tcp in (True, False):
        with EmbeddedServer(tcp=tcp) as server:
            assert usage.listening_ports(server.pid) == tcp


def test_the_work_of_others_counts_and_ones_own_does_not() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        alone, both = usage.OtherWork([os.getpid(), busy.pid]), usage.OtherWork([os.getpid()])
        used = usage.processor_seconds(busy.pid)
        while usage.processor_seconds(busy.pid) < used + 0.2:
            time.sleep(0.02)
        own, others = (work.cores() or 0.0 for work in (alone, both))
        assert own < others
    finally:
        busy.kill()
        busy.wait()
