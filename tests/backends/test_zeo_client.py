"""Whatever line an interrupt hits while a ZEO client is opened or closed: its connection and its thread end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from time import monotonic, sleep
from types import FrameType
from typing import Any, Final

import pytest
import ZEO.asyncio.client
import ZEO.ClientStorage

from leaderboard_backends.backends.zodb import client
from leaderboard_backends.backends.zodb.client import Connector
from leaderboard_backends.testing.zeo import EmbeddedZEO

FILES: Final = {module.__file__ for module in (client, ZEO.asyncio.client, ZEO.ClientStorage, threading)}


class Stop(BaseException):
    """What a time limit raises in the middle of a call."""


class Interrupt:
    """Raises `Stop` at the n-th line, or end of a function, that a block passes in these files."""

    def __init__(self, point: int) -> None:
        self._left = point
        self.came = False

    def __enter__(self) -> None:
        sys.settrace(self._called)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> bool:
        sys.settrace(None)
        return kind is Stop

    def _called(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        del event, argument
        return self._passed if frame.f_code.co_filename in FILES and not _starts_thread(frame) else None

    def _passed(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        del frame, argument
        self._left -= event in ("line", "return")
        if self._left == 0 and not self.came:
            self.came = True
            raise Stop
        return self._passed


def _starts_thread(frame: FrameType | None) -> bool:
    """Whether the interpreter starts a thread; one whose start an interrupt cuts never comes to the client's code."""
    while frame is not None:
        if frame.f_code is threading.Thread.start.__code__:
            return True
        frame = frame.f_back
    return False


def _clients() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "zeo client" in thread.name and thread.is_alive()]


@pytest.mark.usefixtures("unlogged")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")  # an interrupt came before
@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.proof)])
def test_a_client_whose_opening_or_closing_is_interrupted_ends_with_the_next_one(every: int) -> None:
    with EmbeddedZEO() as server:
        connect = Connector(str(server.socket_path), "zeo", storage="1", wait_timeout=30.0, reply_timeout=30.0)
        point, came = 1, True
        while came:
            with (interrupt := Interrupt(point)):
                connect().close()
            came, point = interrupt.came, point + every
            connect().close()
            until = monotonic() + 30
            while _clients():
                assert monotonic() < until, f"a thread goes on after an interrupt at point {point}"
                sleep(0.001)  # a thread tells nobody of its end
        assert point > 200


@pytest.mark.usefixtures("unlogged")
def test_a_client_that_nobody_has_ends_with_its_connector() -> None:
    with EmbeddedZEO() as server:
        connect = Connector(str(server.socket_path), "zeo", storage="1", wait_timeout=30.0, reply_timeout=30.0)
        connect()
        assert _clients()
        del connect
        until = monotonic() + 30
        while _clients():
            assert monotonic() < until
            sleep(0.001)  # as above
