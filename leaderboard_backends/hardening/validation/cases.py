"""One update while it is checked: what is asked for, what stands, and what stands between the steps of a batch."""

from __future__ import annotations

from collections.abc import Mapping

from ...model import Keep, Order, Score, add_scores, is_better
from .reports import Flag


class Case:
    """One update: its values, the score it leads to, and the flags of the rules that it breaks.

    `new` is the score given; of an increment, it is the sum once the standing score `old` is known. `steps` has what
    the earlier updates of a batch left.
    """

    __slots__ = ("delta", "flags", "known", "new", "old", "player_id", "position", "steps", "username")

    def __init__(
        self,
        player_id: str,
        username: str,
        new: Score,
        flags: list[Flag],
        delta: Score | None = None,
        position: int | None = None,
        steps: Steps | None = None,
    ) -> None:
        self.player_id = player_id
        self.username = username
        self.new = new
        self.flags = flags
        self.delta = delta
        self.position = position
        self.steps = steps
        self.old: Score | None = None
        self.known = False

    def take(self, old: Score | None) -> None:
        """Take what stands.

        Raises `InvalidScoreError` where the sum of an increment is outside the score rule.
        """
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

    Takes the memory of one score a player of the batch. `found` has the scores of all of them, if they were read.
    """

    def __init__(self, order: Order, keep: Keep, found: Mapping[str, Score] | None) -> None:
        self._order: Order = order
        self._keeps_last = keep == "last"
        self._found = found
        self._given: dict[str, Score] = {}

    def needs(self, player_id: str) -> bool:
        """Whether the score that the board has of a player must be looked up to tell what stands."""
        return self._found is None and not (self._keeps_last and player_id in self._given)

    def score(self, player_id: str, old: Score | None = None) -> Score | None:
        """Return what stands after the updates so far; `old` is the score that the board has, if it was needed."""
        given = self._given.get(player_id)
        if self._found is not None:
            old = self._found.get(player_id)
        if given is None or (not self._keeps_last and old is not None and not is_better(given, old, self._order)):
            return old
        return given

    def store(self, player_id: str, score: Score) -> None:
        """Apply one update."""
        given = self._given.get(player_id)
        if given is None or self._keeps_last or is_better(score, given, self._order):
            self._given[player_id] = score
