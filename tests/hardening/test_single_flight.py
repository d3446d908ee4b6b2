"""One thread works, and those that come meanwhile share how it ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event
from time import sleep

import pytest

from leaderboard_backends.errors import BackendUnavailableError
from leaderboard_backends.hardening.degradation.single_flight import SingleFlight
from leaderboard_backends.testing.crew import Crew

OTHERS = 5


class Work:
    """Work that waits for the test before it ends, the first time that it is done."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.done = 0
        self.begun, self.may_end = Event(), Event()
        self._error = error

    def __call__(self) -> int:
        self.done += 1
        first = self.done == 1
        self.begun.set()
        assert self.may_end.wait(30)
        if first and self._error is not None:
            raise self._error
        return 7


def outcome(call: Callable[[], tuple[int, bool]]) -> object:
    try:
        return call()
    except BaseException as error:  # noqa: BLE001 - compared by the test
        return error


def fly(work: Work) -> list[object]:
    """Start a flight and, while it lasts, five more; return their outcomes, the one that flew first."""
    flight: SingleFlight[int] = SingleFlight()
    run = partial(outcome, partial(flight.run, work))
    first = Crew([run])
    assert work.begun.wait(30)
    others = Crew([run] * OTHERS)
    flown = flight._flight
    assert flown is not None
    for _ in range(10_000):
        if flown.joined == OTHERS:
            break
        sleep(0.001)  # until all of them wait, of which they tell nobody
    assert flown.joined == OTHERS
    work.may_end.set()
    found = [*first.join(30), *others.join(30)]
    assert flight._flight is None
    return found


def test_those_who_come_meanwhile_get_what_the_one_at_work_gets() -> None:
    work = Work()
    assert fly(work) == [(7, True), *[(7, False)] * OTHERS]
    assert work.done == 1


def test_the_next_call_works_anew() -> None:
    flight: SingleFlight[int] = SingleFlight()
    results = iter([1, 2])
    assert flight.run(lambda: next(results)) == (1, True)
    assert flight.run(lambda: next(results)) == (2, True)


def test_a_storage_that_is_down_is_down_for_all_of_them() -> None:
    work = Work(BackendUnavailableError("no answer"))
    errors = fly(work)
    assert work.done == 1
    assert len({id(error) for error in errors}) == 1 + OTHERS
    for error in errors:
        assert isinstance(error, BackendUnavailableError)
        assert str(error) == "no answer"
    assert [error.__cause__ is errors[0] for error in errors[1:] if isinstance(error, Exception)] == [True] * OTHERS


def test_who_has_waited_long_enough_for_another_gives_up_and_the_work_goes_on() -> None:
    flight: SingleFlight[int] = SingleFlight()
    work = Work()
    first = Crew([partial(flight.run, work)])
    assert work.begun.wait(30)
    with pytest.raises(BackendUnavailableError, match=r"has not answered another call for 0\.01 s"):
        flight.run(work, patience=0.01)
    work.may_end.set()
    assert first.join(30) == [(7, True)]
    assert work.done == 1
    assert flight.run(work, patience=0.01) == (7, True)


def test_errors_that_are_not_shared_do_not_pile_up() -> None:
    """Each of many threads does the work itself, one after another, however often it fails."""
    flight: SingleFlight[int] = SingleFlight()

    def fail() -> int:
        raise ValueError

    run = partial(outcome, partial(flight.run, fail))
    assert all(isinstance(error, ValueError) for error in Crew([run] * 200).join(30))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("a bug")])
def test_after_an_interrupt_of_the_one_at_work_another_works(error: BaseException) -> None:
    work = Work(error)
    found = fly(work)
    assert found[0] is error
    assert [answer[0] for answer in found if isinstance(answer, tuple)] == [7] * OTHERS
    assert work.done >= 2


def test_work_amid_the_work_of_its_own_thread_waits_for_nothing() -> None:
    """As that of a finalizer or a signal handler: nobody else would end what it waits for."""
    flight: SingleFlight[object] = SingleFlight()
    assert Crew([lambda: flight.run(lambda: flight.run(lambda: 1))]).join(20) == [((1, True), True)]
    assert not flight.busy
