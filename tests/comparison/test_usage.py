from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leaderboard_backends.comparison import usage
from leaderboard_backends.comparison.machine import IN_MEMORY, file_system
from leaderboard_backends.testing.servers import EmbeddedServer


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


def test_a_server_listens_on_one_port() -> None:
    with EmbeddedServer() as server:
        assert usage.listening_ports(server.pid) == 1


def test_the_work_of_others_counts_and_ones_own_does_not() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        alone, both = usage.OtherWork([os.getpid(), busy.pid]), usage.OtherWork([os.getpid()])
        used = usage.processor_seconds(busy.pid)
        deadline = time.perf_counter() + 0.5
        while time.perf_counter() < deadline:
            pass
        assert both.cores() - alone.cores() > 0.15
        assert usage.processor_seconds(busy.pid) > used
    finally:
        busy.kill()
        busy.wait()
