"""One player's part of a history, and the states that the player can have had at each operation of it.

A player's part is a history of a board with no other player on it: an update is a write there, a range that shows the
player is a read of the entry, and one that does not show it reads at some moment of its call and says nothing. `clear`
writes every player, a batch those in it, each part by itself. The parts are searched as in `search`, but to the end:
all orders that explain all answers, and so all states that an operation can have met.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from math import inf
from typing import Final, NamedTuple, TypeAlias, cast

from ...errors import InvalidScoreError
from ...model import Entry, Keep, Order, Score
from .history import ANY, UNKNOWN, Operation
from .search import SearchBudgetError, eligible
from .sequential import EMPTY, READS, Standing, State, apply

ALONE: Final = frozenset({"remove_player", "get_score", "__contains__"})
"""Operations on one player whose answers say nothing of others."""
RANKED: Final = frozenset({"update_score", "increment_score"})
"""Writes of one player whose answers have the rank among all."""


class Era(NamedTuple):
    """The state of one player from one change of it to the next."""

    standing: Standing | None
    """`None` where the player is not on the board."""
    reached: int
    """The index of the operation that reached the score; negative for a score of the start, the first rank lowest."""


ABSENT: Final = Era(None, 0)

Reaching: TypeAlias = tuple[str, int]
"""A player, and the index of an operation by which the player reached a score (`Era.reached`)."""
_Configuration: TypeAlias = tuple[int, Era]
"""A bit for each operation that is placed, and the state after them."""
_Step: TypeAlias = tuple[int, _Configuration]
"""The index, in the whole history, of an operation that can come next, and what it leads to."""


def is_answered(operation: Operation) -> bool:
    """Whether an operation has an answer that must be explained."""
    return operation.answer is not UNKNOWN and operation.answer is not ANY


def spans(operation: Operation) -> bool:
    """Whether an operation has an answer about several players at once: a rank, a length, a range, friends."""
    reads = operation.call in READS and operation.call not in ALONE
    return is_answered(operation) and (reads or operation.call in RANKED)


def entries_of(answer: object) -> list[Entry]:
    """Return the entries that an answer has."""
    found = answer if isinstance(answer, list) else [answer]
    return [entry for entry in found if isinstance(entry, Entry)]


def updates_of(operation: Operation) -> Sequence[tuple[str, str, Score]]:
    """Return the updates of an `update_scores`."""
    return cast("Sequence[tuple[str, str, Score]]", operation.arguments[0])


def projected(operation: Operation, player_id: str) -> Operation | None:
    """Return an operation as one on a board that has no other player; `None` where it has nothing to do with this one.

    A rank becomes that there is one; an answer that says nothing of the player becomes `ANY`.
    """
    call, answer = operation.call, operation.answer
    own = operation.arguments[:1] == (player_id,)
    if call == "clear":
        return operation
    if call == "update_scores":
        mine = [update for update in updates_of(operation) if update[0] == player_id]
        return operation._replace(arguments=(mine,), answer=_any(answer)) if mine else None
    if call in ALONE:
        return operation if own else None
    if call in RANKED and own:
        return operation._replace(answer=answer._replace(rank=1) if isinstance(answer, Entry) else _any(answer))
    return _seen(operation, player_id, own=own) if is_answered(operation) else None


def _any(answer: object) -> object:
    return UNKNOWN if answer is UNKNOWN else ANY


def _seen(operation: Operation, player_id: str, *, own: bool) -> Operation:
    """Return an operation that spans players as a read of one of them; `own` if it asked for this one's rank."""
    entry = next((entry for entry in entries_of(operation.answer) if entry.player_id == player_id), None)
    if entry is not None:
        return operation._replace(call="get_entry", arguments=(player_id,), answer=entry._replace(rank=1))
    if own:
        there = operation.answer is not None and operation.answer != []
        return operation._replace(call="__contains__", arguments=(player_id,), answer=there)
    asked = operation.call == "get_entries" and player_id in cast("Sequence[str]", operation.arguments[0])
    return operation._replace(call="get_entry", arguments=(player_id,), answer=None if asked else ANY)


