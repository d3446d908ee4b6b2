"""The rows of a plain sorted set, and of a board of the library `leaderboard` by agoragames, which is one.

A sorted set does not know who reached a score first. So the order of a tie is a rule that is named (`Ties`): as the set
lists it, by member, or by a time that was packed into the scores.

Layout of agoragames (https://github.com/agoragames/leaderboard-python): the board NAME is a sorted set at the key NAME;
texts that describe its members are in a hash at NAME:member_data. A board with the order `asc` lists the lowest first.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal, Protocol, TypeAlias

from ..errors import BoardMismatchError
from ..model import Order
from ..protocol import PAGE_SIZE
from .tables import NAMED, Row

Ties: TypeAlias = Literal["listed", "member", "packed", "packed-reversed"]
"""The order of players with the same score.

`listed`: as the set lists them, by ZREVRANGE for the highest first (members from z to a) and by ZRANGE for the lowest
first (a to z): the ranks that it shows today. `member`: by member, from a to z. `packed`: a score holds a whole score
and a time; players with the same whole score stay in the order of the packed ones, the best first. `packed-reversed`:
the other way around, for times that count up where the highest is the best (or down, where the lowest is).
"""

MEMBER_DATA: Final = ":member_data"
"""What the key of a board of agoragames is followed by in that of its descriptions."""


class SortedSet(Protocol):
    """A sorted set somewhere, such as `backends.redis.sorted_sets.SortedSet` reads it."""

    @property
    def key(self) -> str:
        """Its key, for texts."""
        ...

    def count(self) -> int:
        """Return the number of members."""
        ...

    def page(self, first: int, last: int, *, highest_first: bool) -> list[tuple[bytes, float]]:
        """Return members and scores of these positions, counted from 0."""
        ...

    def described(self, key: str, members: Sequence[bytes]) -> list[bytes | None]:
        """Return what the hash of this key has for each member."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """How the members of a sorted set become rows."""

    order: Order
    ties: Ties
    unit: float = 1.0
    """What packed scores are divided by; the whole part is the score. 1 where the time is the fraction."""
    description: str | None = None
    """The key of the hash that describes members; `None` where there is none."""
    username: str | None = None
    """The field of a description (a JSON object) that is the username; a description that is no object is itself the
    username. Where that is `None`, or a member has none, the username is the member."""

    def score(self, found: float) -> float:
        """Return the score that a score of the set stands for."""
        return found // self.unit if self.ties in ("packed", "packed-reversed") else found

    @property
    def turned(self) -> bool:
        """Whether each tie is the other way around than the set lists it."""
        return self.ties == "packed-reversed" or (self.ties == "member" and self.order == "descending")


def sorted_set_rows(found: SortedSet, reading: Reading) -> Iterator[Row]:
    """Yield the rows of a sorted set, best first. Memory: two pages of 1,000; each member is read once or twice.

    Raises `BoardMismatchError` where the set has no members, or has others at the end than at the beginning, as far as
    their number tells; `InvalidPlayerError`, `InvalidNameError` or `InvalidScoreError` for what a board does not allow,
    with the position.
    """
    players = found.count()
    if not players:
        raise BoardMismatchError(f"there is no sorted set {found.key!r}: check the key, and the URL's database.")
    read = 0
    for page in _turned(found, reading) if reading.turned else _listed(found, reading):
        for (member, score), username in zip(page, _usernames(found, reading, page), strict=True):
            read += 1
            row = {"player_id": _text(member), "username": username, "score": reading.score(score)}
            yield NAMED.row(row, f"position {read} of {found.key!r}")
    if not read == players == found.count():
        raise BoardMismatchError(
            f"the sorted set {found.key!r} had {players:,} members, and {read:,} were read: it was written meanwhile. "
            "Stop its writers, clear the board, and import again."
        )


Page: TypeAlias = Sequence[tuple[bytes, float]]


def _listed(found: SortedSet, reading: Reading) -> Iterator[Page]:
    """Yield pages in the order of the set."""
    first, descending = 0, reading.order == "descending"
    while page := found.page(first, first + PAGE_SIZE - 1, highest_first=descending):
        yield page
        first += len(page)


def _turned(found: SortedSet, reading: Reading) -> Iterator[Page]:
    """Yield pages with each tie turned around; one that is longer than a page is read from its end."""
    first, descending = 0, reading.order == "descending"
    while page := found.page(first, first + PAGE_SIZE - 1, highest_first=descending):
        last = reading.score(page[-1][1])
        whole = page if len(page) < PAGE_SIZE else [each for each in page if reading.score(each[1]) != last]
        ties = groupby(whole, key=lambda each: reading.score(each[1]))
        yield [each for _, tie in ties for each in reversed(list(tie))]
        first += len(whole)
        if not whole:
            end = _end(found, reading, first + len(page), last)
            for high in range(end, first, -PAGE_SIZE):
                yield found.page(max(first, high - PAGE_SIZE), high - 1, highest_first=descending)[::-1]
            first = end


def _end(found: SortedSet, reading: Reading, first: int, score: float) -> int:
    """Return where a tie ends that goes on to this position at least. O(log n) round trips.

    No count by score tells that: from 2^53 on, where no number is between a score and the next, nor is the end.
    """

    def is_beyond(position: int) -> bool:
        page = found.page(position, position, highest_first=reading.order == "descending")
        return not page or reading.score(page[0][1]) != score

    return bisect_left(range(found.count()), x=True, lo=first, key=is_beyond)


def _usernames(found: SortedSet, reading: Reading, page: Page) -> list[Any]:
    if reading.username is None or reading.description is None or not page:
        return [None] * len(page)
    texts = found.described(reading.description, [member for member, _ in page])
    return [None if text is None else _username(_text(text), reading.username) for text in texts]


def _username(text: str, name: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found.get(name) if isinstance(found, dict) else text


def _text(value: bytes) -> str:
    """Return a text; what is no UTF-8 keeps a mark by which the player's check refuses it."""
    return value.decode(errors="surrogateescape")
