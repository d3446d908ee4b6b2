"""What calls a board while its server fails: timed calls, writers that go on, and what makes each write once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from random import Random
from threading import Condition, Event, Thread
from time import monotonic, sleep
from typing import Final, Protocol

from ...errors import BackendUnavailableError, LeaderboardError, WriteOutcomeUnknownError
from ...model import Score
from ...protocol import LeaderboardBackend
from ..conformance.foundation import OPERATIONS
from ..linearizability import WRITES
from .figures import Figures, Increments, LastWrites, Outcome, outcome_of

RECOVERY: Final = 10.0
"""Seconds after which a board must serve again once its server does."""


class ServerUnderTest(Protocol):
    """A running server that a test may harm; `EmbeddedServer` is one."""

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1, the same after a restart."""
        ...

    def start(self) -> object:
        """Start again after `kill`, with the data it had, and return once it accepts connections."""

    def kill(self) -> None:
        """End all its processes at once, with SIGKILL."""

    def freeze(self) -> None:
        """Suspend all its processes, with SIGSTOP."""

    def thaw(self) -> None:
        """Let them go on; does nothing where they are not frozen."""

    def close(self) -> None:
        """End it, whatever state it is in, and remove what it leaves behind outside its folder."""


def every_call(board: LeaderboardBackend) -> dict[str, Callable[[], object]]:
    """Return a call of each operation that the board supports, by its name."""
    supported = [name for name in OPERATIONS if name not in board.capabilities.unsupported]
    return {name: partial(OPERATIONS[name], board) for name in supported}


def await_service(board: LeaderboardBackend) -> None:
    """Return once a board serves again; raises its `BackendUnavailableError` after `RECOVERY` seconds."""
    end = monotonic() + RECOVERY
    while True:
        try:
            board.ping()
        except BackendUnavailableError:
            if monotonic() > end:
                raise
            sleep(0.01)  # a server tells nobody when it serves again
        else:
            return


class TimedCall:
    """A call in a thread of its own, which must end in time, and by the error that a server without answer stands for.

    A write may raise `WriteOutcomeUnknownError`; anything may raise `BackendUnavailableError`.
    """

    def __init__(self, name: str, call: Callable[[], object]) -> None:
        self._name = name
        self._call = call
        self._said = ""
        self._started = monotonic()
        self._ended = Event()
        Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._said = f"answered {self._call()!r}"
        except BaseException as error:  # noqa: BLE001 - whatever it is, `problem` tells
            unsure = isinstance(error, WriteOutcomeUnknownError) and self._name.partition(" ")[0] in WRITES
            if not unsure and not isinstance(error, BackendUnavailableError):
                self._said = f"raised {error!r}"
        self._ended.set()

    def problem(self, seconds: float) -> str:
        """Wait up to so many seconds after the start; return what was wrong, empty where nothing was."""
        if not self._ended.wait(max(0.0, self._started + seconds - monotonic())):
            return f"{self._name} did not end within {seconds:g} s"
        return f"{self._name} {self._said}" if self._said else ""


def increment_once(board: LeaderboardBackend, tally: Increments) -> bool:
    """Make the next increment of a tally, and take down what was told; whether there was one. Raises the board's error.

    An acknowledged one must be in the answer already.
    """
    increment = tally.take()
    if increment is None:
        return False
    try:
        entry = board.increment_score(increment.player_id, "", increment.delta)
    except LeaderboardError as error:
        tally.told(increment, "unsure" if isinstance(error, WriteOutcomeUnknownError) else "refused")
        raise
    tally.told(increment, "acknowledged")
    assert increment.times(entry.score) >= 1, f"increment {increment.delta:#x} is not in the sum {entry.score:#x}"
    return True


def increment_all(board: LeaderboardBackend, tally: Increments) -> None:
    """Make all increments of a tally, each once, whatever is lost."""
    while outcome_of(lambda: increment_once(board, tally))[1] is not False:
        pass


def scores(board: LeaderboardBackend, player_ids: Iterable[str]) -> dict[str, Score | None]:
    """Return the score of each player."""
    return {player_id: board.get_score(player_id) for player_id in player_ids}


