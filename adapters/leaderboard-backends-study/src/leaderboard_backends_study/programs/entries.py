"""`study: entry sizes`: what a board's entry takes, a small tuple or a whole player object (fourth anti-pattern).

The study gives 50 bytes for `(player_id, username)` and 1 KB for an object of ten fields and more. An entry is a
reference; what it refers to is memory of the board's only where nothing else keeps it. So both are measured: with their
texts, and with texts (or objects) that the app has anyway, as in the study's own `profiles`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from leaderboard_backends.comparison.programs import Program, Setting
from leaderboard_backends.comparison.schema import ProgramFigures

from .turns import with_growth

TUPLE: Final = "bytes an entry, tuple"
TUPLE_WITH_TEXTS: Final = "bytes an entry, tuple with its texts"
PLAYER_WITH_TEXTS: Final = "bytes an entry, player object with its texts"
REFERENCE: Final = "bytes an entry, reference to a player object kept elsewhere"

BIOGRAPHY: Final = "Plays since the first season, mostly at night, and has never once read the manual. "
"""What players say of themselves, in 83 characters; each says it twice."""


@dataclass
class Player:
    """A profile as apps have it: the study's five fields, and five more."""

    id: str
    username: str
    email: str
    avatar_url: str
    bio: str
    country: str
    created: float
    last_seen: float
    level: int
    clan: str


def run(setting: Setting) -> ProgramFigures:
    """Build many entries of each kind, and divide the growth of the process by their number."""
    numbers = range(setting.players)
    texts = [names(number) for number in numbers]
    counts: dict[str, float] = {}

    def measure(name: str, make: Callable[[int], object]) -> list[object]:
        built, grown = with_growth(lambda: [make(number) for number in numbers])
        counts[name] = round(grown / len(numbers), 1)
        return built

    kept: list[list[object]] = [measure(TUPLE, lambda number: (texts[number][0], texts[number][1]))]
    kept.append(measure(TUPLE_WITH_TEXTS, names))
    profiles = measure(PLAYER_WITH_TEXTS, draw_player)
    kept.append(measure(REFERENCE, profiles.__getitem__))
    return ProgramFigures([], counts=counts)


def names(number: int) -> tuple[str, str]:
    """Return a player's id and username, 14 and 12 characters."""
    return f"player-{number:07d}", f"user{number:08d}"


def draw_player(number: int) -> Player:
    """Return a player whose strings are not shared with any other player."""
    player_id, username = names(number)
    return Player(
        id=player_id,
        username=username,
        email=f"{username}@games.example",
        avatar_url=f"https://images.games.example/avatars/{number:012d}/large.webp",
        bio=f"{number} {BIOGRAPHY * 2}",
        country=f"country-{number % 200}",
        created=1.7e9 + number,
        last_seen=1.7e9 + 2 * number,
        level=number + 1_000,
        clan=f"clan-{number % 5_000}",
    )


PROGRAMS: Final = (
    Program("study: entry sizes", "What an entry takes: a tuple of two, or a whole player object.", 50_000, run),
)
