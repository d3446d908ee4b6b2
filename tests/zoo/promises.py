"""Bugs in what a backend declares, and in what outlives a board object."""

from __future__ import annotations

from dataclasses import asdict
from time import sleep
from types import SimpleNamespace
from typing import Any

from leaderboard_backends import Capabilities, Entry, Keep, Order, Score
from leaderboard_backends.backends.naive import _Standing
from leaderboard_backends.model import add_scores
from leaderboard_backends.score_limits import limits_wanted

from .bases import PlainBoard, Storage, StoredBoard
from .registry import killed_by

AS_DECLARED = "test_an_operation_works_or_refuses_as_declared[get_around]"
DECLARED = "test_the_capabilities_are_declared"
LIMITS = "test_a_write_keeps_its_limits_or_changes_nothing"
TOGETHER = "test_writers_at_once_never_pass_a_limit_together"
ANOTHER = "test_another_object_on_a_shared_or_durable_board_finds_its_data"
TWO = "test_two_objects_on_one_shared_board_see_each_others_writes"
OWN_ORDER = "test_a_board_that_is_there_opens_in_its_own_order_only"


@killed_by("capabilities", AS_DECLARED)
class RefusesMore(PlainBoard):
    """An operation is refused, and nothing says so beforehand."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        self._unsupported("get_around", f"no {radius} neighbours of {player_id} can be found.")


@killed_by("capabilities", AS_DECLARED)
class DeclaresMore(PlainBoard):
    """An operation that is declared unsupported answers."""

    capabilities = Capabilities(durable=False, shared=False, lives_in="process", unsupported=frozenset({"get_around"}))


@killed_by("capabilities", AS_DECLARED)
class RefusesInSilence(PlainBoard):
    """An operation that is declared unsupported returns an empty list."""

    capabilities = Capabilities(durable=False, shared=False, lives_in="process", unsupported=frozenset({"get_around"}))

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        del player_id, radius
        return []


@killed_by("capabilities", AS_DECLARED)
class RefusesWithoutAName(PlainBoard):
    """The refusal of an operation does not say which one is refused."""

    capabilities = Capabilities(durable=False, shared=False, lives_in="process", unsupported=frozenset({"get_around"}))

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        self._unsupported("that", f"{player_id} and {radius} are of no use here.")


class LimitedBoard(PlainBoard):
    """A board that declares limits."""

    capabilities = Capabilities(durable=False, shared=False, lives_in="process", limits=True)


@killed_by("capabilities", LIMITS)
class LimitsOfUpdatesAlone(LimitedBoard):
    """A sum passes the limits that the board says it checks: increments do not look at them."""


@killed_by("capabilities", LIMITS)
class LimitsSeenTooLate(LimitedBoard):
    """A write that breaks a limit is refused once it is stored."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            before = self._standing(player_id)
            self._store(player_id, username, score)
            if limits := limits_wanted():
                limits.check(before, score, None, self._order, self._keep)
            return self._rank(player_id)


@killed_by("capabilities", TOGETHER)
class LimitsCheckedBeforeTheLock(LimitedBoard):
    """The limits are held against a score that another thread changes before the write."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        with self._lock:
            standing = self._standing(player_id)
        self._check_limits(player_id, add_scores(standing or 0, delta), delta)
        sleep(0.0005)
        return super()._increment_score(player_id, username, delta)


@killed_by("capabilities", DECLARED)
class Undeclared(PlainBoard):
    """The capabilities are any object that has the attributes, not a declaration."""

    capabilities: Any = SimpleNamespace(**asdict(Capabilities(durable=False, shared=False, lives_in="process")))


@killed_by("capabilities", DECLARED)
class DeclaresTheUnknown(PlainBoard):
    """An operation is declared unsupported under a name that the contract does not have."""

    capabilities = Capabilities(
        durable=False, shared=False, lives_in="process", unsupported=frozenset({"get_neighbours"})
    )


@killed_by("capabilities", DECLARED)
class ConsistentInItsOwnWords(PlainBoard):
    """The board declares a level of consistency that the contract does not have."""

    capabilities = Capabilities(
        durable=False,
        shared=False,
        consistency="sharded",  # type: ignore[arg-type]  # the mistake itself
        lives_in="process",
    )


@killed_by("capabilities", DECLARED)
class SaysNothingOfFailures(PlainBoard):
    """Nothing says what failure the data survives."""

    capabilities = Capabilities(durable=False, shared=False, lives_in="process", survives="")


@killed_by("capabilities", TWO)
class SharedInName(PlainBoard):
    """A board that says it is shared is each object's own."""

    capabilities = Capabilities(durable=False, shared=True, lives_in="process", survives="nothing")


