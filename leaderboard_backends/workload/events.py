"""Events that happened: a CSV of `player_id,username,score` in time order, one update per row.

The columns may be in any order; other columns are ignored. The bytes of the file are part of the workload's hash; ids
and usernames of its players go into the stored trace, and nowhere else.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from io import StringIO
from math import isinf
from pathlib import Path
from sys import float_info
from typing import Final, NamedTuple, NoReturn, TypeAlias

from ..errors import ConfigurationError, InvalidValueError
from ..model import Score, check_player_id, check_score, check_username, shorten

COLUMNS: Final = ("player_id", "username", "score")

NUMBER: Final = re.compile(r"[+-]?[0-9]+(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][+-]?[0-9]+)?")
"""How a score is written; Python itself would take spaces around it, 1_000, digits of other scripts and `nan` too."""

Event: TypeAlias = tuple[str, str, Score]
"""A player's id, username, and new score."""


class Events(NamedTuple):
    """All events of a file, the SHA-256 of its bytes, and how many players there are."""

    rows: list[Event]
    sha256: str
    players: int

    def loaded(self, count: int) -> dict[str, tuple[str, Score]]:
        """Return the state after the first `count` events: username and score by player, in the order of reaching it.

        Loading a board in this order leaves each tie as the events did.
        """
        standing: dict[str, tuple[str, Score]] = {}
        for player_id, username, score in self.rows[:count]:
            if player_id in standing and standing[player_id][1] != score:
                del standing[player_id]
            standing[player_id] = username, score
        return standing

    def first_names(self) -> dict[str, str]:
        """Return the first username of each player, in the order in which they came."""
        names: dict[str, str] = {}
        for player_id, username, _ in self.rows:
            names.setdefault(player_id, username)
        return names


def read_events(path: Path) -> Events:
    """Read a CSV; raises `ConfigurationError` with the line and what is wrong with it. O(rows)."""
    try:
        stored = path.read_bytes()
        text = stored.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = stored.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}, line {line}: byte {error.start} is not UTF-8. Save it as UTF-8.") from None
    rows = list(_Reader(path, text).events())
    if not rows:
        raise ConfigurationError(
            f"{path} has no events: it needs one row per event, below the header {','.join(COLUMNS)}."
        )
    return Events(rows, sha256(stored).hexdigest(), len({player_id for player_id, _, _ in rows}))


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = csv.reader(StringIO(text, newline=""), strict=True)

    def events(self) -> Iterator[Event]:
        """Yield the events; blank rows are none."""
        header = next(self._rows(), [])
        places = self._places(header)
        for row in self._rows():
            if len(row) != len(header):
                self._refuse(f"has {len(row)} values, but the header has {len(header)} columns")
            yield self._event([row[place] for place in places])

    def _rows(self) -> Iterator[list[str]]:
        try:
            yield from filter(None, self._lines)
        except csv.Error as error:
            self._refuse(f"is no CSV: {error}")

    def _places(self, header: Sequence[str]) -> list[int]:
        if not header:
            self._refuse(f"is empty: the header must be {', '.join(COLUMNS)}, and every other row is an event")
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            self._refuse(
                f"has no column {', '.join(missing)}, but {shorten(','.join(header))}: the header must have "
                f"{', '.join(COLUMNS)}"
            )
        twice = [name for name in COLUMNS if header.count(name) > 1]
        if twice:
            self._refuse(f"has the column {', '.join(twice)} more than once: it may occur only once")
        return [header.index(name) for name in COLUMNS]

    def _event(self, values: Sequence[str]) -> Event:
        player_id, username, score = values
        try:
            return check_player_id(player_id), check_username(username), check_score(self._number(score))
        except InvalidValueError as error:
            self._refuse(str(error).rstrip("."))

    def _number(self, text: str) -> Score:
        found = NUMBER.fullmatch(text)
        if found is None:
            self._refuse(f"score {shorten(text)} is not a number: write it like 1500 or 12.5")
        number = float(text)
        if isinf(number):
            self._refuse(f"score {shorten(text)} is too large: the largest score is {float_info.max:.2g}")
        return number if found["fraction"] or found["exponent"] else int(text)

    def _refuse(self, problem: str) -> NoReturn:
        raise ConfigurationError(f"{self._path}, line {max(1, self._lines.line_num)}: {problem}.") from None
