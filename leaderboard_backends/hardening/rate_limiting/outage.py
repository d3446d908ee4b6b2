"""What happens while the shared storage of the limit does not answer: updates pass uncounted, or are refused."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from threading import RLock
from typing import Final

from limits.errors import StorageError

from ...errors import BackendUnavailableError, ConfigurationError
from ...forks import guard
from ...model import shorten
from ..counts import Counts
from .settings import Settings, shown
from .windows import Charge, Refusal, Spending

_log: Final = logging.getLogger("leaderboard_backends.hardening")


class OutagePolicy:
    """Charges updates in a storage, and stands in for it while it is down.

    An update finds out that the storage is down by waiting for it, `timeout` seconds at most. From then on one update
    asks it every `retry_every` seconds, and the others do not wait; an answer ends the outage. Its begin and its end
    are logged once each: what comes of a question that was asked before the latest of them says nothing new.
    """

    def __init__(self, windows: Spending, settings: Settings, counts: Counts, clock: Callable[[], float]) -> None:
        self._windows = windows
        self._settings = settings
        self._counts = counts
        self._clock = clock
        self._lock = guard(RLock())
        self._down = False
        self._turns = 0  # how many outages have begun or ended
        self._next_question = 0.0
        self._problem = ""
        self._uncounted = 0

    @property
    def down(self) -> bool:
        """Whether the storage did not answer when it was asked last."""
        return self._down

    def spend(self, charges: Sequence[Charge], updates: int) -> Refusal | None:
        """Charge a call, or say what does not fit.

        While the storage is down, nothing is charged: returns `None`, or raises `BackendUnavailableError` where
        `when_down` is `closed`.
        """
        if self._down and not self._may_ask():
            self._stand_in(updates)
            return None
        asked = self._turns
        try:
            refusal = self._windows.spend(charges, updates)
        except (StorageError, OSError) as error:
            self._begin(error, asked)
            self._stand_in(updates)
            return None
        if self._down:
            self._end(asked)
        return refusal

    def try_out(self, charge: Charge) -> None:
        """Charge once, when a board is opened; an outage begins here where the storage does not answer.

        Raises `ConfigurationError` where it answers and does not permit it, which no waiting would change.
        """
        asked = self._turns
        try:
            self._windows.spend((charge,), 1)
        except (StorageError, OSError) as error:
            cause = _cause(error)
            if _DENIALS & {kind.__name__ for kind in type(cause).__mro__} or _DENIED_IN_SCRIPT.search(str(cause)):
                prefix = self._settings.prefix
                raise ConfigurationError(
                    f"the storage of the rate limit, {shown(self._settings.storage)}, does not permit the commands "
                    f"that counting needs ({shorten(str(cause), 120)}): correct the user or the password, allow this "
                    f"user ~{prefix}:* -@all {_COMMANDS}, or set another prefix."
                ) from error
            self._begin(error, asked)

    def _may_ask(self) -> bool:
        """Whether it is this update's turn to see whether the storage answers again."""
        with self._lock:
            now = self._clock()
            if now < self._next_question:
                return False
            self._next_question = now + self._settings.retry_every
            return True

    def _stand_in(self, updates: int) -> None:
        """Let updates pass, or refuse them."""
        if self._settings.when_down == "open":
            self._counts.add("uncounted", updates)
            return
        self._counts.add("unavailable", updates)
        raise BackendUnavailableError(
            f"the storage of the rate limit, {shown(self._settings.storage)}, does not answer ({self._problem}): "
            'nothing was applied, and it is safe to repeat. Start it, or set when_down to "open" to accept updates '
            "uncounted meanwhile."
        )

    def _begin(self, error: Exception, asked: int) -> None:
        cause = _cause(error)
        with self._lock:
            first = not self._down and asked == self._turns
            self._problem = f"{type(cause).__name__}: {shorten(str(cause), 120)}"
            self._next_question = self._clock() + self._settings.retry_every
            if first:
                self._down = True
                self._turns += 1
                self._uncounted = self._counts["uncounted"]
        if first:
            _log.warning(
                "the storage of the rate limit, %s, does not answer (%s): updates %s until it does",
                shown(self._settings.storage),
                self._problem,
                "pass uncounted" if self._settings.when_down == "open" else "are refused",
                extra={"event": "rate_limit_down"},
            )

    def _end(self, asked: int) -> None:
        with self._lock:
            last = self._down and asked == self._turns
            if last:
                self._down = False
                self._turns += 1
        if last:
            _log.warning(
                "the storage of the rate limit, %s, answers again; %d updates were let through uncounted",
                shown(self._settings.storage),
                self._counts["uncounted"] - self._uncounted,
                extra={"event": "rate_limit_up"},
            )


_COMMANDS: Final = "+hello +select +client|setinfo +script|load +evalsha +lindex +lpush +ltrim +expire"
"""All that counting sends, and what the scripts of the library limits call, in the words of ACL SETUSER."""

_DENIALS: Final = {"NoPermissionError", "AuthenticationError"}
"""Names of redis-py's classes, as this part does not import redis-py: the library limits does."""

_DENIED_IN_SCRIPT: Final = re.compile(
    "ACL failure in script|can't access at least one of the keys|can't run this command"
)


def _cause(error: Exception) -> Exception:
    return error.storage_error if isinstance(error, StorageError) else error
