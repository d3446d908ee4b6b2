"""The model's answers to a trace and its end state are right, and a stored trace is the one that was drawn."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import pytest

from leaderboard_backends import ConfigurationError, Entry
from leaderboard_backends.comparison.traces import (
    DIGEST_SIZE,
    StoredTrace,
    answer_digest,
    answers_of,
    default_folder,
    final_state,
    model_answers,
    stored_trace,
)
from leaderboard_backends.testing.oracle import OracleBoard
from leaderboard_backends.workload.operations import OPERATIONS
from leaderboard_backends.workload.spec import WorkloadFile, find_workloads, workload_names
from leaderboard_backends.workload.trace import Trace, decode_trace, draw_trace

Writing: TypeAlias = Callable[..., WorkloadFile]

[CHURN] = find_workloads(["churn"])
SHIPPED = {workload.spec.name: workload for workload in find_workloads(workload_names())}
ANSWER = [Entry(1, "a", "Zoë", 5), Entry(2, "b", "", 2.5), None]


def replayed(trace: Trace, changes: int) -> OracleBoard:
    """Return the oracle after the load and the first so many steps that change it."""
    board = OracleBoard()
    for player, username, score in zip(trace.ids, trace.usernames, trace.scores, strict=False):
        board.update_score(player, username, score)
    operations = [OPERATIONS[name] for name in trace.operations]
    changing = ((operations[index].method, arguments) for index, arguments in trace.steps if operations[index].changes)
    for method, arguments in islice(changing, changes):
        getattr(board, method)(*arguments)
    return board


# ---------------------------------------------------------------------- digests


@pytest.mark.parametrize(
    ("answer", "digest"),
    [
        (7, "3cff2e64e2f7941d"),
        (None, "c41371cc85ae6558"),
        (True, "4ea6944571131ea1"),
        (99.5, "4583ac1bac8a9569"),
        ([], "f9be920e63136958"),
        (ANSWER, "61fb94ea09bb2bdf"),
    ],
    ids=str,
)
def test_a_digest_is_the_same_everywhere(answer: object, digest: str) -> None:
    assert answer_digest(answer).hex() == digest


def test_another_process_has_the_same_digests() -> None:
    program = (
        "from leaderboard_backends import Entry\n"
        "from leaderboard_backends.comparison.traces import answer_digest\n"
        f"print(answer_digest({ANSWER!r}).hex())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == answer_digest(ANSWER).hex()


def test_digests_tell_types_apart_but_not_an_entry_from_its_tuple() -> None:
    answers: list[object] = [
        1,
        1.0,
        True,
        "1",
        None,
        False,
        0,
        0.0,
        [],
        [None],
        [1],
        {},
        b"1",
        2**64,
        object(),
        [object()],
    ]
    assert len({answer_digest(answer) for answer in answers}) == len(answers)
    assert answer_digest(Entry(1, "a", "A", 5)) == answer_digest((1, "a", "A", 5)) != answer_digest((1, "a", "A", 5.0))


def test_what_is_no_plain_data_has_a_digest_too() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    for answer in (Broken(), "\ud800", 2**200, [Broken()]):
        assert len(answer_digest(answer)) == DIGEST_SIZE
        assert answer_digest(answer) != answer_digest(None)


# ---------------------------------------------------------------------- answers


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("players", [1, 3, 200])
def test_there_is_an_answer_for_each_step(name: str, players: int) -> None:
    trace = draw_trace(SHIPPED[name], players, 300, 7)
    digests, answers = model_answers(trace), list(answers_of(trace))
    assert len(digests) == DIGEST_SIZE * len(trace.steps) == DIGEST_SIZE * len(answers)
    for position in (0, 15, 314):
        start = position * DIGEST_SIZE
        assert answer_digest(answers[position]) == digests[start : start + DIGEST_SIZE]


@pytest.mark.parametrize("name", SHIPPED)
def test_leaving_reads_out_changes_no_other_answer(name: str) -> None:
    trace = draw_trace(SHIPPED[name], 50, 300, 7)
    answers = model_answers(trace)
    board = OracleBoard()
    board.update_scores(zip(trace.ids, trace.usernames, trace.scores, strict=False))
    for position, (index, arguments) in enumerate(trace.steps):
        operation = OPERATIONS[trace.operations[index]]
        if operation.changes:
            digest = answer_digest(getattr(board, operation.method)(*arguments))
            assert digest == answers[position * DIGEST_SIZE : (position + 1) * DIGEST_SIZE]


def test_joins_get_a_rank_and_leaves_are_true() -> None:
    trace = draw_trace(SHIPPED["churn"], 20, 200, 7)
    for (index, _), answer in zip(trace.steps, answers_of(trace), strict=True):
        name = trace.operations[index]
        if name == "leave":
            assert answer is True
        elif name in ("join", "rank"):
            assert 1 <= answer <= 20


# ---------------------------------------------------------------------- the end state


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("players", [1, 2, 3, 400])
@pytest.mark.parametrize("changes", [0, 1, 17, 200, 10_000])
def test_the_end_state_agrees_with_the_oracle(name: str, players: int, changes: int) -> None:
    trace = draw_trace(SHIPPED[name], players, 1_000, 7)
    assert list(final_state(trace, changes)) == list(replayed(trace, changes))


def test_the_end_state_of_events_is_the_last_score_of_each_player(written: Writing) -> None:
    rows = [(f"p{number * 7 % 23}", f"N{number % 5}", number * 5 % 11 / 2) for number in range(500)]
    text = "\n".join(f"{player},{username},{score}" for player, username, score in rows)
    workload = written(f"player_id,username,score\n{text}\n", "season.csv")
    trace = draw_trace(workload, 23, 5_000, 7)
    last = {player: (username, score) for player, username, score in rows}
    found = list(final_state(trace, len(rows)))
    assert {entry.player_id: (entry.username, entry.score) for entry in found} == last
    board = OracleBoard()
    board.update_scores(rows)
    assert found == list(board)
    assert all(type(entry.score) is type(stored.score) for entry, stored in zip(found, board, strict=True))


def test_an_event_that_repeats_a_score_keeps_the_place_and_takes_the_name(written: Writing) -> None:
    rows = "a,A,5\nb,B,5\nc,C,5\na,Ann,5\nb,B,6\nb,Bea,5\n"
    trace = draw_trace(written(f"player_id,username,score\n{rows}", "season.csv"), 3, 100, 7)
    found = list(final_state(trace, 100))
    assert found == [Entry(1, "a", "Ann", 5), Entry(2, "c", "C", 5), Entry(3, "b", "Bea", 5)]
    assert found == list(replayed(trace, 100))


# ---------------------------------------------------------------------- stored


def get(folder: Path) -> StoredTrace:
    return stored_trace(folder, CHURN, 50, 200, 7)


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return which files are there, and when they were put there."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_a_trace_is_stored_with_its_hash_and_the_models_answers(tmp_path: Path) -> None:
    stored = get(tmp_path / "new" / "folder")
    trace = decode_trace(stored.trace.read_bytes())
    assert trace == draw_trace(CHURN, 50, 200, 7)
    assert stored.facts.sha256 == sha256(stored.trace.read_bytes()).hexdigest()
    assert stored.answers.read_bytes() == model_answers(trace)
    assert stored.answers == stored.trace.with_suffix(".answers")
    assert stored.facts.workload == "churn"


def test_the_second_time_nothing_is_drawn_or_written(tmp_path: Path) -> None:
    first, before = get(tmp_path), state(tmp_path)
    assert get(tmp_path) == first
    assert state(tmp_path) == before
    assert len(before) == 3


def test_another_size_number_of_steps_seed_or_workload_is_another_trace(tmp_path: Path, written: Writing) -> None:
    asked = [
        (CHURN, 50, 200, 7),
        (CHURN, 51, 200, 7),
        (CHURN, 50, 201, 7),
        (CHURN, 50, 200, 8),
        (written("mix.rank = 1"), 50, 200, 7),
    ]
    assert len({stored_trace(tmp_path, *one).trace for one in asked}) == len(asked)


def test_the_same_workload_by_another_name_shares_the_trace(tmp_path: Path, written: Writing) -> None:
    first = get(tmp_path)
    text = CHURN.text.replace("schema_version = 1", "").replace('name = "churn"', 'name = "coming-and-going"')
    other = stored_trace(tmp_path, written(text), 50, 200, 7)
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
