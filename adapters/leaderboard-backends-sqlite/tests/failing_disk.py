"""Run as a script: a board on a disk that fails in one thread, by the kernel's own refusal of a system call (seccomp).

    python failing_disk.py FAULT PATH

prints what came of a write in the failing thread, and of reads and a write in a healthy one afterwards. Linux alone.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import sys
from collections.abc import Callable, Sequence
from threading import Thread

from leaderboard_backends_sqlite import SQLiteLeaderboard

from leaderboard_backends import LeaderboardError

_NUMBERS = {
    "x86_64": {"read": 0, "write": 1, "pread64": 17, "pwrite64": 18, "fsync": 74, "fdatasync": 75},
    "aarch64": {"read": 63, "write": 64, "pread64": 67, "pwrite64": 68, "fsync": 82, "fdatasync": 83},
}
_FAULTS = {
    "sync": (("fsync", "fdatasync"), errno.EIO),
    "full": (("write", "pwrite64"), errno.ENOSPC),
    "quota": (("write", "pwrite64"), errno.EDQUOT),
    "write": (("pwrite64",), errno.EIO),
    "broken": (("write", "pwrite64"), errno.EIO),
    "remounted": (("write", "pwrite64"), errno.EROFS),
    "read": (("read", "pread64"), errno.EIO),
}


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def refuse(calls: Sequence[str], error: int) -> None:
    """Have the kernel refuse these system calls of this thread from now on."""
    numbers = _NUMBERS[platform.machine()]
    refusal = len(calls) + 1
    steps = [(0x20, 0, 0, 0)]  # load the number of the call
    steps += [(0x15, refusal - at, 0, numbers[call]) for at, call in enumerate(calls, 1)]  # jump where it is one
    steps += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000 | error)]  # allow; or refuse
    program = _Program(len(steps), (_Instruction * len(steps))(*(_Instruction(*step) for step in steps)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "this kernel takes no seccomp filter")


def attempt(work: Callable[[], object]) -> str:
    """Return what came of it."""
    try:
        return repr(work())
    except LeaderboardError as error:
        return f"{type(error).__name__} from {type(error.__cause__).__name__}: {error}"


def main(fault: str, path: str) -> None:
    """Fail, then go on."""
    calls, error = _FAULTS[fault]
    outcomes: list[str] = []
    with SQLiteLeaderboard(path=path) as board:
        board.update_scores([("ada", "Ada", 5), ("bob", "Bob", 9)])
        if fault == "read":
            board._file._idle.pop().close()  # with the pages that it remembers

        def fail() -> None:
            refuse(calls, error)
            outcomes.append(attempt(lambda: board.increment_score("ada", "Ada", 100)))
            outcomes.append(attempt(lambda: board.get_score("bob")))

        failing = Thread(target=fail)
        failing.start()
        failing.join()
        outcomes.append(attempt(lambda: board.get_score("ada")))
        outcomes.append(attempt(lambda: board.increment_score("ada", "Ada", 1)))
        board._check()
    print("\n".join(outcomes))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
