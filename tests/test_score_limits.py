"""Limits of scores hold in the storage's own step, however many write, from however many objects and processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import ZODB

from leaderboard_backends import (
    Keep,
    LeaderboardBackend,
    Order,
    Score,
    ScoreLimitError,
    UpdateRefusedError,
    open_leaderboard,
)
from leaderboard_backends.backends.zodb import ZODBLeaderboard
from leaderboard_backends.hardening import ValidatedLeaderboard
from leaderboard_backends.score_limits import ScoreLimits, limits_wanted, within
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.subject import unique_name

ROUNDS = 10

Opener = Callable[[str], LeaderboardBackend]
"""Opens one more object on the board of a name."""


@pytest.mark.parametrize(
    ("limits", "standing", "score", "delta", "order", "keep", "fine"),
    [
        (ScoreLimits(0, 15), 10, 15, 5, "descending", "last", True),
        (ScoreLimits(0, 15), 10, 16, 6, "descending", "last", False),
        (ScoreLimits(0, 15), 10, -1, None, "ascending", "best", False),
        (ScoreLimits(highest=15), 10, 20, None, "ascending", "best", False),
        (ScoreLimits(max_change=5), 10, 5, None, "descending", "last", True),
        (ScoreLimits(max_change=5), 10, 4, None, "descending", "last", False),
        (ScoreLimits(max_change=5), 10, 4, None, "descending", "best", True),
        (ScoreLimits(max_change=5), 10, 4, -6, "descending", "best", True),
        (ScoreLimits(max_change=5), 10, 16, 6, "descending", "best", False),
        (ScoreLimits(max_change=5), None, 5, None, "descending", "last", True),
        (ScoreLimits(max_change=5), None, 5.5, None, "descending", "last", False),
        (ScoreLimits(max_change=5), None, 6, 6, "descending", "last", False),
        (ScoreLimits(max_change=5, exempt_first=True), None, 60, None, "ascending", "best", True),
        (ScoreLimits(max_change=5, exempt_first=True), 60, 54, None, "ascending", "best", False),
    ],
)
def test_a_write_breaks_a_limit_or_not(
    limits: ScoreLimits,
    standing: Score | None,
    score: Score,
    delta: Score | None,
    order: Order,
    keep: Keep,
    *,
    fine: bool,
) -> None:
    broken = []
    try:
        limits.check(standing, score, delta, order, keep)
    except ScoreLimitError as error:
        broken.append(error.standing)
    assert broken == ([] if fine else [standing])


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (ScoreLimits(0, 15, 5), ScoreLimits(2, 20, 9), ScoreLimits(2, 15, 5)),
        (ScoreLimits(0, 15), ScoreLimits(max_change=5, exempt_first=True), ScoreLimits(0, 15, 5, exempt_first=True)),
        (ScoreLimits(max_change=9), ScoreLimits(max_change=5, exempt_first=True), ScoreLimits(max_change=5)),
    ],
)
def test_limits_within_limits_hold_together(one: ScoreLimits, other: ScoreLimits, both: ScoreLimits) -> None:
    told: list[ScoreLimits | None] = []
    within(one, lambda: within(other, lambda: told.append(limits_wanted())))
    assert (told, one.combined(other), other.combined(one)) == ([both], both, both)
    assert limits_wanted() is None


@pytest.mark.parametrize("settings", [{"score_max": 100}, {"score_max": 100, "max_change": 50}])
def test_what_validation_checks_leaves_the_limits_around_it_in_force(settings: dict[str, Any]) -> None:
    board = ValidatedLeaderboard(open_leaderboard("memory://"), **settings)
    limits = ScoreLimits(highest=15)
    for write in (
        lambda: within(limits, board.update_score, "ada", "Ada", 16),
        lambda: within(limits, board.increment_score, "ada", "Ada", 16),
        lambda: within(limits, board.update_scores, [("ada", "Ada", 16)]),
    ):
        with pytest.raises(ScoreLimitError):
            write()
    assert len(board) == 0


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as server:
        yield server


def _shared_url(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    if kind == "redis":
        url: str = request.getfixturevalue("server").unix_url
        return url
    return f"{kind}://{folder / 'board'}"


@pytest.fixture(params=["memory", "naive", "fakeredis", "zodb+memory", "journal", "zodb", "sqlite", "redis", "clients"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Open objects on one board: the same one in a process, several on a file, clients of one database."""
    with ExitStack() as opened:
        if request.param == "clients":
            db = ZODB.DB(str(tmp_path / "app.fs"))
            opened.callback(db.close)
            yield lambda name: opened.enter_context(ZODBLeaderboard(name, database=db))
        elif request.param in ("zodb", "sqlite", "redis"):
            url, prefix = _shared_url(request.param, tmp_path, request), unique_name()
            yield lambda name: opened.enter_context(open_leaderboard(url, board=f"{prefix}{name}"))
        else:
            place = f"{tmp_path / 'boards'}?board=" if request.param == "journal" else ""
            opening = cache(lambda name: opened.enter_context(open_leaderboard(f"{request.param}://{place}{name}")))
            yield opening


