"""One update while it is checked: what is asked for, what stands, and what stands between the steps of a batch."""

from __future__ import annotations

from collections.abc import Callable

from ...model import Keep, Order, Score, add_scores, is_better
from .reports import Flag

Look = Callable[[str], Score | None]
"""Returns the score that stands for a player."""


class Case:
    """One update: its values, the score it leads to, and the flags of the rules that it breaks.

    `new` is the score given; of an increment, it is the sum once `read` has looked up the standing score `old`.
    """

    __slots__ = ("delta", "flags", "known", "look", "new", "old", "player_id", "position", "username")

    def __init__(
        self,
        player_id: str,
        username: str,
        new: Score,
        look: Look,
        flags: list[Flag],
        delta: Score | None = None,
        position: int | None = None,
    ) -> None:
        self.player_id = player_id
        self.username = username
        self.new = new
        self.look = look
        self.flags = flags
        self.delta = delta
        self.position = position
        self.old: Score | None = None
        self.known = False

    def read(self) -> None:
        """Look up what stands.

        Raises what reading raises, and `InvalidScoreError` where the sum of an increment is outside the score rule.
        """
        self.take(self.look(self.player_id))

    def take(self, old: Score | None) -> None:
        """Take what stands from somebody who has looked it up; raises `InvalidScoreError` as `read` does."""
        self.old = old
        if self.delta is not None:
            self.new = add_scores(old or 0, self.delta)
        self.known = True

    @property
    def outcome(self) -> Score | None:
        """The score that the update leads to; `None` for an increment of a score that was not read."""
        return self.new if self.delta is None or self.known else None


class Steps:
    """What stands for each player between the updates of a batch, after the board's keep rule.

    Takes the memory of one score a player of the batch, and looks up a player only when asked for one.
    """

    def __init__(self, order: Order, keep: Keep, look: Look) -> None:
        self._order: Order = order
        self._keeps_last = keep == "last"
        self._look = look
        self._given: dict[str, Score] = {}

    def score(self, player_id: str) -> Score | None:
        """Return what stands after the updates so far."""
        given = self._given.get(player_id)
        if given is None:
            return self._look(player_id)
        if self._keeps_last:
            return given
        old = self._look(player_id)
        return given if old is None or is_better(given, old, self._order) else old

    def store(self, player_id: str, score: Score) -> None:
        """Apply one update."""
        given = self._given.get(player_id)
        if given is None or self._keeps_last or is_better(score, given, self._order):
            self._given[player_id] = score
