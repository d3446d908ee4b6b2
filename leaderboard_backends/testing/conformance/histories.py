"""Histories of several threads on one board object: one board, doing one thing at a time, must explain every answer.

Rounds are short, as the time to judge a history grows steeply with the operations that run at once; chance makes many
different ones. After each round, the whole board is read while nobody writes. That read is part of the history, and
what it shows is where the next round starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from math import inf
from random import Random
from threading import Event
from time import monotonic
from typing import ClassVar, Final, cast

from ...capabilities import Consistency
from ...model import Entry
from ...protocol import LeaderboardBackend
from ..linearizability import (
    ANY,
    EMPTY,
    WRITES,
    Operation,
    Recorder,
    State,
    assert_allowed,
    state_of,
)
from ..linearizability.pauses import pausing, quick_switches
from ..linearizability.programs import PLAYERS, Call, perform, random_programs
from .foundation import SETTLING, ConformancePart, Rules
from .threads import run_together

HISTORIES: Final = 60
LAST: Final = "last"
"""The player who is written after all others where reads may be late: an answer with that write has all others."""
_WHOLE: Final[tuple[Call, ...]] = (
    ("get_top_n", (len(PLAYERS) + 2,)),
    ("get_range", (1, len(PLAYERS) + 2)),
    ("get_by_score", (-inf, inf)),
    ("get_entries", ((*PLAYERS, LAST),)),
)
"""The operations that can read the whole board of a history."""


class HistoriesPart(ConformancePart):
    """What threads see of one board is what one board shows."""

    efforts: ClassVar[Mapping[str, int]] = {"histories": 5}

    histories: int = HISTORIES
    """How many histories are recorded under each of the four rules."""

    def test_histories_of_threads_are_linearizable(self, board: LeaderboardBackend, rules: Rules) -> None:
        """Where the backend is consistent per player, that is checked instead: see `assert_per_player`.

        Where it is eventually consistent, some order of the writes must explain what is there at the end.
        Then the answers are free, as they may be late. The writes still count whole, once, and one after the other
        where one was acknowledged before the other began.
        """
        check_threads(board, rules, seed=self.seed, histories=self.histories)


def check_threads(board: LeaderboardBackend, rules: Rules, *, seed: int, histories: int = HISTORIES) -> None:
    """Record and judge histories of 3 or 4 threads on an empty board; raises `AssertionError` for the first bad one."""
    chance, state = Random(seed), EMPTY
    try:
        with quick_switches():
            for _ in range(histories):
                state = _round_of_threads(board, rules, chance, state)
    except AssertionError as error:
        error.add_note(
            f"To repeat the same programs: seed = {seed}, rules {rules}; the interleaving is not repeatable."
        )
        raise


def _round_of_threads(board: LeaderboardBackend, rules: Rules, chance: Random, state: State) -> State:
    """Run a random program in each of 3 or 4 threads, judge the history, and return the state that it left."""
    programs = random_programs(
        chance,
        state,
        order=rules.order,
        keep=rules.keep,
        unsupported=board.capabilities.unsupported,
        programs=chance.randint(3, 4),
        length=chance.randint(6, 8),
    )
    recorders = [Recorder(board, thread) for thread in range(len(programs))]
    run_together(
        *[
            _task(recorder, program, Random(chance.random()))
            for recorder, program in zip(recorders, programs, strict=True)
        ]
    )
    history = [operation for recorder in recorders for operation in recorder.operations]
    assert_some_answered(history, programs)
    return judge(board, history, state)


def _task(recorder: Recorder, program: list[Call], chance: Random) -> Callable[[], None]:
    def run() -> None:
        with pausing(chance):
            perform(recorder, program)

    return run


def assert_some_answered(history: list[Operation], programs: list[list[Call]]) -> None:
    """Raise `AssertionError` where most operations gave up against others: that is no board to rely on."""
    asked = sum(map(len, programs))
    if len(history) * 2 < asked:
        raise AssertionError(
            f"{asked - len(history)} of {asked} operations failed with conflicts: the backend must retry them, or let "
            "writers wait for each other."
        )


def judge(board: LeaderboardBackend, history: list[Operation], start: State) -> State:
    """Read the whole board while nobody writes, judge all of it as one history, and return the state."""
    __tracebackhide__ = True
    if board.capabilities.consistency == "eventual":
        return _judge_in_the_end(board, history, start)
    return _judge_with(board, history, start, board.capabilities.consistency)


def _judge_with(board: LeaderboardBackend, history: list[Operation], start: State, consistency: Consistency) -> State:
    __tracebackhide__ = True
    last = _read_whole(board)
    assert_allowed(consistency, [*history, last], board.order, board.keep, start=start)
    return state_of(sorted(entry for entry in cast("list[Entry | None]", last.answer) if entry is not None))


def _judge_in_the_end(board: LeaderboardBackend, history: list[Operation], start: State) -> State:
    """Judge the writes alone, by what the board shows once it shows a last one.

    Its class says what they keep, where it is only read in another way: a batch over several shards is none at once.
    """
    __tracebackhide__ = True
    kept = cast("Consistency", getattr(type(board).capabilities, "consistency", "linearizable"))
    recorder = Recorder(board, process=-2)
    recorder.call("update_score", LAST, f"at {monotonic()}", 0)
    done = [*history, *recorder.operations]
    writes = [operation._replace(answer=ANY) for operation in done if operation.call in WRITES]
    deadline, waiting = monotonic() + SETTLING, Event()
    while monotonic() < deadline:
        with suppress(AssertionError):
            return _judge_with(board, writes, start, kept)
        waiting.wait(0.01)
    return _judge_with(board, writes, start, kept)


def _read_whole(board: LeaderboardBackend) -> Operation:
    """Read all players in one operation, after all others; refused where the board supports no such operation."""
    unsupported = board.capabilities.unsupported
    call, arguments = next((whole for whole in _WHOLE if whole[0] not in unsupported), _WHOLE[0])
    recorder = Recorder(board, process=-1)
    recorder.call(call, *arguments)
    return recorder.operations[0]
