"""The template: what the public methods do for every backend, and what is left for a backend to write."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Sequence
from copy import copy, deepcopy
from math import inf, nan
from pathlib import Path
from typing import Any, NoReturn

import pytest

from leaderboard_backends import (
    Capabilities,
    Entry,
    InvalidValueError,
    LeaderboardBackend,
    LeaderboardClosedError,
    Score,
    UnsupportedOperationError,
    Version,
    open_leaderboard,
)
from leaderboard_backends.model import add_scores, percentile
from leaderboard_backends.protocol import PAGE_SIZE
from leaderboard_backends.registry import backend_class


class ListBoard(LeaderboardBackend):
    """A third party's board, as short as one can be: it keeps a list, best first, and the calls of its hooks."""

    capabilities = Capabilities(durable=False, shared=False, unsupported=frozenset({"clear"}))

    def __init__(self, name: str = "default", **options: Any) -> None:
        super().__init__(name, **options)
        self.lines: list[tuple[str, str, Score]] = []
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.releases = 0

    def called(self, hook: str, *arguments: Any) -> None:
        self.calls.append((hook, arguments))

    def store(self, player_id: str, username: str, score: Score) -> int:
        standing = next((line for line in self.lines if line[0] == player_id), None)
        if standing and standing[2] == score:
            self.lines[self.lines.index(standing)] = (player_id, username, score)
        else:
            self.lines = [line for line in self.lines if line[0] != player_id] + [(player_id, username, score)]
            self.lines.sort(key=lambda line: -line[2])
        return [line[0] for line in self.lines].index(player_id) + 1

    def entries(self) -> list[Entry]:
        return [Entry(rank, *line) for rank, line in enumerate(self.lines, 1)]

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        self.called("_update_score", player_id, username, score)
        return self.store(player_id, username, score)

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        self.called("_increment_score", player_id, username, delta)
        standing = {line[0]: line[2] for line in self.lines}.get(player_id, 0)
        rank = self.store(player_id, username, add_scores(standing, delta))
        return self.entries()[rank - 1]

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self.called("_update_scores", updates)
        for update in updates:
            self.store(*update)

    def _remove_player(self, player_id: str) -> bool:
        self.called("_remove_player", player_id)
        before = len(self.lines)
        self.lines = [line for line in self.lines if line[0] != player_id]
        return len(self.lines) < before

    def _clear(self) -> NoReturn:
        self.called("_clear")
        self._unsupported("clear", "its lines are carved in stone.")

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        self.called("_get_entries", player_ids)
        found = {entry.player_id: entry for entry in self.entries()}
        return [found.get(player_id) for player_id in player_ids]

    def _get_percentile(self, player_id: str) -> float | None:
        self.called("_get_percentile", player_id)
        ranks = {entry.player_id: entry.rank for entry in self.entries()}
        return percentile(ranks[player_id], len(ranks)) if player_id in ranks else None

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        self.called("_get_range", first_rank, last_rank)
        return self.entries()[first_rank - 1 : last_rank]

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        self.called("_get_around", player_id, radius)
        ranks = {entry.player_id: entry.rank for entry in self.entries()}
        rank = ranks.get(player_id)
        return [] if rank is None else self.entries()[max(0, rank - radius - 1) : rank + radius]

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        self.called("_get_by_score", low, high, limit)
        return [entry for entry in self.entries() if low <= entry.score <= high][:limit]

    def _count_by_score(self, low: Score, high: Score) -> int:
        self.called("_count_by_score", low, high)
        return sum(low <= line[2] <= high for line in self.lines)

    def _count(self) -> int:
        self.called("_count")
        return len(self.lines)

    def _close(self) -> None:
        self.releases += 1


@pytest.fixture
def board() -> ListBoard:
    board = ListBoard("weekly")
    board.update_scores([("u1", "Ada", 30), ("u2", "Grace", 20), ("u3", "Edsger", 20), ("u4", "", 10)])
    board.calls.clear()
    return board


# ---------------------------------------------------------------------- a backend of a third party


