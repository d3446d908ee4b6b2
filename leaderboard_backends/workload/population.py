"""The population: all players of a trace, who of them is on the board, and with what score, while steps are drawn."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, repeat
from typing import Final

from ..model import Score
from .scores import Chance, Scores

NOT_ASCII: Final = 16
"""One in this many usernames is not ASCII, so that encoding is part of what is measured."""

ATTEMPTS: Final = 16
"""Draws by popularity until a player on the board is found; after these, one is drawn from those on the board."""

WEIGHT: Final = 2**29
"""The most popular player's. Whole numbers, so that sums are exact; those of 10,000,000 players stay under 2^53."""


def player_names(number: int) -> tuple[str, str]:
    """Return the id and the username of a player by number."""
    return f"player-{number:07d}", f"Zoë Nº{number}" if number % NOT_ASCII == 0 else f"Runner{number}"


class Members:
    """Numbers of players, split into those on the board and those who are not. Every call is O(1).

    One list holds all numbers, those on the board first, and another each number's place in it.
    """

    def __init__(self, players: int, on_board: int) -> None:
        self._order = list(range(players))
        self._place = list(range(players))
        self.on_board = on_board

    def __contains__(self, player: int) -> bool:
        return self._place[player] < self.on_board

    @property
    def absent(self) -> int:
        """How many are not on the board."""
        return len(self._order) - self.on_board

    def one_on_board(self, chance: Chance) -> int:
        """Draw a player who is on the board; there must be one."""
        return self._order[chance.below(self.on_board)]

    def one_absent(self, chance: Chance) -> int:
        """Draw a player who is not on the board; there must be one."""
        return self._order[self.on_board + chance.below(self.absent)]

    def some_on_board(self, count: int, chance: Chance) -> list[int]:
        """Draw different players who are on the board, or take all where there are no more than `count`."""
        if self.on_board <= count:
            return self._order[: self.on_board]
        places: dict[int, None] = {}
        while len(places) < count:
            places[chance.below(self.on_board)] = None
        return [self._order[place] for place in places]

    def add(self) -> int:
        """Return the number of a new player, who is not on the board yet."""
        self._order.append(len(self._order))
        self._place.append(len(self._place))
        return self._order[-1]

    def enter(self, player: int) -> None:
        """Put a player on the board, who is not."""
        self._swap(player, self.on_board)
        self.on_board += 1

    def leave(self, player: int) -> None:
        """Take a player off the board, who is on it."""
        self.on_board -= 1
        self._swap(player, self.on_board)

    def _swap(self, player: int, place: int) -> None:
        other, left = self._order[place], self._place[player]
        self._order[place], self._order[left] = player, other
        self._place[player], self._place[other] = place, left


class Popularity:
    """Draws players by Zipf's law: the k-th most popular one has a weight of `k ** -exponent`.

    Popularity is shuffled, so that it does not depend on the order of the load. A draw is O(log players).
    """

    def __init__(self, players: int, exponent: float, chance: Chance) -> None:
        self._chance = chance
        self._players = chance.shuffled(range(players))
        self._sums = list(accumulate(round(WEIGHT * number**-exponent) for number in range(1, players + 1)))

    def draw(self) -> int:
        """Return a player's number, on the board or not."""
        return self._players[bisect_right(self._sums, self._chance.below(self._sums[-1]))]


class Population:
    """The players of a trace while its steps are drawn: ids with usernames, and the scores of the first of them.

    The players with scores are on the board from the start. Reads name players who are on the board, and anybody where
    nobody is. Updates do the same with `joins`, where players come and go by steps of their own; without, they name
    anybody, who is on the board from then on. `popularity` of `None` draws all players alike.
    """

    def __init__(
        self,
        names: Sequence[tuple[str, str]],
        scores: Sequence[Score],
        source: Scores,
        popularity: Popularity | None = None,
        *,
        joins: bool = False,
    ) -> None:
        self.ids = [player_id for player_id, _ in names]
        self.usernames = [username for _, username in names]
        self.chance = source.chance
        self.members = Members(len(names), len(scores))
        self._scores = [*scores, *repeat(0, len(names) - len(scores))]
        self._source = source
        self._popularity = popularity
        self._joins = joins

    @property
    def used_up(self) -> bool:
        """Whether there are no more updates."""
        return False

    # ------------------------------------------------------------------ who is named

    def reader(self) -> str:
        """Draw the id of a player to read."""
        return self.ids[self._on_board()]

    def readers(self, count: int) -> list[str]:
        """Draw the ids of different players to read, by chance alone: all where there are no more than `count`."""
        return [self.ids[player] for player in self.members.some_on_board(count, self.chance)] or self.ids[:count]

    def score(self) -> Score:
        """Draw the current score of a player."""
        return self._scores[self._on_board()]

    def _on_board(self) -> int:
        members = self.members
        if not members.on_board:
            return self.chance.below(len(self.ids))
        for _ in range(ATTEMPTS if self._popularity else 0):
            player = self._anybody()
            if player in members:
                return player
        return members.one_on_board(self.chance)

    def _anybody(self) -> int:
        return self._popularity.draw() if self._popularity else self.chance.below(len(self.ids))

    # ------------------------------------------------------------------ what happens to them

    def update(self) -> tuple[str, str, Score]:
        """Draw who gets which score."""
        return self._stored(*self._next_score())

    def increment(self) -> tuple[str, str, Score]:
        """Draw who gets how much added; somebody who is not on the board starts at 0."""
        player, score = self._next_score()
        before = self._scores[player] if player in self.members else 0
        player_id, username, _ = self._stored(player, score)
        return player_id, username, score - before

    def join(self) -> tuple[str, str, Score]:
        """Draw a player to join the board, and a score: a new player if all are on the board already."""
        player = self.members.one_absent(self.chance) if self.members.absent else self._add()
        return self._stored(player, self._source.draw())

    def leave(self) -> str:
        """Draw who leaves the board."""
        player = self.members.one_on_board(self.chance)
        self.members.leave(player)
        return self.ids[player]

    def _next_score(self) -> tuple[int, Score]:
        player = self._on_board() if self._joins else self._anybody()
        source = self._source
        return player, source.after(self._scores[player]) if player in self.members else source.draw()

    def _stored(self, player: int, score: Score) -> tuple[str, str, Score]:
        if player not in self.members:
            self.members.enter(player)
        self._scores[player] = score
        return self.ids[player], self.usernames[player], score

    def _add(self) -> int:
        player = self.members.add()
        player_id, username = player_names(player)
        self.ids.append(player_id)
        self.usernames.append(username)
        self._scores.append(0)
        return player


class ReplayedPopulation(Population):
    """The players of events that happened: its updates are those events, in order, and nothing else changes it."""

    def __init__(
        self,
        names: Sequence[tuple[str, str]],
        scores: Sequence[Score],
        source: Scores,
        popularity: Popularity | None,
        events: Sequence[tuple[str, str, Score]],
    ) -> None:
        super().__init__(names, scores, source, popularity)
        self._numbers = {player_id: number for number, player_id in enumerate(self.ids)}
        self._events = events
        self._next = 0

    @property
    def used_up(self) -> bool:
        """Whether all events are replayed."""
        return self._next == len(self._events)

    def update(self) -> tuple[str, str, Score]:
        """Return the next event; there must be one."""
        player_id, username, score = self._events[self._next]
        self._next += 1
        self._stored(self._numbers[player_id], score)
        return player_id, username, score
