# generated from leaderboard_backends/hardening/validation/players.py
# by tools/async_faces.py: change that file, then run `make faces`
"""Whether a player exists, as a function of the app says, remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import RLock

from cachetools import TTLCache

from ...aio.hooks import call_hook
from ...errors import BackendUnavailableError, ConfigurationError
from ...forks import guard
from ...model import shorten
from ..reentrance import refuse_inside
from .cases import Case
from .settings import Settings


class AsyncKnownPlayers:
    """Asks a function whether a player exists, and remembers both answers, each for its own time.

    At most `max_cached_players` of either kind are remembered, the oldest going first. The function is called outside
    all locks, so that one player may be asked for by several threads at once.
    """

    def __init__(
        self, exists: Callable[[str], object], settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._exists = exists
        self._clock = clock
        most = settings.max_cached_players
        self._known: TTLCache[str, None] = TTLCache(most, settings.known_seconds, self._clock)
        self._unknown: TTLCache[str, None] = TTLCache(most, settings.unknown_seconds, self._clock)
        self._lock = guard(RLock())

    async def check(self, case: Case) -> str:
        """Return what is wrong with an update of a player who does not exist, and what to do; else nothing."""
        if await self.has(case.player_id):
            return ""
        return f"player {shorten(case.player_id)} does not exist (player_exists): create the player first."

    async def has(self, player_id: str) -> bool:
        """Whether a player exists; O(1), and a call of the function where nothing is remembered.

        Raises `BackendUnavailableError` where the function raises, and `ConfigurationError` for an answer that is
        neither `True` nor `False`; nothing is remembered then.
        """
        refuse_inside(self._lock)
        with self._lock:
            if player_id in self._known:
                return True
            if player_id in self._unknown:
                return False
        found = await self._ask(player_id)
        with self._lock:
            if found:
                self._unknown.pop(player_id, None)
            (self._known if found else self._unknown)[player_id] = None
        return found

    async def _ask(self, player_id: str) -> bool:
        try:
            found = await call_hook(self._exists, player_id)
        except Exception as error:
            raise BackendUnavailableError(
                f"whether player {shorten(player_id)} exists is not known: player_exists raised "
                f"{type(error).__name__} ({shorten(str(error))}): nothing was written, and it is safe to repeat."
            ) from error
        if isinstance(found, bool):
            return found
        raise ConfigurationError(
            f"player_exists returned {shorten(found)} for player {shorten(player_id)}: nothing was written. It must "
            f"return True or False."
        )
