"""What became of writes: acknowledged, unsure, refused; and of those, what the board lost, doubled or should not have.

Two tallies turn what threads were told, and what a board shows in the end, into these figures: `Increments`, which
can be told apart in their sum, and `LastWrites`, of players that have one writer each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from threading import Lock
from typing import Final, Literal, NamedTuple, TypeAlias

from ...errors import BackendReadOnlyError, BackendUnavailableError, WriteConflictError, WriteOutcomeUnknownError
from ...model import Score

Outcome: TypeAlias = Literal["acknowledged", "unsure", "refused"]
"""What a caller was told of a write. `unsure` is `WriteOutcomeUnknownError`; `refused` is any error of the tree that
says that nothing was applied."""

REFUSALS: Final = (BackendUnavailableError, BackendReadOnlyError, WriteConflictError)
"""What a write may raise, beside `WriteOutcomeUnknownError`, while its server is lost."""


def outcome_of(write: Callable[[], object]) -> tuple[Outcome, object]:
    """Make a write once, and return what its caller was told, with the answer or the error; any other error passes."""
    try:
        return "acknowledged", write()
    except WriteOutcomeUnknownError as error:
        return "unsure", error
    except REFUSALS as error:
        return "refused", error


@dataclass(slots=True)
class Figures:
    """Counts of writes. The first four are facts; each of the others must be 0."""

    acknowledged: int = 0
    unsure: int = 0
    """Their error said that they may have been applied, or their caller was killed."""
    applied: int = 0
    """How many of the unsure ones were."""
    refused: int = 0
    """Their error said that nothing was applied."""
    lost: int = 0
    """Acknowledged, and not there."""
    doubled: int = 0
    """There more than once."""
    undue: int = 0
    """Refused, and there all the same."""
    torn: int = 0
    """There in part, or in a way that no order of the writes explains."""

    def count(self, outcome: Outcome) -> None:
        """Count one more write of this outcome."""
        setattr(self, outcome, getattr(self, outcome) + 1)

    @property
    def flawless(self) -> bool:
        """Whether nothing was lost, doubled, undue or torn."""
        return not (self.lost or self.doubled or self.undue or self.torn)

    def add(self, other: Figures) -> None:
        """Add the counts of others to these."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def text(self, fault: str, writes: str = "writes") -> str:
        """Return one line, such as `replies dropped: 512 increments, 430 acknowledged, …; lost 0, duplicated 0, …`."""
        applied = f" ({self.applied} of them applied)" if self.applied else ""
        return (
            f"{fault}: {self.acknowledged + self.unsure + self.refused} {writes}, {self.acknowledged} acknowledged, "
            f"{self.unsure} unsure{applied}, {self.refused} refused; lost {self.lost}, duplicated {self.doubled}, "
            f"applied although refused {self.undue}, partly applied {self.torn}"
        )


class Increment(NamedTuple):
    """One increment of the tally: `delta` is a power of 16."""

    number: int
    player_id: str
    delta: int

    def times(self, score: Score | None) -> int:
        """Return how often this increment is in a player's score."""
        return int(score or 0) // self.delta % BASE


BASE: Final = 16
DIGITS: Final = 13
"""16^13 is 2^52: all digits of a player's score are exact."""


class Increments:
    """Increments of which each is a hexadecimal digit of its player's score: the digit is how often it was applied.

    Threads take the next one each, so that several of them write one player at a time.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self._taken: list[Increment] = []
        self._outcomes: dict[int, Outcome] = {}

    def take(self) -> Increment | None:
        """Return the next increment to make, once, or `None` after the last."""
        with self._lock:
            number = len(self._taken)
            if number == self._limit:
                return None
            player, digit = divmod(number, DIGITS)
            self._taken.append(Increment(number, f"p{player}", BASE**digit))
            return self._taken[-1]

    def told(self, increment: Increment, outcome: Outcome) -> None:
        """Take down what the caller was told."""
        self._outcomes[increment.number] = outcome

    def players(self) -> list[str]:
        """Return the players whose scores `figures` needs."""
        return list(dict.fromkeys(increment.player_id for increment in self._taken))

    def figures(self, scores: Mapping[str, Score | None]) -> Figures:
        """Compare what was told with the scores; an increment whose caller was told nothing yet is unsure."""
        found = Figures()
        for increment in self._taken:
            outcome = self._outcomes.get(increment.number, "unsure")
            times = increment.times(scores[increment.player_id])
            found.count(outcome)
            found.doubled += times > 1
            found.lost += outcome == "acknowledged" and times == 0
            found.undue += outcome == "refused" and times > 0
            found.applied += outcome == "unsure" and times > 0
        return found


class LastWrites:
    """The writes of players that have one writer each: what stands is the last acknowledged, or an unsure one since.

    `None` stands for a removed player. Each writer writes another value each time, `None` excepted.
    """

    def __init__(self) -> None:
        self._writes: dict[str, list[tuple[object, Outcome]]] = {}

    def told(self, player_id: str, value: object, outcome: Outcome) -> None:
        """Take down a write of the player's writer, and what it was told."""
        self._writes.setdefault(player_id, [(None, "acknowledged")]).append((value, outcome))

    def players(self) -> list[str]:
        """Return the players whose values `figures` needs."""
        return list(self._writes)

    def figures(self, values: Mapping[str, object]) -> Figures:
        """Compare what was told with what stands."""
        found = Figures()
        for player_id, writes in self._writes.items():
            for _, outcome in writes[1:]:
                found.count(outcome)
            _judge(writes, values[player_id], found)
        return found


def _judge(writes: list[tuple[object, Outcome]], value: object, found: Figures) -> None:
    """Add to the figures what a player's value says of the writes."""
    since = 0  # how many acknowledged writes are newer than the one looked at
    refused = False
    for written, outcome in reversed(writes):
        if written == value and outcome != "refused":
            found.lost += since
            found.applied += outcome == "unsure"
            return
        refused = refused or written == value
        since += outcome == "acknowledged"
    if refused:
        found.undue += 1
    else:
        found.torn += 1
