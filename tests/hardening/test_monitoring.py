"""`MonitoredLeaderboard` measures what a caller sees, and never stands in the way."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from leaderboard_backends import Capabilities, LeaderboardBackend, load_leaderboards, open_leaderboard
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.errors import (
    BackendUnavailableError,
    BatchOutcomes,
    ConfigurationError,
    InvalidScoreError,
    InvalidValueError,
    LeaderboardClosedError,
    ScoreLimitError,
    UnsupportedOperationError,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.hardening.monitoring import MonitoredLeaderboard
from leaderboard_backends.hardening.observability import collector, names, probe
from leaderboard_backends.model import Entry
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.wrapper import Answer, Wrapper, answered

from .monitored import Clock, TroubledLeaderboard, samples, value

COUNT = f"{names.CALL_DURATION}_count"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def troubled(clock: Clock) -> TroubledLeaderboard:
    return TroubledLeaderboard(clock)


@pytest.fixture
def board(troubled: TroubledLeaderboard, registry: CollectorRegistry, clock: Clock) -> Iterator[MonitoredLeaderboard]:
    with MonitoredLeaderboard(troubled, registry=registry, clock=clock) as opened:
        yield opened


def memory(name: str = "weekly") -> SortedContainersLeaderboard:
    return SortedContainersLeaderboard(name)


CALLS: dict[str, Callable[[LeaderboardBackend], object]] = {
    "update_score": lambda board: board.update_score("ada", "Ada", 1),
    "increment_score": lambda board: board.increment_score("ada", "Ada", 1),
    "update_scores": lambda board: board.update_scores([("ada", "Ada", 1), ("bob", "Bob", 2)]),
    "remove_player": lambda board: board.remove_player("ada"),
    "clear": lambda board: board.clear(),
    "get_score": lambda board: board.get_score("ada"),
    "get_rank": lambda board: board.get_rank("ada"),
    "get_entry": lambda board: board.get_entry("ada"),
    "get_entries": lambda board: board.get_entries(["ada"]),
    "get_percentile": lambda board: board.get_percentile("ada"),
    "get_top_n": lambda board: board.get_top_n(),
    "get_range": lambda board: board.get_range(1, 2),
    "get_around": lambda board: board.get_around("ada"),
    "get_by_score": lambda board: board.get_by_score(0, 1),
    "count_by_score": lambda board: board.count_by_score(0, 1),
    "len": len,
    "iterate": lambda board: list(iter(board)),  # a list of the board itself asks for its length too
}


# ---------------------------------------------------------------------- calls


def test_every_operation_has_a_call_here() -> None:
    assert set(CALLS) == set(names.CALL_OF)


@pytest.mark.parametrize("operation", CALLS)
def test_each_operation_is_timed_under_its_name(operation: str, registry: CollectorRegistry) -> None:
    with MonitoredLeaderboard(memory(), registry=registry) as board:
        CALLS[operation](board)
        labels = {"board": "weekly", "backend": "SortedContainersLeaderboard", "call": names.CALL_OF[operation]}
        assert value(registry, COUNT, operation=operation, **labels) == 1
        assert value(registry, COUNT) == 1


def test_a_time_lands_in_its_bucket_and_in_the_sum(
    board: MonitoredLeaderboard, troubled: TroubledLeaderboard, registry: CollectorRegistry
) -> None:
    troubled.seconds = 0.06
    board.get_rank("ada")
    bucket = f"{names.CALL_DURATION}_bucket"
    assert value(registry, bucket, operation="get_rank", le="0.05") == 0
    assert value(registry, bucket, operation="get_rank", le="0.1") == 1
    assert value(registry, f"{names.CALL_DURATION}_sum") == pytest.approx(0.06)


def test_the_buckets_reach_from_a_microsecond_to_five_seconds_and_have_the_default_thresholds() -> None:
    assert (names.BUCKETS[0], names.BUCKETS[-1]) == (1e-6, 5.0)
    assert {0.05, 0.1} <= set(names.BUCKETS)


def test_a_membership_is_a_get_score_and_a_ping_is_nothing(
    board: MonitoredLeaderboard, registry: CollectorRegistry
) -> None:
    assert "ada" not in board
    board.ping()
    assert value(registry, COUNT, operation="get_score") == 1
    assert value(registry, COUNT) == 1


def test_a_batch_counts_each_of_its_updates(board: MonitoredLeaderboard, registry: CollectorRegistry) -> None:
    assert value(registry, names.UPDATES) == 0
    board.update_score("ada", "Ada", 1)
    board.increment_score("ada", "Ada", 1)
    board.update_scores([("ada", "Ada", 5), ("bob", "Bob", 6), ("cyd", "Cyd", 7)])
    board.remove_player("ada")
    board.clear()
    assert value(registry, names.UPDATES) == 5


def test_counts_of_many_threads_are_exact(registry: CollectorRegistry) -> None:
    threads, each = 8, 500
    with MonitoredLeaderboard(memory(), registry=registry) as board, ThreadPoolExecutor(threads) as pool:

        def work(number: int) -> None:
            for step in range(each):
                board.update_score(f"p{number}", "", step)
                board.get_rank(f"p{number}")

        list(pool.map(work, range(threads)))
        assert value(registry, names.UPDATES) == threads * each
        assert value(registry, COUNT, call="query") == threads * each
        reading = board._recorder.reading()
        assert (reading.updates, reading.calls) == (threads * each, 2 * threads * each)


# ---------------------------------------------------------------------- errors


def test_a_failure_is_counted_by_its_class_in_the_tree_and_is_a_call(
    board: MonitoredLeaderboard, troubled: TroubledLeaderboard, registry: CollectorRegistry
) -> None:
    class PluginsOwnError(BackendUnavailableError):
        """A subclass of a plug-in's, which the label does not name."""

    troubled.error, troubled.seconds = PluginsOwnError("gone"), 5.0
    with pytest.raises(PluginsOwnError):
        board.update_score("ada", "Ada", 1)
    assert value(registry, names.ERRORS, kind="BackendUnavailableError", fault="storage") == 1
    assert value(registry, f"{names.CALL_DURATION}_sum") == 5.0
    assert value(registry, names.UPDATES) == 0
    assert board.snapshot().error_rate == 1.0


