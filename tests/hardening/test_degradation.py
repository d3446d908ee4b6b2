"""The board that degrades: what is on, what a caller is told, and that nothing is changed without need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from leaderboard_backends import (
    BackendReadOnlyError,
    BackendUnavailableError,
    BoardMismatchError,
    Capabilities,
    ConfigurationError,
    Entry,
    LeaderboardBackend,
    LeaderboardError,
    WriteOutcomeUnknownError,
    open_leaderboard,
)
from leaderboard_backends.backends.redis.cluster import ClusterLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.errors import UnknownOptionError
from leaderboard_backends.hardening.degradation import DegradableLeaderboard
from leaderboard_backends.hardening.degradation.bounded_reads import open_for_reads
from leaderboard_backends.protocol import PAGE_SIZE
from leaderboard_backends.testing.conformance.foundation import OPERATIONS
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.wrapper import LIVE, Answer, answered, ask, last_answer, layer

WRITES = ("update_score", "increment_score", "update_scores", "remove_player", "clear")
READS = [name for name in OPERATIONS if name not in (*WRITES, "ping")]
DOWN = BackendUnavailableError("no answer")
APART = 0.0625
"""Seconds between failures that count each."""


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Failing(DelegatingLeaderboard):
    """A board that can be made to fail, whatever it is asked, and counts what it is asked."""

    error: LeaderboardError | None = None
    calls = 0

    @property
    def _inner(self) -> LeaderboardBackend:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self._board

    @_inner.setter
    def _inner(self, board: LeaderboardBackend) -> None:
        self._board = board

    def _place(self) -> str:
        return "a test"

    def _close(self) -> None:
        self._board.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inner() -> Failing:
    board = Failing(SortedContainersLeaderboard())
    board.update_scores([("ada", "Ada", 5), ("bob", "Bob", 4)])
    return board


@pytest.fixture
def board(inner: Failing, clock: Clock) -> DegradableLeaderboard:
    return DegradableLeaderboard(inner, clock=clock)


# ---------------------------------------------------------------------- what is on


def test_it_is_described_in_the_text_of_a_board() -> None:
    board = open_leaderboard({"url": "memory://weekly", "degradation": {"read_only": True, "cache_top": 100}})
    found = layer(board, DegradableLeaderboard)
    assert found is not None
    assert found.read_only
    assert found.circuit == "closed"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "breaker after 5 failures, stale up to 300 s>"),
        ({"failures": 0, "stale_entries": 0}, "at sortedcontainers"),
        ({"read_only": True, "failures": 0}, ", read-only, stale up to 300 s>"),
        ({"cache_top": 100, "live_top": 10, "cache_seconds": 2}, "top 100 cached for 2 s, top 10 live>"),
    ],
)
def test_what_is_on_is_in_its_text(settings: dict[str, Any], text: str) -> None:
    board = DegradableLeaderboard(SortedContainersLeaderboard("weekly"), **settings)
    if settings == {"failures": 0, "stale_entries": 0}:
        assert repr(board).endswith(f" at {board.inner!r}>")
    else:
        assert repr(board).endswith(text)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"failures": -1}, "failures"),
        ({"retry_after": 0}, "retry_after"),
        ({"stale": 5}, "stale_entries, stale_for"),
        ({"cache_top": 10, "live_top": 10}, "live_top \\(10\\) must be below cache_top \\(10\\)"),
        ({"live_top": 10}, "live_top \\(10\\) must be below cache_top \\(0\\)"),
        ({"read_timeout": 0.05}, "read_timeout needs a storage that several clients share"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        open_leaderboard({"url": "memory://weekly", "degradation": settings})


def test_a_file_takes_no_bound_of_reads(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="leave read_timeout out"):
        open_leaderboard({"url": f"zodb://{tmp_path}/board.fs", "degradation": {"read_timeout": 0.05}})


def test_a_backend_without_time_outs_takes_no_bound_of_reads() -> None:
    class Shared(SortedContainersLeaderboard):
        capabilities = Capabilities(durable=False, shared=True)

    def reopen(**options: object) -> LeaderboardBackend:
        raise UnknownOptionError(f"shared:// has no option {next(iter(options))}.")

    with pytest.raises(ConfigurationError, match=r"needs a backend with the options.*shared:// has no option"):
        DegradableLeaderboard.wrap(Shared(), reopen, read_timeout=0.05)


def test_a_board_on_several_servers_has_its_own_limit_of_a_read_within_the_bound() -> None:
    """On a cluster, `read_timeout` bounds the wait for replies, and `socket_timeout` does not."""

    class OnCluster(SortedContainersLeaderboard):
        capabilities = Capabilities(durable=False, shared=True)
        options = ClusterLeaderboard.options

    asked: dict[str, Any] = {}

    def reopen(**times: object) -> LeaderboardBackend:
        asked.update(times)
        return SortedContainersLeaderboard()

    open_for_reads(OnCluster(), reopen, 0.5)
    assert 0 < asked["read_timeout"] < 0.5


# ---------------------------------------------------------------------- read-only


@pytest.mark.parametrize("write", WRITES)
def test_read_only_refuses_every_write_and_applies_nothing(board: DegradableLeaderboard, write: str) -> None:
    before = list(board)
    board.read_only = True
    with pytest.raises(BackendReadOnlyError, match="'default' is in read-only mode: nothing was applied"):
        OPERATIONS[write](board)
    assert list(board) == before
    board.read_only = False
    OPERATIONS[write](board)


def test_read_only_refuses_to_delete_the_board(board: DegradableLeaderboard) -> None:
    board.read_only = True
    with pytest.raises(BackendReadOnlyError, match="nothing was applied"):
        board.delete()
    assert [entry.player_id for entry in board] == ["ada", "bob"]
    board.read_only = False
    board.delete()
    assert board.closed


def test_read_only_leaves_reads_live(board: DegradableLeaderboard) -> None:
    board.read_only = True
    assert ask(board.get_rank, "bob") == (2, LIVE)
    assert "read-only" in repr(board)


# ---------------------------------------------------------------------- stale answers


@pytest.mark.parametrize("read", READS)
def test_every_read_is_answered_as_before_while_the_storage_is_down_and_says_how_old_that_is(
    inner: Failing, board: DegradableLeaderboard, clock: Clock, read: str
) -> None:
    expected, before = ask(OPERATIONS[read], board)
    inner.error = DOWN
    clock.now += 4.0
    assert ask(OPERATIONS[read], board) == (expected, Answer("stale", 4.0))
    inner.error = None
    assert ask(OPERATIONS[read], board) == (expected, before)
    assert before == LIVE


@pytest.mark.parametrize("read", READS)
def test_a_read_that_was_never_answered_says_that_the_storage_is_down(
    inner: Failing, board: DegradableLeaderboard, read: str
) -> None:
    inner.error = DOWN
    with pytest.raises(BackendUnavailableError, match="no answer"):
        OPERATIONS[read](board)


def test_a_player_whom_nobody_knew_is_unknown_still(inner: Failing, board: DegradableLeaderboard) -> None:
    assert board.get_score("nobody") is None
    inner.error = DOWN
    assert ask(board.get_score, "nobody") == (None, Answer("stale", 0.0))


def test_a_storage_that_says_what_is_wrong_is_not_covered_by_an_old_answer(
    inner: Failing, board: DegradableLeaderboard
) -> None:
    board.get_rank("ada")
    inner.error = BoardMismatchError("another board in its place")
    with pytest.raises(BoardMismatchError):
        board.get_rank("ada")


def test_an_answer_may_be_too_old(inner: Failing, clock: Clock) -> None:
    board = DegradableLeaderboard(inner, stale_for=10, clock=clock)
    board.get_rank("ada")
    inner.error = DOWN
    clock.now += 10.5
    with pytest.raises(BackendUnavailableError):
        board.get_rank("ada")


def test_nothing_is_remembered_where_that_is_off(inner: Failing) -> None:
    board = DegradableLeaderboard(inner, stale_entries=0)
    board.get_rank("ada")
    inner.error = DOWN
    with pytest.raises(BackendUnavailableError):
        board.get_rank("ada")


def test_a_caller_may_change_its_list(inner: Failing, board: DegradableLeaderboard) -> None:
    board.get_top_n(2).clear()
    inner.error = DOWN
    board.get_top_n(2).clear()
    assert [entry.player_id for entry in board.get_top_n(2)] == ["ada", "bob"]


def test_a_walk_through_a_long_board_pushes_no_answer_out(inner: Failing, clock: Clock) -> None:
    board = DegradableLeaderboard(inner, stale_entries=PAGE_SIZE + 1, clock=clock)
    board.update_scores([(f"p{number}", "", -number) for number in range(3 * PAGE_SIZE)])
    assert board.get_rank("ada") == 1
    assert len(list(iter(board))) == 3 * PAGE_SIZE + 2
    inner.error = DOWN
    assert ask(board.get_rank, "ada") == (1, Answer("stale", 0.0))
    walk = iter(board)
    assert [next(walk).rank for _ in range(PAGE_SIZE)] == list(range(1, PAGE_SIZE + 1))
    with pytest.raises(BackendUnavailableError):
        next(walk)


def test_players_that_nobody_knows_push_no_answer_out_and_lists_none_of_a_player_or_of_the_top(
    inner: Failing, clock: Clock
) -> None:
    board = DegradableLeaderboard(inner, stale_entries=10, clock=clock)
    questions: list[Callable[[], object]] = [
        lambda: board.get_rank("ada"),
        lambda: board.get_top_n(2),
        lambda: board.get_entries(["ada", "bob"]),
    ]
    answers = [question() for question in questions]
    for number in range(30):
        assert board.get_entries([f"none-{number}-{each}" for each in range(9)]) == [None] * 9
        assert board.get_around(f"none-{number}") == []
        assert board.get_rank(f"none-{number}") is board.get_score(f"none-{number}") is None
    inner.error = DOWN
    assert [question() for question in questions] == answers
    inner.error = None
    for number in range(30):  # one who is known among many who are not
        assert board.get_entries(["ada", *(f"none-{number}-{each}" for each in range(9))])[0] is not None
        assert board.get_range(number + 1, number + 2) is not None
    inner.error = DOWN
    assert questions[0]() == answers[0]
    inner.error = None
    board.get_top_n(2)
    for number in range(30):
        board.get_entries(["ada", f"none-{number}"])
    inner.error = DOWN
    assert questions[1]() == answers[1]


def test_a_player_who_is_gone_is_not_shown_as_before(inner: Failing, board: DegradableLeaderboard) -> None:
    assert (board.get_rank("ada"), len(board.get_around("ada"))) == (1, 2)
    board.remove_player("ada")
    assert (board.get_rank("ada"), board.get_around("ada")) == (None, [])
    inner.error = DOWN
    assert ask(board.get_rank, "ada") == (None, Answer("stale", 0.0))
    assert ask(board.get_around, "ada") == ([], Answer("stale", 0.0))


def test_an_answer_that_was_old_inside_is_remembered_as_old(inner: Failing, clock: Clock) -> None:
    class Replica(DelegatingLeaderboard):
        def _get_rank(self, player_id: str) -> int | None:
            rank = super()._get_rank(player_id)
            answered(Answer("cached", 2.0))
            return rank

    board = DegradableLeaderboard(Replica(inner), clock=clock)
    assert ask(board.get_rank, "ada") == (1, Answer("cached", 2.0))
    inner.error = DOWN
    clock.now += 1.0
    assert ask(board.get_rank, "ada") == (1, Answer("stale", 3.0))


def test_a_caller_can_tell_through_any_number_of_other_layers(
    inner: Failing, board: DegradableLeaderboard, clock: Clock
) -> None:
    outer = DelegatingLeaderboard(DelegatingLeaderboard(board))
    assert ask(outer.get_top_n, 2)[1] == LIVE
    inner.error = DOWN
    clock.now += 4.0
    outer.get_top_n(2)
    assert last_answer() == Answer("stale", 4.0)
    inner.error = None
    outer.get_top_n(2)
    assert last_answer() == LIVE


# ---------------------------------------------------------------------- the breaker


def open_circuit(inner: Failing, board: DegradableLeaderboard, error: LeaderboardError = DOWN) -> None:
    inner.error = error
    assert isinstance(board._clock, Clock)
    for _ in range(5):
        board._clock.now += APART
        with pytest.raises(type(error)):
            board.update_score("eve", "Eve", 1)
    assert board.circuit == "open"


@pytest.mark.parametrize("error", [DOWN, WriteOutcomeUnknownError("sent, and no answer")])
def test_after_so_many_failures_writes_are_refused_and_not_sent(
    inner: Failing, board: DegradableLeaderboard, error: LeaderboardError
) -> None:
    open_circuit(inner, board, error)
    inner.error, calls = None, inner.calls
    for write in (*(OPERATIONS[name] for name in WRITES), LeaderboardBackend.delete):
        with pytest.raises(BackendUnavailableError, match="not sent and nothing was applied"):
            write(board)
    assert inner.calls == calls


def test_while_the_storage_is_left_alone_reads_are_stale_or_refused_at_once(
    inner: Failing, board: DegradableLeaderboard
) -> None:
    board.get_rank("ada")
    open_circuit(inner, board)
    inner.error, calls = None, inner.calls
    assert ask(board.get_rank, "ada") == (1, Answer("stale", 5 * APART))
    with pytest.raises(BackendUnavailableError, match="is not available"):
        board.get_rank("bob")
    assert inner.calls == calls


def test_it_recovers_by_itself_by_a_read(inner: Failing, board: DegradableLeaderboard, clock: Clock) -> None:
    open_circuit(inner, board)
    inner.error = None
    clock.now += 1.0
    assert ask(board.get_rank, "bob") == (2, LIVE)
    assert board.circuit == "closed"


def test_it_recovers_by_itself_by_a_write_which_is_made_once(
    inner: Failing, board: DegradableLeaderboard, clock: Clock
) -> None:
    open_circuit(inner, board)
    inner.error = None
    clock.now += 1.0
    assert board.increment_score("ada", "Ada", 2) == Entry(1, "ada", "Ada", 7)
    assert board.circuit == "closed"
    assert board.get_score("ada") == 7


def test_a_write_is_never_what_finds_out_whether_the_storage_answers(
    inner: Failing, board: DegradableLeaderboard, clock: Clock
) -> None:
    open_circuit(inner, board, WriteOutcomeUnknownError("sent, and no answer"))
    inner.error = DOWN
    clock.now += 1.0
    with pytest.raises(BackendUnavailableError, match="not sent"):
        board.update_score("eve", "Eve", 1)
    inner.error = None
    assert inner.get_score("eve") is None


def test_ping_asks_the_storage_whatever_the_breaker_says(inner: Failing, board: DegradableLeaderboard) -> None:
    open_circuit(inner, board)
    with pytest.raises(BackendUnavailableError, match="no answer"):
        board.ping()
    inner.error = None
    board.ping()
    assert board.circuit == "closed"


def test_pings_that_fail_open_the_circuit(inner: Failing, board: DegradableLeaderboard, clock: Clock) -> None:
    inner.error = DOWN
    for _ in range(5):
        clock.now += APART
        with pytest.raises(BackendUnavailableError):
            board.ping()
    assert board.circuit == "open"


def test_without_a_breaker_every_call_is_made(inner: Failing) -> None:
    board = DegradableLeaderboard(inner, failures=0)
    assert board.circuit is None
    inner.error, calls = DOWN, inner.calls
    for _ in range(20):
        for call in (board.get_rank, board.remove_player):
            with pytest.raises(BackendUnavailableError):
                call("ada")
    assert inner.calls == calls + 40
    with pytest.raises(BackendUnavailableError):
        board.ping()


# ---------------------------------------------------------------------- a second board object for reads


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as running:
        yield running


@pytest.fixture
def bounded(server: EmbeddedServer) -> Iterator[DegradableLeaderboard]:
    text = {"url": server.unix_url, "board": "bounded", "degradation": {"read_timeout": 20}}
    with open_leaderboard(text) as board:
        assert isinstance(board, DegradableLeaderboard)
        board.clear()
        yield board


def test_reads_go_to_a_second_board_object_whose_times_add_up_to_less_than_the_bound(
    bounded: DegradableLeaderboard,
) -> None:
    address = bounded._reads._server.address  # type: ignore[attr-defined]
    assert bounded._reads is not bounded.inner
    assert address.pool_timeout + address.connect_timeout + address.socket_timeout < 20
    assert bounded.inner._server.address.socket_timeout == 5.0  # type: ignore[attr-defined]
    assert "reads within 20 s" in repr(bounded)


def test_what_was_written_is_read_at_once(bounded: DegradableLeaderboard) -> None:
    for number in range(200):
        bounded.update_score("ada", "", number)
        assert bounded.get_score("ada") == number


def test_both_are_closed_together(bounded: DegradableLeaderboard) -> None:
    bounded.close()
    assert bounded.inner.closed
    assert bounded._reads.closed


def test_where_the_wrapper_cannot_be_made_the_second_one_is_closed(server: EmbeddedServer) -> None:
    opened: list[LeaderboardBackend] = []

    def reopen(**options: object) -> LeaderboardBackend:
        opened.append(open_leaderboard(server.unix_url, **options))
        return opened[-1]

    with open_leaderboard(server.unix_url) as board:
        with pytest.raises(ConfigurationError):
            DegradableLeaderboard.wrap(board, reopen, read_timeout=20, cache_top=1, live_top=1)
        assert [one.closed for one in opened] == [True]
        assert not board.closed


def test_every_operation_passes_through_all_parts_at_once(server: EmbeddedServer) -> None:
    parts = {"read_timeout": 20, "cache_top": 2, "live_top": 1}
    operations: dict[str, Callable[[LeaderboardBackend], object]] = OPERATIONS
    with (
        open_leaderboard({"url": server.unix_url, "board": "parts", "degradation": parts}) as board,
        SortedContainersLeaderboard() as model,
    ):
        for name, operation in operations.items():
            assert operation(board) == operation(model), name
