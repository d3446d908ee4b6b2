"""Interrupts and signal handlers at a chosen point of a piece of code, such as each of its lines in turn."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Collection
from functools import cache
from types import FrameType, TracebackType
from typing import Any, Final, Self

NO_POINTS: Final = ("try:", "with self._lock", "self._inside = False", "self._calls, self._inside = ")
"""How lines begin at which Python takes no signal, though they count as lines: entering `try`, leaving `with`, and an
assignment right after a call."""


@cache
def no_point(file: str, line: int) -> bool:
    """Whether Python takes no signal at a line."""
    return linecache.getline(file, line).strip().startswith(NO_POINTS)


class InterruptAt:
    """Raises KeyboardInterrupt at the `step`-th point at which code of some files is at work."""

    def __init__(self, step: int, files: Collection[str | None]) -> None:
        self.left = step
        self._files: Final = files

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename not in self._files:
            return None
        if event != "exception" and not (event == "line" and no_point(frame.f_code.co_filename, frame.f_lineno)):
            self.left -= 1
            if self.left == 0:
                self._handle()
        return self._trace

    def _handle(self) -> None:
        raise KeyboardInterrupt


class HandlerAt(InterruptAt):
    """Calls a handler there, as of a signal that raises nothing."""

    def __init__(self, step: int, files: Collection[str | None], handler: Callable[[], object]) -> None:
        super().__init__(step, files)
        self._handler: Final = handler

    def _handle(self) -> None:
        self._handler()