def test_what_a_failed_batch_applied_is_counted(
    board: MonitoredLeaderboard, troubled: TroubledLeaderboard, registry: CollectorRegistry
) -> None:
    troubled.error = WriteOutcomeUnknownError("it stopped answering")
    troubled.error.applied = 2
    with pytest.raises(WriteOutcomeUnknownError):
        board.update_scores([("a", "", 1), ("b", "", 2), ("c", "", 3)])
    assert value(registry, names.UPDATES) == 2


def test_what_a_batch_over_shards_applied_in_part_is_counted(
    board: MonitoredLeaderboard, troubled: TroubledLeaderboard, registry: CollectorRegistry
) -> None:
    """`applied` is of earlier batches alone, none here; `outcomes` names what was applied of this one as well."""
    troubled.error = BackendUnavailableError("a shard did not answer")
    troubled.error.outcomes = BatchOutcomes((0, 2), (1,), ())
    with pytest.raises(BackendUnavailableError):
        board.update_scores([("a", "", 1), ("b", "", 2), ("c", "", 3)])
    assert value(registry, names.UPDATES) == 2


@pytest.mark.parametrize("error", [ScoreLimitError, LeaderboardClosedError])
def test_what_a_refused_batch_had_applied_is_counted_and_the_batch_is_no_call(
    board: MonitoredLeaderboard,
    troubled: TroubledLeaderboard,
    registry: CollectorRegistry,
    error: type[ScoreLimitError | LeaderboardClosedError],
) -> None:
    troubled.error = error("the rest of this batch is refused.")
    troubled.error.applied = 2
    with pytest.raises(error):
        board.update_scores([("a", "", 1), ("b", "", 2), ("c", "", 3)])
    assert value(registry, names.UPDATES) == 2
    assert value(registry, COUNT) is None
    assert board.snapshot().error_rate == 0.0


