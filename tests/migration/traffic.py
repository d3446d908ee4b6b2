"""Writers in processes or threads of their own, what they were told, and whether a board has it.

Each writer has players of its own, so that it knows their states, and reads each back. Times are those of the system's
monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import NamedTuple

from leaderboard_backends import BackendError, LeaderboardBackend, Score, WriteOutcomeUnknownError
from leaderboard_backends.testing.forking import Child

from .boards import Row

Open = Callable[[], LeaderboardBackend]


class Reached(NamedTuple):
    """A player's state, and between which moments its score was reached."""

    username: str
    score: Score
    began: float
    ended: float
    delta: Score = 0
    """What an increment added to it last."""


State = tuple[str, Score] | None
"""A username and a score; `None` for nobody."""


@dataclass
class Account:
    """What writers were told."""

    players: dict[str, Reached] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    acknowledged: int = 0
    unknown: int = 0
    refused: int = 0
    stale: list[str] = field(default_factory=list)
    open: dict[str, list[State]] = field(default_factory=dict)
    """What a writer that was killed had begun to write, by player."""
    longest: float = 0.0
    """Seconds that the longest call took."""

    def add(self, other: Account) -> None:
        """Take over what another one says, of other players."""
        self.players.update(other.players)
        self.removed |= other.removed
        self.acknowledged += other.acknowledged
        self.unknown += other.unknown
        self.refused += other.refused
        self.stale += other.stale
        self.open.update(other.open)
        self.longest = max(self.longest, other.longest)


def account_of(rows: Sequence[Row]) -> Account:
    """Return the account of rows that were written by one call, long ago."""
    first = -1e9
    players = {row[0]: Reached(row[1], row[2], first + at, first + at) for at, row in enumerate(rows)}
    return Account(players)


def failed_file(stop: Path, number: int) -> Path:
    """Return the file by which a writer shows that a call of it has failed."""
    return stop.with_name(f"{stop.name}-{number}-failed")


def written_file(stop: Path, number: int) -> Path:
    """Return the file by which a writer shows what was acknowledged, of as many bytes as these writes."""
    return stop.with_name(f"{stop.name}-{number}-written")


class Writer:
    """Writes at random to players of its own until a file is there; reads each back."""

    def __init__(self, number: int, players: int = 60, scores: int = 4, pace: float = 0.0) -> None:
        self.account = Account()
        self._number = number
        self._players = players
        self._scores = scores
        self._pace = pace
        self._failed: Path | None = None
        self._written: Path | None = None

    def run(self, open_board: Open, stop: Path) -> Account:
        """Write, and return what was told."""
        self._failed, self._written = failed_file(stop, self._number), written_file(stop, self._number)
        chance = random.Random(self._number)
        with open_board() as board:
            while not stop.exists():
                self._step(board, chance)
                if self._pace:
                    sleep(chance.expovariate(1 / self._pace))
            return self.account

    def _step(self, board: LeaderboardBackend, chance: random.Random) -> None:
        player = self._player(chance)
        known = self.account.players.get(player)
        kind, name = chance.random(), f"name {chance.randrange(3)}"
        if kind < 0.5:
            score = chance.randrange(self._scores)
            self._write([(player, name, score)], lambda: board.update_score(player, name, score), board)
        elif kind < 0.7:
            delta = chance.choice([-1, 0, 1])
            total = (known.score if known else 0) + delta
            self._write([(player, name, total)], lambda: board.increment_score(player, name, delta), board, delta)
        elif kind < 0.85:
            many = [(self._player(chance), name, chance.randrange(self._scores)) for _ in range(8)]
            many = list({row[0]: row for row in many}.values())
            self._write(many, lambda: board.update_scores(many), board)
        else:
            self._write([(player, "", None)], lambda: board.remove_player(player), board)

    def begin(self, states: Sequence[tuple[str, str, Score | None]]) -> None:
        """Take note of a write before it is made."""

    def end(self, states: Sequence[tuple[str, str, Score | None]]) -> None:
        """Take note that its outcome is known."""

    def _player(self, chance: random.Random) -> str:
        return f"w{self._number}-{chance.randrange(self._players)}"

    def _write(
        self,
        states: Sequence[tuple[str, str, Score | None]],
        write: Callable[[], object],
        board: LeaderboardBackend,
        delta: Score = 0,
    ) -> None:
        self.begin(states)
        began = monotonic()
        try:
            write()
        except WriteOutcomeUnknownError:
            self.account.unknown += 1
            self._fail()
            self._look(states, board, began)
        except BackendError:
            self.account.refused += 1
            self._fail()
            self._look(states, board, began)
        else:
            self._acknowledged(states, began, delta)
            self._read_back(states[-1], board)
        finally:
            self.account.longest = max(self.account.longest, monotonic() - began)
        self.end(states)

    def _acknowledged(self, states: Sequence[tuple[str, str, Score | None]], began: float, delta: Score) -> None:
        ended = monotonic()
        self.account.acknowledged += 1
        if self._written is not None:
            with self._written.open("ab") as file:
                file.write(b".")
        for player, username, score in states:
            self._note(player, username, score, began, ended, delta)

    def _read_back(self, state: tuple[str, str, Score | None], board: LeaderboardBackend) -> None:
        player, _, score = state
        if (found := self._read(board, player)) != score:
            self.account.stale.append(f"{player} was read as {found} after {score}")

    def _read(self, board: LeaderboardBackend, player: str) -> Score | None:
        while True:
            began = monotonic()
            try:
                return board.get_score(player)
            except BackendError:
                self._fail()
                sleep(0.05)
            finally:
                self.account.longest = max(self.account.longest, monotonic() - began)

    def _look(self, states: Iterable[tuple[str, str, Score | None]], board: LeaderboardBackend, began: float) -> None:
        """See what became of a write that raised."""
        for player, _, _ in states:
            while True:
                try:
                    entry = board.get_entry(player)
                    break
                except BackendError:
                    self._fail()
                    sleep(0.05)
            self._note(player, entry.username if entry else "", entry.score if entry else None, began, monotonic())

    def _fail(self) -> None:
        """Have others see that a call has failed."""
        if self._failed is not None:
            self._failed.touch()

    def _note(
        self, player: str, username: str, score: Score | None, began: float, ended: float, delta: Score = 0
    ) -> None:
        account = self.account
        if score is None:
            account.players.pop(player, None)
            account.removed.add(player)
            return
        known = account.players.get(player)
        if known is not None and known.score == score:
            began, ended = known.began, known.ended
        account.removed.discard(player)
        account.players[player] = Reached(username, score, began, ended, delta)


