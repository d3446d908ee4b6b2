from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from typing import TypeAlias

import pytest

from leaderboard_backends import Entry
from leaderboard_backends.comparison.workload.model import (
    DIGEST_SIZE,
    answer_at,
    answer_digest,
    final_state,
    model_answers,
)
from leaderboard_backends.comparison.workload.operations import OPERATIONS
from leaderboard_backends.comparison.workload.spec import WorkloadFile, find_workloads, workload_names
from leaderboard_backends.comparison.workload.trace import Trace, draw_trace
from leaderboard_backends.testing.oracle import OracleBoard

Writing: TypeAlias = Callable[..., WorkloadFile]

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
        "from leaderboard_backends.comparison.workload.model import answer_digest\n"
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
    answers = model_answers(trace)
    assert len(answers) == DIGEST_SIZE * len(trace.steps)
    for position in (0, 15, 314):
        start = position * DIGEST_SIZE
        assert answer_digest(answer_at(trace, position)) == answers[start : start + DIGEST_SIZE]


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
    for position, (index, _) in enumerate(trace.steps):
        name, answer = trace.operations[index], answer_at(trace, position)
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