def test_an_error_that_is_not_of_the_tree_has_its_own_name(
    board: MonitoredLeaderboard, troubled: TroubledLeaderboard, registry: CollectorRegistry
) -> None:
    troubled.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        board.get_rank("ada")
    assert value(registry, names.ERRORS, kind="ZeroDivisionError", fault="storage") == 1


def test_errors_are_of_so_many_kinds_however_many_classes_there_are(
    board: MonitoredLeaderboard, troubled: TroubledLeaderboard, registry: CollectorRegistry
) -> None:
    before = len(samples(registry))
    for number in range(50):
        troubled.error = type(f"Foreign{number}Error", (ConnectionError,), {})()
        with pytest.raises(ConnectionError):
            board.get_rank("ada")
    assert value(registry, names.ERRORS, kind="ConnectionError", fault="storage") == 50
    one_histogram_and_one_counter = len(names.BUCKETS) + 4 + 2
    assert len(samples(registry)) == before + one_histogram_and_one_counter


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda board: board.update_score("ada", "Ada", float("nan")), "InvalidScoreError"),
        (lambda board: board.increment_score("", "Ada", 1), "InvalidPlayerError"),
        (lambda board: board.update_scores([("ada", "Ada")]), "InvalidArgumentTypeError"),
        (lambda board: board.remove_player("x" * 200), "InvalidPlayerError"),
        (lambda board: board.get_score(b"ada"), "InvalidPlayerError"),
        (lambda board: board.get_rank(""), "InvalidPlayerError"),
        (lambda board: board.get_entry(""), "InvalidPlayerError"),
        (lambda board: board.get_entries("ada"), "InvalidArgumentTypeError"),
        (lambda board: board.get_percentile(""), "InvalidPlayerError"),
        (lambda board: board.get_top_n(-1), "InvalidArgumentError"),
        (lambda board: board.get_range(2, 1), "InvalidArgumentError"),
        (lambda board: board.get_around("ada", 1.5), "InvalidArgumentTypeError"),
        (lambda board: board.get_by_score(2, 1), "InvalidArgumentError"),
        (lambda board: board.count_by_score(2, 1), "InvalidArgumentError"),
        (lambda board: None in board, "InvalidPlayerError"),
    ],
)
def test_a_refused_value_is_counted_and_is_no_call(
    call: Callable[[Any], object], kind: str, board: MonitoredLeaderboard, registry: CollectorRegistry
) -> None:
    with pytest.raises(InvalidValueError):
        call(board)
    assert value(registry, names.ERRORS, kind=kind, fault="caller") == 1
    assert value(registry, COUNT) is None
    assert board.snapshot().errors == {kind: 1}
    assert board.snapshot().error_rate == 0.0


@pytest.mark.parametrize("error", [ZeroDivisionError, BackendUnavailableError, LeaderboardClosedError])
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda board, given: board.update_scores(given), id="update_scores"),
        pytest.param(lambda board, given: board.get_entries(given), id="get_entries"),
    ],
)
def test_an_error_of_the_callers_own_iterable_is_no_failure_of_the_storage(
    call: Callable[[LeaderboardBackend, Iterator[Any]], object],
    error: type[Exception],
    board: MonitoredLeaderboard,
    registry: CollectorRegistry,
) -> None:
    """Whatever it is: the iterable may use another board, which fails after it applied something."""

    def given() -> Iterator[Any]:
        yield from ()
        failed = error()
        failed.__dict__["applied"] = 7
        raise failed

    with pytest.raises(error):
        call(board, given())
    assert value(registry, names.ERRORS, kind=error.__name__, fault="caller") == 1
    assert not value(registry, names.ERRORS, kind=error.__name__, fault="storage")
    assert value(registry, COUNT) is None
    assert not value(registry, names.UPDATES)
    assert board.snapshot().error_rate == 0.0


