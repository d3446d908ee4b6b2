"""Follows a board through writes that fail, with the oracle beside it: what may stand, what stands, what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from copy import deepcopy
from math import inf
from random import Random
from typing import Any, Final, TypeAlias

from ...model import Entry
from ...protocol import LeaderboardBackend
from ..conformance.foundation import Rules, assert_same
from ..oracle import OracleBoard
from .figures import Figures

Call: TypeAlias = tuple[str, tuple[Any, ...]]
"""A public operation and its arguments."""

_KINDS: Final = {"update_score": 5, "increment_score": 2, "update_scores": 3, "remove_player": 1}
"""The writes of a program, each with how often it comes."""


def writes(chance: Random, unsupported: Collection[str] = (), *, players: int = 150, batch: int = 40) -> Iterator[Call]:
    """Yield random writes without end: few scores, so that ties are everywhere, and a username for each write."""
    kinds = [kind for kind in _KINDS if kind not in unsupported]
    weights = [_KINDS[kind] for kind in kinds]
    number = 0
    while True:
        number += 1
        kind = chance.choices(kinds, weights)[0]
        some = [f"p{index}" for index in chance.sample(range(players), min(batch, players))]
        if kind == "update_scores":
            yield kind, ([(player_id, f"n{number}", chance.randrange(40)) for player_id in some],)
        elif kind == "remove_player":
            yield kind, (some[0],)
        else:
            yield kind, (some[0], f"n{number}", chance.randrange(1, 40))


def perform(board: LeaderboardBackend | OracleBoard, call: Call) -> object:
    """Make a call, and return its answer."""
    operation, arguments = call
    answer: object = getattr(board, operation)(*arguments)
    return answer


class Judge:
    """What one writer was told of its calls, as an oracle and figures; `settle` holds a board to it."""

    def __init__(self, rules: Rules, figures: Figures) -> None:
        self.rules = rules
        self.oracle = OracleBoard(rules.order, rules.keep)
        """What stands, by all that was told."""
        self.figures = figures
        self._applied: list[Call] = []
        self._refused: list[Call] = []

    def acknowledged(self, call: Call, answer: object) -> None:
        """Take down an acknowledged call; its answer must be the oracle's."""
        self.figures.acknowledged += 1
        self._applied.append(call)
        assert_same(answer, perform(self.oracle, call))

    def refused(self, call: Call) -> None:
        """Take down a call that was not applied."""
        self.figures.refused += 1
        self._refused.append(call)

    def settle(self, board: LeaderboardBackend, unsure: Call | None = None, *, thorough: bool = True) -> None:
        """Assert that the board is what was told, with the unsure call applied whole or not at all.

        What is found is what stands from now on. `thorough` reads it by all operations. Raises `AssertionError` with
        the difference, after the figures have it as lost, doubled, undue or torn.
        """
        found = list(board)
        if unsure is not None:
            self.figures.unsure += 1
            after = deepcopy(self.oracle)
            perform(after, unsure)
            if found != list(self.oracle) and found == list(after):
                self.figures.applied += 1
                self._applied.append(unsure)
                self.oracle = after
        if found != list(self.oracle):
            self._explain(found, unsure)
            assert_same(found, list(self.oracle))
        if thorough:
            assert_whole(board, self.oracle)
        self._refused.clear()

    def _explain(self, found: Sequence[Entry], unsure: Call | None) -> None:
        """Count what went wrong: find the write that the board shows too often, or the ones that it does not show."""
        twice = self._applied[-1:] if unsure is None else [unsure, unsure]
        if twice and found == self._and(twice):
            self.figures.doubled += 1
        elif any(found == self._and([call]) for call in self._refused):
            self.figures.undue += 1
        elif lost := self._missing(found):
            self.figures.lost += lost
        else:
            self.figures.torn += 1

    def _and(self, calls: Sequence[Call]) -> list[Entry]:
        """Return what would stand after some calls more."""
        board = deepcopy(self.oracle)
        for call in calls:
            perform(board, call)
        return list(board)

    def _missing(self, found: Sequence[Entry]) -> int:
        """Return how many writes ago the board was as it is found, 0 where it never was."""
        board = OracleBoard(self.rules.order, self.rules.keep)
        missing = 0
        for done, call in enumerate(self._applied):
            if len(board) == len(found) and list(board) == found:
                missing = len(self._applied) - done
            perform(board, call)
        return missing


def assert_whole(board: LeaderboardBackend, oracle: OracleBoard) -> None:
    """All ways to read the board show what the oracle has: iteration, ranks, entries, counts, ties, neighbours."""
    __tracebackhide__ = True
    for call in _reads(list(oracle)):
        if call[0] not in board.capabilities.unsupported:
            assert_same(perform(board, call), perform(oracle, call))
    assert_same(list(board), list(oracle))


def _reads(entries: Sequence[Entry]) -> Iterator[Call]:
    player_ids = [entry.player_id for entry in entries]
    yield "__len__", ()
    yield "get_entries", ([*player_ids, "nobody"],)
    yield "get_top_n", (len(entries) + 1,)
    yield "count_by_score", (-inf, inf)
    for score in sorted({entry.score for entry in entries})[:50]:
        yield "count_by_score", (score, score)
        yield "get_by_score", (score, score)
    for player_id in dict.fromkeys([*player_ids[:2], *player_ids[len(player_ids) // 2 :][:2], *player_ids[-2:]]):
        for read in ("get_score", "get_rank", "get_entry", "get_percentile", "get_around", "__contains__"):
            yield read, (player_id,)


def assert_consistent(board: LeaderboardBackend, better: Callable[[float], float]) -> None:
    """The board agrees with itself: ranks without gaps, best first, and every way to read a player says the same.

    `better` turns a score into a key that is smaller where the score is better. Ties are in the board's own order.
    """
    __tracebackhide__ = True
    entries = list(board)
    assert [entry.rank for entry in entries] == list(range(1, len(entries) + 1))
    keys = [better(entry.score) for entry in entries]
    assert keys == sorted(keys)
    copy = OracleBoard(board.order)
    for entry in entries:
        copy.update_score(entry.player_id, entry.username, entry.score)
    assert_whole(board, copy)
