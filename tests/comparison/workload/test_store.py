from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import pytest

from leaderboard_backends import ConfigurationError
from leaderboard_backends.comparison.workload.model import model_answers
from leaderboard_backends.comparison.workload.spec import WorkloadFile, find_workloads
from leaderboard_backends.comparison.workload.store import StoredTrace, TraceStore, default_folder
from leaderboard_backends.comparison.workload.trace import decode_trace, draw_trace
from leaderboard_backends.protocol import CONTRACT_VERSION

Writing: TypeAlias = Callable[..., WorkloadFile]

[CHURN] = find_workloads(["churn"])


def get(folder: Path) -> StoredTrace:
    return TraceStore(folder).get(CHURN, 50, 200, 7)


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return which files are there, and when they were put there."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_a_trace_is_stored_by_its_hash_with_the_models_answers(tmp_path: Path) -> None:
    stored = get(tmp_path / "new" / "folder")
    trace = decode_trace(stored.trace.read_bytes())
    assert trace == draw_trace(CHURN, 50, 200, 7)
    assert stored.trace.name == f"{stored.facts.sha256}.trace"
    assert stored.facts.sha256 == sha256(stored.trace.read_bytes()).hexdigest()
    assert stored.answers.read_bytes() == model_answers(trace)
    assert stored.answers.name.startswith(f"{stored.facts.sha256}.{CONTRACT_VERSION}-")
    assert stored.facts.workload == "churn"


def test_the_second_time_nothing_is_drawn_or_written(tmp_path: Path) -> None:
    first, before = get(tmp_path), state(tmp_path)
    assert get(tmp_path) == first
    assert state(tmp_path) == before
    assert len(before) == 3


def test_another_size_number_of_steps_seed_or_workload_is_another_trace(tmp_path: Path, written: Writing) -> None:
    store = TraceStore(tmp_path)
    asked = [
        (CHURN, 50, 200, 7),
        (CHURN, 51, 200, 7),
        (CHURN, 50, 201, 7),
        (CHURN, 50, 200, 8),
        (written("mix.rank = 1"), 50, 200, 7),
    ]
    assert len({store.get(*one).trace for one in asked}) == len(asked)


def test_the_same_workload_by_another_name_shares_the_trace(tmp_path: Path, written: Writing) -> None:
    first = get(tmp_path)
    text = CHURN.text.replace("schema_version = 1", "").replace('name = "churn"', 'name = "coming-and-going"')
    other = TraceStore(tmp_path).get(written(text), 50, 200, 7)
    assert other.trace == first.trace
    assert (first.facts.workload, other.facts.workload) == ("churn", "coming-and-going")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "one bit": lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["*.trace", "*.answers", "*.json"])
def test_what_is_damaged_is_drawn_anew(kind: str, damage: str, tmp_path: Path) -> None:
    first = get(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    [path] = tmp_path.glob(kind)
    DAMAGES[damage](path)
    assert get(tmp_path) == first
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_index_of_another_form_is_no_index(tmp_path: Path) -> None:
    first = get(tmp_path)
    [index] = tmp_path.glob("*.json")
    index.write_text('{"facts": 1}')
    assert get(tmp_path) == first


def test_two_processes_at_once_get_the_same_whole_files(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one, other = pool.map(get, [tmp_path, tmp_path], chunksize=1)
    assert one == other == get(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".answers", ".json", ".trace"]


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match=r"file cannot store traces: .* choose another folder"):
        get(tmp_path / "file")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    name = get(tmp_path).trace.name
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigurationError, match="cannot store traces: Is a directory"):
        get(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_traces_are_kept_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "leaderboard-backends" / "traces"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "leaderboard-backends" / "traces"