class Writers:
    """Threads that write players of their own, without end, beside a server that is killed and started again.

    Each goes round: a new player, who is never written again; a guest who comes and goes; a batch that gives three
    players the same score. Scores rise with each write, so what stands tells which write it is from.
    """

    def __init__(self, board: LeaderboardBackend, threads: int) -> None:
        self.stop = Event()
        self._board = board
        self._up = Event()
        self._up.set()
        self._moved = Condition()
        self._acknowledged = [0] * threads
        self._failed = 0
        self._tally = LastWrites()

    def run(self, thread: int) -> None:
        """Write until told to stop."""
        number = 0
        while not self.stop.is_set():
            number += 1
            what, value, write = self._next(thread, number)
            outcome, _ = outcome_of(write)
            self._tally.told(what, value, outcome)
            with self._moved:
                self._acknowledged[thread] += outcome == "acknowledged"
                self._failed += outcome != "acknowledged"
                self._moved.notify_all()
            if outcome == "refused":
                self._up.wait(RECOVERY)

    def _next(self, thread: int, number: int) -> tuple[str, object, Callable[[], object]]:
        """Return what is written next, a player or a batch, the value that it gets, and the call."""
        board, name, guest, new = self._board, f"n{number}", f"guest{thread}", f"new{thread}.{number}"
        if number % 4 == 0:
            batch = [(f"{part}{thread}", name, number) for part in "abc"]
            return f"batch{thread}", number, partial(board.update_scores, batch)
        if number % 4 == 2:
            return guest, number, partial(board.update_score, guest, name, number)
        if number % 8 == 3:
            return guest, None, partial(board.remove_player, guest)
        return new, number, partial(board.update_score, new, name, number)

    def survive(self, server: ServerUnderTest, chance: Random, ended: Callable[[], bool]) -> None:
        """Kill the server amid the writes, start it, and wait until every thread has written again.

        `ended` tells that a thread has raised, so that waiting is of no use.
        """
        enough = sum(self._acknowledged) + chance.randrange(30, 150)
        self._await(lambda: ended() or sum(self._acknowledged) >= enough)
        sleep(chance.uniform(0, 0.005))  # so that the kill meets any moment of a write
        failed = self._failed
        self._up.clear()
        try:
            server.kill()
            self._await(lambda: ended() or self._failed > failed)
            server.start()
        finally:
            self._up.set()
        before = list(self._acknowledged)
        again = self._await(
            lambda: ended() or all(now > then for now, then in zip(self._acknowledged, before, strict=True))
        )
        assert again, f"{RECOVERY:g} s after the server restarted, not every thread had written again"

    def _await(self, reached: Callable[[], bool]) -> bool:
        with self._moved:
            return self._moved.wait_for(reached, RECOVERY)

    def figures(self, board: LeaderboardBackend) -> Figures:
        """Compare what the threads were told with the board; a batch that stands in part is torn."""
        values = {what: self._value(board, what) for what in self._tally.players()}
        return self._tally.figures(values)

    def _value(self, board: LeaderboardBackend, what: str) -> object:
        if not what.startswith("batch"):
            return board.get_score(what)
        found = scores(board, (f"{part}{what.removeprefix('batch')}" for part in "abc"))
        return found if len(set(found.values())) > 1 else next(iter(found.values()))


def judge_load(
    board: LeaderboardBackend, updates: Sequence[tuple[str, str, Score]], outcome: Outcome, told: object
) -> Figures:
    """Compare a load of new players that was told to have ended so with what stands of it."""
    applied = len(updates) if outcome == "acknowledged" else int(getattr(told, "applied", 0))
    stands = len(board)
    found = Figures(acknowledged=applied, lost=max(0, applied - stands))
    rest, more = len(updates) - applied, max(0, stands - applied)
    if outcome == "unsure":
        found.unsure, found.applied = rest, more
    else:
        found.refused, found.undue = rest, more
    found.torn = int({entry.player_id for entry in board} != {player_id for player_id, _, _ in updates[:stands]})
    return found
