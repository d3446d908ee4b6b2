"""Work in a forked process that streams what it has to tell, and can be killed at any moment.

    def work(tell):
        with open_leaderboard(url) as board:
            for number in count():
                board.update_score(f"p{number}", "", number)
                tell(number)

    with Child(work, seconds=30) as child:
        for number in child:
            if number == 100:
                child.kill()

A fork runs a closure and needs nothing to be imported again, so a test can open boards in other processes by whatever
its author wrote. The child must not use what its parent has open: a board, a socket, a lock that a thread may hold.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import struct
import traceback
import warnings
from collections.abc import Callable
from math import inf
from select import POLLIN, poll
from threading import Lock
from time import monotonic, sleep
from types import FrameType, TracebackType
from typing import Final, Generic, NoReturn, Self, TypeVar

Message = TypeVar("Message")

GRACE: Final = 5.0
"""Seconds after its time in which a child can still say where it was; then it is killed."""

PERIOD: Final = 0.2
"""Seconds after which it is looked whether a child still lives."""

_LENGTH: Final = struct.Struct("!I")
_CHUNK: Final = 65536


class ChildError(AssertionError):
    """A child's work raised, ran out of time, or ended in another way of its own; the text has its traceback."""


class _OutOfTimeError(BaseException):
    """Raised in the child, past whatever catches an `Exception`, so that its traceback shows where it was."""


class _Failure(str):
    """The traceback of a child's work, as a message."""

    __slots__ = ()


class Child(Generic[Message]):
    """A forked process that runs `work(tell)`; iterating yields what it told, as it comes, up to its end.

    `tell` takes anything that can be pickled, from any thread, and returns once the parent is sure to get it, even if
    the child is killed right after. Iterating raises `ChildError` where the work raised or took longer than `seconds`.
    The child never outlives the `with` block. A parent that is killed leaves it no longer than its time, or than to its
    next message where `seconds` is `None`.
    """

    def __init__(self, work: Callable[[Callable[[Message], None]], object], seconds: float | None = 60) -> None:
        self._source, target = os.pipe()
        self._deadline = inf if seconds is None else monotonic() + seconds + GRACE
        self.exit_code = 0
        """What the child ended with, once it has; the negative number of the signal that ended it."""
        self._received = bytearray()
        self._killed = False
        self._reaped = False
        self._ending = Lock()
        self.pid: Final = _fork()
        """The child's process id."""
        if not self.pid:
            os.close(self._source)
            _run(work, target, seconds)
        os.close(target)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        """Wait for the next message."""
        while (frame := self._frame()) is None:
            if not (data := self._read()):
                self._end()
            self._received += data
        return self._message(frame)

    def wait(self, seconds: float) -> Message | None:
        """Return the next message, or `None` where none came in that time; `ended` says whether one can come at all.

        Unlike iteration, it does not mind how the child ended, and is not held up by processes of the child's
        own, which may hold the other end of the pipe for longer than the child lives.
        """
        end = monotonic() + seconds
        while (frame := self._frame()) is None:
            gone = self.ended
            left = 0 if gone else min(PERIOD, max(0.0, end - monotonic()))
            if self._readable(left) and (data := os.read(self._source, _CHUNK)):
                self._received += data
            elif gone or monotonic() >= end:
                return None
            elif self._readable(0):  # the child closed its end, and lives
                sleep(left)
        return self._message(frame)

    @property
    def ended(self) -> bool:
        """Whether the child has ended; what it told before may still be to be read."""
        return self._reaped or os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def _readable(self, seconds: float | None) -> bool:
        told = poll()
        told.register(self._source, POLLIN)
        return bool(told.poll(None if seconds is None else seconds * 1000))

    def kill(self) -> None:
        """End the child at once (SIGKILL), from any thread; what it told before can still be read, to the end."""
        with self._ending:
            if not self._reaped:
                self._killed = True
                os.kill(self.pid, signal.SIGKILL)

    def send(self, number: int) -> None:
        """Send the child a signal, from any thread; nothing where it has ended."""
        with self._ending:
            if not self._reaped:
                os.kill(self.pid, number)

    def close(self) -> None:
        """Kill the child if it still runs, and reap it."""
        self.kill()
        self._reap()
        if self._source >= 0:
            os.close(self._source)
            self._source = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _message(self, frame: bytes) -> Message:
        message: Message = pickle.loads(frame)  # noqa: S301 - our own child wrote it
        if isinstance(message, _Failure):
            raise ChildError(f"the work of a child process raised:\n{message}")
        return message

    def _frame(self) -> bytes | None:
        """Return the next whole message; the torn one of a child that was killed is never whole."""
        if len(self._received) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._received)[0]
        if len(self._received) < end:
            return None
        frame = bytes(self._received[_LENGTH.size : end])
        del self._received[:end]
        return frame

    def _read(self) -> bytes:
        if self._source < 0:
            return b""
        left = self._deadline - monotonic()
        if not self._readable(None if left == inf else max(0.0, left)):
            self.close()
            raise ChildError("a child process exceeded its time limit and did not react to signals; it was killed.")
        return os.read(self._source, _CHUNK)

    def _end(self) -> NoReturn:
        code = self._reap()
        if code and not self._killed:
            raise ChildError(f"a child process ended unexpectedly, with exit code {code} (a signal where negative).")
        raise StopIteration

    def _reap(self) -> int:
        if self._reaped:
            return self.exit_code
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._ending:  # nobody kills the process that gets this number next
            _, status = os.waitpid(self.pid, 0)
            self._reaped = True
        self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns where other threads run: the child must not wait for their locks, and does not.
        warnings.filterwarnings("ignore", "(?s).*fork", DeprecationWarning)
        return os.fork()


def _run(work: Callable[[Callable[[Message], None]], object], target: int, seconds: float | None) -> NoReturn:
    """Be the child: whatever happens, never return to what called the parent."""
    lock = Lock()
    code = 1

    def tell(message: object) -> None:
        frame = pickle.dumps(message)
        with lock:
            _write(target, _LENGTH.pack(len(frame)) + frame)

    gc.freeze()  # or each collection goes through all that the parent has, and copies its pages
    try:
        try:
            signal.signal(signal.SIGALRM, _stop)
            signal.setitimer(signal.ITIMER_REAL, seconds or 0)
            work(tell)
            signal.setitimer(signal.ITIMER_REAL, 0)
            code = 0
        except BaseException:  # noqa: BLE001 - the parent raises it
            tell(_Failure(traceback.format_exc()))
    finally:
        os._exit(code)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _OutOfTimeError("out of time")


def _write(target: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(target, data) :]
    except BrokenPipeError:  # the parent has ended
        os._exit(1)
