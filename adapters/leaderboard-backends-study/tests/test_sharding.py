"""Ten boards merged give what one board gives: only then does their cost say anything."""

from __future__ import annotations

import pytest
from leaderboard_backends_study.programs import sharding
from leaderboard_backends_study.programs.players import Standings
from leaderboard_backends_study.programs.sorted_dict import StudyBoard, load

from leaderboard_backends.comparison.programs import Setting, WrongProgramError, programs_of

PROGRAMS = programs_of("leaderboard-backends-study")


def test_ten_shards_give_the_same_tops_and_ranks_as_one_board() -> None:
    standings, others = Standings(500, 3), Standings(500, 3)
    board, shards = load(StudyBoard(), standings), load(sharding.ShardedBoard(), others)
    for _ in range(200):
        board.update(*standings.draw_update())
        shards.update(*others.draw_update())
    assert shards.top(100) == board.top(100)
    assert [shards.rank(name) for name in others.names] == [board.rank(name) for name in standings.names]


def test_every_shard_has_its_share_of_the_players() -> None:
    shards = sharding.ShardedBoard()
    load(shards, Standings(2_000, 1))
    sizes = [len(shard.keys) for shard in shards.shards]
    assert len(sizes) == 10
    assert sum(sizes) == 2_000
    assert min(sizes) > 100


def test_shards_that_lose_a_player_have_no_figures() -> None:
    standings = Standings(100, 1)
    shards = sharding.ShardedBoard()
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
    assert set(figures.counts) == {sharding.ONE_BYTES}
