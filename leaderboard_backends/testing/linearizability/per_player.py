"""The assertion that a history is consistent per player, the level of a board over several shards.

Three things must hold, together:

- each player's part of the history is linearizable (`projection`);
- there is one order of all updates that reached a score, the same for every reader, in which one that ended before
  another began comes first; it ranks the players of a tie;
- an answer about several players (a rank, a length, a range) is that of a board on which each player has the state of
  one moment between the call and the return. The rank that an update returns has the player's state right after it.

Each is checked by what it leaves possible. The parts give the states that each player can have had at an operation; the
answer rules out those that no joined board explains, and where all boards that are left rank a tie alike, so must all
other answers. That goes on until nothing more is ruled out, as arc consistency does: A. K. Mackworth, "Consistency in
Networks of Relations", Artificial Intelligence 8 (1977). What is ruled out never happened, so a board that keeps the
level always passes. The converse does not hold to the last case: states that several answers leave open are not tried
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, groupby, islice, permutations, product
from math import isinf, prod
from typing import Final, TypeAlias

from ...capabilities import Consistency
from ...model import Keep, Order, Score
from .history import Operation
from .projection import ABSENT, RANKED, Era, PlayerHistory, Reaching, entries_of, is_answered, spans, updates_of
from .search import BUDGET, SearchBudgetError
from .sequential import EMPTY, WRITES, State, apply
from .verdict import assert_linearizable, line

SHOWN: Final = 5
"""Answers of joined boards that a failure shows."""
MANY: Final = 200
"""Combinations of states from which on an answer rules next to nothing out: one that explains it is enough."""

_Row: TypeAlias = tuple[str, Era]
"""A player and the state at one moment."""
_Board: TypeAlias = tuple[_Row, ...]
"""The players that are there, best first."""


def assert_allowed(
    consistency: Consistency, history: Iterable[Operation], order: Order, keep: Keep, *, start: State = EMPTY
) -> None:
    """Raise `AssertionError` unless a board of that level can have given every answer.

    Of an eventual board, give the writes alone, with `ANY` as answers. Raises `SearchBudgetError` where a history is
    too large to be judged.
    """
    __tracebackhide__ = True
    judge = assert_per_player if consistency == "per player" else assert_linearizable
    judge(history, order, keep, start=start)


def assert_per_player(
    history: Iterable[Operation], order: Order, keep: Keep, *, start: State = EMPTY, budget: int = BUDGET
) -> None:
    """Raise `AssertionError` unless a board that is consistent per player can have given every answer.

    `start` is the board's state before the history. The error tells the answer that no joined board explains, with the
    states that its players can have had; or the player whose own answers have no order. Raises `SearchBudgetError`
    after `budget` configurations of one player, or joined boards of one answer.

    Cost: each player's part is searched to its end, and each answer tried on the product of the states that its
    players can have had, with the orders of their ties; both again as long as something is ruled out.
    """
    __tracebackhide__ = True
    if text := _Judge(history, order, keep, start, budget).run():
        raise AssertionError("\n".join(text))


class _Ties:
    """The order of all updates that reached a score, as far as times and answers tell it."""

    def __init__(self, operations: Sequence[Operation], reachings: Sequence[Reaching]) -> None:
        self._operations = operations
        self._reachings = reachings
        self._learned: set[tuple[Reaching, Reaching]] = set()

    def __len__(self) -> int:
        return len(self._learned)

    def ended_before(self, one: Reaching, other: Reaching) -> bool:
        """Whether one ended before the other began; what stood at the start did, in its order there."""
        first, second = one[1], other[1]
        if first < 0 or second < 0:
            return first < second
        return self._operations[first].returned < self._operations[second].invoked

    def before(self, one: Reaching, other: Reaching) -> bool:
        """Whether one is known to rank before the other within a tie."""
        return (one, other) in self._learned or self.ended_before(one, other)

    def orders(self, tied: Sequence[_Row]) -> list[_Board]:
        """Return the orders of players with one score that fit what is known. O(n!) for n players."""
        return [
            order
            for order in permutations(tied)
            if not any(self.before(_reaching(lower), _reaching(upper)) for upper, lower in combinations(order, 2))
        ]

    def learn(self, boards: Iterable[_Board]) -> None:
        """Take in what all boards that explain one answer rank alike."""
        for one, other in set.intersection(*map(_tied, boards)):
            if not self.before(one, other):
                above = [each for each in self._reachings if each == one or self.before(each, one)]
                below = [each for each in self._reachings if each == other or self.before(other, each)]
                self._learned.update(product(above, below))


class _Judge:
    """What is known of a history, and what is not ruled out."""

    def __init__(self, history: Iterable[Operation], order: Order, keep: Keep, start: State, budget: int) -> None:
        explained = [operation for operation in history if operation.call in WRITES or is_answered(operation)]
        self._operations = sorted(explained, key=lambda operation: operation.invoked)
        self._order: Order = order
        self._keep: Keep = keep
        self._budget = budget
        eras = {standing.player_id: Era(standing, place - len(start)) for place, standing in enumerate(start)}
        players = dict.fromkeys(chain(eras, *map(_players_of, self._operations)))
        self._players = [
            PlayerHistory(player_id, self._operations, eras.get(player_id, ABSENT), order, keep)
            for player_id in players
        ]
        self._ties = _Ties(self._operations, [one for player in self._players for one in player.reachings])

    def run(self) -> list[str]:
        """Rule out what cannot have been until nothing more is; returns what is wrong, or nothing."""
        spanning = [index for index, operation in enumerate(self._operations) if spans(operation)]
        changed = self._players
        while True:
            for player in dict.fromkeys(changed):
                if not player.search(self._budget):
                    return list(self._of_player(player))
            changed, known = [], len(self._ties)
            for index in spanning:
                is_open = prod(len(player.possible[index]) for player in self._players) > MANY
                joined = list(islice(self._explaining(index), 1 if is_open else None))
                if not joined:
                    return list(self._of_answer(index))
                if not is_open:
                    changed += self._narrow(index, [rows for rows, _ in joined])
                    self._ties.learn(board for _, board in joined)
            if not changed and len(self._ties) == known:
                return []

    # ------------------------------------------------------------------ joined boards

    def _joined(self, index: int) -> Iterator[tuple[tuple[_Row, ...], _Board]]:
        """Yield what the players can have been at one operation: all of them, and the board that they make."""
        choices = [[(player.player_id, era) for era in player.possible[index]] for player in self._players]
        tried = 0
        for rows in product(*choices):
            there = sorted((row for row in rows if row[1].standing is not None), key=self._merit)
            groups = [self._ties.orders(list(tied)) for _, tied in groupby(there, key=self._merit)]
            for parts in product(*groups):
                tried += 1
                yield rows, tuple(chain.from_iterable(parts))
            if tried > self._budget:
                raise SearchBudgetError(
                    f"{self._budget} boards can be joined for {self._operations[index]}, and there are more: record "
                    "fewer operations, or fewer concurrent ones."
                )

    def _merit(self, row: _Row) -> Score:
        """Return the score, or its negative: the smaller, the better."""
        score = _score(row)
        return -score if self._order == "descending" else score

    def _explaining(self, index: int) -> Iterator[tuple[tuple[_Row, ...], _Board]]:
        """Yield the joined boards that explain an answer."""
        operation = self._operations[index]
        for rows, board in self._joined(index):
            if self._answer(operation, board) == operation.answer:
                yield rows, board

    def _narrow(self, index: int, joined: Sequence[tuple[_Row, ...]]) -> list[PlayerHistory]:
        """Leave possible at an operation what explains its answer; returns the players for whom that is less."""
        return [
            player
            for place, player in enumerate(self._players)
            if player.narrow(index, {rows[place][1] for rows in joined})
        ]

    def _answer(self, operation: Operation, board: _Board) -> object:
        """Return what an operation says of a board; of an update, one that it was applied to."""
        state = tuple(era.standing for _, era in board if era.standing is not None)
        call, arguments = operation.call, operation.arguments
        if call in RANKED:
            call, arguments = ("get_rank" if call == "update_score" else "get_entry"), arguments[:1]
        return apply(state, call, arguments, self._order, self._keep)[1]

    # ------------------------------------------------------------------ accounts

    def _of_player(self, player: PlayerHistory) -> Iterator[str]:
        """Say which answers about one player have no order."""
        yield (
            f"not per player: no order of the {len(player.operations)} operations that tell of {player.player_id!r} "
            f"explains what they say of this player ({self._order}, keep {self._keep})."
        )
        try:
            assert_linearizable(player.operations, self._order, self._keep, start=player.start, budget=self._budget)
        except AssertionError as error:
            yield f"What they say of this player, as operations on a board of one:\n{error}"
            return
        yield "Ranks, lengths and ranges leave these states after each, and no order has them all:"
        for index, eras in sorted(player.possible.items()):
            yield f"{self._line(index)}; {self._eras(eras)}"

    def _of_answer(self, index: int) -> Iterator[str]:
        """Say what the players of an answer can have been, and what would have been answered then."""
        operation = self._operations[index]
        yield (
            "not per player: no states of the players, each of one moment between the call and the return, explain "
            f"this answer ({self._order}, keep {self._keep}):"
        )
        yield self._line(index)
        yield "What the players can have been then:"
        for player in self._players:
            yield f"  {player.player_id!r}: {self._eras(player.possible[index])}"
        rows = [(player.player_id, era) for player in self._players for era in player.possible[index]]
        yield from self._known_ties(rows)
        answers = list(dict.fromkeys(repr(self._answer(operation, board)) for _, board in self._joined(index)))
        more = f", or {len(answers) - SHOWN} others" if len(answers) > SHOWN else ""
        yield f"So the answer can be: {' or '.join(answers[:SHOWN])}{more}."
        yield f"All {len(self._operations)} operations, by the time of the call:"
        yield from map(self._line, range(len(self._operations)))

    def _known_ties(self, rows: Sequence[_Row]) -> Iterator[str]:
        """Say which players of one score are known to rank before which."""
        there = [row for row in rows if row[1].standing is not None]
        for upper, lower in permutations(there, 2):
            one, other = _reaching(upper), _reaching(lower)
            if upper[0] != lower[0] and _score(upper) == _score(lower) and self._ties.before(one, other):
                ended = self._ties.ended_before(one, other)
                why = "reached before the other began" if ended else "other answers rank them so"
                yield f"  at {_score(upper)}, {upper[0]!r} ranks before {lower[0]!r}: {why}"

    def _eras(self, eras: Iterable[Era]) -> str:
        return " or ".join(map(self._era, sorted(eras, key=lambda era: era.reached)))

    def _era(self, era: Era) -> str:
        if era.standing is None:
            return "not on the board"
        reached = f"{era.standing.score} as {era.standing.username!r}, reached"
        if era.reached < 0:
            return f"{reached} before the history"
        operation = self._operations[era.reached]
        began, ended = (f"{(time - self._operations[0].invoked) / 1000:.1f}" for time in operation[-2:])
        end = "never" if isinf(operation.returned) else f"{ended} µs"
        return f"{reached} by process {operation.process} from {began} to {end}"

    def _line(self, index: int) -> str:
        return line(self._operations[index], self._operations[0].invoked)


def _players_of(operation: Operation) -> Iterator[str]:
    """Yield the players that an operation names, or that its answer shows."""
    if operation.call == "update_scores":
        yield from (update[0] for update in updates_of(operation))
    elif operation.arguments:
        first = operation.arguments[0]
        named = first if isinstance(first, (list, tuple)) else [first]
        yield from (player_id for player_id in named if isinstance(player_id, str))
    yield from (entry.player_id for entry in entries_of(operation.answer))


def _reaching(row: _Row) -> Reaching:
    return row[0], row[1].reached


def _score(row: _Row) -> Score:
    standing = row[1].standing
    return 0 if standing is None else standing.score


def _tied(board: _Board) -> set[tuple[Reaching, Reaching]]:
    """Return the pairs of a board's players who have one score, the one who ranks first in front."""
    pairs = combinations(board, 2)
    return {(_reaching(upper), _reaching(lower)) for upper, lower in pairs if _score(upper) == _score(lower)}
