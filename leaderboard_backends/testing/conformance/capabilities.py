"""What a backend declares works, and what it does not declare refuses."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, get_args

import pytest

from ...capabilities import Capabilities, Consistency, StorageInfo
from ...errors import BoardMismatchError, ScoreLimitError, UnsupportedOperationError
from ...model import Entry, Score
from ...protocol import LeaderboardBackend
from ...score_limits import ScoreLimits, within
from ..oracle import OracleBoard
from ..subject import unique_name
from .foundation import (
    ALL_RULES,
    OPERATIONS,
    ConformancePart,
    OpenBoard,
    Rules,
    assert_follows,
    assert_same,
    each,
    fill,
    soon,
)
from .threads import run_together

CORE: Final = {"update_score", "get_score", "get_rank", "get_entry", "get_top_n", "count", "contains", "ping"} | {
    "__len__",
    "__contains__",
}
"""The operations that no backend may declare unsupported."""

READS: Final = OPERATIONS.keys() - {"update_score", "increment_score", "update_scores", "remove_player", "clear"}


class CapabilitiesPart(ConformancePart):
    """The promises of `capabilities`, both ways."""

    def test_the_capabilities_are_declared(self, plain_board: LeaderboardBackend) -> None:
        declared = plain_board.capabilities
        assert isinstance(declared, Capabilities)
        assert isinstance(type(plain_board).capabilities, Capabilities)
        assert declared.unsupported <= set(OPERATIONS), "unsupported names operations that the contract does not have"
        assert not declared.unsupported & CORE, "every board needs these operations; without them nothing can be tested"
        assert declared.consistency in get_args(Consistency), "the contract has no such level of consistency"
        assert declared.survives

    def test_where_the_data_is_agrees_with_what_is_promised(self, plain_board: LeaderboardBackend) -> None:
        declared = plain_board.capabilities
        plain_board.update_score("mia", "Mia", 5)
        info = plain_board.storage_info()
        assert isinstance(info, StorageInfo)
        assert info.kind == declared.lives_in
        if info.kind == "process":
            assert (declared.durable, declared.shared) == (False, False)
            assert {info.process_crash.amount, info.server_crash.amount, info.machine_crash.amount} == {"nothing"}
        elif declared.durable:
            assert info.process_crash.amount != "nothing"
        assert (info.kind == "files") == bool(info.files)
        assert not info.files or info.files[0].exists(), "the first file holds the data"
        assert (info.kind == "server") == bool(info.server)
        assert "@" not in info.server, "the server's address contains a user or a password"

    def test_a_write_keeps_its_limits_or_changes_nothing(self, open_board: OpenBoard) -> None:
        board = open_board()
        if not board.capabilities.limits:
            return
        limits, left_out = ScoreLimits(-10, 15, 5), board.capabilities.unsupported
        within(limits, board.update_score, "mia", "Mia", 5)
        within(limits, board.update_score, "mia", "Mia", 10)
        before = list(board)
        too_much: list[tuple[str, Score | None, Callable[[], object]]] = [
            ("update_score", 10, lambda: within(limits, board.update_score, "mia", "other", 16)),
            ("update_score", 10, lambda: within(limits, board.update_score, "mia", "other", 4)),
            ("update_score", None, lambda: within(limits, board.update_score, "zoe", "other", 6)),
            ("increment_score", 10, lambda: within(limits, board.increment_score, "mia", "other", 5.5)),
            ("increment_score", None, lambda: within(limits, board.increment_score, "zoe", "other", -6)),
            ("update_scores", 5, lambda: within(limits, board.update_scores, [("zoe", "", 5), ("zoe", "", -1)])),
        ]
        for operation, standing, write in too_much:
            if operation not in left_out:
                with pytest.raises(ScoreLimitError) as refused:
                    write()
                assert_same((refused.value.standing, list(board)), (standing, before))
        assert board.update_score("mia", "Mia", 1000) == 1

    def test_writers_at_once_never_pass_a_limit_together(self, open_board: OpenBoard) -> None:
        board = open_board()
        if not board.capabilities.limits or "increment_score" in board.capabilities.unsupported:
            return
        limits, refused = ScoreLimits(highest=self.rounds), []

        def climb() -> None:
            for _ in range(self.rounds):
                try:
                    within(limits, board.increment_score, "mia", "Mia", 1)
                except ScoreLimitError:
                    refused.append(1)

        run_together(climb, climb)
        assert_same((board.get_score("mia"), len(refused)), (self.rounds, self.rounds))

    def test_a_deleted_board_is_gone_and_can_be_made_anew(self, open_board: OpenBoard, rules: Rules) -> None:
        name = unique_name()
        board = self.make(name=name, order=rules.order, keep=rules.keep)
        board.update_score("mia", "Mia", 5)
        board.delete()
        assert board.closed
        other = ALL_RULES[-1 - ALL_RULES.index(rules)]
        again = open_board(other, name)
        assert_same((list(again), again.update_score("zoe", "Zoe", 1)), ([], 1))

    def test_no_write_to_a_deleted_board_is_acknowledged_and_lost(self, open_board: OpenBoard) -> None:
        name = unique_name()
        first = self.make(name=name, order=ALL_RULES[0].order, keep=ALL_RULES[0].keep)
        second = open_board(name=name) if first.capabilities.shared else None
        first.update_score("mia", "Mia", 5)
        first.delete()
        if second is None:
            return
        try:
            second.update_score("zoe", "Zoe", 1)
        except BoardMismatchError:
            return
        assert_same([list(second), list(open_board(name=name))], [[Entry(1, "zoe", "Zoe", 1)]] * 2)

    def test_a_deleted_board_is_made_anew_by_no_call_but_a_write(self, open_board: OpenBoard, rules: Rules) -> None:
        name = unique_name()
        first = self.make(name=name, order=rules.order, keep=rules.keep)
        held = open_board(rules, name) if first.capabilities.shared else None
        first.update_score("mia", "Mia", 5)
        first.delete()
        if held is None:
            return
        for operation in sorted({*READS, "remove_player", "clear"} - held.capabilities.unsupported):
            with suppress(BoardMismatchError):
                OPERATIONS[operation](held)
        if held.capabilities.fence:
            _went_through(held.lift_fence)
        if held.capabilities.limits:
            with suppress(BoardMismatchError, ScoreLimitError):
                within(ScoreLimits(highest=1), held.update_score, "mia", "Mia", 5)
        other = open_board(ALL_RULES[-1 - ALL_RULES.index(rules)], name)  # which no board in its place refuses
        assert_same(list(other), [])

    def test_an_object_on_a_deleted_board_says_so_or_follows_the_board_made_anew(self, open_board: OpenBoard) -> None:
        name = unique_name()
        first = self.make(name=name, order=ALL_RULES[0].order, keep=ALL_RULES[0].keep)
        held = open_board(name=name) if first.capabilities.shared else None
        first.update_score("mia", "Mia", 5)
        first.delete()
        if held is None:
            return
        fences = held.capabilities.fence
        fenced = fences and _went_through(held.fence, "elsewhere")
        anew = open_board(name=name)
        if fences:
            assert_same(anew.fenced(), "elsewhere" if fenced else None)
            anew.fence("elsewhere")
            lifted = _went_through(held.lift_fence)
            assert_same(anew.fenced(), None if lifted else "elsewhere")
            anew.lift_fence()
        anew.update_score("ada", "Ada", 1)

        def follows(operation: str) -> None:
            with suppress(BoardMismatchError):
                assert_same(OPERATIONS[operation](held), OPERATIONS[operation](anew))

        for operation in READS - held.capabilities.unsupported:
            soon(held, partial(follows, operation))

    @each(OPERATIONS)
    def test_an_operation_works_or_refuses_as_declared(self, plain_board: LeaderboardBackend, operation: str) -> None:
        if operation not in plain_board.capabilities.unsupported:
            OPERATIONS[operation](plain_board)
            return
        self._note("refused", operation)
        with pytest.raises(UnsupportedOperationError) as refused:
            OPERATIONS[operation](plain_board)
        assert operation.strip("_") in str(refused.value)

    def test_another_object_on_a_shared_or_durable_board_finds_its_data(
        self, board: LeaderboardBackend, oracle: OracleBoard
    ) -> None:
        for one in (board, oracle):
            fill(one, [("mia", "Mia", 5), ("zoe", "Zoe", 5.5), ("abe", "Abe", 5), ("gone", "", 6), ("zoe", "", 5)])
            one.increment_score("inc", "", 0.25)
            one.remove_player("gone")
        reopened = self.reopen(board)
        try:
            if not (board.capabilities.durable or board.capabilities.shared):
                assert_same(reopened.update_score("new", "", 1), len(reopened))
                return
            assert_follows(reopened, oracle)
            for one in (reopened, oracle):
                fill(one, [("late", "", 5), ("mia", "renamed", 5)])
            assert_follows(reopened, oracle)
        finally:
            self.dispose(reopened)

    def test_two_objects_on_one_shared_board_see_each_others_writes(
        self, open_board: OpenBoard, rules: Rules, oracle: OracleBoard
    ) -> None:
        name = unique_name()
        first = open_board(rules, name)
        if not first.capabilities.shared:
            assert first.update_score("ada", "", 1) == 1
            return
        second = open_board(rules, name)
        for one, other in ((first, second), (second, first)):
            for player in ("mia", "zoe", "abe"):
                assert one.update_score(player, "", 5) == oracle.update_score(player, "", 5)
                assert_follows(other, oracle)
            one.remove_player("zoe")
            oracle.remove_player("zoe")
        first.close()
        assert_same(second.update_score("late", "", 5), oracle.update_score("late", "", 5))
        assert_follows(second, oracle)

    def test_two_objects_on_one_shared_board_lose_no_increment(self, open_board: OpenBoard) -> None:
        name = unique_name()
        first = open_board(name=name)
        boards = [first, open_board(name=name) if first.capabilities.shared else first]
        powers = [2**exponent for exponent in range(40)]

        def add(board: LeaderboardBackend, mine: list[int]) -> None:
            for power in mine:
                board.increment_score("ada", "Ada", power)

        run_together(lambda: add(boards[0], powers[::2]), lambda: add(boards[1], powers[1::2]))

        def has_all(board: LeaderboardBackend) -> None:
            assert_same(board.get_score("ada"), sum(powers))

        for board in boards:
            soon(board, partial(has_all, board))

    def test_a_board_that_is_there_opens_in_its_own_order_only(self, open_board: OpenBoard, rules: Rules) -> None:
        name = unique_name()
        first = open_board(rules, name)
        fill(first, [("mia", "Mia", 5), ("zoe", "Zoe", 6)])
        before = list(first)
        if not (first.capabilities.durable or first.capabilities.shared):
            assert len(before) == 2
            return
        first.close()
        other = rules._replace(order="ascending" if rules.order == "descending" else "descending")
        with pytest.raises(BoardMismatchError), self.make(name=name, order=other.order, keep=other.keep) as board:
            board.update_score("abe", "", 5)
        assert_same(list(open_board(rules, name)), before)

    def test_the_keep_rule_is_the_board_objects_own(self, open_board: OpenBoard, rules: Rules) -> None:
        name = unique_name()
        first = open_board(rules, name)
        first.update_score("mia", "Mia", 5)
        if not (first.capabilities.durable or first.capabilities.shared):
            assert first.get_score("mia") == 5
            return
        first.close()
        other = rules._replace(keep="best" if rules.keep == "last" else "last")
        second = open_board(other, name)
        second.update_score("mia", "", rules.worse(5))
        assert second.get_score("mia") == (5 if other.keep == "best" else rules.worse(5))


def _went_through(call: Callable[..., None], *arguments: str) -> bool:
    """Make a call; returns whether it was acknowledged, not refused as on a deleted board."""
    try:
        call(*arguments)
    except BoardMismatchError:
        return False
    return True
