"""The persistent counted order: keys, segments, groups, bulk building, and how concurrent counts merge."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from math import inf

import pytest
from BTrees.check import check as check_tree
from BTrees.OOBTree import OOBTree
from hypothesis import given, settings
from hypothesis import strategies as st
from ZODB.POSException import ConflictError

from leaderboard_backends import Keep, Order
from leaderboard_backends.backends.zodb import ZODBMemoryLeaderboard
from leaderboard_backends.backends.zodb.bulk import build_directory, build_tree
from leaderboard_backends.backends.zodb.counts import Bounds, Counts
from leaderboard_backends.backends.zodb.keys import (
    KEY_BYTES,
    LAST_PLACE,
    next_place,
    pack_names,
    score_of,
    score_prefix,
    unpack_names,
)
from leaderboard_backends.backends.zodb.order import Ranking, StoredBoard
from leaderboard_backends.testing.oracle import OracleBoard

EXTREMES = [0, 1, -1, 2**53, -(2**53), 2**53 - 1, 5e-324, -5e-324, 1.7976931348623157e308, 0.1, 0.1 + 0.2, 1e300, -1.5]

scores = st.one_of(
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer() or abs(x) > 2**53),
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments and groups so small that a few hundred players split and merge them all the time."""
    monkeypatch.setattr(StoredBoard, "segment_keys", 8)
    monkeypatch.setattr(StoredBoard, "group_segments", 4)


@pytest.fixture
def stored(small: None) -> Iterator[StoredBoard]:
    del small
    board = StoredBoard(descending=True)
    yield board
    board._check()


def place(stored: StoredBoard, player: int, score: float) -> None:
    stored.place(f"p{player}", "", score_prefix(score, descending=True), best_only=False)


# ---------------------------------------------------------------------- keys


@given(scores, scores, st.booleans())
def test_prefixes_sort_as_the_scores_rank(one: float, other: float, descending: bool) -> None:  # noqa: FBT001
    better = one > other if descending else one < other
    assert (score_prefix(one, descending=descending) < score_prefix(other, descending=descending)) is better


@given(scores, st.booleans())
def test_a_prefix_gives_the_score_back_with_its_type(score: float, descending: bool) -> None:  # noqa: FBT001
    back = score_of(score_prefix(score, descending=descending) + bytes(6), descending=descending)
    assert (back, type(back)) == (score, type(score))


@pytest.mark.parametrize("descending", [True, False])
def test_infinite_bounds_enclose_every_score(*, descending: bool) -> None:
    best, worst = (inf, -inf) if descending else (-inf, inf)
    for score in EXTREMES:
        prefix = score_prefix(score, descending=descending)
        assert score_prefix(best, descending=descending) < prefix < score_prefix(worst, descending=descending)


def test_a_tie_counts_its_places_across_bytes() -> None:
    prefix = score_prefix(7, descending=True)
    assert next_place(prefix + b"\0\0\0\0\0\xff") == prefix + b"\0\0\0\0\1\0"
    assert prefix + b"\0\0\0\0\1\0" < prefix + LAST_PLACE


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_names_come_back_from_their_bytes(player_id: str, username: str) -> None:
    assert unpack_names(pack_names(player_id, username)) == (player_id, username)


def test_names_of_the_longest_length_come_back() -> None:
    assert unpack_names(pack_names("é" * 64, "x" * 128)) == ("é" * 64, "x" * 128)


# ---------------------------------------------------------------------- order against the model


@pytest.mark.parametrize("order", ["descending", "ascending"])
@pytest.mark.parametrize("keep", ["last", "best"])
@pytest.mark.parametrize("distinct", [3, 60, 10_000])
@pytest.mark.usefixtures("small")
def test_random_operations_agree_with_the_model(order: Order, keep: Keep, distinct: int) -> None:
    random_ = random.Random(distinct)
    model = OracleBoard(order, keep)
    with ZODBMemoryLeaderboard(order=order, keep=keep, batch_size=40) as board:
        for step in range(600):
            player, score = f"p{random_.randrange(300)}", random_.choice([random_.randrange(distinct), *EXTREMES[:2]])
            match random_.randrange(12):
                case 0 | 1 | 2:
                    assert board.remove_player(player) == model.remove_player(player)
                case 3:
                    updates = [
                        (f"p{random_.randrange(300)}", f"n{step}", random_.randrange(distinct))
                        for _ in range(random_.randrange(90))
                    ]
                    board.update_scores(updates)
                    model.update_scores(updates)
                case 4:
                    assert board.increment_score(player, "n", score) == model.increment_score(player, "n", score)
                case _:
                    assert board.update_score(player, f"n{step}", score) == model.update_score(
                        player, f"n{step}", score
                    )
            assert board.get_entry(player) == model.get_entry(player)
            if step % 50 == 0:
                board._check()
                low, high = sorted(random_.choices([-inf, inf, 0, 2, distinct // 2], k=2))
                assert list(board) == list(model)
                assert board.get_by_score(low, high) == model.get_by_score(low, high)
                assert board.count_by_score(low, high) == model.count_by_score(low, high)
                assert board.get_around(player, 4) == model.get_around(player, 4)
                assert len(board) == len(model)
        board._check()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(-3, 3), st.booleans()), max_size=250), st.booleans())
