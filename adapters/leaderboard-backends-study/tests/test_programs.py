"""The study's programs run alone, at any size, and none that is wrong has figures."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from typing import Any

import pytest
from leaderboard_backends_study.programs import maps, misuse, patterns
from leaderboard_backends_study.programs.board import (
    BEST,
    MOST_SAMPLES,
    WARM_UP_SHARE,
    Operation,
    Standings,
    StudyBoard,
    draw_scores,
    load,
    take_turns,
    with_growth,
)
from sortedcontainers import SortedDict

from leaderboard_backends.comparison.programs import Setting, WrongProgramError, programs_of

PROGRAMS = programs_of("leaderboard-backends-study")
SMALL = Setting(players=300, seconds=0.01)
ALONE = """
import sys, msgspec
from leaderboard_backends.comparison.programs import Setting, programs_of
found = programs_of("leaderboard-backends-study")[sys.argv[1]].run(Setting(int(sys.argv[2]), seconds=0.01))
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
    with pytest.raises(WrongProgramError, match=r"rank \d+ holds .*, a plain sort says"):
        maps.run(broken, maps.of_sorted_dict, SMALL)


def test_a_board_that_is_wrong_has_no_figures() -> None:
    standings = Standings(50, 1)
    board = load(StudyBoard(), standings)
    board.check(standings)
    standings.draw_update()
    with pytest.raises(WrongProgramError, match="the board: rank"):
        board.check(standings)


def test_a_clock_that_stands_still_makes_the_study_board_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard_backends_study.programs.board.time", lambda: 1.0)
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
    counts = misuse.run_ties(Setting(players=5_000, seed=3)).counts
    assert counts[misuse.lost("-score", "all tied")] == 4_999
    for crowd, best in misuse.CROWDS.items():
        scores = draw_scores(5_000, 3, best)
        assert counts[misuse.lost("-score", crowd)] == 5_000 - len(set(scores))
        for key, step in misuse.CLOCKS.items():
            if step:
                keys = set(zip(scores, islice(misuse.readings(step, 3), 5_000), strict=True))
                assert counts[misuse.lost(key, crowd)] == 5_000 - len(keys)


def test_a_coarser_clock_loses_more() -> None:
    counts = misuse.run_ties(Setting(players=5_000)).counts
    clocks = ("(-score, microseconds)", "(-score, milliseconds)", "(-score, time of the batch)", "(-score, seconds)")
    lost = [counts[misuse.lost(key, "all tied")] for key in (*clocks, "-score")]
    assert lost == sorted(lost)
    assert lost[0] < lost[1] < lost[2] < lost[3]


def test_a_made_up_clock_never_goes_back_and_tells_its_steps_only() -> None:
    told = list(islice(misuse.readings(0.1, 1), 20_000))
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
    assert 70 <= counts[misuse.TUPLE] <= 75  # a tuple of two, 56 bytes in a block of 64, and the reference to it
    assert 7 <= counts[misuse.REFERENCE] <= 10
    assert counts[misuse.TUPLE] < counts[misuse.TUPLE_WITH_TEXTS] < counts[misuse.PLAYER_WITH_TEXTS]


# ---------------------------------------------------------------------- patterns


def test_the_rate_limit_lets_60_pass_in_any_minute() -> None:
    board = patterns.RateLimitedBoard()
    for score in range(60):
        board.update("ada", score)
    with pytest.raises(patterns.TooManyUpdatesError):
        board.update("ada", 61)
    assert board.top(1) == [(1, "ada", 59)]
    board.update("bob", 1)
    board.times["ada"] = [then - 61 for then in board.times["ada"]]
    board.update("ada", 61)
    assert board.top(1) == [(1, "ada", 61)]


def test_the_rate_limit_is_counted() -> None:
    assert patterns.run_rate_limit(SMALL).counts == {patterns.PASSED: 60}


def test_the_cached_top_has_a_hundred_and_is_up_to_a_second_old() -> None:
    counts = patterns.run_cached_top(SMALL).counts
    assert counts == {patterns.GIVEN: 100, patterns.STALE: 1}
    now = 0.0
    board = patterns.CachedBoard()
    board.clock = lambda: now
    board.update("ada", 1)
    assert board.cached_top(1) == [(1, "ada", 1)]
    board.update("bob", 2)
    assert board.cached_top(1) == [(1, "ada", 1)]
    now = 1.0
    assert board.cached_top(1) == [(1, "bob", 2)]


def test_the_adapter_answers_but_with_a_warning_and_has_a_part_of_bintrees() -> None:
    counts = maps.run_adapter(Setting(players=100)).counts
    assert counts[maps.DEPRECATIONS] == 1
    assert 2 < counts[maps.COVERED] < counts[maps.ALL]


def test_every_way_to_ask_for_the_top_10_is_timed() -> None:
    timed = [timing.operation for timing in misuse.run_queries(SMALL).timings]
    assert timed == [misuse.SORT, misuse.LIST, misuse.SLICE, misuse.ISLICE]


