"""Several processes and one board: shared as declared, kept apart where it is not, and intact when one is killed.

Each process opens the board by `make`, after the fork. Where the backend is not shared, the same tests show the other
side: a process that opens what is open elsewhere is refused, or has an empty board of its own, and nothing that it does
touches the board here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import accumulate
from random import Random
from typing import Any, ClassVar, Final, TypeAlias, cast

import pytest

from ...errors import BackendError
from ...model import Entry, Score
from ...protocol import LeaderboardBackend
from ..forking import Child
from ..linearizability import EMPTY, UNKNOWN, Operation, Recorder, State, assert_linearizable, told
from ..linearizability.pauses import pausing
from ..linearizability.programs import Call, perform, random_programs
from ..oracle import OracleBoard
from .foundation import OPERATIONS, ConformancePart, OpenBoard, Rules, assert_follows, assert_same, fill, ids, soon
from .histories import HISTORIES, assert_some_answered, judge

PROCESSES: Final = 3
PART_OF_HISTORIES: Final = 6
"""A history of processes costs as much as this many of threads."""
TIME_LIMIT: Final = 60.0
"""Seconds after which a process that does not end fails the test."""
KILLS: Final = 3

Tell: TypeAlias = Callable[[Any], None]
Task: TypeAlias = Callable[[LeaderboardBackend, Tell], object]
"""What a process does with its board; it tells what it has to say."""
Work: TypeAlias = Callable[[Tell, Callable[[], None]], object]
"""A task with what opens and closes its board; it calls the second argument once it is ready to start."""


def run_processes(works: Iterable[Work], meanwhile: Callable[[], object] = lambda: None) -> list[list[Any]]:
    """Start the works at one moment, each in a process of its own, and return what each told; do `meanwhile` here.

    Raises `AssertionError`, with the traceback, for a work that raised or did not end. No process outlives the call.
    """
    arrival, departure = os.pipe()

    def child(work: Work) -> Child[Any]:
        def run(tell: Tell) -> None:
            def start() -> None:
                tell("ready")
                os.read(arrival, 1)

            work(tell, start)

        return Child(run, TIME_LIMIT)

    with ExitStack() as ends:
        for end in (arrival, departure):
            ends.callback(os.close, end)
        children = [ends.enter_context(child(work)) for work in works]
        for one in children:
            next(one, None)
        os.write(departure, b"." * len(children))
        meanwhile()
        return [list(one) for one in children]


class ProcessesPart(ConformancePart):
    """What processes see of one board, and what is left of it when one is killed."""

    efforts: ClassVar[Mapping[str, int]] = {"histories": 5}

    histories: int = HISTORIES
    """A sixth as many histories of processes are recorded under each of the four rules."""

    # ------------------------------------------------------------------ shared, or kept apart

    def test_a_process_that_opens_an_open_board_shares_it_or_is_kept_out(self, plain_board: LeaderboardBackend) -> None:
        def read_and_write(there: LeaderboardBackend, tell: Tell) -> None:
            tell(ids(there))
            there.update_score("bob", "Bob", 2)
            tell(ids(there))

        _meet(plain_board, "update_score", "__iter__")
        fill(plain_board, [("ada", "Ada", 1)])
        (seen,) = run_processes([self._there(plain_board, read_and_write)])
        if plain_board.capabilities.shared:
            assert seen == [["ada"], ["bob", "ada"]]
            soon(plain_board, lambda: assert_same(ids(plain_board), ["bob", "ada"]))
        else:
            assert seen in ([], [[], ["bob"]]), (
                "the second process was neither refused nor given an empty board of its own"
            )
            assert ids(plain_board) == ["ada"], "another process changed the board, though shared=False"

    def test_histories_of_processes_are_linearizable(self, board: LeaderboardBackend, rules: Rules) -> None:
        """On one board where it is shared, else each process on a board of its own."""
        self.check_histories(board, rules)

    def check_histories(self, board: LeaderboardBackend, rules: Rules) -> None:
        """Record and judge histories of processes on an empty board; raises `AssertionError` for the first bad one."""
        chance, state = Random(self.seed), EMPTY
        try:
            for _ in range(max(1, self.histories // PART_OF_HISTORIES)):
                state = self._round(board, rules, chance, state)
        except AssertionError as error:
            error.add_note(
                f"To repeat the same programs: seed = {self.seed}, rules {rules}; the interleaving is not repeatable."
            )
            raise

    def _round(self, board: LeaderboardBackend, rules: Rules, chance: Random, state: State) -> State:
        """Run a random program in each of 3 processes and one here, judge it, and return the state that it left."""
        here, *there = random_programs(
            chance,
            state,
            order=rules.order,
            keep=rules.keep,
            unsupported=board.capabilities.unsupported,
            programs=1 + PROCESSES,
        )
        works = [
            self._there(board, _recorded(number, program, Random(chance.random())))
            for number, program in enumerate(there, 1)
        ]
        recorder = Recorder(board)
        told_there = [
            cast("list[Operation]", messages[0]) if messages else []
            for messages in run_processes(works, lambda: perform(recorder, here))
        ]
        if board.capabilities.shared:
            history = [operation for operations in (recorder.operations, *told_there) for operation in operations]
            assert_some_answered(history, [here, *there])
            return judge(board, history, state)
        for operations in told_there:
            assert_linearizable(operations, rules.order, rules.keep)
        return judge(board, recorder.operations, state)

    def test_increments_by_powers_of_two_from_processes_are_neither_lost_nor_doubled(
        self, plain_board: LeaderboardBackend
    ) -> None:
        _meet(plain_board, "increment_score", "get_score")
        self.check_powers(plain_board)

    def check_powers(self, board: LeaderboardBackend) -> None:
        """Add distinct powers of two to one player of an empty board, here and in 3 processes; check every sum."""
        powers = [2**exponent for exponent in range(52)]
        here, *there = [powers[number :: 1 + PROCESSES] for number in range(1 + PROCESSES)]
        sums: list[int] = []
        found = run_processes(
            [self._there(board, _adding(mine)) for mine in there], lambda: _adding(here)(board, sums.append)
        )
        total = board.get_score("ada")
        if not board.capabilities.shared:
            assert total == sum(here), "another process changed the board, though shared=False"
            assert all(told in ([], list(accumulate(mine))) for told, mine in zip(found, there, strict=True))
            return

        def is_whole() -> None:
            total = board.get_score("ada")
            assert total == sum(powers), _lost(total, powers)

        soon(board, is_whole)
        for reached, mine in zip([sums, *found], [here, *there], strict=True):
            assert all(total & power for total, power in zip(reached, mine, strict=True)), "a sum misses an increment"
        assert len({total for reached in (sums, *found) for total in reached}) == len(powers), (
            "two increments returned the same sum"
        )

    def test_ties_between_processes_are_first_come_first_served(
        self, board: LeaderboardBackend, oracle: OracleBoard, rules: Rules
    ) -> None:
        """One process after the other writes; where the board is not shared, the others do not count."""
        _meet(board, "update_score", "__iter__", "__len__")
        for number, player in enumerate(["mia", "zoe", "abe", "zoe", "mia", "bob"]):
            update = player, f"name {number}", rules.better(5) if number == 3 else 5
            if number % 2 == 0:
                assert board.update_score(*update) == oracle.update_score(*update)
            else:
                (ranks,) = run_processes([self._there(board, _storing(update))])
                if board.capabilities.shared:
                    assert ranks == [oracle.update_score(*update)]
            assert_follows(board, oracle)

    # ------------------------------------------------------------------ one after the other, and killed

    def test_what_a_process_left_is_found_by_the_next(
        self, board: LeaderboardBackend, oracle: OracleBoard, rules: Rules
    ) -> None:
        """Where the data outlives the board object; else each process begins with an empty board."""
        _meet(board, "update_score", "__iter__", "__len__")
        lasts = board.capabilities.durable or board.capabilities.shared
        first, second = [("mia", "Mia", 5), ("zoe", "Zoe", 5)], [("abe", "Abe", 5), ("mia", "M", rules.better(5))]

        def go_on(tell: Tell, start: Callable[[], None]) -> None:
            start()
            with self.reopen(board) as there:
                assert_follows(there, oracle)
                fill(there, second)
                fill(oracle, second)
                assert_follows(there, oracle)
                tell("done")

        fill(board, first)
        board.close()
        if lasts:
            fill(oracle, first)
        assert run_processes([go_on]) == [["done"]]
        if lasts:
            fill(oracle, second)
        with self.reopen(board) as again:
            assert_follows(again, oracle)

    @pytest.mark.parametrize("attempt", range(KILLS))
    def test_a_process_killed_amid_increments_leaves_what_was_acknowledged(
        self, open_board: OpenBoard, attempt: int
    ) -> None:
        """All powers of two that were acknowledged are there, the one under way may be, and no other is."""
        board = open_board()
        _meet(board, "increment_score", "get_score")
        promises = board.capabilities
        if promises.durable and not promises.shared:
            board.close()
        history = self._increments_until_killed(board, after=Random(self.seed + attempt).randint(10, 40))
        powers = [cast("int", operation.arguments[2]) for operation in history]
        sums = [cast("Entry", operation.answer).score for operation in history if operation.answer is not UNKNOWN]
        assert sums == list(accumulate(powers))[: len(sums)], "an increment was lost or doubled"
        with self._still(board) as left:

            def is_whole() -> None:
                found = int(left.get_score("ada") or 0)
                if promises.durable:
                    assert found in {sum(powers[: len(sums)]), sum(powers)}, _lost(found, powers)
                elif promises.shared:
                    assert found & ~sum(powers) == 0, "an entry was never written"
                else:
                    assert found == 0, "another process changed the board, though shared=False"

            soon(left, is_whole)

    def _increments_until_killed(self, board: LeaderboardBackend, *, after: int) -> list[Operation]:
        """Kill a process once it has told so many times, and return all it told."""

        def increment(tell: Tell) -> None:
            with self._anew(board) as there:
                recorder = Recorder(there, 1, tell)
                for exponent in range(52):
                    recorder.call("increment_score", "ada", "Ada", 2**exponent)

        messages: list[Operation | None] = []
        with Child[Operation | None](increment, TIME_LIMIT) as child:
            for message in child:
                messages.append(message)
                if len(messages) == after:
                    child.kill()
        return told(messages)

    # ------------------------------------------------------------------ boards of other processes

    def _anew(self, board: LeaderboardBackend) -> LeaderboardBackend:
        """Open a board once more, as another process does."""
        return self.reopen(board) if board.closed else self.make(name=board.name, order=board.order, keep=board.keep)

    def _still(self, board: LeaderboardBackend) -> AbstractContextManager[LeaderboardBackend]:
        """Return the board, opened again if need be, for a `with` block."""
        return self.reopen(board) if board.closed else nullcontext(board)

    def _there(self, board: LeaderboardBackend, task: Task) -> Work:
        """Return work for another process: the task, on a board object of its own.

        Where the backend is not shared, it may refuse; then the process tells nothing.
        """
        shared = board.capabilities.shared

        def work(tell: Tell, start: Callable[[], None]) -> None:
            try:
                there = self._anew(board)
                try:
                    start()
                    task(there, tell)
                finally:
                    there.close() if shared else self.dispose(there)
            except BackendError:
                if shared:
                    raise

        return work


def _recorded(process: int, program: list[Call], chance: Random) -> Task:
    def run(there: LeaderboardBackend, tell: Tell) -> None:
        recorder = Recorder(there, process)
        with pausing(chance):
            perform(recorder, program)
        tell(recorder.operations)

    return run


def _storing(update: tuple[str, str, Score]) -> Task:
    def run(there: LeaderboardBackend, tell: Tell) -> None:
        tell(there.update_score(*update))

    return run


def _adding(powers: Iterable[int]) -> Task:
    def run(there: LeaderboardBackend, tell: Tell) -> None:
        for power in powers:
            tell(there.increment_score("ada", "Ada", power).score)

    return run


def _lost(found: float | None, powers: Iterable[int]) -> str:
    """Say which powers of two a sum lacks, and which it has too many."""
    total, expected = int(found or 0), sum(powers)
    lacks = [exponent for exponent in range(64) if expected & ~total & 1 << exponent]
    return f"2 to the power of {lacks} was lost, if nothing was doubled: {total:#x} instead of {expected:#x}"


def _meet(board: LeaderboardBackend, *operations: str) -> None:
    """Call what the board declares unsupported, here, so that its refusal ends the test; another process cannot."""
    for operation in operations:
        if operation in board.capabilities.unsupported:
            OPERATIONS[operation](board)