def test_any_sequence_of_moves_keeps_the_invariants(moves: list[tuple[int, int, bool]], descending: bool) -> None:  # noqa: FBT001
    model = OracleBoard("descending" if descending else "ascending", "last")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoredBoard, "segment_keys", 4)
        patch.setattr(StoredBoard, "group_segments", 3)
        board = StoredBoard(descending=descending)
        for player, score, leaves in moves:
            if leaves:
                assert board.remove(f"p{player}") == model.remove_player(f"p{player}")
            else:
                key = board.place(f"p{player}", "", score_prefix(score, descending=descending), best_only=False)
                assert board.position(key) + 1 == model.update_score(f"p{player}", "", score)
        board._check()
        assert [unpack_names(names)[0] for _, names in board.items_from(0)] == [e.player_id for e in model]


# ---------------------------------------------------------------------- structure


def test_every_position_is_found_again(stored: StoredBoard) -> None:
    for player in random.Random(3).sample(range(500), 500):
        place(stored, player, player // 3)
    assert len(stored.directory.starts) > 10
    for position in range(500):
        key, names = next(stored.items_from(position))
        assert stored.position(key) == position
        assert stored.players[unpack_names(names)[0]] == key
    assert list(stored.items_from(500)) == []


def test_scores_that_only_rise_leave_no_empty_segments_behind(stored: StoredBoard) -> None:
    for season in range(30):
        for player in range(60):
            place(stored, player, season * 1000 + player)
    segments = sum(len(bounds.starts) for bounds in stored.directory.bounds)
    assert segments <= 60 / 8 * 6
    assert len(stored.directory.starts) <= segments


def test_scores_that_only_fall_leave_no_empty_segments_behind(stored: StoredBoard) -> None:
    for season in range(30):
        for player in range(60):
            place(stored, player, -season * 1000 - player)
    segments = sum(len(bounds.starts) for bounds in stored.directory.bounds)
    assert segments <= 60 / 8 * 6


@pytest.mark.parametrize("seed", range(4))
def test_a_board_that_empties_shrinks_to_one_group(seed: int, stored: StoredBoard) -> None:
    players = list(range(400))
    for player in players:
        place(stored, player, player)
    random.Random(seed).shuffle(players)
    for at, player in enumerate(players):
        stored.remove(f"p{player}")
        if at % 40 == 0:
            stored._check()
    assert stored.count() == 0
    assert len(stored.directory.starts) <= 3


def test_clearing_replaces_everything(stored: StoredBoard) -> None:
    for player in range(100):
        place(stored, player, player)
    old = list(stored.directory.counts)
    numbers = [counts.structure for counts in old]
    stored.clear()
    assert stored.count() == 0
    assert [counts.structure for counts in old] == [number + 1 for number in numbers]


# ---------------------------------------------------------------------- building


@pytest.mark.parametrize("size", [0, 1, 12, 13, 100, 12 * 48, 12 * 48 + 1, 30_000])
@pytest.mark.parametrize("kind", [Ranking, OOBTree])
def test_a_built_tree_is_a_sound_btree(size: int, kind: type[OOBTree]) -> None:
    items = [(struct.pack(">Q", number), b"x") for number in range(size)]
    tree = build_tree(kind, items)
    tree._check()
    if kind is OOBTree:
        check_tree(tree)  # which knows only the classes of BTrees itself
    assert list(tree.items()) == items
    for key, _ in items[:: max(1, size // 50)]:
        assert tree[key] == b"x"
        del tree[key]
        tree[key + b"!"] = b"y"
    tree._check()
    assert len(tree) == size


@pytest.mark.parametrize("size", [0, 1, 5, 6, 7, 18, 19, 1000])
def test_a_built_directory_counts_every_key(size: int) -> None:
    keys = [number.to_bytes(KEY_BYTES, "big") for number in range(1, size + 1)]
    directory = build_directory(keys, 8, 4)
    assert sum(counts.total for counts in directory.counts) == size
    assert all(len(b.starts) == len(c.values) for b, c in zip(directory.bounds, directory.counts, strict=True))


# ---------------------------------------------------------------------- records


def test_counts_of_two_movers_add_up() -> None:
    merged = Counts([])._p_resolveConflict(
        Counts([5, 9, 400]).__getstate__(), Counts([4, 10, 400]).__getstate__(), Counts([5, 8, 401]).__getstate__()
    )
    assert merged == Counts([4, 9, 401]).__getstate__()


@pytest.mark.parametrize("changed", [1, 2])
def test_counts_refuse_to_merge_with_another_structure(changed: int) -> None:
    states = [Counts([5, 9]) for _ in range(3)]
    states[changed].restructure([9, 5])
    with pytest.raises(ConflictError):
        Counts([])._p_resolveConflict(*(counts.__getstate__() for counts in states))


def test_two_changes_of_one_structure_refuse_to_merge() -> None:
    states = [Counts([5, 9]) for _ in range(3)]
    states[1].restructure([5, 4, 5])
    states[2].restructure([2, 3, 9])
    with pytest.raises(ConflictError):
        Counts([])._p_resolveConflict(*(counts.__getstate__() for counts in states))


def test_records_come_back_from_their_state() -> None:
    bounds, counts = Bounds([]), Counts([])
    bounds.__setstate__(Bounds([bytes(14), b"a" * 14]).__getstate__())
    counts.__setstate__(Counts([3, 512]).__getstate__())
    assert (bounds.starts, counts.values, counts.total) == ([bytes(14), b"a" * 14], [3, 512], 515)