class PlayerHistory:
    """One player's part of a history, and what is possible at each operation of it."""

    def __init__(self, player_id: str, history: Sequence[Operation], start: Era, order: Order, keep: Keep) -> None:
        """Take a history that is sorted by the time of the call, and the player's state before it."""
        parts = {index: projected(operation, player_id) for index, operation in enumerate(history)}
        self.player_id = player_id
        self.possible: dict[int, set[Era]] = {}
        """The states that each operation can have met, by its index in the history; of a write, those after it."""
        self._parts = {index: part for index, part in parts.items() if part is not None}
        self._free = {index for index, part in self._parts.items() if part.call in READS and part.answer is ANY}
        """Reads that say nothing of the player, and of which nothing is known."""
        self._start = start
        self._order: Order = order
        self._keep: Keep = keep
        self._results: dict[tuple[int, Era], Era | None] = {}

    @property
    def start(self) -> State:
        """The board of this player alone, before the history."""
        return _alone(self._start)

    @property
    def operations(self) -> list[Operation]:
        """The operations that say something of the player, as on a board of this player alone."""
        return [part for index, part in self._parts.items() if index not in self._free]

    @property
    def reachings(self) -> list[Reaching]:
        """All by which the player can have reached a score."""
        found = [self._start.reached] if self._start.standing else []
        found += [index for index, part in self._parts.items() if part.call in RANKED or part.call == "update_scores"]
        return [(self.player_id, index) for index in found]

    def narrow(self, index: int, eras: set[Era]) -> bool:
        """Leave these states possible at an operation; returns whether they are fewer than before."""
        if eras == self.possible[index]:
            return False
        self.possible[index] = eras
        self._free.discard(index)
        return True

    def search(self, budget: int) -> bool:
        """Find what is `possible`, within what was before; returns whether some order explains all answers.

        Cost: as `linearize` of a history that is not linearizable, with one player. Raises `SearchBudgetError`.
        """
        operations = self.operations
        answered = sum(1 << place for place, part in enumerate(operations) if part.answer is not UNKNOWN)
        steps = self._explore(operations, budget)
        complete: set[_Configuration] = set()
        found: dict[int, set[Era]] = {index: set() for index in self._free}
        for configuration, following in reversed(steps.items()):
            leading = [(index, after) for index, after in following if after in complete]
            if leading or configuration[0] & answered == answered:
                complete.add(configuration)
                for index in self._reads_at(configuration[0], operations):
                    found[index].add(configuration[1])
            for index, (_, era) in leading:
                found.setdefault(index, set()).add(era)
        if (0, self._start) not in complete:
            return False
        self.possible = found
        return True

    def _explore(self, operations: Sequence[Operation], budget: int) -> dict[_Configuration, list[_Step]]:
        """Return all configurations that can be reached with the steps out of each, fewest operations first."""
        indexes = [index for index in self._parts if index not in self._free]
        first = (0, self._start)
        steps: dict[_Configuration, list[_Step]] = {first: []}
        waiting = deque([first])
        while waiting:
            placed, era = configuration = waiting.popleft()
            for place in eligible(operations, placed):
                after = self._result(indexes[place], era)
                if after is None or (after == era and operations[place].answer is UNKNOWN):
                    continue  # what changes nothing and is unknown never happened, as well
                step = indexes[place], (placed | 1 << place, after)
                steps[configuration].append(step)
                if step[1] not in steps:
                    steps[step[1]] = []
                    waiting.append(step[1])
            if len(steps) > budget:
                raise SearchBudgetError(
                    f"{budget} configurations of the {len(operations)} operations on {self.player_id!r} were found, "
                    "and there are more: record fewer operations, or fewer concurrent ones."
                )
        return steps

    def _reads_at(self, placed: int, operations: Sequence[Operation]) -> Iterator[int]:
        """Yield the reads, of those of which nothing is known, that can be made between what is placed and the rest."""
        began = max((part.invoked for place, part in enumerate(operations) if placed >> place & 1), default=-inf)
        ended = min((part.returned for place, part in enumerate(operations) if not placed >> place & 1), default=inf)
        for index in self._free:
            if began <= self._parts[index].returned and self._parts[index].invoked <= ended:
                yield index

    def _result(self, index: int, era: Era) -> Era | None:
        """Return the state after an operation; `None` where that is not possible, or the answer was another."""
        key = index, era
        if key not in self._results:
            self._results[key] = self._apply(index, era)
        after = self._results[key]
        return after if not self.possible or after in self.possible.get(index, ()) else None

    def _apply(self, index: int, era: Era) -> Era | None:
        operation, state, reached = self._parts[index], _alone(era), era.reached
        answer: object = None
        for call, arguments in _single_calls(operation):
            before = state
            try:
                state, answer = apply(state, call, arguments, self._order, self._keep)
            except InvalidScoreError:
                return None
            if [standing.score for standing in state] != [standing.score for standing in before]:
                reached = index
        if is_answered(operation) and answer != operation.answer:
            return None
        return Era(state[0], reached) if state else ABSENT


def _alone(era: Era) -> State:
    return EMPTY if era.standing is None else (era.standing,)


def _single_calls(operation: Operation) -> list[tuple[str, tuple[object, ...]]]:
    """Return a batch as updates one by one, as a player may leave a score in it and come back; any other call alone."""
    if operation.call != "update_scores":
        return [(operation.call, operation.arguments)]
    return [("update_score", tuple(update)) for update in updates_of(operation)]
