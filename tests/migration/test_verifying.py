"""A verification finds each player who differs, and no other; a repair leaves two boards that are the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import pytest

from leaderboard_backends import (
    BoardMismatchError,
    Entry,
    InvalidArgumentError,
    LeaderboardBackend,
    Order,
    open_leaderboard,
)
from leaderboard_backends.capabilities import StorageInfo
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.migration import Verification, copy_board, repair_board, repairing, verify_boards, verifying

from .boards import ODD, content, rows


@pytest.fixture
def boards() -> Iterator[tuple[LeaderboardBackend, LeaderboardBackend]]:
    """Two boards that are the same, with three long ties."""
    with open_leaderboard("memory://a") as a, open_leaderboard("naive://b") as b:
        a.update_scores([*rows(4_000, 3), *ODD])
        copy_board(a, b)
        yield a, b


def kinds(found: Verification) -> dict[str, str]:
    return {each.player_id: each.kind for each in found.differences}


# ---------------------------------------------------------------------- what differs


def test_the_same_boards_have_one_checksum_and_no_difference(
    boards: tuple[LeaderboardBackend, LeaderboardBackend],
) -> None:
    found = verify_boards(*boards)
    assert (found.equal, found.complete, found.at_rest, found.differences) == (True, True, True, ())
    assert found.players_a == found.players_b == 4_000 + len(ODD)
    assert found.checksum_a == found.checksum_b


def test_one_missing_player_is_one_difference_although_all_others_have_another_rank(
    boards: tuple[LeaderboardBackend, LeaderboardBackend],
) -> None:
    a, b = boards
    first = a.get_top_n(1)[0]
    b.remove_player(first.player_id)
    found = verify_boards(a, b)
    assert [tuple(each) for each in found.differences] == [("only in A", first.player_id, first, None)]
    assert found.checksum_a != found.checksum_b
    assert [each.kind for each in verify_boards(b, a).differences] == ["only in B"]


def test_only_players_are_asked_for_that_the_pages_do_not_show(
    boards: tuple[LeaderboardBackend, LeaderboardBackend],
) -> None:
    """One missing player moves all others by a rank: each page of one board has one player whom the other's lacks."""
    a, b = boards
    b.remove_player(a.get_top_n(1)[0].player_id)
    asked: list[str] = []

    class Counted(DelegatingLeaderboard):
        def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
            asked.extend(player_ids)
            return super()._get_entries(player_ids)

    verify_boards(Counted(a), Counted(b))
    assert len(asked) < 50


def test_players_far_from_their_place_in_a_tie_are_out_of_order_and_no_others(
    boards: tuple[LeaderboardBackend, LeaderboardBackend],
) -> None:
    a, b = boards
    tie = b.get_by_score(2, 2)
    moved = [tie[3], tie[4], tie[700]]
    for entry in moved:
        b.remove_player(entry.player_id)
        b.update_score(*entry[1:])
    found = verify_boards(a, b)
    assert kinds(found) == dict.fromkeys((entry.player_id for entry in moved), "order")


def change(board: LeaderboardBackend, chance: random.Random, players: int) -> None:
    player = f"player-{chance.randrange(2 * players + 1)}"
    entry = board.get_entry(player)
    if entry is None or chance.random() < 0.2:
        board.update_score(player, chance.choice("xyz"), chance.randrange(4))
    elif chance.random() < 0.4:
        board.remove_player(player)
    elif chance.random() < 0.4:
        board.update_score(player, f"{entry.username}!", entry.score)
    else:
        board.remove_player(player)
        board.update_score(*entry[1:])


def expected_kind(a: Entry | None, b: Entry | None) -> str | None:
    if a is None or b is None:
        return "only in B" if a is None else "only in A"
    if a.score != b.score:
        return "score"
    return "username" if a.username != b.username else None


