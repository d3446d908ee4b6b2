"""Boards do not share, and what a board returns or was given is not what it holds."""

from __future__ import annotations

import pytest

from ...model import Entry, Score
from ...protocol import LeaderboardBackend
from ..subject import unique_name
from .foundation import ALL_RULES, ConformancePart, OpenBoard, assert_same, fill, ids


class IsolationPart(ConformancePart):
    """What must not touch what."""

    def test_two_boards_do_not_share_players(self, open_board: OpenBoard) -> None:
        first, second = open_board(), open_board()
        fill(first, [("ada", "first", 1), ("bob", "first", 2)])
        fill(second, [("ada", "second", 9)])
        assert ids(first) == ["bob", "ada"]
        assert_same(list(second), [Entry(1, "ada", "second", 9)])
        assert (len(first), len(second)) == (2, 1)

    def test_removing_and_clearing_touch_one_board_only(self, open_board: OpenBoard) -> None:
        first, second = open_board(), open_board()
        for board in (first, second):
            fill(board, [("ada", "", 1), ("bob", "", 2)])
        first.remove_player("ada")
        assert ids(second) == ["bob", "ada"]
        second.clear()
        assert ids(first) == ["bob"]

    def test_boards_with_similar_names_do_not_share(self, open_board: OpenBoard) -> None:
        stem = unique_name()
        names = [
            stem,
            f"{stem}.",
            f"{stem}.a",
            f"{stem}-a",
            f"{stem}_a",
            f"{stem}.A",
            f"{stem}a",
            f"{stem}..",
            stem[:-1],
        ]
        names += [stem.ljust(64, "x"), stem.ljust(63, "x"), stem.ljust(64, "y"), f"{stem.ljust(63, 'x')}y"]
        boards = [open_board(name=name) for name in names]
        for number, board in enumerate(boards):
            board.update_score("ada", board.name, number)
        assert [list(board) for board in boards] == [
            [Entry(1, "ada", name, number)] for number, name in enumerate(names)
        ]
        boards[0].clear()
        assert [len(board) for board in boards] == [0] + [1] * (len(boards) - 1)

    def test_boards_of_all_rules_live_side_by_side(self, open_board: OpenBoard) -> None:
        boards = {rules: open_board(rules) for rules in ALL_RULES}
        for board in boards.values():
            fill(board, [("a", "", 5), ("b", "", 6), ("a", "", 7), ("a", "", 4)])
        assert [[entry.score for entry in boards[rules]] for rules in ALL_RULES] == [[6, 4], [7, 6], [4, 6], [4, 6]]

    def test_lists_returned_are_the_callers_own(self, plain_board: LeaderboardBackend) -> None:
        fill(plain_board, [("a", "", 3), ("b", "", 2), ("c", "", 1)])
        before = list(plain_board)
        for _ in range(2):
            for returned in (
                plain_board.get_top_n(),
                plain_board.get_range(1, 3),
                plain_board.get_around("b"),
                plain_board.get_by_score(0, 9),
                plain_board.get_entries(["a", "b", "c"]),
            ):
                assert_same(returned, before)
                returned.reverse()
                returned.clear()
        assert_same(list(plain_board), before)

    def test_a_list_returned_does_not_change_with_the_board(self, plain_board: LeaderboardBackend) -> None:
        fill(plain_board, [("a", "", 3), ("b", "", 2)])
        returned = plain_board.get_top_n()
        plain_board.update_score("b", "renamed", 9)
        plain_board.remove_player("a")
        assert_same(returned, [Entry(1, "a", "", 3), Entry(2, "b", "", 2)])

    def test_input_may_be_changed_after_the_call(self, plain_board: LeaderboardBackend) -> None:
        update: list[str | Score] = ["a", "A", 3]
        updates = [update]
        plain_board.update_scores(updates)  # type: ignore[arg-type]  # a list serves as a tuple does
        update[2] = 99
        updates.clear()
        assert_same(list(plain_board), [Entry(1, "a", "A", 3)])

    def test_the_input_of_a_batch_stays_the_callers_own(self, plain_board: LeaderboardBackend) -> None:
        updates = [("zoe", "Z", 2), ("abe", "A", 3), ("zoe", "Z", 1)]
        asked = ["zoe", "nobody", "abe"]
        assert plain_board.update_scores(updates) == 3
        plain_board.get_entries(asked)
        assert updates == [("zoe", "Z", 2), ("abe", "A", 3), ("zoe", "Z", 1)]
        assert asked == ["zoe", "nobody", "abe"]

    def test_an_entry_is_immutable(self, plain_board: LeaderboardBackend) -> None:
        fill(plain_board, [("a", "A", 3)])
        entries = [plain_board.get_entry("a"), *plain_board.get_top_n(), plain_board.increment_score("a", "A", 0)]
        for entry in entries:
            assert type(entry) is Entry
            with pytest.raises(AttributeError):
                entry.score = 4  # type: ignore[misc]  # that it cannot be assigned is the point
