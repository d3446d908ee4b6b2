# generated from leaderboard_backends/hardening/validation/reports.py
# by tools/async_faces.py: change that file, then run `make faces`
"""What becomes of a broken rule: it is counted, and the hook is told; the default hook writes a structured log line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from traceback import extract_tb
from typing import Final

from ...aio.hooks import call_hook
from ...model import shorten
from ..counts import Counts
from .reports import Flag, RuleCounts, _log, log_flag
from .settings import READ_RULES, UPDATE_RULES


class AsyncReports:
    """Counts what breaks a rule, and tells the hook of the updates among it."""

    def __init__(self, hook: Callable[[Flag], object] | None) -> None:
        self.counts: Final = RuleCounts(Counts(UPDATE_RULES), Counts(UPDATE_RULES + READ_RULES))
        self._hook = hook or log_flag

    async def deliver(self, flags: Iterable[Flag]) -> None:
        """Tell the hook of each flag. What it raises is logged, and changes nothing for the update."""
        for flag in flags:
            try:
                await call_hook(self._hook, flag)
            except Exception as error:  # noqa: BLE001 - a foreign function may raise anything
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Log the error without its traceback, whose last line would hold untrusted text as it is."""
        last = extract_tb(error.__traceback__)[-1]
        _log.error(
            "the hook on_flag raised %s (%s) at %s:%s; the update is not affected.",
            type(error).__name__,
            shorten(str(error)),
            last.filename,
            last.lineno,
            extra={"event": "hook_failed"},
        )