def test_a_backend_that_writes_the_hooks_alone_has_the_whole_contract(board: ListBoard) -> None:
    assert board.update_score("u4", "Barbara", 25.5) == 2
    assert board.increment_score("u2", "Grace", 1) == (3, "u2", "Grace", 21)
    assert [entry.player_id for entry in board] == ["u1", "u4", "u2", "u3"]
    assert board.get_score("u4") == 25.5
    assert board.get_rank("u3") == 4
    assert board.get_entry("u1") == (1, "u1", "Ada", 30)
    assert board.get_entries(iter(["u3", "nobody", "u3"])) == [(4, "u3", "Edsger", 20), None, (4, "u3", "Edsger", 20)]
    assert [entry.rank for entry in board.get_top_n(2)] == [1, 2]
    assert [entry.rank for entry in board.get_range(3, 9)] == [3, 4]
    assert [entry.player_id for entry in board.get_around("u1", 1)] == ["u1", "u4"]
    assert [entry.score for entry in board.get_by_score(20, 26)] == [25.5, 21, 20]
    assert board.count_by_score(-inf, inf) == len(board) == 4
    assert board.get_percentile("u1") == 100
    assert board.remove_player("u1")
    assert not board.remove_player("u1")
    board.ping()


def test_what_is_unknown_is_none_or_empty(board: ListBoard) -> None:
    assert board.get_score("nobody") is None
    assert board.get_rank("nobody") is None
    assert board.get_entry("nobody") is None
    assert board.get_percentile("nobody") is None
    assert board.get_around("nobody") == []
    assert "nobody" not in board


def test_what_a_backend_does_not_offer_is_refused_by_name(board: ListBoard) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"ListBoard does not offer clear: its lines are carved"):
        board.clear()


def test_a_class_that_lacks_a_hook_cannot_be_opened() -> None:
    class Half(ListBoard):
        _count = LeaderboardBackend._count

    with pytest.raises(TypeError, match="_count"):
        Half()


def test_every_hook_has_a_public_twin() -> None:
    twins = {"_count": "__len__", "_place": "__repr__", "_iterate": "__iter__"}
    own = {"_refuse_closed", "_unsupported", "_inherit"}
    hooks = [
        name
        for name, _ in inspect.getmembers(LeaderboardBackend, inspect.isfunction)
        if name.startswith("_") and not name.startswith("__") and name not in own
    ]
    assert len(hooks) > 15
    for hook in hooks:
        assert hasattr(LeaderboardBackend, twins.get(hook, hook.removeprefix("_"))), hook


# ---------------------------------------------------------------------- what hooks are spared


def test_hooks_get_checked_values_in_their_stored_form(board: ListBoard) -> None:
    board.update_score("u1", "Ada", 5.0)
    board.update_scores(update for update in [["u2", "G", -0.0], ("u3", "E", 2**53)])  # type: ignore[misc]  # a list serves too
    board.get_by_score(-inf, 5.0, limit=0)
    board.get_top_n()
    assert board.calls == [
        ("_update_score", ("u1", "Ada", 5)),
        ("_update_scores", ([("u2", "G", 0), ("u3", "E", 2**53)],)),
        ("_get_by_score", (-inf, 5, 0)),
        ("_get_range", (1, 100)),
    ]
    assert type(board.calls[0][1][2]) is type(board.calls[1][1][0][0][2]) is type(board.calls[2][1][1]) is int


def test_hooks_are_not_called_for_nothing(board: ListBoard) -> None:
    assert board.get_top_n(0) == []
    assert board.get_entries([]) == []
    assert board.update_scores([]) == 0
    assert board.calls == []


