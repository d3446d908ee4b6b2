"""Bugs by which boards, callers and lists touch what is not theirs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from leaderboard_backends import Entry, Keep, Order, Score
from leaderboard_backends.backends.naive import _Standing

from .bases import CachingBoard, PlainBoard, StoredBoard
from .registry import killed_by

SIMILAR = "test_boards_with_similar_names_do_not_share"
OWN_LISTS = "test_lists_returned_are_the_callers_own"
CHANGES = "test_a_list_returned_does_not_change_with_the_board"
IMMUTABLE = "test_an_entry_is_immutable"


@killed_by("isolation", "test_two_boards_do_not_share_players")
class OnePlace(PlainBoard):
    """All boards are one: their players stand in an attribute of the class."""

    _place_of_all: ClassVar[dict[str, _Standing]] = {}

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._players = self._place_of_all

    def _clear(self) -> None:
        self._players.clear()


@killed_by("isolation", "test_removing_and_clearing_touch_one_board_only")
class ClearingClearsAll(StoredBoard):
    """`clear` empties every board of the storage, as FLUSHDB does."""

    def _clear(self) -> None:
        for stored in self._stored_boards.values():
            stored.players.clear()


@killed_by("isolation", SIMILAR)
class ClearingGoesByPrefix(StoredBoard):
    """`clear` empties the boards whose names start with this one's, too."""

    def _clear(self) -> None:
        for name, stored in self._stored_boards.items():
            if name.startswith(self._name):
                stored.players.clear()


@killed_by("isolation", "test_removing_and_clearing_touch_one_board_only")
class RemovalFromAllBoards(StoredBoard):
    """`remove_player` removes the player from every board of the storage."""

    def _remove_player(self, player_id: str) -> bool:
        found = [stored.players.pop(player_id, None) for stored in self._stored_boards.values()]
        return any(found)


@killed_by("isolation", SIMILAR)
class NamesFolded(StoredBoard):
    """Boards whose names differ in case alone are one board."""

    def _storage_name(self) -> str:
        return self._name.lower()


@killed_by("isolation", SIMILAR)
class NamesCut(StoredBoard):
    """Boards whose names differ after 20 letters are one board."""

    def _storage_name(self) -> str:
        return self._name[:20]


@killed_by("isolation", SIMILAR)
class LastLetterOfTheNameLost(StoredBoard):
    """Boards whose names differ in the 64th letter alone are one board."""

    def _storage_name(self) -> str:
        return self._name[:63]


@killed_by("isolation", SIMILAR)
class NamesAsIdentifiers(StoredBoard):
    """Boards `a.b`, `a-b` and `a_b` are one board: the name becomes that of a table."""

    def _storage_name(self) -> str:
        return self._name.replace(".", "_").replace("-", "_")


@killed_by("isolation", SIMILAR)
class NamesAsPaths(StoredBoard):
    """Boards `a` and `a.` are one board: trailing dots are lost, as in the names of some file systems."""

    def _storage_name(self) -> str:
        return self._name.rstrip(".")


@killed_by("isolation", "test_boards_of_all_rules_live_side_by_side")
class LastRulesForAll(PlainBoard):
    """All boards follow the order of the one that was opened last."""

    _order_of_all: ClassVar[list[Order]] = ["descending"]

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._order_of_all[:] = [order]

    def _merit(self, player_id: str) -> Score:
        score = self._players[player_id].score
        return -score if self._order_of_all == ["descending"] else score


@killed_by("isolation", OWN_LISTS)
class SharedList(CachingBoard):
    """Whoever empties a list of the top empties it for all."""

    def _get_top_n(self, n: int) -> list[Entry]:
        if n < self._count():
            return super()._get_top_n(n)
        super()._get_top_n(n)
        return self._cached if self._cached is not None else []


@killed_by("isolation", CHANGES)
class LiveList(PlainBoard):
    """A list of the top that was returned changes when the board does."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._live: list[Entry] = []

    def _get_top_n(self, n: int) -> list[Entry]:
        if n < self._count():
            return super()._get_top_n(n)
        self._live[:] = super()._get_top_n(n)
        return self._live

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        if self._live:
            self._live[:] = self._page(self._ids(), 1, len(self._players))


@killed_by("isolation", "test_input_may_be_changed_after_the_call")
class KeepsTheCallersRows(PlainBoard):
    """Changing a row of a batch after the call changes the score on the board."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._rows: dict[str, Any] = {}

    def update_scores(self, updates: Iterable[Any]) -> int:
        kept = list(updates)
        number = super().update_scores(kept)
        self._rows = {update[0]: update for update in kept if isinstance(update, list)}
        return number

    def _entry(self, rank: int, player_id: str) -> Entry:
        entry = super()._entry(rank, player_id)
        return entry._replace(score=self._rows[player_id][2]) if player_id in self._rows else entry


@killed_by("isolation", "test_the_input_of_a_batch_stays_the_callers_own")
class EmptiesTheCallersList(PlainBoard):
    """A list of updates is empty after the call: they are taken out of it one by one."""

    def update_scores(self, updates: Iterable[Any]) -> int:
        number = super().update_scores(updates)
        if isinstance(updates, list):
            updates.clear()
        return number


@killed_by("isolation", IMMUTABLE)
class TupleFromAnIncrement(PlainBoard):
    """`increment_score` returns a plain tuple."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return tuple(super()._increment_score(player_id, username, delta))  # type: ignore[return-value]  # the bug


class _OpenEntry(Entry):
    """An entry with attributes of its own, and a score that may be set."""

    @property
    def score(self) -> Score:  # the bug: a field becomes a property
        return self[3]

    @score.setter
    def score(self, score: Score) -> None:
        self.__dict__["changed"] = score


@killed_by("isolation", IMMUTABLE)
class EntriesMayBeSet(PlainBoard):
    """`entry.score = 4` is taken, and changes nothing."""

    def _entry(self, rank: int, player_id: str) -> Entry:
        return _OpenEntry(*super()._entry(rank, player_id))
