"""The circuit breaker: what opens it, who may try, and that no call holds up another."""

from __future__ import annotations

import logging
from itertools import count
from threading import Event, Thread

import pytest

from leaderboard_backends.errors import (
    BackendFullError,
    BackendReadOnlyError,
    BackendUnavailableError,
    BoardMismatchError,
    InvalidScoreError,
    LeaderboardClosedError,
    LeaderboardError,
    UnsupportedOperationError,
    WriteConflictError,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.hardening.degradation.breaker import TOGETHER, Breaker
from leaderboard_backends.testing.crew import Crew

from ..interrupting import HandlerAt

DOWN = BackendUnavailableError("no answer")
APART = 0.0625
"""Seconds between failures; a float without a fraction that has to be rounded."""


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Storage:
    """Something to call, which fails as it is told."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.calls = 0

    def ask(self, question: int) -> int:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return question


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage() -> Storage:
    return Storage()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("weekly", 3, 2.0, clock)


def fail(breaker: Breaker, storage: Storage, times: int, error: LeaderboardError = DOWN) -> None:
    """Fail so many times, each long enough after the one before."""
    storage.error = error
    for _ in range(times):
        assert isinstance(breaker._clock, Clock)
        breaker._clock.now += APART
        with pytest.raises(type(error)):
            breaker.call(storage.ask, 1)
    storage.error = None


def opened(breaker: Breaker, storage: Storage) -> Breaker:
    fail(breaker, storage, 3)
    assert breaker.state == "open"
    return breaker


def test_calls_are_made_and_their_errors_come_through(breaker: Breaker, storage: Storage) -> None:
    assert breaker.call(storage.ask, 7) == 7
    fail(breaker, storage, 2)
    assert breaker.state == "closed"
    assert breaker.call(storage.ask, 8) == 8


def test_so_many_failures_in_a_row_open_it_and_then_nothing_is_called(breaker: Breaker, storage: Storage) -> None:
    opened(breaker, storage)
    with pytest.raises(BackendUnavailableError, match=r"'weekly'.*\(no answer\).*nothing was applied.*in 2\.0 s"):
        breaker.call(storage.ask, 1)
    assert storage.calls == 3


def test_an_answer_in_between_starts_the_count_anew(breaker: Breaker, storage: Storage) -> None:
    for _ in range(4):
        fail(breaker, storage, 2)
        breaker.call(storage.ask, 1)
    assert breaker.state == "closed"


def test_failures_of_one_moment_are_one(breaker: Breaker, storage: Storage, clock: Clock) -> None:
    storage.error = DOWN
    for moment in range(3):
        assert breaker.state == "closed", moment
        for _ in range(10):
            with pytest.raises(BackendUnavailableError):
                breaker.call(storage.ask, 1)
            clock.now += 0.001
        clock.now += TOGETHER
    assert storage.calls == 21
    assert breaker.state == "open"


def test_an_unknown_outcome_is_a_failure_too(breaker: Breaker, storage: Storage) -> None:
    fail(breaker, storage, 3, WriteOutcomeUnknownError("sent, and no answer"))
    assert breaker.state == "open"


@pytest.mark.parametrize(
    "error",
    [
        BackendReadOnlyError("a replica"),
        BackendFullError("full"),
        WriteConflictError("lost"),
        BoardMismatchError("another board"),
        InvalidScoreError("a sum"),
        LeaderboardClosedError("closed"),
        UnsupportedOperationError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_in_words_is_no_failure(breaker: Breaker, storage: Storage, error: LeaderboardError) -> None:
    fail(breaker, storage, 10, error)
    assert breaker.state == "closed"


def test_an_answer_that_refuses_starts_the_count_anew(breaker: Breaker, storage: Storage) -> None:
    fail(breaker, storage, 2)
    fail(breaker, storage, 1, BackendReadOnlyError("a replica"))
    fail(breaker, storage, 2)
    assert breaker.state == "closed"


def test_once_it_is_time_one_call_tries_and_its_answer_closes_it(
    breaker: Breaker, storage: Storage, clock: Clock
) -> None:
    opened(breaker, storage)
    clock.now += 2.0
    assert breaker.call(storage.ask, 7) == 7
    assert breaker.state == "closed"
    fail(breaker, storage, 2)
    assert breaker.state == "closed"


def test_a_try_that_fails_leaves_it_open_for_as_long_again(breaker: Breaker, storage: Storage, clock: Clock) -> None:
    opened(breaker, storage)
    clock.now += 2.0
    fail(breaker, storage, 1)
    assert breaker.state == "open"
    clock.now += 1.9
    with pytest.raises(BackendUnavailableError, match="is not available"):
        breaker.call(storage.ask, 1)
    clock.now += 0.2
    assert breaker.call(storage.ask, 7) == 7


@pytest.mark.parametrize("error", [BackendReadOnlyError("a replica"), BackendFullError("full")])
def test_a_try_that_is_refused_in_words_closes_it(
    breaker: Breaker, storage: Storage, clock: Clock, error: LeaderboardError
) -> None:
    opened(breaker, storage)
    clock.now += 2.0
    fail(breaker, storage, 1, error)
    assert breaker.state == "closed"


def test_while_one_tries_all_others_are_refused_at_once(breaker: Breaker, storage: Storage, clock: Clock) -> None:
    opened(breaker, storage)
    clock.now += 2.0
    asked, answer = Event(), Event()

    def hang(question: int) -> int:
        asked.set()
        answer.wait(10)
        return question

    found: list[int] = []
    trying = Thread(target=lambda: found.append(breaker.call(hang, 7)))
    trying.start()
    assert asked.wait(10)
    assert breaker.state == "half-open"
    for _ in range(3):
        with pytest.raises(BackendUnavailableError, match="by another call now"):
            breaker.call(storage.ask, 1)
    answer.set()
    trying.join()
    assert (found, breaker.state, storage.calls) == ([7], "closed", 3)


def test_an_answer_that_was_on_its_way_while_it_opened_does_not_close_it(breaker: Breaker, storage: Storage) -> None:
    fail(breaker, storage, 2)

    def overtaken(question: int) -> int:
        fail(breaker, storage, 1)
        return question

    assert breaker.call(overtaken, 7) == 7
    assert breaker.state == "open"


def test_a_call_that_hangs_holds_up_no_other_and_its_failure_counts(
    breaker: Breaker, storage: Storage, clock: Clock
) -> None:
    asked, answer = Event(), Event()

    def hang() -> None:
        asked.set()
        answer.wait(10)
        clock.now += APART
        raise DOWN

    def hanging() -> None:
        with pytest.raises(BackendUnavailableError):
            breaker.call(hang)

    thread = Thread(target=hanging)
    thread.start()
    assert asked.wait(10)
    assert breaker.call(storage.ask, 7) == 7
    fail(breaker, storage, 2)
    assert breaker.state == "closed"
    answer.set()
    thread.join()
    with pytest.raises(BackendUnavailableError, match="is not available"):
        breaker.call(storage.ask, 1)


def test_a_failure_that_comes_to_light_late_puts_the_next_try_off_no_further(
    breaker: Breaker, storage: Storage, clock: Clock
) -> None:
    opened(breaker, storage)
    clock.now += 1.5
    breaker.failed(DOWN)
    clock.now += 0.5
    assert breaker.call(storage.ask, 7) == 7


def test_a_try_that_was_interrupted_lets_the_next_call_try(breaker: Breaker, storage: Storage, clock: Clock) -> None:
    opened(breaker, storage)
    clock.now += 2.0
    storage.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        breaker.call(storage.ask, 1)
    storage.error = None
    assert breaker.call(storage.ask, 7) == 7
    assert breaker.state == "closed"


def test_a_write_is_admitted_after_a_ping_was_answered(breaker: Breaker, storage: Storage, clock: Clock) -> None:
    pings: list[str] = []

    def ping() -> None:
        pings.append("ping")

    breaker.admit_write(ping)
    assert pings == []
    opened(breaker, storage)
    with pytest.raises(BackendUnavailableError, match="nothing was applied"):
        breaker.admit_write(ping)
    assert pings == []
    clock.now += 2.0
    breaker.admit_write(ping)
    assert (pings, breaker.state) == (["ping"], "closed")


def test_a_write_is_refused_where_the_ping_fails(breaker: Breaker, storage: Storage, clock: Clock) -> None:
    opened(breaker, storage)
    clock.now += 2.0
    storage.error = BackendUnavailableError("still no answer")
    with pytest.raises(BackendUnavailableError, match="nothing was applied") as refused:
        breaker.admit_write(lambda: storage.ask(1))
    assert str(refused.value.__cause__) == "still no answer"
    assert breaker.state == "open"


def test_an_answer_that_somebody_else_saw_closes_it_before_its_time(breaker: Breaker, storage: Storage) -> None:
    opened(breaker, storage).answered(breaker.openings)
    assert breaker.call(storage.ask, 7) == 7


def test_an_outage_is_logged_once_with_its_cause_and_its_end_once(
    breaker: Breaker, storage: Storage, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    opened(breaker, storage)
    for _ in range(3):
        clock.now += 2.0 - APART
        fail(breaker, storage, 1)
    clock.now += 2.0
    breaker.call(storage.ask, 1)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the storage of the board 'weekly' does not answer, so no calls are sent to it for now: no answer"),
        ("INFO", "the storage of the board 'weekly' answers again, after 8.0 s"),
    ]


def test_a_failure_amid_the_note_of_another_does_not_wait_for_its_own_thread(storage: Storage) -> None:
    """As in a signal handler: both failed in one moment."""
    handled: list[str] = []
    breaker: Breaker

    def fail() -> None:
        with pytest.raises(BackendUnavailableError, match="no answer"):
            breaker.call(storage.ask, 1)

    def clock() -> float:
        if not handled:
            handled.append("failed")
            fail()
        return 100.0

    breaker, storage.error = Breaker("weekly", 1, 2.0, clock), DOWN
    Crew([fail]).join(20)
    assert handled
    assert (breaker.state, breaker.openings, storage.calls) == ("open", 1, 2)


def test_a_failure_in_a_signal_handler_at_any_point_of_another_opens_the_circuit_once(storage: Storage) -> None:
    """It comes at each line in turn; both raise that the board is not available."""

    def is_called_at(point: int) -> bool:
        breaker = Breaker("weekly", 1, 2.0, Clock())

        def fail() -> None:
            with pytest.raises(BackendUnavailableError, match="no answer"):
                breaker.call(storage.ask, 1)

        with HandlerAt(point, {Breaker.call.__code__.co_filename}, fail) as handler:
            fail()
        assert (breaker.state, breaker.openings) == ("open", 1)
        with pytest.raises(BackendUnavailableError, match=r"tried again in 2\.0 s"):
            breaker.call(storage.ask, 1)
        return handler.left <= 0

    storage.error = DOWN
    assert next(point for point in count(1) if not is_called_at(point)) > 10
