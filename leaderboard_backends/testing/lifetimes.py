"""What a process started ends with it, even where the process is killed (SIGKILL) and can clean up nothing itself."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
"""The option of Linux's prctl(2) that names the signal for the death of the parent."""

_SCRIPT: Final = """
pid=
while read -r line && [ "$line" != end ]; do pid=$line; done
[ -z "$pid" ] || kill -KILL "$pid"
rm -rf -- "$1"
"""


class Guard:
    """A small process that waits for the end of this one, then kills another process and removes a folder.

    It reads a pipe whose other end this process holds, and children that it forked: where `close` is not called, the
    pipe ends with the last of them, however that one ends. It has a session of its own, so that neither Ctrl-C nor a
    terminal that is closed ends it before its time. Making one costs a `fork` and an `exec` of `/bin/sh`.
    """

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the script above
            ["/bin/sh", "-c", _SCRIPT, "guard", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def watch(self, pid: int | None) -> None:
        """Name the process to kill at the end, instead of the one named before; none with `None`."""
        self._tell("" if pid is None else str(pid))

    def close(self) -> None:
        """Kill what is watched, remove the folder, and return once both are done."""
        self._tell("end")
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # whoever ended the guard decided that nothing is guarded
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()


def end_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM to this process when the parent, whose process id is given, is gone; Linux only.

    For a process that a main thread started, as the death of the thread that started it counts.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was gone before
            os.kill(os.getpid(), signal.SIGTERM)
