"""The gate for several clients lets pass what some order of their steps can leave, and nothing else."""

from __future__ import annotations

import pytest

from leaderboard_backends import Entry
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.comparison.traces import WrongBoardError, check_together
from leaderboard_backends.workload.trace import Trace

OPERATIONS = ["update", "increment", "rank", "join", "leave"]
STEPS = [
    (0, ("ann", "Ann", 7)),  # 0
    (0, ("bob", "Bob", 7)),  # 1
    (1, ("eve", "Eve", 4)),  # 2
    (2, ("ann",)),  # 3
    (3, ("new", "New", 7)),  # 4
    (4, ("zoe",)),  # 5
    (0, ("eve", "Evelyn", 7)),  # 6: stands at 7 already
]
TRACE = Trace(
    1,
    "",
    5,
    1,
    OPERATIONS,
    ["ann", "bob", "eve", "zoe", "new"],
    ["A", "B", "E", "Z", "N"],
    [1, 2, 3, 7],
    0,
    STEPS,
    [1.0] * 7,
)
PHASES = [[[0, 3], [1, 2]], [[4, 5], [6]]]


def board(*steps: int) -> SortedContainersLeaderboard:
    made = SortedContainersLeaderboard("board")
    made.update_scores(zip(TRACE.ids, TRACE.usernames, TRACE.scores, strict=False))
    for step in steps:
        index, arguments = STEPS[step]
        method = {0: made.update_score, 1: made.increment_score, 3: made.update_score, 4: made.remove_player}.get(index)
        if method is not None:
            method(*arguments)  # type: ignore[operator]  # each takes what its steps have
    return made


@pytest.mark.parametrize(
    "steps", [(0, 1, 2, 4, 5, 6), (1, 0, 2, 4, 5, 6), (1, 2, 0, 6, 5, 4), (1, 2, 0, 5, 6, 4)], ids=str
)
def test_any_order_of_clients_of_one_phase_passes(steps: tuple[int, ...]) -> None:
    checked = check_together(board(*steps), TRACE, PHASES)
    assert (checked.updates, checked.answers) == (6, 0)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((2, 1, 0, 4, 5, 6), "is ranked before"),  # one client's own order turned round
        ((4, 0, 1, 2, 5, 6), "is ranked before"),  # a later phase before an earlier one
        ((0, 1, 2, 4, 6), "no order of the steps"),  # one removal lost
        ((0, 1, 2, 5, 6), "are missing"),  # one join lost
        ((0, 1, 4, 5, 6), "is ranked before"),  # one increment lost: the score is right in the end, the place is not
        ((0, 1, 2, 2, 4, 5, 6), "is ranked before"),  # one increment doubled
        ((0, 1, 2, 4, 5), "no order of the steps"),  # one username lost
    ],
    ids=str,
)
def test_what_no_order_can_leave_is_refused(steps: tuple[int, ...], said: str) -> None:
    with pytest.raises(WrongBoardError, match=said):
        check_together(board(*steps), TRACE, PHASES)


def test_steps_that_were_not_run_are_not_asked_for() -> None:
    checked = check_together(board(0, 1), TRACE, [[[0], [1]]])
    assert checked.updates == 2


def test_a_wrong_rank_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = board(0, 1)
    right = made.get_range

    def shifted(first: int, last: int) -> list[Entry]:
        return [entry._replace(rank=entry.rank + 1) for entry in right(first, last)]

    monkeypatch.setattr(made, "get_range", shifted)
    with pytest.raises(WrongBoardError, match="rank 1 holds"):
        check_together(made, TRACE, [[[0, 1]]])
