"""Faults of boards on a server: replies and requests that are lost, a server that is killed, frozen, or not there.

The server is a real one, started for each test. A small proxy stands between where bytes are to be lost. Every write
is made once; what its caller was told is compared with what the board shows through a connection of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

import pytest

from ...model import Keep, Order
from ...protocol import LeaderboardBackend
from ..conformance.foundation import Rules
from ..crew import Crew
from ..linearizability import WRITES, Operation, Recorder, assert_linearizable, state_of
from ..linearizability.programs import random_programs
from ..subject import unique_name
from .callers import (
    ServerUnderTest,
    TimedCall,
    Writers,
    await_service,
    every_call,
    increment_all,
    increment_once,
    judge_load,
    scores,
)
from .figures import Figures, Increments, outcome_of
from .foundation import BOTH_RULES, FaultKit
from .judging import Call, Judge, assert_consistent, perform, writes
from .proxy import LOSSES, Proxy

MARGIN: Final = 2.0
"""Seconds beside `reply_timeout` that a call may take on a busy machine while its server does not answer."""
LIMIT: Final = 60.0
"""Seconds after which threads that write are taken to hang."""
SHARE: Final = 0.25
"""The part of all turns of a client and the server that is lost."""
LEAST_LOST: Final = 10
"""Turns that must have been lost, or a test has proven nothing."""
THREADS: Final = 4
INCREMENTS: Final = 40
"""Increments before, while and after the server does not answer."""
FAILING: Final = 8
"""Increments that are tried while the server does not answer."""
AT_ONCE: Final = 9
"""Calls that wait for a server without answer at the same time."""
LOAD: Final = 2500
"""Updates of a long load."""


class ServerFaults(FaultKit):
    """Tests of a board on a server of its own, which must lose no acknowledged write when it is killed."""

    open_names = frozenset({"start_server", "make_at", "reply_timeout"})
    efforts = {"increments": 50, "steps": 30, "restarts": 2, "histories": 5}  # noqa: RUF012 - a constant

    reply_timeout: float = 1.0
    """Seconds without a reply after which the boards of `make_at` give up a call; longer than a busy disk may take."""
    increments: int = 600
    """How many increments are made while replies are lost."""
    steps: int = 120
    """How many writes of all kinds are made one by one, under each rule, while replies are lost."""
    restarts: int = 10
    """How many times the server is killed and started again while threads write."""
    histories: int = 40
    """How many histories of threads are recorded while replies are lost."""

    def start_server(self, directory: Path) -> ServerUnderTest:
        """Start a server with its data in the folder, and return once it accepts connections."""
        raise NotImplementedError(
            f"{type(self).__name__} needs start_server(self, directory) that returns a running server with port, "
            f"start, kill, freeze, thaw and close, as EmbeddedServer(settings, tcp=True, directory=directory).start()"
        )

    def make_at(self, port: int, *, name: str, order: Order, keep: Keep) -> LeaderboardBackend:
        """Return an open board through this port of 127.0.0.1: the server's own, or that of a proxy before it."""
        raise NotImplementedError(
            f"{type(self).__name__} needs make_at(self, port, **options) that returns an open board; options are name, "
            f"order and keep: return MyBoard('127.0.0.1', port, timeout=self.reply_timeout, **options)"
        )

    # ------------------------------------------------------------------ set-up

    @pytest.fixture
    def server(self, tmp_path: Path, stack: ExitStack) -> ServerUnderTest:
        """A server of the test's own."""
        server = self.start_server(tmp_path)
        stack.callback(server.close)
        stack.callback(server.thaw)
        return server

    @pytest.fixture
    def proxy(self, server: ServerUnderTest, stack: ExitStack) -> Proxy:
        """A proxy before the server."""
        return stack.enter_context(Proxy(server.port))

    def _open(self, stack: ExitStack, port: int, name: str, rules: Rules = BOTH_RULES[0]) -> LeaderboardBackend:
        board = self.make_at(port, name=name, order=rules.order, keep=rules.keep)
        self._describe(board)
        return stack.enter_context(board)

    # ------------------------------------------------------------------ lost replies

    def test_increments_whose_replies_are_lost_are_applied_once_or_not_at_all(
        self, server: ServerUnderTest, proxy: Proxy, stack: ExitStack
    ) -> None:
        """Each acknowledged increment is in the sum once, an unsure one at most once, a refused one never."""
        name, tally = unique_name(), Increments(self.increments)
        board, direct = (self._open(stack, port, name) for port in (proxy.port, server.port))
        if self._refuses(board, "increment_score"):
            return
        with self._reporting("replies dropped", "increments") as figures:
            proxy.lose_at_random(Random(self.seed), SHARE)
            Crew([partial(increment_all, board, tally)] * THREADS).join(LIMIT)
            figures.add(tally.figures(scores(direct, tally.players())))
        assert proxy.lost >= LEAST_LOST

    @pytest.mark.parametrize("rules", BOTH_RULES, ids=str)
    def test_each_write_whose_reply_is_lost_happens_whole_or_not_at_all(
        self, rules: Rules, server: ServerUnderTest, proxy: Proxy, stack: ExitStack
    ) -> None:
        """One writer, all kinds of writes: after each, the board is as the writer was told, to the last place."""
        name = unique_name()
        board, direct = (self._open(stack, port, name, rules) for port in (proxy.port, server.port))
        program = writes(Random(self.seed), board.capabilities.unsupported, players=25, batch=6)
        with self._reporting("replies dropped") as figures:
            judge = Judge(rules, figures)
            proxy.lose_at_random(Random(self.seed), SHARE)
            for step, call in enumerate(islice(program, self.steps)):
                _write(board, direct, judge, call, thorough=step % 10 == 0)
            proxy.lose_nothing()
            judge.settle(board)
        assert proxy.lost >= LEAST_LOST

    def test_a_long_load_whose_replies_are_lost_says_how_much_of_it_stands(
        self, server: ServerUnderTest, proxy: Proxy, stack: ExitStack
    ) -> None:
        """What stands of `update_scores` is a part from its start on, and never less than the error's `applied`."""
        name, updates = unique_name(), [(f"p{index}", "", index % 7) for index in range(LOAD)]
        board, direct = (self._open(stack, port, name) for port in (proxy.port, server.port))
        if self._refuses(board, "update_scores", "clear"):
            return
        before = proxy.turns
        board.update_scores(updates)
        turns = proxy.turns - before
        with self._reporting("replies dropped", "updates in long loads") as figures:
            for fate in LOSSES:
                for passing in sorted({0, turns // 2, turns - 1}):
                    direct.clear()
                    board.ping()
                    proxy.passing, proxy.mode = passing, fate
                    outcome, told = outcome_of(lambda: board.update_scores(updates))
                    proxy.passing, proxy.mode = 0, "pass"
                    figures.add(judge_load(direct, updates, outcome, told))

    def test_a_history_with_lost_replies_is_linearizable(
        self, server: ServerUnderTest, proxy: Proxy, stack: ExitStack
    ) -> None:
        """What threads were answered can have come from one board, on which an unsure write happened, or never did."""
        rules, chance, name = BOTH_RULES[0], Random(self.seed), unique_name()
        board, direct = (self._open(stack, port, name, rules) for port in (proxy.port, server.port))
        with self._reporting(f"{self.histories} histories, replies dropped", "writes of threads") as figures:
            for _ in range(self.histories):
                start = state_of(direct)
                programs = random_programs(
                    chance,
                    start,
                    order=rules.order,
                    keep=rules.keep,
                    unsupported=board.capabilities.unsupported,
                    programs=THREADS,
                )
                history = _History(board, programs, figures)
                proxy.lose_at_random(chance, SHARE / 2)
                Crew([partial(history.record, number) for number in range(THREADS)]).join(LIMIT)
                proxy.lose_nothing()
                assert_linearizable(history.closed(direct), rules.order, rules.keep, start=start)
        assert proxy.lost >= LEAST_LOST

    # ------------------------------------------------------------------ a server that is lost

    def test_a_server_killed_and_restarted_amid_updates_loses_no_acknowledged_write(
        self, server: ServerUnderTest, stack: ExitStack
    ) -> None:
        """All that was acknowledged is there, whole and in order, and the board object goes on by itself."""
        board, chance = self._open(stack, server.port, unique_name()), Random(self.seed)
        if self._refuses(board, "update_score", "update_scores", "remove_player"):
            return
        writers = Writers(board, THREADS)
        with self._reporting(f"server killed {self.restarts} times") as figures:
            crew = Crew([partial(writers.run, number) for number in range(THREADS)])
            try:
                for _ in range(self.restarts):
                    writers.survive(server, chance, lambda: crew.failed)
            finally:
                writers.stop.set()
            crew.join(LIMIT)
            figures.add(writers.figures(board))
            sign = -1 if board.order == "descending" else 1
            assert_consistent(board, lambda score: sign * score)
            _call_all(board)

    def test_a_frozen_server_holds_no_call_up_beyond_the_time_out(
        self, server: ServerUnderTest, stack: ExitStack
    ) -> None:
        """Each call ends with the right error within `reply_timeout` and 2 s; thawed, the board serves again."""
        counted, other = (self._open(stack, server.port, unique_name()) for _ in range(2))
        if self._refuses(counted, "increment_score"):
            return
        tally = Increments(INCREMENTS)
        with self._reporting("server frozen", "increments") as figures:
            _warm_up(counted, tally)
            server.freeze()
            try:
                wrong = self._wrong(_calls(counted, tally, other))
            finally:
                server.thaw()
            assert not wrong, f"while the server was frozen: {'; '.join(wrong)}"
            self._go_on(counted, tally, other, figures)

    def test_without_a_server_every_call_says_so_at_once(self, server: ServerUnderTest, stack: ExitStack) -> None:
        """Killed: `ping`, reads and opening raise `BackendUnavailableError` in time; restarted, the board serves."""
        counted, other = (self._open(stack, server.port, unique_name()) for _ in range(2))
        if self._refuses(counted, "increment_score"):
            return
        tally = Increments(INCREMENTS)
        with self._reporting("server killed", "increments") as figures:
            _warm_up(counted, tally)
            server.kill()
            wrong = self._wrong(
                {"opening": lambda: self._open(stack, server.port, other.name), **_calls(counted, tally, other)}
            )
            assert not wrong, f"while the server was killed: {'; '.join(wrong)}"
            server.start()
            self._go_on(counted, tally, other, figures)

    def _go_on(
        self, counted: LeaderboardBackend, tally: Increments, other: LeaderboardBackend, figures: Figures
    ) -> None:
        """Assert that the boards serve again by themselves, every call of them, and take down the figures."""
        await_service(counted)
        increment_all(counted, tally)
        figures.add(tally.figures(scores(counted, tally.players())))
        assert figures.acknowledged == INCREMENTS - FAILING, (
            "the server works again, but the board does not, or not always"
        )
        await_service(other)
        _call_all(other)

    def _wrong(self, calls: dict[str, Callable[[], object]]) -> list[str]:
        """Make calls in threads, some at a time; return what was wrong: an answer, another error, or the time."""
        wrong: list[str] = []
        waiting = list(calls.items())
        while waiting and not wrong:
            some, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            timed = [TimedCall(name, call) for name, call in some]
            wrong += filter(None, [call.problem(self.reply_timeout + MARGIN) for call in timed])
        return wrong


def _call_all(board: LeaderboardBackend) -> None:
    """Call every operation, none of which may raise."""
    for call in every_call(board).values():
        call()


def _warm_up(board: LeaderboardBackend, tally: Increments) -> None:
    """Make some increments from several threads at a time, so that the board has what it keeps open."""

    def increment() -> None:
        for _ in range(4):
            increment_once(board, tally)

    Crew([increment] * THREADS).join(LIMIT)


def _calls(
    counted: LeaderboardBackend, tally: Increments, other: LeaderboardBackend
) -> dict[str, Callable[[], object]]:
    """Return increments of one board, then every operation of another."""
    calls = {f"increment_score {number}": partial(increment_once, counted, tally) for number in range(FAILING)}
    return {**calls, **every_call(other)}


def _write(board: LeaderboardBackend, direct: LeaderboardBackend, judge: Judge, call: Call, *, thorough: bool) -> None:
    """Make one write, and hold what is read past the proxy to what was told of it."""
    outcome, told = outcome_of(lambda: perform(board, call))
    if outcome == "acknowledged":
        judge.acknowledged(call, told)
    elif outcome == "refused":
        judge.refused(call)
    judge.settle(direct, call if outcome == "unsure" else None, thorough=thorough)


class _History:
    """The history of threads that run a program each."""

    def __init__(self, board: LeaderboardBackend, programs: list[list[Call]], figures: Figures) -> None:
        self._recorders = [Recorder(board, thread) for thread in range(len(programs))]
        self._programs = programs
        self._figures = figures

    def record(self, thread: int) -> None:
        """Make the calls of one thread."""
        for operation, arguments in self._programs[thread]:
            outcome, _ = outcome_of(partial(self._recorders[thread].call, operation, *arguments))
            if operation in WRITES:
                self._figures.count(outcome)

    def closed(self, board: LeaderboardBackend) -> list[Operation]:
        """Return all operations, with a read of the whole board after them."""
        last = Recorder(board, len(self._recorders))
        last.call("get_top_n", 100)
        return [operation for recorder in (*self._recorders, last) for operation in recorder.operations]
