"""What a viewer of a board sees at one moment: the first entries, and how that answer came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from math import inf
from typing import Final, Literal, NamedTuple, TypeAlias
from unicodedata import category

from leaderboard_backends import AsyncLeaderboard, LeaderboardError, Score

from .answers import ask

Condition: TypeAlias = Literal["live", "replica", "cached", "stale", "approximate", "partial", "down"]
"""How the answer came about; `down` where there was none."""

_WORDS: Final = {
    "live": "Live",
    "replica": "From a replica",
    "cached": "From a cache",
    "stale": "Storage not answering: last known scores",
    "approximate": "Approximate",
    "partial": "Without a part of the players, whose storage does not answer",
    "down": "The board cannot be reached",
}

_AGES: Final = ((10, 1, 1, "s"), (120, 1, 0, "s"), (7200, 60, 0, "min"), (inf, 3600, 0, "h"))
"""Up to how many seconds an age is told in which unit, and with how many digits."""


MANY_DIGITS: Final = 12
"""A score that is shown with more characters than this may be broken, and is shown smaller."""

_UNSEEN: Final = {"Cc", "Cf", "Zl", "Zp", "Zs"}
"""Categories of Unicode that leave nothing to be seen: controls, formats (zero width, direction) and spaces."""

_BLANKS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(0xFE00 + n) for n in range(16)}
"""Letters and marks that leave nothing to be seen either: fillers, the blank of Braille, variation selectors."""


class Row(NamedTuple):
    """A line of the board as shown; the username is empty where nothing of it could be seen."""

    rank: int
    player_id: str
    username: str
    score: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A board as a viewer sees it; `rows` is `None` where the board could not be read."""

    condition: Condition
    age: float
    """How old the answer was when it came, in seconds."""
    players: int = 0
    rows: Sequence[Row] | None = None
    problem: str = ""
    """Why the board could not be read, for the log alone."""

    def differs(self, other: Snapshot | None) -> bool:
        """Whether a viewer who saw `other` has something new to see; from a replica or a cache is as good as live."""
        return other is None or self.seen != other.seen

    @property
    def seen(self) -> tuple[object, ...]:
        """What a viewer notices: the condition, and what is shown where anything is."""
        fresh = "live" if self.condition in ("replica", "cached") else self.condition
        return (fresh,) if self.rows is None else (fresh, self.players, self.rows)

    @property
    def count(self) -> str:
        """How many players there are, and how many of them are shown; empty where nobody knows."""
        if self.rows is None:
            return ""
        players = "1 player" if self.players == 1 else f"{self.players:,} players"
        return players if len(self.rows) == self.players else f"The first {len(self.rows):,} of {players}"

    @property
    def words(self) -> str:
        """The condition in words, with the age where it matters."""
        told = _WORDS[self.condition]
        return told if self.condition in ("live", "down") else f"{told}, {told_age(self.age)} old"

    def event(self) -> bytes:
        """Return the snapshot as one event of a stream of server-sent events."""
        content = {
            "condition": self.condition,
            "words": _WORDS[self.condition],
            "age": round(self.age, 1),
            "players": self.players,
            "count": self.count,
            "rows": self.rows,
        }
        return b"event: board\ndata: " + dumps(content, separators=(",", ":")).encode() + b"\n\n"


def told_age(seconds: float) -> str:
    """Return an age for a person: `0.4 s`, `12 s`, `3 min`, `2 h`."""
    return next(
        f"{seconds / unit:.{digits}f}\N{NO-BREAK SPACE}{name}" for below, unit, digits, name in _AGES if seconds < below
    )


def shown(score: Score) -> str:
    """Return a score for a person: `1,234,567`, and a fraction in as many digits as every double holds, 15."""
    return f"{score:,}" if isinstance(score, int) else f"{score:,.15g}"


def seen(username: str) -> str:
    """Return a username, an empty one where nothing of it could be seen."""
    return "" if all(category(each) in _UNSEEN or each in _BLANKS for each in username) else username


def down(problem: str) -> Snapshot:
    """Return what a viewer sees of a board that cannot be read."""
    return Snapshot("down", 0.0, problem=problem)


async def look(board: AsyncLeaderboard, rows: int) -> Snapshot:
    """Return what a viewer of the board sees now; `down` where it cannot be read."""
    try:
        entries, answer = await ask(board.get_top_n(rows))
        is_whole = len(entries) < rows  # then it says how many there are, of the same moment
        players = len(entries) if is_whole else await board.count()
    except LeaderboardError as error:
        return down(f"{type(error).__name__}: {error}")
    lines = tuple(Row(entry.rank, entry.player_id, seen(entry.username), shown(entry.score)) for entry in entries)
    return Snapshot(answer.source, answer.age, max(players, len(lines)), lines)
