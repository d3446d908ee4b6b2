"""Work in a forked process: what it told is kept whatever ends it, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from itertools import count
from select import poll
from threading import Thread
from time import sleep

import pytest

from leaderboard_backends.testing.forking import Child, ChildError

Tell = Callable[[object], None]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_child_tells_its_parent_and_ends() -> None:
    def work(tell: Tell) -> None:
        for number in range(10_000):
            tell((number, os.getpid()))

    with Child(work) as child:
        assert list(child) == [(number, child.pid) for number in range(10_000)]
        assert gone(child.pid)
        assert child.pid != os.getpid()


def test_messages_of_several_threads_stay_whole() -> None:
    def work(tell: Callable[[str], None]) -> None:
        def repeat(letter: str) -> None:
            for _ in range(50):
                tell(letter * 9000)

        threads = [Thread(target=repeat, args=(letter,)) for letter in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with Child(work) as child:
        assert sorted(child) == [letter * 9000 for letter in "abc" for _ in range(50)]


def test_waiting_ends_with_the_child_whatever_still_holds_its_pipe() -> None:
    def work(tell: Tell) -> None:
        if not os.fork():
            poll().poll(5000)
            os._exit(0)
        tell("told")
        os._exit(7)

    with Child(work) as child:
        assert [child.wait(60), child.wait(60), child.ended] == ["told", None, True]
    assert child.exit_code == 7


def test_waiting_for_a_child_that_says_nothing_is_over_in_time() -> None:
    with Child[object](lambda _: poll().poll(60_000)) as child:
        assert (child.wait(0.01), child.ended) == (None, False)


def test_what_a_killed_child_told_is_read_to_the_end() -> None:
    def work(tell: Callable[[int], None]) -> None:
        for number in count():
            tell(number)

    with Child(work) as child:
        told = []
        for number in child:
            told.append(number)
            if number == 500:
                child.kill()
        assert told == list(range(len(told)))
        assert len(told) > 500
        assert gone(child.pid)


def test_a_child_that_raises_shows_its_traceback() -> None:
    def work(tell: Tell) -> None:
        tell("before")
        raise ValueError("the reason")

    with Child(work) as child:
        assert next(child) == "before"
        with pytest.raises(ChildError, match=r"(?s)in work.*ValueError: the reason"):
            next(child)


def test_a_child_out_of_time_shows_where_it_was() -> None:
    def wait_for_nothing(_: Tell) -> None:
        try:
            threading.Event().wait()
        except Exception:  # noqa: BLE001 - what boards do with errors of their storage
            return

    with Child(wait_for_nothing, seconds=0.2) as child, pytest.raises(ChildError, match="in wait_for_nothing"):
        next(child)


def test_a_child_that_no_signal_reaches_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard_backends.testing.forking.GRACE", 0.2)

    def stop(_: Tell) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    with Child(stop, seconds=0.1) as child:
        with pytest.raises(ChildError, match="it was killed"):
            next(child)
        assert gone(child.pid)


def test_a_child_that_ends_by_itself_is_an_error() -> None:
    def crash(_: Tell) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with Child(crash) as child, pytest.raises(ChildError, match="exit code -9"):
        next(child)


def test_a_child_never_outlives_its_block() -> None:
    def sleep_long(_: Tell) -> None:
        sleep(60)

    with Child(sleep_long) as child:
        assert not gone(child.pid)
    assert gone(child.pid)


def test_a_child_ends_where_its_parent_was_killed() -> None:
    held, holding = os.pipe()

    def parent(_: Tell) -> None:
        def work(tell: Callable[[int], None]) -> None:
            for number in count():
                tell(number)

        with Child(work) as child:
            next(child)
            os.kill(os.getpid(), signal.SIGKILL)

    with Child(parent) as middle:
        os.close(holding)
        with pytest.raises(ChildError):
            next(middle)
    told = poll()
    told.register(held)
    assert told.poll(30_000), "the child of a killed parent lives on"
    assert os.read(held, 1) == b""
    os.close(held)


def test_a_fork_beside_threads_warns_nobody() -> None:
    def say(tell: Tell) -> None:
        tell("alive")

    stop = threading.Event()
    thread = Thread(target=stop.wait)
    thread.start()
    try:
        with Child(say) as child:
            assert list(child) == ["alive"]
    finally:
        stop.set()
        thread.join()