BAD_CALLS: dict[str, Callable[[ListBoard], object]] = {
    "update_score of a bad player": lambda board: board.update_score("", "Ada", 1),
    "update_score of a bad name": lambda board: board.update_score("u1", "a" * 129, 1),
    "update_score of a bad score": lambda board: board.update_score("u1", "Ada", nan),
    "increment_score of a bad player": lambda board: board.increment_score("", "Ada", 1),
    "increment_score of a bad name": lambda board: board.increment_score("u1", "\ud800", 1),
    "increment_score of a bad delta": lambda board: board.increment_score("u1", "Ada", inf),
    "update_scores with a bad one": lambda board: board.update_scores([("u1", "Ada", 1), ("u2", "Grace", True)]),
    "remove_player": lambda board: board.remove_player("a" * 129),
    "get_score": lambda board: board.get_score(""),
    "get_rank": lambda board: board.get_rank(""),
    "get_entry": lambda board: board.get_entry(""),
    "get_entries with a bad one": lambda board: board.get_entries(["u1", ""]),
    "get_entries of a text": lambda board: board.get_entries("u1"),
    "get_percentile": lambda board: board.get_percentile(""),
    "in": lambda board: 5 in board,
    "get_top_n": lambda board: board.get_top_n(-1),
    "get_top_n of a bool": lambda board: board.get_top_n(True),  # noqa: FBT003 - the bad value itself
    "get_range of rank 0": lambda board: board.get_range(0, 5),
    "get_range upside down": lambda board: board.get_range(5, 4),
    "get_around a bad player": lambda board: board.get_around("", 1),
    "get_around by a bad radius": lambda board: board.get_around("u1", -1),
    "get_by_score upside down": lambda board: board.get_by_score(2, 1),
    "get_by_score of nan": lambda board: board.get_by_score(nan, 1),
    "get_by_score by a bad limit": lambda board: board.get_by_score(1, 2, limit=-1),
    "count_by_score upside down": lambda board: board.count_by_score(2, 1),
}


@pytest.mark.parametrize("call", BAD_CALLS)
def test_a_bad_value_reaches_no_hook(board: ListBoard, call: str) -> None:
    with pytest.raises(InvalidValueError):
        BAD_CALLS[call](board)
    assert board.calls == []


# ---------------------------------------------------------------------- iteration


@pytest.mark.parametrize("players", [0, 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE])
def test_iteration_reads_whole_pages_and_stops_at_the_end(players: int) -> None:
    board = ListBoard()
    board.lines = [(f"u{number}", "", -number) for number in range(players)]
    assert [entry.rank for entry in board] == list(range(1, players + 1))
    assert (
        board.calls
        == [("_get_range", (first, first + PAGE_SIZE - 1)) for first in range(1, players + 2, PAGE_SIZE)][
            : players // PAGE_SIZE + 1
        ]
    )


def test_iteration_beside_a_writer_that_removes_players_ends() -> None:
    board = ListBoard()
    board.lines = [(f"u{number}", "", -number) for number in range(3 * PAGE_SIZE)]
    for entry in board:
        if entry.rank % 2:
            board.remove_player(entry.player_id)
    assert len(board) < 3 * PAGE_SIZE


def test_an_iteration_under_way_refuses_to_go_on_once_the_board_is_closed() -> None:
    board = ListBoard()
    board.lines = [(f"u{number}", "", -number) for number in range(2 * PAGE_SIZE)]
    iteration = iter(board)
    next(iteration)
    board.close()
    with pytest.raises(LeaderboardClosedError):
        list(iteration)


# ---------------------------------------------------------------------- life

EVERY_CALL: dict[str, Callable[[ListBoard], object]] = {
    "update_score": lambda board: board.update_score("u1", "Ada", 1),
    "increment_score": lambda board: board.increment_score("u1", "Ada", 1),
    "update_scores": lambda board: board.update_scores([]),
    "remove_player": lambda board: board.remove_player("u1"),
    "clear": lambda board: board.clear(),
    "delete": lambda board: board.delete(),
    "get_score": lambda board: board.get_score("u1"),
    "get_rank": lambda board: board.get_rank("u1"),
    "get_entry": lambda board: board.get_entry("u1"),
    "get_entries": lambda board: board.get_entries([]),
    "get_percentile": lambda board: board.get_percentile("u1"),
    "get_top_n": lambda board: board.get_top_n(0),
    "get_range": lambda board: board.get_range(1, 2),
    "get_around": lambda board: board.get_around("u1"),
    "get_by_score": lambda board: board.get_by_score(1, 2),
    "count_by_score": lambda board: board.count_by_score(1, 2),
    "count": lambda board: board.count(),
    "contains": lambda board: board.contains("u1"),
    "get_version": lambda board: board.get_version(),
    "get_changes": lambda board: board.get_changes(Version("", 0)),
    "fence": lambda board: board.fence("memory://"),
    "lift_fence": lambda board: board.lift_fence(),
    "fenced": lambda board: board.fenced(),
    "passing_fence": lambda board: board.passing_fence("memory://"),
    "storage_info": lambda board: board.storage_info(),
    "ping": lambda board: board.ping(),
    "__len__": len,
    "__contains__": lambda board: "u1" in board,
    "__iter__": iter,
    "__enter__": lambda board: board.__enter__(),
}
OPEN_TO_ALL = {
    "close",
    "closed",
    "name",
    "order",
    "keep",
    "capabilities",
    "options",
    "from_location",
    "check_location",
    "open_trial",
    "storage",
}