def test_a_value_that_the_board_inside_refuses_is_counted_once(registry: CollectorRegistry) -> None:
    with MonitoredLeaderboard(memory(), registry=registry) as board:
        board.update_score("ada", "Ada", 2**53)
        with pytest.raises(InvalidScoreError):
            board.increment_score("ada", "Ada", 2**53)
        assert value(registry, names.ERRORS, kind="InvalidScoreError") == 1
        assert board.snapshot().errors == {"InvalidScoreError": 1}


def test_what_a_backend_does_not_offer_is_a_refusal(
    board: MonitoredLeaderboard, troubled: TroubledLeaderboard, registry: CollectorRegistry
) -> None:
    troubled.error = UnsupportedOperationError("no ranks here")
    with pytest.raises(UnsupportedOperationError):
        board.get_rank("ada")
    assert value(registry, names.ERRORS, kind="UnsupportedOperationError", fault="caller") == 1
    assert board.snapshot().error_rate == 0.0


def test_an_error_amid_an_iteration_is_a_failure(
    board: MonitoredLeaderboard, troubled: TroubledLeaderboard, registry: CollectorRegistry
) -> None:
    board.update_scores([("ada", "Ada", 2), ("bob", "Bob", 1)])
    entries = iter(board)
    assert next(entries) == Entry(1, "ada", "Ada", 2)
    troubled.error = BackendUnavailableError("gone")
    with pytest.raises(BackendUnavailableError):
        next(entries)
    assert value(registry, names.ERRORS, kind="BackendUnavailableError") == 1


def test_kinds_that_are_to_be_expected_stand_at_zero(board: MonitoredLeaderboard, registry: CollectorRegistry) -> None:
    del board
    for kind in ("BackendUnavailableError", "WriteOutcomeUnknownError", "RateLimitExceededError"):
        assert value(registry, names.ERRORS, kind=kind) == 0


# ---------------------------------------------------------------------- how answers came about


class MemoryOfOld(Wrapper):
    """A layer that says of each rank that it is old."""

    source = "stale"

    def _get_rank(self, player_id: str) -> int | None:
        rank = super()._get_rank(player_id)
        answered(Answer(self.source, 3.0))  # type: ignore[arg-type]
        return rank


@pytest.mark.parametrize("call", ["get_rank", "update_score", "update_scores"])
def test_a_call_amid_the_measuring_of_another_does_not_wait_for_its_own_thread(
    call: str, board: MonitoredLeaderboard, registry: CollectorRegistry
) -> None:
    """As that of a finalizer or a signal handler, which comes where prometheus-client has its locks."""
    observe, handled = board._own.observe[call], list[object]()

    def interrupted(seconds: float) -> None:
        if not handled:
            handled.append(call)
            handled.append(CALLS[call](board))
        observe(seconds)

    board._own.observe[call] = interrupted
    expected = CALLS[call](memory())
    assert Crew([lambda: CALLS[call](board)]).join(20) == [expected]
    assert handled == [call, expected]
    assert value(registry, COUNT, operation=call) == 1


