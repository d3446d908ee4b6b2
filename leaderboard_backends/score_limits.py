"""Limits that a write must keep, checked by the storage itself in the atomic step that writes.

Whether a sum stays under a cap, or a change is small enough, depends on the score that stands in the moment of the
write. Whoever reads it first and writes then is late where others write too. So `validation` tells the storage what it
would check (`within`), and a backend whose `capabilities.limits` is true checks it where it has the standing score:
`limits_wanted()` returns the limits of the write in work, and `ScoreLimits.check` raises before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from math import inf
from typing import Final, NamedTuple, ParamSpec, TypeVar

from .errors import ScoreLimitError
from .model import Keep, Order, Score, is_better

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


class ScoreLimits(NamedTuple):
    """What a write may lead to, and by how much it may change what stands; all ends included.

    The bounds hold for each score given and each sum, also where `keep="best"` would ignore it. `max_change` holds for
    a write that changes the score; the first score of a player counts from 0, unless `exempt_first`.
    """

    lowest: float = -inf
    highest: float = inf
    max_change: float = inf
    exempt_first: bool = False

    def check(self, standing: Score | None, score: Score, delta: Score | None, order: Order, keep: Keep) -> None:
        """Raise `ScoreLimitError` where a write of `score`, a sum if there is a `delta`, breaks a limit. O(1)."""
        if not self.lowest <= score <= self.highest:
            raise score_limit_error(standing)
        change = score - (standing or 0) if delta is None else delta
        if -self.max_change <= change <= self.max_change:
            return
        if standing is None:
            if self.exempt_first:
                return
        elif keep == "best" and not is_better(score, standing, order):
            return
        raise score_limit_error(standing)

    def combined(self, other: ScoreLimits) -> ScoreLimits:
        """Return limits that keep both; first scores are exempt where each that limits changes exempts them."""
        changes = [limits for limits in (self, other) if limits.max_change < inf]
        return ScoreLimits(
            max(self.lowest, other.lowest),
            min(self.highest, other.highest),
            min(self.max_change, other.max_change),
            exempt_first=all(limits.exempt_first for limits in changes),
        )

    def check_all(
        self,
        updates: Iterable[tuple[str, str, Score]],
        look: Callable[[str], Score | None],
        order: Order,
        keep: Keep,
    ) -> None:
        """Check each update of a batch by what stands after those before it; `look` returns what stands now."""
        given: dict[str, Score] = {}
        for player_id, _, score in updates:
            standing = given[player_id] if player_id in given else look(player_id)
            self.check(standing, score, None, order, keep)
            if standing is None or keep == "last" or is_better(score, standing, order):
                given[player_id] = score
            else:
                given[player_id] = standing


def score_limit_error(standing: Score | None) -> ScoreLimitError:
    """Return the error for a write that breaks a limit of a player with this score."""
    return ScoreLimitError(f"the write breaks a score limit: the player has {standing}. It was not applied.", standing)


_limits: Final[ContextVar[ScoreLimits | None]] = ContextVar("score_limits", default=None)

limits_wanted: Final[Callable[[], ScoreLimits | None]] = _limits.get
"""Return the limits of the write in work, `None` where there are none; for backends."""


def within(
    limits: ScoreLimits, write: Callable[Parameters, Value], *arguments: Parameters.args, **options: Parameters.kwargs
) -> Value:
    """Return what a write of a board returns: `within(limits, board.increment_score, "ada", "Ada", 5)`.

    Raises `ScoreLimitError` where it breaks the limits, or those of a `within` around it, which hold as well. The
    board's `capabilities.limits` must be true.
    """
    outer = _limits.get()
    try:  # the value is set inside, and set back: an interrupt between a set and its `try` would leave it for good
        _limits.set(limits if outer is None else limits.combined(outer))
        return write(*arguments, **options)
    finally:
        _limits.set(outer)
