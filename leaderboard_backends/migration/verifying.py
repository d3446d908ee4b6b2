"""Whether two boards are the same: every rank, id, name, score and tie, in both directions.

Both are read in step, 1,000 entries at a time. As long as these are equal, nothing else is done. Where they differ,
each board is asked for the players of the other's entries, but for those that it has just shown in the same state: who
is missing there, or has another score, is a difference and is left out; what remains has to be in the same order. Then
both go on in step, so that one missing player is one difference, although everybody behind has another rank. In memory
are a page of each and the differences.

The entries themselves are compared, not checksums per 1,000 ranks that the storages compute. That finds the same; what
it costs is what a server sends, some 52 bytes per player. Only a server could send less, and each plug-in would have to
compute the same sum from another form of the data. The checksum of a whole board, computed here, tells whether two
verifications saw the same.

A board that is written meanwhile shows differences that are none: each is asked for again until it is gone, or stays.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, TypeAlias

from ..errors import BoardMismatchError, InvalidArgumentError
from ..model import Entry, check_count
from ..protocol import PAGE_SIZE, LeaderboardBackend
from .streams import (
    BoardStream,
    Hear,
    Pause,
    Throttle,
    checksum_text,
    entries_of,
    have_one_history,
    is_same_storage,
    read_live,
    same,
    version_of,
)

Kind: TypeAlias = Literal["only in A", "only in B", "score", "order", "username"]
"""How a player differs: `order` is the place within a tie; of several, the first one of these."""

MOST: Final = 10_000
"""Differences after which two boards are no longer compared."""
WAIT: Final = 5.0
"""Seconds for which differences of boards that may be written are asked for again."""
ONE_BOARD: Final = "A and B are one board, given by two URLs, which would be equal to itself: give two boards."
_FIRST_PAUSE: Final = 0.05
_AHEAD: Final = PAGE_SIZE // 2
"""Entries to look ahead, at least, for a player who has another place in the other board."""


class Difference(NamedTuple):
    """One player in whom two boards differ."""

    kind: Kind
    player_id: str
    a: Entry | None
    """The player's entry in A; `None` where A does not have the player."""
    b: Entry | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found."""

    players_a: int
    players_b: int
    checksum_a: str
    """Of all ids, names and scores of A in their order, as they were read; equal boards have equal checksums."""
    checksum_b: str
    differences: tuple[Difference, ...]
    """Differences that stayed, best rank first."""
    complete: bool
    """Whether the boards were compared to the end; false where there were too many differences."""
    at_rest: bool | None
    """Whether nobody wrote meanwhile; `None` where a board has no version, so that nobody knows."""
    settled: int
    """Differences that were gone when both boards were read again."""
    seconds: float
    one_history: bool = False
    """Whether both have one history, as a board and a copy of its files have, and perhaps are one board."""

    @property
    def equal(self) -> bool:
        """Whether the boards are the same."""
        return self.complete and not self.differences

    @property
    def counts(self) -> Mapping[Kind, int]:
        """The number of differences by kind."""
        return Counter(difference.kind for difference in self.differences)


def verify_boards(
    a: LeaderboardBackend,
    b: LeaderboardBackend,
    *,
    most: int = MOST,
    wait: float = WAIT,
    rate: float | None = None,
    hear: Hear = lambda _: None,
    pause: Pause = time.sleep,
) -> Verification:
    """Compare two boards and return all differences, or that there are more than `most`.

    Unless both have a version and kept it, what differs is asked for again for up to `wait` seconds, and what has
    become equal is dropped. While a board is written, a player whom both readings missed is not compared: only a
    verification of boards at rest is complete. `rate` is the most ranks per second to read, `hear` is told how many
    were read.

    Raises `BoardMismatchError` where the orders differ, `InvalidArgumentError` where A and B are one board, and what
    reading raises. O(n), one round trip per 1,000 ranks of each board while they are equal, memory O(most).
    """
    if a.order != b.order:
        raise BoardMismatchError(f"A is {a.order} and B {b.order}: open both with the same order.")
    one_history = have_one_history(a, b)
    if one_history and is_same_storage(a, b):
        raise InvalidArgumentError(ONE_BOARD)
    found = _Comparison(a, b, check_count(most, "most", 1), Throttle(rate, pause), pause).run(wait, hear)
    return replace(found, one_history=one_history)


class _TooManyDifferencesError(Exception):
    """There are more differences than were asked for."""


class _Side:
    """One of the boards: what was read of it and not yet found in the other."""

    def __init__(self, board: LeaderboardBackend) -> None:
        self.board: Final = board
        self.stream: Final = BoardStream(board)
        self.waiting: list[Entry] = []
        self.known = 0
        """How many of the waiting entries the other board is known to have, with the same score."""
        self.passed: Final[set[str]] = set()
        """Players met in the other board far from their place here; they are not waited for."""
        self._version: Final = version_of(board)

    def fill(self) -> list[Entry]:
        """Read until 1,000 entries wait, or the board ends; returns those that were read."""
        fresh = self.stream.take(PAGE_SIZE - len(self.waiting))
        self.waiting += fresh
        return fresh

    def at_rest(self) -> bool | None:
        """Whether the board is as it was; `None` where it does not tell."""
        return None if self._version is None else version_of(self.board) == self._version


class _Comparison:
    def __init__(
        self, a: LeaderboardBackend, b: LeaderboardBackend, most: int, throttle: Throttle, pause: Pause
    ) -> None:
        self._a: Final = _Side(a)
        self._b: Final = _Side(b)
        self._most: Final = most
        self._throttle: Final = throttle
        self._pause: Final = pause
        self._found: dict[str, Difference] = {}
        self._settled = 0

    def run(self, wait: float, hear: Hear) -> Verification:
        """Compare, ask again, and return what stays."""
        began = time.monotonic()
        a, b = self._a, self._b
        complete = True
        try:
            self._read_both(hear)
        except _TooManyDifferencesError:
            complete = False
        at_rest = self._at_rest()
        if complete and at_rest is not True:
            self._wait_until_quiet(wait)
        found = tuple(self._found.values())
        return Verification(
            a.stream.read,
            b.stream.read,
            a.stream.checksum,
            b.stream.checksum,
            found,
            complete,
            at_rest,
            self._settled,
            time.monotonic() - began,
        )

    def _at_rest(self) -> bool | None:
        sides = {self._a.at_rest(), self._b.at_rest()}
        return False if False in sides else None if None in sides else True

    # ------------------------------------------------------------------ reading both

    def _read_both(self, hear: Hear) -> None:
        a, b, read = self._a, self._b, 0
        while True:
            self._add_to_checksums(a.fill(), b.fill())
            if not a.waiting and not b.waiting:
                return
            if a.waiting == b.waiting or (len(a.waiting) == len(b.waiting) and all(map(same, a.waiting, b.waiting))):
                a.waiting, b.waiting, a.known, b.known = [], [], 0, 0
            else:
                self._drill_down()
            read, before = max(a.stream.read, b.stream.read), read
            hear(read)
            self._throttle.passed(read - before)

    def _add_to_checksums(self, of_a: list[Entry], of_b: list[Entry]) -> None:
        text = checksum_text(of_a)
        self._a.stream.add_to_checksum(text)
        self._b.stream.add_to_checksum(text if of_a == of_b else checksum_text(of_b))

    def _drill_down(self) -> None:
        """Find what differs in the entries that wait, and leave waiting what may be found on the next pages."""
        a, b = self._a, self._b
        in_b, in_a = self._found_in(b, a), self._found_in(a, b)
        a.waiting = self._common(a, in_b)
        b.waiting = self._common(b, in_a)
        of_a = OrderedDict((entry.player_id, entry) for entry in a.waiting)
        of_b = OrderedDict((entry.player_id, entry) for entry in b.waiting)
        while of_a and of_b and self._advance(of_a, of_b):
            pass
        if not of_a and a.stream.ended:
            self._note_rest(b, of_b)
        if not of_b and b.stream.ended:
            self._note_rest(a, of_a)
        a.waiting, b.waiting = list(of_a.values()), list(of_b.values())
        a.known, b.known = len(of_a), len(of_b)

    def _note_rest(self, side: _Side, rest: OrderedDict[str, Entry]) -> None:
        """Note who waits for a board that has ended: the other one was written between its pages."""
        players = [player_id for player_id in rest if player_id not in side.passed]
        both = (entries_of(each.board, players) for each in (self._a, self._b))
        for player_id, in_a, in_b in zip(players, *both, strict=True):
            self._note(Difference("order", player_id, in_a, in_b))
        rest.clear()

    def _found_in(self, side: _Side, other: _Side) -> dict[str, Entry | None]:
        """Return what a board has of the other one's new entries; it is asked for those that its page does not have."""
        page = {entry.player_id: entry for entry in side.waiting}
        found: dict[str, Entry | None] = {}
        for entry in other.waiting[other.known :]:
            mine = page.get(entry.player_id)
            found[entry.player_id] = mine if mine is not None and same(mine, entry) else None
        asked = [player_id for player_id, mine in found.items() if mine is None]
        found.update(zip(asked, entries_of(side.board, asked), strict=True))
        return found

    def _common(self, side: _Side, found: Mapping[str, Entry | None]) -> list[Entry]:
        """Return the entries that wait and whose players the other board has with the same score.

        Others, and other names, are differences; of B's, those that are not known from A.
        """
        kept = side.waiting[: side.known]
        for entry in side.waiting[side.known :]:
            player_id, other = entry.player_id, found[entry.player_id]
            difference = _compared(player_id, entry, other) if side is self._a else _compared(player_id, other, entry)
            if difference is not None and (side is self._a or player_id not in self._found):
                self._note(difference)
            if difference is None or difference.kind == "username":
                kept.append(entry)
        return kept

    def _advance(self, of_a: OrderedDict[str, Entry], of_b: OrderedDict[str, Entry]) -> bool:
        """Take the first entries of both if they are of one player, else whoever is out of order.

        Returns whether it did: not where a player who is not in sight may still be on the next page.
        """
        a, b = self._a, self._b
        first, other = next(iter(of_a)), next(iter(of_b))
        if first == other:
            of_a.popitem(last=False)
            of_b.popitem(last=False)
        elif first in a.passed:
            a.passed.discard(first)
            of_a.popitem(last=False)
        elif other in b.passed:
            b.passed.discard(other)
            of_b.popitem(last=False)
        elif (len(of_a) < _AHEAD and not a.stream.ended) or (len(of_b) < _AHEAD and not b.stream.ended):
            return False
        else:
            self._take_moved(of_a, of_b, first, other)
        return True

    def _take_moved(self, of_a: OrderedDict[str, Entry], of_b: OrderedDict[str, Entry], first: str, other: str) -> None:
        """Take whoever of two players moved further from one board to the other, and note it."""
        down = of_b[first].rank - of_b[other].rank if first in of_b else None
        up = of_a[other].rank - of_a[first].rank if other in of_a else None
        if down is None or (up is not None and down >= up):
            in_a = of_a.pop(first)
            self._note(Difference("order", first, in_a, of_b.pop(first, None) or self._far(self._b, first)))
        if up is None or (down is not None and up > down):
            in_b = of_b.pop(other)
            self._note(Difference("order", other, of_a.pop(other, None) or self._far(self._a, other), in_b))

    def _far(self, side: _Side, player_id: str) -> Entry | None:
        """Return the entry of a player who is not in sight in a board, and who is not waited for there."""
        side.passed.add(player_id)
        return entries_of(side.board, [player_id])[0]

    def _note(self, difference: Difference) -> None:
        known = self._found.get(difference.player_id)
        if known is not None and known.kind == "order" and difference.kind == "username":
            return
        if known is None and len(self._found) >= self._most:
            if self._at_rest() is True:
                raise _TooManyDifferencesError
            self._ask_again()
            if len(self._found) > self._most // 2:
                raise _TooManyDifferencesError
        self._found[difference.player_id] = difference

    # ------------------------------------------------------------------ asking again

    def _wait_until_quiet(self, wait: float) -> None:
        """Ask again for what differs, at growing intervals, until nothing does or the time is over."""
        until = time.monotonic() + wait
        length = _FIRST_PAUSE
        while self._found:
            self._ask_again()
            left = until - time.monotonic()
            if not self._found or left <= 0:
                return
            self._pause(min(length, left))
            length *= 2

    def _ask_again(self) -> None:
        """Keep only the differences that are still there, as they are now."""
        kept: dict[str, Difference] = {}
        players = list(self._found)
        for start in range(0, len(players), PAGE_SIZE):
            part = players[start : start + PAGE_SIZE]
            both = zip(part, entries_of(self._a.board, part), entries_of(self._b.board, part), strict=True)
            for player_id, in_a, in_b in both:
                difference = _compared(player_id, in_a, in_b)
                same_score = difference is None or difference.kind == "username"
                if same_score and self._found[player_id].kind == "order" and not self._is_in_order(player_id):
                    difference = Difference("order", player_id, in_a, in_b)
                if difference is not None:
                    kept[player_id] = difference
        self._settled += len(self._found) - len(kept)
        self._found = kept

    def _is_in_order(self, player_id: str) -> bool:
        """Whether a player has the same neighbours in the tie on both boards."""
        return _neighbours(self._a.board, player_id) == _neighbours(self._b.board, player_id)


def _neighbours(board: LeaderboardBackend, player_id: str) -> list[str]:
    around = read_live(lambda player: board.get_around(player, 1), player_id)
    scores = {entry.score for entry in around if entry.player_id == player_id}
    return [entry.player_id for entry in around if entry.score in scores]


def _compared(player_id: str, a: Entry | None, b: Entry | None) -> Difference | None:
    """Return how a player's two entries differ, their ranks aside; `None` where they do not."""
    if a is None or b is None:
        kind: Kind = "only in B" if a is None else "only in A"
        return None if a is b else Difference(kind, player_id, a, b)
    if a.score != b.score:
        return Difference("score", player_id, a, b)
    return Difference("username", player_id, a, b) if a.username != b.username else None