@pytest.mark.parametrize("page", [2, 7, 50])
@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_whatever_differs_is_found_once_and_repaired(monkeypatch: pytest.MonkeyPatch, page: int, order: Order) -> None:
    """Pages of a few entries, so that small boards have many; what each player should be is compared with dicts."""
    for module in (verifying, repairing):
        monkeypatch.setattr(module, "PAGE_SIZE", page)
    monkeypatch.setattr(verifying, "_AHEAD", page // 2)
    monkeypatch.setattr(repairing, "PAIRS", max(1, page // 2))
    for seed in range(60):
        chance = random.Random(seed)
        players = chance.choice([0, 1, 5, 30, 120])
        with open_leaderboard("memory://a", order=order) as a, open_leaderboard("memory://b", order=order) as b:
            a.update_scores(rows(players, chance.choice([1, 2, 1000]), seed))
            b.update_scores([entry[1:] for entry in a])
            for _ in range(chance.choice([0, 1, 2, 40])):
                change(chance.choice([a, b]), chance, players)
            found = verify_boards(a, b)
            assert found.equal == (content(a) == content(b)) == (found.checksum_a == found.checksum_b), seed
            here, there = ({entry.player_id: entry for entry in board} for board in (a, b))
            told = kinds(found)
            for player in here.keys() | there.keys():
                expected = expected_kind(here.get(player), there.get(player))
                allowed = {expected, "order"} if expected in (None, "username") else {expected}
                assert told.get(player) in allowed, seed
            assert all(
                (each.a, each.b) == (here.get(each.player_id), there.get(each.player_id)) for each in found.differences
            )
            repair_board(a, b, found, remove=True)
            assert content(a) == content(b), seed


def test_boards_with_too_many_differences_are_not_compared_to_the_end() -> None:
    reads = list[int]()
    with open_leaderboard("memory://a") as a, open_leaderboard("memory://b") as b:
        a.update_scores(rows(20_000, 1, seed=1))
        b.update_scores(rows(20_000, 1, seed=2))
        found = verify_boards(a, b, most=100, hear=reads.append)
        assert (found.equal, found.complete, len(found.differences)) == (False, False, 100)
        assert found.players_a <= 2_000
        with pytest.raises(BoardMismatchError, match="more than 100 players: clear B and copy A again"):
            repair_board(a, b, found)


def test_boards_of_different_order_are_not_compared() -> None:
    with (
        open_leaderboard("memory://a") as a,
        open_leaderboard("memory://b", order="ascending") as b,
        pytest.raises(BoardMismatchError, match="A is descending and B ascending"),
    ):
        verify_boards(a, b)


class InFiles(DelegatingLeaderboard):
    """A board that says that it is in these files."""

    def __init__(self, inner: LeaderboardBackend, *files: Path) -> None:
        super().__init__(inner)
        self._paths = files

    def _storage_info(self) -> StorageInfo:
        return StorageInfo("files", self._paths)


def test_a_copy_whose_files_are_not_all_there_is_another_board(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    (tmp_path / "two").touch()
    with open_leaderboard("memory://a") as board:
        one = InFiles(board, tmp_path / "log-of-one", tmp_path / "one")
        two = InFiles(board, tmp_path / "log-of-two", tmp_path / "two")
        assert verify_boards(one, two).one_history
        with pytest.raises(InvalidArgumentError, match="A and B are one board"):
            verify_boards(one, InFiles(board, tmp_path / "log-of-two", tmp_path / "one"))


# ---------------------------------------------------------------------- beside writers


class Follower(DelegatingLeaderboard):
    """A copy that follows its source, and is behind until `catch_up`."""

    def __init__(self, inner: LeaderboardBackend, source: LeaderboardBackend) -> None:
        super().__init__(inner)
        self._source = source
        self._seen = source.get_version()

    def catch_up(self) -> None:
        for each in self._source.get_changes(self._seen).changes:
            assert each.player_id is not None
            if each.score is None:
                self.inner.remove_player(each.player_id)
            else:
                self.inner.update_score(each.player_id, each.username, each.score)
            self._seen = self._seen._replace(number=each.number)


def test_differences_that_a_copy_catches_up_with_are_gone_when_asked_for_again() -> None:
    with open_leaderboard("memory://a", feed=10_000) as a, open_leaderboard("memory://b") as inner:
        a.update_scores(rows(3_000, 3))
        copy_board(a, inner)
        b = Follower(inner, a)
        a.update_scores([(f"player-{number}", "", 2) for number in range(50)])
        a.remove_player("player-99")
        found = verify_boards(
            a, b, hear=lambda read: a.update_score("player-98", "", read), pause=lambda _: b.catch_up()
        )
        assert (found.equal, found.at_rest) == (True, False)
        assert found.settled >= 50


def test_a_difference_that_stays_is_told_beside_writers() -> None:
    """A thread writes to both boards all the time; two players are not what they should be, and nobody else is."""
    ended = Event()
    with ExitStack() as stack:
        a, b = (stack.enter_context(open_leaderboard(f"memory://{name}")) for name in "ab")
        a.update_scores(rows(6_000, 50))
        copy_board(a, b)
        b.remove_player("player-17")
        b.update_score("player-18", "somebody else", b.get_score("player-18") or 0)

        def write() -> None:
            chance = random.Random(5)
            while not ended.is_set():
                row = (f"player-{chance.randrange(100, 6_000)}", "", chance.randrange(50))
                a.update_score(*row)
                b.update_score(*row)

        writer = Thread(target=write)
        writer.start()
        try:
            found = verify_boards(a, b, wait=0.5)
        finally:
            ended.set()
            writer.join()
        told = kinds(found)
        assert (told["player-17"], told["player-18"], found.at_rest) == ("only in A", "username", False)
        assert len(found.differences) < 10  # at most one or two are between their two writes


# ---------------------------------------------------------------------- repair


def test_a_repair_writes_the_rest_of_a_tie_and_leaves_who_is_only_in_b(
    boards: tuple[LeaderboardBackend, LeaderboardBackend],
) -> None:
    a, b = boards
    tie = a.get_by_score(1, 1)
    b.remove_player(tie[-1_200].player_id)
    b.update_score("stranger", "", 99)
    with open_leaderboard("memory://c") as empty, open_leaderboard("memory://d") as other:
        assert repair_board(empty, other, verify_boards(empty, other)) == (0, 0, 0, 0)
        with pytest.raises(InvalidArgumentError, match="A and B are one board"):
            verify_boards(other, DelegatingLeaderboard(other))
    done = repair_board(a, b, verify_boards(a, b))
    assert done == (1, 1_199, 0, 1)
    assert kinds(verify_boards(a, b)) == {"stranger": "only in B"}
    assert repair_board(a, b, verify_boards(a, b), remove=True) == (0, 0, 1, 0)
    assert content(a) == content(b)


def test_no_reader_misses_a_player_while_a_tie_is_repaired(
    boards: tuple[LeaderboardBackend, LeaderboardBackend],
) -> None:
    a, inner = boards
    tie = a.get_by_score(1, 1)
    inner.remove_player(tie[0].player_id)

    class Checked(DelegatingLeaderboard):
        def _update_scores(self, updates: object) -> None:
            super()._update_scores(updates)  # type: ignore[arg-type]  # passed on as it came
            assert inner.get_score(tie[1].player_id) == inner.get_score(tie[-1].player_id) == 1

    repair_board(a, Checked(inner), verify_boards(a, inner))
    assert content(a) == content(inner)


class Versionless(DelegatingLeaderboard):
    """A board that does not tell whether it was written, so that what differs is asked for again."""

    def __init__(self, inner: LeaderboardBackend) -> None:
        super().__init__(inner)
        self.capabilities = DelegatingLeaderboard.capabilities  # no feed among them


def test_who_is_out_of_order_under_another_name_is_so_when_asked_for_again() -> None:
    with open_leaderboard("memory://a") as a, open_leaderboard("memory://b") as b:
        a.update_scores([("first", "", 1), ("second", "", 1), ("third", "", 1)])
        b.update_scores([("second", "", 1), ("third", "", 1), ("first", "renamed", 1)])
        found = verify_boards(Versionless(a), Versionless(b), wait=0)
        assert (kinds(found), found.at_rest) == ({"first": "order"}, None)
        repair_board(a, b, found)
        assert content(a) == content(b)


def test_a_board_that_keeps_the_best_is_not_repaired() -> None:
    with (
        open_leaderboard("memory://a") as a,
        open_leaderboard("memory://b", keep="best") as b,
        pytest.raises(InvalidArgumentError, match="open it with keep=last"),
    ):
        repair_board(a, b, verify_boards(a, b))


def test_most_is_at_least_1(boards: tuple[LeaderboardBackend, LeaderboardBackend]) -> None:
    with pytest.raises(InvalidArgumentError, match="most must be at least 1"):
        verify_boards(*boards, most=0)
