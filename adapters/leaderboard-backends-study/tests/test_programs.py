"""The study's programs run alone, at any size, and none that is wrong has figures."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from typing import Any

import pytest
from leaderboard_backends_study.programs import entries, hardening, migration, ordered_maps, queries, ties
from leaderboard_backends_study.programs.players import Standings, draw_scores
from leaderboard_backends_study.programs.sorted_dict import StudyBoard, load
from sortedcontainers import SortedDict

from leaderboard_backends.comparison.programs import Setting, WrongProgramError, programs_of

PROGRAMS = programs_of("leaderboard-backends-study")
SMALL = Setting(players=300, seconds=0.01)
ALONE = """
import sys, msgspec
from leaderboard_backends.comparison.programs import Setting, find_program
found = find_program("leaderboard-backends-study", sys.argv[1]).run(Setting(int(sys.argv[2]), seconds=0.01))
print(msgspec.json.encode([found.memory_bytes, found.counts]).decode())
"""


def alone(name: str, players: int) -> tuple[int | None, dict[str, float]]:
    """Run a program in a fresh process, whose memory nobody used before."""
    command = [sys.executable, "-W", "error", "-c", ALONE, name, str(players)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    memory, counts = json.loads(done.stdout)
    return memory, counts


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_has_figures_at_any_size(name: str) -> None:
    found = PROGRAMS[name].run(Setting(300, 2, 0.01))
    assert found.timings or found.counts
    assert all(timing.time.samples > 0 for timing in found.timings)


def test_figures_are_those_of_the_operations_by_name() -> None:
    figures = PROGRAMS["study: SortedDict"].run(Setting(300, seconds=0.01))
    assert [timing.operation for timing in figures.timings] == ["update", "update and rank", "top 100", "rank"]


def test_all_ordered_maps_are_asked_for_the_same() -> None:
    kinds = ("bintrees: RBTree", "bintrees: AVLTree", "sortedcontainers: SortedDict")
    asked = [[timing.operation for timing in PROGRAMS[name].run(Setting(50, seconds=0.01)).timings] for name in kinds]
    assert asked[0] == asked[1] == asked[2]


class Forgetful(SortedDict[Any, Any]):
    """Loses its 100th key."""

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        if len(self) == 100:
            del self[key]


class Lazy(SortedDict[Any, Any]):
    """Deletes nothing, which no load can tell."""

    def __delitem__(self, key: Any) -> None:
        self[key]


@pytest.mark.parametrize("broken", [Forgetful, Lazy])
def test_a_map_that_is_wrong_has_no_figures(broken: type[SortedDict[Any, Any]]) -> None:
    kind = ordered_maps.Kind(broken, lambda order: (order.peekitem(0), order.peekitem(-1)))
    with pytest.raises(WrongProgramError, match=r"rank \d+ holds .*, a plain sort says"):
        ordered_maps.run(lambda: kind, SMALL)


def test_a_board_that_is_wrong_has_no_figures() -> None:
    standings = Standings(50, 1)
    board = load(StudyBoard(), standings)
    board.check(standings)
    standings.draw_update()
    with pytest.raises(WrongProgramError, match="the board: rank"):
        board.check(standings)


def test_a_clock_that_stands_still_makes_the_study_board_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard_backends_study.programs.sorted_dict.time", lambda: 1.0)
    standings = Standings(3, 1)
    board = load(StudyBoard(), standings)
    for name in standings.names:
        standings.put(name, 7)
        board.update(name, 7)
    with pytest.raises(WrongProgramError, match="rank"):
        board.check(standings)


def test_the_same_seed_gives_the_same_players_and_updates() -> None:
    first, again, other = Standings(40, 5), Standings(40, 5), Standings(40, 6)
    drawn = [[standings.draw_update() for _ in range(30)] for standings in (first, again, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert first.order() == again.order()


def test_a_drawn_update_always_changes_the_score() -> None:
    standings = Standings(3, 1)
    scores = dict(standings.load())
    for _ in range(200):
        name, score = standings.draw_update()
        assert 0 <= score <= 1_000_000
        assert scores[name] != score
        scores[name] = score


# ---------------------------------------------------------------------- ties


def test_the_players_lost_to_ties_are_those_whose_keys_were_equal() -> None:
    counts = ties.run(Setting(players=5_000, seed=3)).counts
    assert counts[ties.lost("-score", "all tied")] == 4_999
    for crowd, best in ties.CROWDS.items():
        scores = draw_scores(5_000, 3, best)
        assert counts[ties.lost("-score", crowd)] == 5_000 - len(set(scores))
        for key, step in ties.CLOCKS.items():
            if step:
                keys = set(zip(scores, islice(ties.readings(step, 3), 5_000), strict=True))
                assert counts[ties.lost(key, crowd)] == 5_000 - len(keys)


def test_a_coarser_clock_loses_more() -> None:
    counts = ties.run(Setting(players=5_000)).counts
    clocks = ("(-score, microseconds)", "(-score, milliseconds)", "(-score, time of the batch)", "(-score, seconds)")
    lost = [counts[ties.lost(key, "all tied")] for key in (*clocks, "-score")]
    assert lost == sorted(lost)
    assert lost[0] < lost[1] < lost[2] < lost[3]


def test_a_made_up_clock_never_goes_back_and_tells_its_steps_only() -> None:
    told = list(islice(ties.readings(0.1, 1), 20_000))
    assert told == sorted(told)
    assert all(reading == int(reading) for reading in told)
    assert 15 <= len(set(told)) <= 25


# ---------------------------------------------------------------------- memory


def test_memory_is_that_of_the_structure_alone() -> None:
    memory, _ = alone("bintrees: RBTree", 20_000)
    assert memory is not None
    assert 76 <= memory / 20_000 <= 84  # a node: five fields of 8 bytes, 16 of the object, 16 of the collector; in 80


def test_an_entry_of_two_texts_takes_what_a_tuple_takes() -> None:
    _, counts = alone("study: entry sizes", 20_000)
    assert 70 <= counts[entries.TUPLE] <= 75  # a tuple of two, 56 bytes in a block of 64, and the reference to it
    assert 7 <= counts[entries.REFERENCE] <= 10
    assert counts[entries.TUPLE] < counts[entries.TUPLE_WITH_TEXTS] < counts[entries.PLAYER_WITH_TEXTS]


# ---------------------------------------------------------------------- patterns


def test_the_rate_limit_lets_60_pass_in_any_minute() -> None:
    board = hardening.RateLimitedBoard()
    for score in range(60):
        board.update("ada", score)
    with pytest.raises(hardening.TooManyUpdatesError):
        board.update("ada", 61)
    assert board.top(1) == [(1, "ada", 59)]
    board.update("bob", 1)
    board.times["ada"] = [then - 61 for then in board.times["ada"]]
    board.update("ada", 61)
    assert board.top(1) == [(1, "ada", 61)]


def test_the_rate_limit_is_counted() -> None:
    assert hardening.run_rate_limit(SMALL).counts == {hardening.PASSED: 60}


def test_the_cached_top_has_a_hundred_and_is_up_to_a_second_old() -> None:
    counts = hardening.run_cached_top(SMALL).counts
    assert counts == {hardening.GIVEN: 100, hardening.STALE: 1}
    now = 0.0
    board = hardening.CachedBoard()
    board.clock = lambda: now
    board.update("ada", 1)
    assert board.cached_top(1) == [(1, "ada", 1)]
    board.update("bob", 2)
    assert board.cached_top(1) == [(1, "ada", 1)]
    now = 1.0
    assert board.cached_top(1) == [(1, "bob", 2)]


def test_the_adapter_answers_but_with_a_warning_and_has_a_part_of_bintrees() -> None:
    counts = migration.run(Setting(players=100)).counts
    assert counts[migration.DEPRECATIONS] == 1
    assert 2 < counts[migration.COVERED] < counts[migration.ALL]


def test_every_way_to_ask_for_the_top_10_is_timed() -> None:
    timed = [timing.operation for timing in queries.run_queries(SMALL).timings]
    assert timed == [queries.SORT, queries.LIST, queries.SLICE, queries.ISLICE]