@killed_by("capabilities", ANOTHER)
class DurableInName(PlainBoard):
    """A board that says it is durable is empty when opened again."""

    capabilities = Capabilities(durable=True, shared=False, lives_in="process", survives="a crash, it says")


@killed_by("capabilities", ANOTHER)
class CountsAnew(StoredBoard):
    """Each object numbers its updates from 1: after reopening, a late player overtakes a tie."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        PlainBoard._store(self, player_id, username, score)


@killed_by("capabilities", OWN_ORDER)
class OpensInAnyOrder(StoredBoard):
    """A board with the highest score first may be opened with the lowest first."""

    def _open(self) -> Storage:
        return self._stored_boards.setdefault(self._name, Storage(self._order, self._keep))


@killed_by("capabilities", "test_the_keep_rule_is_the_board_objects_own")
class KeepOfTheFirstObject(StoredBoard):
    """A stored board keeps the rule with which it was first opened."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._keep = self._shared.keep


@killed_by("capabilities", ANOTHER)
class OpeningEmpties(StoredBoard):
    """Opening a board anew empties it."""

    def _open(self) -> Storage:
        found = super()._open()
        found.players.clear()
        return found


class _LoadingBoard(StoredBoard):
    """Puts what it finds when it is opened through a form of its own."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        loaded = {player_id: self._loaded(standing) for player_id, standing in self._players.items()}
        self._players.update(loaded)

    def _loaded(self, standing: _Standing) -> _Standing:
        return standing


@killed_by("capabilities", ANOTHER)
class ScoresReopenAsFloats(_LoadingBoard):
    """Scores are floats once a board is opened again."""

    def _loaded(self, standing: _Standing) -> _Standing:
        return standing._replace(score=float(standing.score))


@killed_by("capabilities", ANOTHER)
class UsernamesAreNotStored(_LoadingBoard):
    """Usernames are lost when a board is opened again."""

    def _loaded(self, standing: _Standing) -> _Standing:
        return standing._replace(username="")


@killed_by("capabilities", ANOTHER)
class TiesAreNotStored(_LoadingBoard):
    """Once a board is opened again, ties stand in the order of their ids."""

    def _loaded(self, standing: _Standing) -> _Standing:
        return standing._replace(reached=0)

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return self._merit(player_id), self._players[player_id].reached, player_id


class _Diverging(StoredBoard):
    """Works on a copy of its own, and passes on what it does not forget."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._players = dict(self._shared.players)


@killed_by("capabilities", ANOTHER)
class RemovalIsNotStored(_Diverging):
    """A player who was removed is back once the board is opened again."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        self._shared.players[player_id] = self._players[player_id]

    def _clear(self) -> None:
        super()._clear()
        self._shared.players.clear()


@killed_by("capabilities", ANOTHER)
class IncrementsAreNotStored(_Diverging):
    """Increments are lost when a board is opened again."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        rank = super()._update_score(player_id, username, score)
        self._shared.players[player_id] = self._players[player_id]
        return rank

    def _remove_player(self, player_id: str) -> bool:
        self._shared.players.pop(player_id, None)
        return super()._remove_player(player_id)


@killed_by("capabilities", TWO)
class ReadsWhatItWrote(_Diverging):
    """A second object does not see what the first one wrote after it was opened."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        self._shared.players[player_id] = self._players[player_id]

    def _remove_player(self, player_id: str) -> bool:
        self._shared.players.pop(player_id, None)
        return super()._remove_player(player_id)

    def _clear(self) -> None:
        super()._clear()
        self._shared.players.clear()


@killed_by("capabilities", TWO)
class ClosingLosesTheBoard(StoredBoard):
    """When one object is closed, the players are gone for the others."""

    def _close(self) -> None:
        self._shared.players.clear()


@killed_by("life", "test_what_a_closed_board_refuses_is_not_written")
class WritesThoughItRefuses(StoredBoard):
    """A closed board refuses an update, and has stored it."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        rank = self._update_score(player_id, username, score)
        return super().update_score(player_id, username, score) if self._closed else rank