class Writers:
    """Processes that write; calling it stops them and returns their account."""

    def __init__(self, open_board: Open, stop: Path, numbers: Sequence[int], pace: float) -> None:
        self._stop = stop
        self._failed = [failed_file(stop, number) for number in numbers]
        self._written = [written_file(stop, number) for number in numbers]

        def work(number: int) -> Callable[[Callable[[object], None]], None]:
            def run(tell: Callable[[object], None]) -> None:
                tell("ready")
                tell(Writer(number, pace=pace).run(open_board, stop))

            return run

        self.children: list[Child[object]] = [Child(work(number), 600) for number in numbers]
        for child in self.children:
            assert next(child) == "ready"

    def wait_for_failures(self) -> None:
        """Wait until a call of each of them has failed."""
        self._wait(lambda: all(file.exists() for file in self._failed), "not each of them has met the fault")

    def wait_for_writes(self, number: int) -> None:
        """Wait until each of them was told of so many writes more, whatever it was told of before."""
        before = self._counts()
        self._wait(
            lambda: all(now - then >= number for now, then in zip(self._counts(), before, strict=True)),
            "not each of them goes on",
        )

    def _counts(self) -> list[int]:
        return [file.stat().st_size if file.exists() else 0 for file in self._written]

    def _wait(self, is_so: Callable[[], bool], problem: str) -> None:
        until = monotonic() + 60
        while not is_so():
            assert monotonic() < until, problem
            sleep(0.01)  # of another process

    def __call__(self) -> Account:
        """Stop them."""
        self._stop.touch()
        total = Account()
        for child in self.children:
            account = next(child)
            assert isinstance(account, Account)
            total.add(account)
        return total


@contextmanager
def writing(open_board: Open, stop: Path, processes: int = 3, pace: float = 0.0, first: int = 0) -> Iterator[Writers]:
    """Have so many processes write, which are gone at the end; the first one has this number."""
    writers = Writers(open_board, stop, range(first, first + processes), pace)
    try:
        yield writers
    finally:
        for child in writers.children:
            child.close()


@contextmanager
def writing_in_threads(
    board: LeaderboardBackend, stop: Path, threads: int = 2, first: int = 0
) -> Iterator[Callable[[], Account]]:
    """Have threads of this process write to one board object; as `writing`."""
    writers = [Writer(number, pace=0.001) for number in range(first, first + threads)]

    class Kept:
        def __enter__(self) -> LeaderboardBackend:
            return board

        def __exit__(self, *error: object) -> None:
            return None

    workers = [Thread(target=writer.run, args=(Kept, stop)) for writer in writers]
    for worker in workers:
        worker.start()

    def end() -> Account:
        stop.touch()
        total = Account()
        for worker, writer in zip(workers, writers, strict=True):
            worker.join(60)
            assert not worker.is_alive()
            total.add(writer.account)
        return total

    try:
        yield end
    finally:
        stop.touch()
        for worker in workers:
            worker.join(60)