def test_a_board_can_be_closed_amid_a_collection_of_the_same_thread(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a signal handler that ends the process, where its main thread answers Prometheus."""
    board = MonitoredLeaderboard(memory(), registry=registry)
    family = board._shared.families.updates
    collect = family.collect

    def interrupted() -> Iterable[Metric]:
        board.close()
        return collect()

    monkeypatch.setattr(family, "collect", interrupted)
    assert names.UPDATES.encode() in Crew([lambda: generate_latest(registry)]).join(20)[0]
    assert board.closed


@pytest.mark.parametrize("source", ["cached", "stale", "approximate"])
def test_answers_that_are_not_live_are_counted_by_source(source: str, registry: CollectorRegistry) -> None:
    inside = MemoryOfOld(memory())
    inside.source = source
    with MonitoredLeaderboard(inside, registry=registry) as board:
        assert value(registry, names.DEGRADED_ANSWERS, source=source) == 0
        board.get_rank("ada")
        list(iter(board))  # live, whatever the answer before it was
        board.get_score("ada")
        assert value(registry, names.DEGRADED_ANSWERS, source=source) == 1
        assert value(registry, names.DEGRADED_ANSWERS) == 1


class ReadsReplicas(NaiveLeaderboard):
    """A storage of several processes that answers ranks from a replica of its own accord."""

    capabilities = Capabilities(durable=False, shared=True)

    def _get_rank(self, player_id: str) -> int | None:
        answered(Answer("replica", 0.1))
        return super()._get_rank(player_id)


def test_answers_from_replicas_of_the_storage_itself_are_counted(registry: CollectorRegistry) -> None:
    with MonitoredLeaderboard(ReadsReplicas("weekly"), registry=registry) as board:
        board.get_rank("ada")
        board.get_score("ada")  # live, whatever the answer before it was
        assert value(registry, names.DEGRADED_ANSWERS, source="replica") == 1
        assert value(registry, names.DEGRADED_ANSWERS) == 1


def test_an_old_answer_of_another_board_is_not_counted(
    board: MonitoredLeaderboard, registry: CollectorRegistry
) -> None:
    with MonitoredLeaderboard(memory("bare"), registry=registry) as bare:
        for one in (board, bare):
            MemoryOfOld(memory("other")).get_rank("ada")
            one.get_rank("ada")
        assert value(registry, names.DEGRADED_ANSWERS) == 0


# ---------------------------------------------------------------------- several boards, one registry


def test_a_board_can_be_opened_twice_and_its_metrics_add_up(registry: CollectorRegistry) -> None:
    with (
        MonitoredLeaderboard(memory(), registry=registry) as first,
        MonitoredLeaderboard(memory(), registry=registry) as second,
    ):
        first.update_score("ada", "Ada", 1)
        second.update_scores([("ada", "Ada", 1), ("bob", "Bob", 2)])
        assert value(registry, names.UPDATES) == 3
        assert value(registry, names.PLAYERS) == 2  # of the one that was opened last
        found = [(one.name, tuple(sorted(one.labels.items()))) for one in samples(registry)]
        assert len(found) == len(set(found))


def test_boards_are_told_apart_by_name_and_by_the_innermost_class(registry: CollectorRegistry) -> None:
    with (
        MonitoredLeaderboard(DelegatingLeaderboard(NaiveLeaderboard("daily")), registry=registry) as daily,
        MonitoredLeaderboard(memory("weekly"), registry=registry),
    ):
        daily.update_score("ada", "Ada", 1)
        assert value(registry, names.UPDATES, board="daily", backend="NaiveLeaderboard") == 1
        assert value(registry, names.UPDATES, board="weekly", backend="SortedContainersLeaderboard") == 0


def test_a_board_that_is_opened_again_goes_on_counting(registry: CollectorRegistry) -> None:
    for times in (1, 2, 3):
        with MonitoredLeaderboard(memory(), registry=registry) as board:
            board.update_score("ada", "Ada", 1)
            assert value(registry, names.UPDATES) == times


def test_the_metrics_of_closed_boards_stay_until_many_others_were_closed(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "CLOSED", 3)

    def use(name: str) -> None:
        with MonitoredLeaderboard(memory(name), registry=registry) as board:
            board.update_score("ada", "Ada", 1)

    with MonitoredLeaderboard(memory("open"), registry=registry) as board:
        board.update_score("ada", "Ada", 1)
        for number in range(10):
            use(f"day-{number}")
        assert {one.labels["board"] for one in samples(registry)} == {"open", "day-7", "day-8", "day-9"}
        use("day-7")
        use("day-10")
        assert {one.labels["board"] for one in samples(registry)} == {"open", "day-7", "day-9", "day-10"}
        assert value(registry, names.UPDATES, board="day-7") == 2
        board.update_score("ada", "Ada", 2)
        assert value(registry, names.UPDATES, board="open") == 2


def test_boards_come_and_go_while_metrics_are_collected(registry: CollectorRegistry) -> None:
    def come_and_go(number: int) -> None:
        for step in range(25):
            with MonitoredLeaderboard(memory(f"board-{(number + step) % 5}"), registry=registry) as board:
                board.update_score("ada", "Ada", 1)

    def collect(_number: int) -> None:
        for _ in range(10):
            generate_latest(registry)

    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(work, number) for number in range(3) for work in (come_and_go, collect)]
        for one in done:
            one.result()
    assert value(registry, names.UPDATES) == 75
    assert value(registry, names.UP) is None


def test_a_metric_of_an_app_with_the_same_name_is_refused_and_others_are_not(registry: CollectorRegistry) -> None:
    with MonitoredLeaderboard(memory(), registry=registry):
        with pytest.raises(ValueError, match="Duplicated"):
            Gauge(names.PLAYERS, "the app's own", registry=registry)
        Counter("app_logins", "the app's own", registry=registry)


def test_a_registry_that_has_a_metric_of_the_same_name_is_refused(registry: CollectorRegistry) -> None:
    Gauge(names.PLAYERS, "the app's own", registry=registry)
    with pytest.raises(ConfigurationError, match=r"Duplicated timeseries.*leaderboard_players.*separate registry"):
        open_leaderboard({"url": "memory://weekly", "monitoring": {"registry": registry}})


def test_the_default_registry_is_that_of_prometheus_client() -> None:
    with MonitoredLeaderboard(memory("by-default")) as board:
        assert board.registry is REGISTRY
        assert value(REGISTRY, names.UPDATES, board="by-default") == 0


# ---------------------------------------------------------------------- players, and whether the storage answers


class HangingLeaderboard(SortedContainersLeaderboard):
    """A storage that answers no question for the number of players until it is let go."""

    def __init__(self) -> None:
        super().__init__("weekly")
        self.go_on = threading.Event()
        self.go_on.set()
        self.asked = 0

    def _count(self) -> int:
        self.asked += 1
        self.go_on.wait()
        return super()._count()


def test_players_are_read_when_metrics_are_collected_and_that_is_no_call(
    board: MonitoredLeaderboard, registry: CollectorRegistry
) -> None:
    assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (0, 1)
    board.update_scores([("ada", "Ada", 1), ("bob", "Bob", 2)])
    assert value(registry, names.PLAYERS) == 2
    assert value(registry, COUNT, call="query") is None


def test_after_a_board_has_moved_the_storage_that_serves_is_asked(registry: CollectorRegistry) -> None:
    source, target = memory(), memory()
    target.update_score("ada", "Ada", 1)
    moving = Wrapper(source)
    with MonitoredLeaderboard(moving, registry=registry):
        assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (0, 1)
        moving._inner = target  # as migration does at a cut-over
        source.close()
        assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (1, 1)


def test_a_storage_that_hangs_is_waited_for_once_and_keeps_one_thread(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = HangingLeaderboard()
    with MonitoredLeaderboard(hanging, registry=registry, probe_timeout=30) as board:
        board.update_score("ada", "Ada", 1)
        assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (1, 1)
        board.update_score("bob", "Bob", 1)
        hanging.go_on.clear()
        asked = hanging.asked
        monkeypatch.setattr(board._probe, "_timeout", 0.05)
        assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (1, 0)
        deadline = board._probe._deadline
        for _ in range(3):
            assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (1, 0)
        assert board.snapshot().players == 1
        assert hanging.asked == asked + 1
        assert board._probe._deadline == deadline
        hanging.go_on.set()
        monkeypatch.undo()
        assert board._probe._asking is not None
        board._probe._asking.join()
        assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (2, 1)


def test_a_storage_that_never_answered_has_no_number_of_players(registry: CollectorRegistry) -> None:
    hanging = HangingLeaderboard()
    hanging.go_on.clear()
    with MonitoredLeaderboard(hanging, registry=registry, probe_timeout=0.01) as board:
        assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (None, 0)
        assert board.snapshot().players is None
        hanging.go_on.set()


class NoThread(threading.Thread):
    """What a process gets that may have no more threads."""

    def start(self) -> None:
        raise RuntimeError("can't start new thread")


def test_without_a_thread_to_ask_the_storage_nothing_fails_and_it_counts_as_down(
    board: MonitoredLeaderboard, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert value(registry, names.UP) == 1
    monkeypatch.setattr(probe, "Thread", NoThread)
    assert value(registry, names.UP) == 0
    assert board.snapshot().players == 0


class UncountedLeaderboard(SortedContainersLeaderboard):
    """A storage that does not tell how many players it has."""

    def _count(self) -> int:
        self._unsupported("len", "nobody counts")


def test_a_storage_that_cannot_count_is_up_all_the_same(registry: CollectorRegistry) -> None:
    with MonitoredLeaderboard(UncountedLeaderboard("weekly"), registry=registry):
        assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (None, 1)


def test_a_server_that_is_killed_is_down_in_the_metrics_and_up_again_when_it_is_back(
    registry: CollectorRegistry,
) -> None:
    with EmbeddedServer() as server:
        settings = {"registry": registry, "probe_timeout": 30}
        text = {"url": server.unix_url, "board": "weekly", "monitoring": settings}
        with open_leaderboard(text) as board:
            board.update_score("ada", "Ada", 1)
            assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (1, 1)
            server.kill()
            with pytest.raises(BackendUnavailableError):
                board.get_rank("ada")
            assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (1, 0)
            assert value(registry, names.ERRORS, fault="storage") == 1
            server.start()
            assert (value(registry, names.PLAYERS), value(registry, names.UP)) == (0, 1)  # it kept nothing on disk


def test_a_server_that_is_frozen_is_down_in_the_metrics(registry: CollectorRegistry) -> None:
    with EmbeddedServer() as server:
        settings = {"registry": registry, "probe_timeout": 0.1}
        text = {"url": server.unix_url, "board": "weekly", "monitoring": settings}
        with open_leaderboard(text) as board:
            board.update_score("ada", "Ada", 1)
            server.freeze()
            assert value(registry, names.UP) == 0
            server.thaw()


# ---------------------------------------------------------------------- life


def test_a_closed_board_is_not_up_and_its_counters_stay(registry: CollectorRegistry) -> None:
    board = MonitoredLeaderboard(memory(), registry=registry)
    board.update_score("ada", "Ada", 1)
    assert value(registry, names.UP) == 1
    board.close()
    assert (value(registry, names.UP), value(registry, names.PLAYERS)) == (None, None)
    assert value(registry, names.UPDATES) == 1
    with pytest.raises(LeaderboardClosedError):
        board.snapshot()


def test_metrics_hold_no_board_alive(registry: CollectorRegistry) -> None:
    inner = memory()
    gone = weakref.ref(inner)
    board = MonitoredLeaderboard(inner, registry=registry, alerts=True)
    board.update_score("ada", "Ada", 1)
    assert value(registry, names.UP) == 1
    del board, inner
    gc.collect()
    assert gone() is None
    assert value(registry, names.UP) is None


def test_a_monitored_board_says_what_is_on(registry: CollectorRegistry) -> None:
    with MonitoredLeaderboard(memory(), registry=registry) as plain:
        assert repr(plain).count("MonitoredLeaderboard") == 1
        assert "alerts" not in repr(plain)
    with MonitoredLeaderboard(memory(), registry=registry, alerts=True, latency_warning=0.02) as board:
        assert "alerts every 15 s, latency_warning=0.02" in repr(board)


# ---------------------------------------------------------------------- settings


def test_monitoring_is_a_table_of_the_boards_text(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    text = """
        [boards.from-a-file]
        url = "memory://"
        [boards.from-a-file.monitoring]
        alerts = true
        alert_interval = 30
        latency_critical = 0.2
        on_alert = "builtins:print"
    """
    path.write_text(dedent(text), encoding="utf-8")
    with load_leaderboards(path) as boards:
        board = boards["from-a-file"]
        assert isinstance(board, MonitoredLeaderboard)
        assert "alerts every 30 s, latency_critical=0.2, alert_interval=30" in repr(board)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"latency_warning": 0.2}, "latency_warning=0.2 is above latency_critical=0.1"),
        ({"error_rate": 2}, "option error_rate=2 of monitoring is not allowed: it must be"),
        ({"on_alert": "nosuch:hook"}, "option on_alert='nosuch:hook' of monitoring is not allowed"),
        ({"window": 0}, "option window=0 of monitoring is not allowed: it must be"),
        ({"alert_interval": 1e9}, "option alert_interval=1000000000.0 of monitoring is not allowed: it must be"),
        ({"alert_samples": 0}, "option alert_samples=0 of monitoring is not allowed: it must be at least 1"),
        ({"registry": "mine"}, "it must be a prometheus_client.CollectorRegistry, not str"),
        ({"span": True}, "monitoring has no option 'span'. Did you mean spans?"),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_leaderboard({"url": "memory://weekly", "monitoring": settings})
    assert said in str(caught.value)


def test_a_setting_is_checked_in_python_too() -> None:
    with pytest.raises(ConfigurationError, match="window=0 of monitoring is not allowed"):
        MonitoredLeaderboard(memory(), window=0)
    with pytest.raises(TypeError, match="latency_warnings"):
        MonitoredLeaderboard(memory(), latency_warnings=1)


# ---------------------------------------------------------------------- several processes

WORKER = """
    import sys, threading
    from leaderboard_backends import open_leaderboard
    from leaderboard_backends.hardening.observability import collector

    def looked():
        for thread in threading.enumerate():
            if thread.name in ("leaderboard-metrics", "leaderboard-players"):
                thread.join()

    board = open_leaderboard({"url": sys.argv[1], "board": "weekly", "monitoring": {"probe_timeout": 30}})
    looked()
    board.update_score(sys.argv[2], "", 1)
    board.get_rank(sys.argv[2])
    collector.LOOK_INTERVAL = 0.0
    board._shared.on_mark()
    looked()
    print("done", flush=True)
    sys.stdin.read()
    board.close()
"""


WITHOUT_FILES = """
    import shutil, sys, threading
    from leaderboard_backends import open_leaderboard

    board = open_leaderboard({"url": "memory://weekly", "monitoring": True})
    for thread in threading.enumerate()[1:]:
        thread.join()
    shutil.rmtree(sys.argv[1])
    assert [board.update_score("ada", "", score) for score in (1, 2)] == [1, 1]
    assert board.get_score("ada") == 2
    board.close()
"""


def test_a_write_is_acknowledged_where_its_metric_cannot_be_kept(tmp_path: Path) -> None:
    place = tmp_path / "metrics"
    place.mkdir()
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(place), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", dedent(WITHOUT_FILES), place],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("a call of board weekly could not be recorded (FileNotFoundError: ") == 1


def test_metrics_of_several_processes_add_up_and_players_are_those_of_the_storage(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}

    def start(url: str, player: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", dedent(WORKER), url, player]
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
        )

    with EmbeddedServer() as server, start(server.unix_url, "ada") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "done\n"
        with start(server.unix_url, "bob") as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "done\n"
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(tmp_path))  # type: ignore[no-untyped-call]
            assert value(registry, names.UPDATES, board="weekly", backend="RedisLeaderboard") == 2
            assert value(registry, COUNT, operation="get_rank") == 2
            assert value(registry, names.PLAYERS) == 2
            assert value(registry, names.UP) == 1
            assert b"pid" not in generate_latest(registry)
            for process in (first, second):
                assert process.stdin is not None
                process.stdin.close()
                assert process.wait() == 0
            assert value(registry, names.UPDATES, board="weekly", backend="RedisLeaderboard") == 2
            assert names.UP.encode() + b"{" not in generate_latest(registry)  # nobody has the board open