def refused(write: Callable[[], object]) -> bool:
    try:
        write()
    except UpdateRefusedError as error:
        assert error.rule in {"score_max", "max_change"}  # noqa: PT017 - of any that was refused
        return True
    return False


def test_two_writers_never_pass_a_cap_or_a_change_together(opener: Opener) -> None:
    for number in range(ROUNDS):
        boards = [ValidatedLeaderboard(opener(f"cap{number}"), score_max=15, on_flag=str) for _ in range(2)]
        boards[0].update_score("ada", "", 10)
        adding = [partial(refused, partial(board.increment_score, "ada", "", 5)) for board in boards]
        assert sorted(Crew(adding).join(20)) == [False, True]
        assert boards[0].get_score("ada") == 15
        boards = [ValidatedLeaderboard(opener(f"step{number}"), max_change=5, on_flag=str) for _ in range(2)]
        boards[0].update_score("ada", "", 5)
        moving = [
            partial(refused, partial(board.update_score, "ada", "", score))
            for board, score in zip(boards, (10, 1), strict=True)
        ]
        assert sum(Crew(moving).join(20)) == 1
        assert boards[0].get_score("ada") in (1, 10)


def test_a_write_within_its_limits_is_applied_and_any_other_changes_nothing(opener: Opener) -> None:
    board = opener("default")
    limits = ScoreLimits(0, 15, 10)
    assert within(limits, board.update_score, "ada", "Ada", 10) == 1
    assert within(limits, board.increment_score, "ada", "Ada", 5).score == 15
    assert within(limits, board.update_scores, [("ada", "Ada", 5), ("bob", "Bob", 10), ("bob", "Bob", 0)]) == 3
    before = list(board)
    for write, standing in (
        (lambda: within(limits, board.update_score, "ada", "other", 16), 5),
        (lambda: within(limits, board.increment_score, "ada", "other", -6), 5),
        (lambda: within(limits, board.increment_score, "cid", "other", 11), None),
        (lambda: within(limits, board.update_scores, [("bob", "other", 10), ("bob", "", -1)]), 10),
        (lambda: within(limits, board.update_scores, [("ada", "other", 10)] + [("cid", "", 12)] * 9), None),
    ):
        with pytest.raises(ScoreLimitError) as caught:
            write()
        assert caught.value.standing == standing
        assert list(board) == before
    assert board.update_score("ada", "Ada", 1000) == 1


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
@pytest.mark.parametrize("keep", ["last", "best"])
def test_two_processes_never_pass_a_cap_together(
    kind: str, keep: Keep, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url, name = _shared_url(kind, tmp_path, request), unique_name()
    validation = {"score_max": 15, "on_flag": str}
    with open_leaderboard(url, board=name, keep=keep) as board:

        def climb(tell: Callable[[int], None]) -> None:
            with open_leaderboard(url, board=name, keep=keep, validation=validation) as mine:
                for number in range(ROUNDS):
                    tell(sum(not refused(partial(mine.increment_score, f"p{number}", "", 5)) for _ in range(3)))

        with Child(climb, 30) as one, Child(climb, 30) as other:
            applied = [sum(both) for both in zip(one, other, strict=True)]
        assert applied == [3] * ROUNDS
        assert {entry.score for entry in board} == {15}
