"""The machine that runs random programs on a board and its oracle. Hypothesis makes them, and shrinks what fails.

It keeps no database, and what it caches goes to a temporary folder, so that nothing is left in the repo that runs the
kit. Importing this module imports Hypothesis, which takes as long as all else that the kit needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.configuration
import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ...errors import InvalidScoreError, UnsupportedOperationError
from ...model import Score
from ...protocol import LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import Rules, assert_same

PLAYERS = st.sampled_from(["mia", "zoe", "abe", "é", "e\u0301", "a:b", "\x00"])
NAMES = st.sampled_from(["", "Mia", "Zoë", "\x00", "x" * 128])
COMMON: list[Score] = [0, 1, 2, 3]
RARE: list[Score] = [
    -0.0,
    1.0,
    -1,
    0.5,
    0.1,
    0.1 + 0.2,
    5e-324,
    2**53,
    2**53 - 1,
    -(2**53),
    2.0**53 + 2,
    1e300,
    1.7976931348623157e308,
    -1.7976931348623157e308,
]
SCORES = st.sampled_from(COMMON * 6 + RARE)
BOUNDS = st.sampled_from(COMMON * 3 + RARE + [-inf, inf])
COUNTS = st.sampled_from([0, 1, 2, 3, 5, 100])
RANKS = st.sampled_from([1, 2, 3, 4, 8, 1000])
UPDATES = st.lists(st.tuples(PLAYERS, NAMES, SCORES), max_size=8)


class BoardMachine(RuleBasedStateMachine):
    """A board and its oracle, side by side: each operation is done on both, and each step compares them whole."""

    def __init__(
        self, open_board: Callable[[], LeaderboardBackend], rules: Rules, dispose: Callable[..., None]
    ) -> None:
        super().__init__()
        self.board = open_board()
        self.oracle = OracleBoard(rules.order, rules.keep)
        self.dispose = dispose

    def same(self, operation: str, *arguments: Any) -> None:
        """The board's operation returns, or raises, what the oracle's does."""
        __tracebackhide__ = True
        ask = getattr(self.board, operation)
        if operation in self.board.capabilities.unsupported:
            refused = _outcome(lambda: ask(*arguments), UnsupportedOperationError)
            assert refused is UnsupportedOperationError or arguments[:1] in (([],), (0,))  # nothing was asked for
            return
        answer = _outcome(lambda: ask(*arguments), InvalidScoreError)
        assert_same(answer, _outcome(lambda: getattr(self.oracle, operation)(*arguments), InvalidScoreError))

    @rule(player=PLAYERS, name=NAMES, score=SCORES)
    def update_score(self, player: str, name: str, score: Score) -> None:
        self.same("update_score", player, name, score)

    @rule(player=PLAYERS, name=NAMES, score=st.sampled_from(COMMON))
    def tie(self, player: str, name: str, score: Score) -> None:
        self.same("update_score", player, name, score)

    @rule(player=PLAYERS, name=NAMES, delta=SCORES)
    def increment_score(self, player: str, name: str, delta: Score) -> None:
        self.same("increment_score", player, name, delta)

    @rule(player=PLAYERS, name=NAMES)
    def decrement(self, player: str, name: str) -> None:
        self.same("increment_score", player, name, -1)

    @rule(updates=UPDATES)
    def update_scores(self, updates: list[tuple[str, str, Score]]) -> None:
        self.same("update_scores", updates)

    @rule(player=PLAYERS)
    def remove_player(self, player: str) -> None:
        self.same("remove_player", player)

    @rule(sure=st.sampled_from([False, False, False, True]))
    def clear(self, sure: bool) -> None:  # noqa: FBT001 - hypothesis calls it by name
        if sure:
            self.same("clear")

    @rule(player=PLAYERS)
    def read_player(self, player: str) -> None:
        for operation in ("get_score", "get_rank", "get_entry", "get_percentile", "__contains__"):
            self.same(operation, player)

    @rule(players=st.lists(PLAYERS, max_size=8))
    def get_entries(self, players: list[str]) -> None:
        self.same("get_entries", players)

    @rule(n=COUNTS)
    def get_top_n(self, n: int) -> None:
        self.same("get_top_n", n)

    @rule(first=RANKS, last=RANKS)
    def get_range(self, first: int, last: int) -> None:
        self.same("get_range", min(first, last), max(first, last))

    @rule(player=PLAYERS, radius=COUNTS)
    def get_around(self, player: str, radius: int) -> None:
        self.same("get_around", player, radius)

    @rule(low=BOUNDS, high=BOUNDS, limit=st.none() | COUNTS)
    def get_by_score(self, low: Score, high: Score, limit: int | None) -> None:
        ends = min(low, high), max(low, high)
        self.same("get_by_score", *ends, limit)
        self.same("count_by_score", *ends)

    @invariant()
    def the_whole_board_is_the_oracles(self) -> None:
        if not self.board.capabilities.unsupported & {"__iter__", "get_range"}:
            assert_same(list(self.board), list(self.oracle))
        self.same("__len__")

    def teardown(self) -> None:
        self.dispose(self.board)


def _outcome(ask: Callable[[], object], refusal: type[Exception]) -> object:
    """Return what a call returns, or the class of its refusal."""
    try:
        return ask()
    except refusal:
        return refusal


@contextmanager
def _nothing_left_behind() -> Iterator[None]:
    before = hypothesis.configuration.storage_directory(intent_to_write=False).home_directory
    with TemporaryDirectory(prefix="leaderboard-kit-") as folder:
        hypothesis.configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            hypothesis.configuration.set_hypothesis_home_dir(before)


def run_programs(machine: Callable[[], BoardMachine], *, number: int, examples: int, steps: int, shrink: bool) -> None:
    """Run `examples` random programs of up to `steps` operations, chosen by the seed `number`; raises what one raises.

    With `shrink`, that is the shortest program that still fails.
    """
    limits = settings(
        settings.get_profile("default"),
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
    )
    with _nothing_left_behind():
        run_state_machine_as_test(seed(number)(machine), settings=limits)  # type: ignore[arg-type]  # a factory serves, too