# ---------------------------------------------------------------------- shards


def test_ten_shards_give_the_same_tops_and_ranks_as_one_board() -> None:
    standings, others = Standings(500, 3), Standings(500, 3)
    board, shards = load(StudyBoard(), standings), load(misuse.ShardedBoard(), others)
    for _ in range(200):
        board.update(*standings.draw_update())
        shards.update(*others.draw_update())
    assert shards.top(100) == board.top(100)
    assert [shards.rank(name) for name in others.names] == [board.rank(name) for name in standings.names]


def test_every_shard_has_its_share_of_the_players() -> None:
    shards = misuse.ShardedBoard()
    load(shards, Standings(2_000, 1))
    sizes = [len(shard.keys) for shard in shards.shards]
    assert len(sizes) == 10
    assert sum(sizes) == 2_000
    assert min(sizes) > 100


def test_shards_that_lose_a_player_have_no_figures() -> None:
    standings = Standings(100, 1)
    shards = misuse.ShardedBoard()
    load(shards, standings)
    lost = shards.shard_of(standings.names[0])
    del lost.order[lost.keys[standings.names[0]]]
    with pytest.raises(WrongProgramError, match="the shards: rank"):
        shards.check(standings)


def test_both_are_asked_for_the_same_in_turn() -> None:
    figures = PROGRAMS["study: ten shards"].run(Setting(300, seconds=0.01))
    asked = [timing.operation.split(": ") for timing in figures.timings]
    assert [which for which, _ in asked] == ["one board", "ten shards"] * 3
    assert [what for _, what in asked[::2]] == [what for _, what in asked[1::2]] == ["update", "top 100", "rank"]
    assert set(figures.counts) == {misuse.ONE_BYTES}


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize("players", [7, 300])
def test_in_read_only_mode_every_update_is_refused_and_every_read_is_right(players: int) -> None:
    assert PROGRAMS["study: read-only mode"].run(Setting(players)).counts == {
        patterns.READ_ONLY_REFUSED: 100,
        patterns.READS_RIGHT: 200,
        patterns.TAKEN_AGAIN: 100,
    }


def test_updates_that_get_through_are_seen_in_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns.DegradableBoard, "update", StudyBoard.update)
    with pytest.raises(WrongProgramError, match="the board: rank"):
        PROGRAMS["study: read-only mode"].run(Setting(300))
    standings = Standings(300, 1)
    board = patterns.DegradableBoard()
    load(board, standings)
    board.read_only = True
    assert patterns.refused(board, [(standings.order()[-1], BEST + 1)]) == 0
    assert patterns.right_reads(board, standings) == 0


def test_validation_refuses_beyond_the_range_and_flags_beyond_a_thousand_points_new_players_too() -> None:
    assert PROGRAMS["study: validation"].run(Setting(300)).counts == {
        patterns.OUT_REFUSED: 100,
        patterns.EDGES_TAKEN: 2,
        patterns.JUMPS_FLAGGED: 100,
        patterns.STEPS_FLAGGED: 0,
        patterns.FIRST_FLAGGED: 100,
    }


# ---------------------------------------------------------------------- turns


def test_operations_take_turns() -> None:
    calls: list[str] = []
    samples = take_turns([Operation(name, lambda name=name: calls.append(name)) for name in "abc"], seconds=0)
    assert calls == ["a", "b", "c"] * 2  # one turn of warm-up, one that is measured
    assert {name: len(taken) for name, taken in samples.items()} == {"a": 1, "b": 1, "c": 1}


def test_an_operation_has_no_more_than_its_samples() -> None:
    samples = take_turns([Operation("nothing", lambda: None)], seconds=600)
    assert len(samples["nothing"]) == MOST_SAMPLES
    assert min(samples["nothing"]) > 0


def test_one_that_has_used_up_its_time_ends_and_the_others_go_on() -> None:
    budget = 0.02
    samples = take_turns(
        [Operation("slow", lambda: sum(range(200_000))), Operation("fast", lambda: None)], seconds=budget
    )
    assert len(samples["slow"]) < len(samples["fast"])
    assert sum(samples["slow"][:-1]) < budget * 1e9 <= sum(samples["slow"])


def test_each_call_gets_arguments_that_were_made_for_it() -> None:
    made: list[int] = []
    given: list[int] = []

    def make() -> tuple[int]:
        made.append(len(made))
        assert len(given) == len(made) - 1
        return (made[-1],)

    take_turns([Operation("given", given.append, make)], seconds=0.001)
    assert given == made
    assert len(given) > 2


def test_what_was_built_comes_back_with_the_growth() -> None:
    built, growth = with_growth(lambda: b"x" * 10_000_000)  # zeros would be pages that nobody has touched
    assert len(built) == 10_000_000
    assert growth > 5_000_000
    assert WARM_UP_SHARE < 1