def test_the_calls_below_are_all_that_a_board_has() -> None:
    public = {name for name in vars(LeaderboardBackend) if not name.startswith("_")}
    assert public - OPEN_TO_ALL == {name for name in EVERY_CALL if not name.startswith("_")}


@pytest.mark.parametrize("call", EVERY_CALL)
def test_a_closed_board_refuses_every_call_before_it_looks_at_anything(board: ListBoard, call: str) -> None:
    board.close()
    with pytest.raises(LeaderboardClosedError, match="the board 'weekly' is closed: open it again to use it"):
        EVERY_CALL[call](board)
    assert board.calls == []


def test_a_closed_board_still_tells_what_it_was(board: ListBoard) -> None:
    board.close()
    assert (board.name, board.order, board.keep, board.closed) == ("weekly", "descending", "last", True)
    assert bool(board)
    assert repr(board) == "<ListBoard 'weekly' order=descending keep=last closed>"


def test_closing_twice_releases_once(board: ListBoard) -> None:
    assert not board.closed
    board.close()
    board.close()
    assert (board.closed, board.releases) == (True, 1)


def test_a_with_block_closes_after_an_error_too(board: ListBoard) -> None:
    with pytest.raises(ZeroDivisionError), board:
        raise ZeroDivisionError
    assert board.closed


@pytest.mark.parametrize("take", [copy, deepcopy, pickle.dumps])
def test_a_board_is_neither_copied_nor_pickled(board: ListBoard, take: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="the board 'weekly' cannot be copied or pickled: pass on its URL"):
        take(board)


def test_a_board_is_true_though_empty() -> None:
    with ListBoard() as board:
        assert len(board) == 0
        assert (board or None) is board


def test_a_repr_shows_the_board_and_its_place() -> None:
    class Placed(ListBoard):
        def _place(self) -> str:
            return "host:6379"

    board = Placed("laps", order="ascending", keep="best")
    assert repr(board) == "<Placed 'laps' order=ascending keep=best at host:6379>"
    board.close()
    assert repr(board) == "<Placed 'laps' order=ascending keep=best at host:6379 closed>"


def test_capabilities_promise_little_unless_told_and_cannot_be_changed() -> None:
    capabilities = Capabilities(durable=False, shared=False)
    assert (capabilities.consistency, capabilities.survives) == ("linearizable", "nothing")
    assert capabilities.unsupported == frozenset()
    with pytest.raises(AttributeError):
        capabilities.durable = True  # type: ignore[misc]  # the very thing that must fail


def test_every_public_method_and_property_has_a_docstring() -> None:
    members = {name: vars(LeaderboardBackend)[name] for name in vars(LeaderboardBackend) if not name.startswith("_")}
    assert [name for name, member in members.items() if name != "options" and not inspect.getdoc(member)] == []


@pytest.mark.parametrize(
    "scheme", ["naive", "memory", "sortedcontainers", "journal", "fakeredis", "zodb", "zodb+memory"]
)
def test_a_trial_place_is_new_holds_several_boards_and_names_its_storage(scheme: str, tmp_path: Path) -> None:
    folder = tmp_path / "a folder, 100%"
    folder.mkdir()
    place = backend_class(scheme).open_trial(scheme, folder)
    assert place is not None
    with place as url, open_leaderboard(url, board="one") as one, open_leaderboard(url, board="two") as two:
        assert one.update_score("ada", "Ada", 1) == 1
        assert list(two) == []
        assert bool(one.storage) is (scheme not in ("naive", "memory"))


def test_a_board_on_a_server_has_no_trial_place_of_its_own(tmp_path: Path) -> None:
    assert backend_class("redis").open_trial("redis", tmp_path) is None
