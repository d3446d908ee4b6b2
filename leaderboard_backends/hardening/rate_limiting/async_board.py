# generated from leaderboard_backends/hardening/rate_limiting/board.py
# by tools/async_faces.py: change that file, then run `make faces`
"""`AsyncRateLimitedLeaderboard`: a board that takes so many updates of a player a minute, and of all a second."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from math import isinf
from typing import Any, Final, NoReturn

from limits.storage import Storage

from ...aio.hooks import in_thread
from ...async_protocol import AsyncLeaderboard
from ...async_wrapper import AsyncWrapper, hook_of
from ...errors import RateLimitExceededError
from ...model import Entry, Score, shorten
from ..counts import Counts
from .board import BOARD, _keys
from .memory import MemoryWindows
from .outage import OutagePolicy
from .settings import MEMORY, OPTIONS, check_settings
from .shared import close_storage, open_storage
from .windows import Charge, Limit, OwnWindows, Refusal, SharedWindows, Spending


class AsyncRateLimitedLeaderboard(AsyncWrapper):
    """Refuses updates beyond a limit with `RateLimitExceededError`, before anything is applied.

    Within any 60 seconds a player makes at most `updates_a_minute` updates, and within any second the board takes at
    most `updates_a_second`, both ends of the window included. `update_score` and `increment_score` count as one
    update, `update_scores` as one for each entry of its input, for the player and for the board; where one entry is
    beyond a limit, the whole batch is refused. An update that passes the limit counts, even if the board then refuses
    it, so that whoever sends wrong updates is limited too. Removing players, clearing and reading do not count: they
    are for the app itself.

    `retry_after` is the number of seconds after which the same call passes if nobody else updates meanwhile; it is
    infinite for a batch that is larger than its limit.

    Counted `in memory`, the limit is that of this object, and a refused update uses none of it. If more than
    `max_players` are active within a minute, the count of the player who has been quiet for longest starts again at 0;
    `forgotten` says how often that happened. In a Redis or Valkey, all processes with the same `storage`, `prefix`,
    board name and limits count together, by the clocks of their machines, which must agree. Each update takes one more
    round trip; a batch, or a second limit, takes two for each player and for the board. A refused update uses none of
    the limit there either, unless another process reaches the limit within these round trips. While that server is
    down, `when_down` decides.

    `counts` has the updates that were refused, by rule, that passed `uncounted`, and that were refused as the storage
    was `unavailable`. `clock` returns seconds and never goes back.

    Counted in memory, an update takes O(log limit) and no round trip, and memory about 300 bytes per player and 9 bytes
    per counted update; a call by a finalizer or a signal handler, while its thread counts another one, raises
    `BackendUnavailableError`. Making one raises `ConfigurationError` for a `storage` that cannot be used.
    """

    position = 300
    may_wait = True
    options = OPTIONS

    def __init__(
        self, inner: AsyncLeaderboard, *, clock: Callable[[], float] = time.monotonic, **settings: Any
    ) -> None:
        super().__init__(inner)
        checked = check_settings(settings)
        self._rules: Final = checked
        self.counts: Final = Counts(("updates_a_minute", "updates_a_second", "uncounted", "unavailable"))
        shared = checked.storage != MEMORY
        self._storage_of_limits: Final[Storage] = (
            open_storage(checked) if shared else MemoryWindows(_keys(checked), clock)
        )
        self._of_player = self._limit("updates_a_minute", checked.updates_a_minute, 60)
        self._of_board = self._limit("updates_a_second", checked.updates_a_second, 1)
        self._spending: Final = self._make_spending(clock)
        self._fits: Final = self._make_fits()
        self._update_inside = hook_of(inner.update_score)
        self._increment_inside = hook_of(inner.increment_score)

    def _limit(self, rule: str, amount: int | None, seconds: int) -> Limit | None:
        if not amount:
            return None
        shared = self._rules.storage != MEMORY
        return Limit(rule, amount, seconds, f"{self.name}/{rule}/{amount}/" if shared else "")

    def _make_spending(self, clock: Callable[[], float]) -> Spending:
        storage = self._storage_of_limits
        if isinstance(storage, MemoryWindows):
            return OwnWindows(storage, clock)
        windows = SharedWindows(storage)
        policy = OutagePolicy(windows, self._rules, self.counts, clock)
        try:
            windows.refuse_cluster(self._rules)
            policy.try_out(Charge(Limit("opening", 1, 1, f"{self.name}/opening"), BOARD, 1))
        except BaseException:
            close_storage(storage)
            raise
        return policy

    def _make_fits(self) -> Callable[[str], bool]:
        """Return what charges one update of a player where that fits, without a list of charges: in memory alone."""
        spending, of_player, of_board = self._spending, self._of_player, self._of_board
        if not isinstance(spending, OwnWindows):
            return lambda _: False
        if of_player is not None and of_board is not None:
            return spending.fits_both(of_player, of_board, BOARD)
        return spending.fits_one(of_player) if of_player is not None else lambda _: of_board is None

    @property
    def forgotten(self) -> int:
        """How many players were counted anew, as more than `max_players` were active at once; 0 in Redis."""
        storage = self._storage_of_limits
        return storage.forgotten if isinstance(storage, MemoryWindows) else 0

    @property
    def storage_down(self) -> bool:
        """Whether the Redis or Valkey that counts did not answer when it was asked last."""
        return isinstance(self._spending, OutagePolicy) and self._spending.down

    def _settings(self) -> str:
        return str(self._rules)

    # ------------------------------------------------------------------ what counts

    async def _update_score(self, player_id: str, username: str, score: Score) -> int:
        if not self._fits(player_id):
            await self._charge_all((player_id,))
        return await self._update_inside(player_id, username, score)

    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        if not self._fits(player_id):
            await self._charge_all((player_id,))
        return await self._increment_inside(player_id, username, delta)

    async def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        await self._charge_all([player_id for player_id, _, _ in updates])
        await self._inner.update_scores(updates)

    async def _charge_all(self, player_ids: Sequence[str]) -> None:
        charges = []
        if self._of_player is not None:
            of_player = self._of_player
            charges += [Charge(of_player, player_id, cost) for player_id, cost in Counter(player_ids).items()]
        if self._of_board is not None:
            charges.append(Charge(self._of_board, BOARD, len(player_ids)))
        await self._charge(charges, len(player_ids))

    async def _charge(self, charges: Sequence[Charge], updates: int) -> None:
        if charges and (refusal := await self._spend(charges, updates)):
            self._refuse(refusal, updates)

    async def _spend(self, charges: Sequence[Charge], updates: int) -> Refusal | None:
        if isinstance(self._spending, OutagePolicy):
            return await in_thread(self._spending.spend, charges, updates)
        return self._spending.spend(charges, updates)

    def _refuse(self, refusal: Refusal, updates: int) -> NoReturn:
        (limit, who, cost), wait = refusal
        self.counts.add(limit.rule, updates)
        whose = f"player {shorten(who)}" if who else f"board {self.name}"
        if isinf(wait):
            problem = f"{cost} updates of {whose} in one batch are above the limit: split the batch"
        else:
            problem = f"the updates of {whose} have reached their limit: repeat this in {wait:.3f} s"
        raise RateLimitExceededError(
            f"{problem}. {limit.rule} is {limit.amount}; nothing was applied.", retry_after=wait
        )

    # ------------------------------------------------------------------ life

    async def _close(self) -> None:
        try:
            await super()._close()
        finally:
            if self._closed and not isinstance(self._storage_of_limits, MemoryWindows):
                close_storage(self._storage_of_limits)
