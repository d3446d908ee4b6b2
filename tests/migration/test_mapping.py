"""Code that keeps its scores in a dict runs on a board unchanged; a parallel run of both finds what differs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard_backends import (
    BackendUnavailableError,
    Entry,
    InvalidArgumentError,
    InvalidPlayerError,
    InvalidScoreError,
    LeaderboardBackend,
    Score,
    open_leaderboard,
)
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.migration import ParallelRun, ScoreMapping


def mapping(url: str = "memory://scores", **options: Any) -> ScoreMapping:
    return ScoreMapping(open_leaderboard(url, **options))


@pytest.fixture
def scores() -> ScoreMapping:
    return mapping()


# ---------------------------------------------------------------------- the mapping


def old_code(scores: Any) -> list[tuple[str, Score]]:
    """What such code looks like; it knows nothing of boards."""
    scores["ada"] = 1500
    scores["grace"] = 1400
    scores["grace"] += 100
    scores.setdefault("edsger", 900)
    scores.update({"alan": 1500, "kurt": 3}, barbara=7.5)
    del scores["kurt"]
    scores.pop("barbara")
    if "edsger" in scores and len(scores) == 4:
        scores["edsger"] = scores.get("edsger", 0) + 1
    top: list[tuple[str, Score]] = sorted(scores.items(), key=lambda pair: pair[1], reverse=True)
    return top


def test_code_for_a_dict_runs_unchanged(scores: ScoreMapping) -> None:
    assert old_code(scores) == old_code({}) == [("ada", 1500), ("grace", 1500), ("alan", 1500), ("edsger", 901)]
    assert scores.get_top_n(2) == [Entry(1, "ada", "ada", 1500), Entry(2, "grace", "grace", 1500)]
    assert [*scores.board] == scores.get_top_n()


def test_it_iterates_best_first_and_back(scores: ScoreMapping) -> None:
    many = {f"player-{number}": number * 7 % 1_009 for number in range(2_500)}
    scores.update(many)
    assert list(scores) == [entry.player_id for entry in scores.board]
    assert list(reversed(scores)) == list(scores)[::-1]
    assert list(scores.items()) == list(zip(scores.keys(), scores.values(), strict=True))
    assert scores == many
    assert scores.copy() == many
    assert 1_008 in scores.values()
    assert 1_009 not in scores.values()
    assert ("player-1", 7) in scores.items()
    last = list(scores)[-1]
    assert scores.popitem() == (last, 0)
    assert last not in scores
    scores.clear()
    assert not scores
    with pytest.raises(KeyError):
        scores.popitem()


def test_operators_are_those_of_a_dict(scores: ScoreMapping) -> None:
    scores["ada"] = 1
    assert scores | {"ada": 2, "bo": 3} == {"ada": 2, "bo": 3}
    assert {"ada": 2, "bo": 3} | scores == {"ada": 1, "bo": 3}
    same = scores
    scores |= {"ada": 5}
    assert scores is same
    assert scores["ada"] == 5
    with pytest.raises(TypeError):
        scores | 5  # type: ignore[operator]  # the point


def test_what_a_board_does_not_allow_is_refused_when_written_and_absent_when_read(scores: ScoreMapping) -> None:
    for key in (5, "", None, "x" * 129, "\ud800"):
        assert key not in scores
        assert scores.get(key) is None
        with pytest.raises(KeyError):
            scores[key]  # type: ignore[index]  # any key may be asked for
        with pytest.raises(KeyError):
            del scores[key]  # type: ignore[arg-type]  # as above
        with pytest.raises(InvalidPlayerError):
            scores[key] = 1  # type: ignore[index]  # as above
        with pytest.raises(InvalidPlayerError):
            scores.update([("fine", 1), (key, 1)])  # type: ignore[list-item]  # as above
    for score in (None, "5", nan, inf, True, 2**53 + 1):
        with pytest.raises(InvalidScoreError):
            scores["ada"] = score  # type: ignore[assignment]  # the point
    assert len(scores) == 0


def test_usernames_are_made_from_ids_as_told() -> None:
    names = {"u1": "Ada"}
    scores = ScoreMapping(open_leaderboard("memory://named"), names.__getitem__)
    scores["u1"] = 5
    assert scores.get_top_n(1)[0].username == "Ada"


def test_a_board_that_keeps_the_best_score_is_no_dict() -> None:
    with pytest.raises(InvalidArgumentError, match="open it with keep=last"):
        mapping(keep="best")


PLAYERS = st.sampled_from(["a", "b", "c", "ä", "😀"])
SCORES = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, -0.0, 1e300]))
CALLS = st.one_of(
    st.tuples(st.just("__setitem__"), PLAYERS, SCORES),
    st.tuples(st.just("setdefault"), PLAYERS, SCORES),
    st.tuples(st.just("update"), st.dictionaries(PLAYERS, SCORES)),
    st.tuples(st.just("pop"), PLAYERS, st.none()),
    st.tuples(st.sampled_from(["__getitem__", "__delitem__", "__contains__", "get", "pop"]), PLAYERS),
    st.tuples(st.sampled_from(["__len__", "__iter__", "__reversed__", "items", "keys", "values", "clear", "copy"])),
    st.tuples(st.sampled_from(["__eq__", "__or__", "__ior__"]), st.dictionaries(PLAYERS, SCORES)),
)


class Defaulting(ScoreMapping):
    """As `defaultdict(int)`."""

    def __missing__(self, player_id: str) -> Score:
        return self.setdefault(player_id, 0)


class Counting(ScoreMapping):
    """As `Counter`."""

    def __missing__(self, player_id: str) -> Score:
        return 0


Kind = Callable[[LeaderboardBackend], tuple[dict[str, Score], ScoreMapping]]
KINDS: dict[str, Kind] = {
    "dict": lambda board: ({}, ScoreMapping(board)),
    "defaultdict": lambda board: (defaultdict(int), Defaulting(board)),
}


def test_a_counter_counts_from_0_and_a_look_leaves_nothing_behind() -> None:
    scores = Counting(open_leaderboard("memory://counted"))
    assert scores["ada"] == 0
    assert "ada" not in scores
    scores["ada"] += 2
    assert scores == Counter(ada=2)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@settings(max_examples=60, deadline=None)
@given(calls=st.lists(CALLS, max_size=25))
def test_a_dict_and_a_board_answer_alike_to_any_program(kind: Kind, calls: list[tuple[Any, ...]]) -> None:
    with open_leaderboard("memory://scores") as board:
        expected, mapping = kind(board)
        run = ParallelRun(expected, mapping, ordered=False)
        for name, *arguments in calls:
            try:
                if name.startswith("__"):
                    getattr(type(run), name)(run, *arguments)
                else:
                    getattr(run, name)(*arguments)
            except KeyError:
                pass
        assert run.report().differences == ()
        assert ScoreMapping(board) == expected


# ---------------------------------------------------------------------- the parallel run


def test_a_parallel_run_is_the_old_one_to_its_user_and_reports_both() -> None:
    old: dict[str, Score] = {}
    run = ParallelRun(old, mapping(), ordered=False)
    assert old_code(run) == old_code({})
    assert dict(run) == old == run
    assert run.new == old
    report = run.report()
    assert (report.differing, report.problem) == (0, "")
    assert report.operations["setitem"].compared == 4
    assert report.operations["items"].compared == 1
    for found in report.operations.values():
        assert found.first is not None
        assert found.second is not None


def test_reads_that_move_are_compared_by_name() -> None:
    run = ParallelRun[dict[str, Score], ScoreMapping]({}, mapping(), ordered=False)
    old_code(run)

    def sort(scores: dict[str, Score]) -> list[tuple[str, Score]]:
        return sorted(scores.items(), key=lambda pair: pair[1], reverse=True)[:3]

    def top(scores: ScoreMapping) -> list[tuple[str, Score]]:
        return [(entry.player_id, entry.score) for entry in scores.get_top_n(3)]

    assert run.compare("top 3", sort, top) == sort(run.old)
    assert run.report().operations["top 3"][:3] == (1, 1, 0)
    run.new.board.remove_player("grace")
    assert run.compare("top 3", sort, top) == sort(run.old)
    assert run.report().operations["top 3"].differing == 1
    assert "'alan'" in run.report().differences[0].second


def test_other_values_errors_and_content_are_differences() -> None:
    run = ParallelRun[dict[str, Score], ScoreMapping]({"ada": 1}, mapping(), ordered=False)
    assert run["ada"] == 1
    assert [*iter(run)] == ["ada"]
    assert list(run.values()) == [1]
    run["\ud800"] = 2
    with pytest.raises(KeyError):
        run["grace"]
    assert run.report().differing == 4
    assert run.report().operations["getitem"][:3] == (2, 2, 1)
    examples = {each.operation: each for each in run.report().differences}
    assert examples["getitem"][1:] == ("('ada',)", "1", "raised KeyError('ada')")
    assert examples["iter"].second == "[]"
    assert examples["setitem"].second.startswith("raised InvalidPlayerError(")


def test_a_storage_that_fails_is_no_difference_and_reaches_nobody() -> None:
    class Gone(DelegatingLeaderboard):
        def _get_score(self, player_id: str) -> Score | None:
            del player_id
            raise BackendUnavailableError("the server is gone.")

    run = ParallelRun({"ada": 1}, ScoreMapping(Gone(open_leaderboard("memory://a"))), ordered=False)
    assert run["ada"] == 1
    assert run.report().operations["getitem"][:6] == (1, 0, 0, 0, 0, 1)
    assert run.report().problem == "BackendUnavailableError: the server is gone."


class Numbers:
    """Yields numbers, and fails in the end if it is told to."""

    def __init__(self, *numbers: int, error: Exception | None = None) -> None:
        self.numbers = numbers
        self.error = error

    def each(self) -> Iterator[int]:
        yield from self.numbers
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("new", "differing"),
    [
        (Numbers(1, 2, 3), 0),
        (Numbers(1, 2), 1),
        (Numbers(1, 2, 3, 4), 1),
        (Numbers(1, 3, 2), 1),
        (Numbers(1, 2, 3, error=ValueError()), 1),
    ],
)
def test_iterators_are_compared_item_by_item_as_they_are_read(new: Numbers, differing: int) -> None:
    run = ParallelRun(Numbers(1, 2, 3), new)
    assert list(run.each()) == [1, 2, 3]
    assert run.report().operations["each"][:3] == (1, 1, differing)
    half = run.each()
    assert next(half) == 1
    half.close()
    assert run.report().operations["each"].compared == 2


def test_a_storage_that_fails_behind_an_iterator_is_no_difference() -> None:
    for numbers in ((1, 2), (1, 2, 3)):
        run = ParallelRun(Numbers(1, 2, 3), Numbers(*numbers, error=BackendUnavailableError("the server is gone.")))
        assert list(run.each()) == [1, 2, 3]
        assert run.report().operations["each"][:6] == (1, 0, 0, 0, 0, 1)
        assert run.report().problem == "BackendUnavailableError: the server is gone."


def test_answers_that_cannot_be_compared_are_no_error_of_the_callers() -> None:
    run = ParallelRun({"ada": [1]}, {"ada": [1]}, ordered=False)
    assert list(run.items()) == [("ada", [1])]
    assert run.report().operations["items"][:6] == (1, 0, 0, 0, 0, 1)
    assert run.report().problem.startswith("TypeError: ")


def test_an_error_in_an_iterator_is_the_old_ones() -> None:
    run = ParallelRun(Numbers(1, error=KeyError("old")), Numbers(1, error=KeyError("new")))
    with pytest.raises(KeyError, match="old"):
        list(run.each())
    assert run.report().differing == 0
    with pytest.raises(AttributeError):
        _ = run.nothing


def test_what_has_no_length_is_as_true_as_it_is_alone() -> None:
    run = ParallelRun(Numbers(), Numbers())
    assert run
    with open_leaderboard("memory://empty") as old, open_leaderboard("naive://empty") as new:
        assert ParallelRun(old, new)
    assert not ParallelRun[dict[str, Score], ScoreMapping]({}, mapping(), ordered=False)
    assert run.report().operations["bool"][:3] == (1, 1, 0)
