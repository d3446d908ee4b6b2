"""Boards that a worker opens as `boards:Name`: right ones, wrong ones, and ones that never come back."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaderboard_backends import Entry, Score
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard


class Right(SortedContainersLeaderboard):
    """Keeps the contract, and prints where the worker's answer goes."""

    def __init__(self, name: str, **rules: Any) -> None:
        super().__init__(name, **rules)
        print("this must not get into the result")  # noqa: T201 - that is the point


class Plugged(SortedContainersLeaderboard):
    """What a third party registers for a scheme of its own."""


class TellsTheRankBefore(SortedContainersLeaderboard):
    """Returns the rank that the player had before the update."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        before = self._get_rank(player_id)
        rank = super()._update_score(player_id, username, score)
        return before or rank


class CountsWrongFarDown(SortedContainersLeaderboard):
    """Tells one rank too few below the first 50; what stands on it is right."""

    def _get_rank(self, player_id: str) -> int | None:
        rank = super()._get_rank(player_id)
        return rank - 1 if rank is not None and rank > 50 else rank


class ForgetsUsernames(SortedContainersLeaderboard):
    """Answers each step rightly, but holds another username in the end: the whole board is read at once only there."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        entries = super()._get_range(first_rank, last_rank)
        return [entry._replace(username="") for entry in entries] if last_rank > 1000 else entries


class Raises(SortedContainersLeaderboard):
    """Fails at the first rank."""

    def _get_rank(self, player_id: str) -> int | None:
        raise ZeroDivisionError(f"no rank for {player_id} in /srv/somebody/boards/{self.name}.db")


class TellsAPassword(SortedContainersLeaderboard):
    """Fails with the URL of some storage behind it."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        del updates
        raise RuntimeError("cannot reach redis://app:s3cr3t@db.shop:6379/0")


class Dies(SortedContainersLeaderboard):
    """Takes its process along."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        del updates
        os._exit(3)


class Segfaults(SortedContainersLeaderboard):
    """Dies of a signal in its sixth update."""

    _updates = 0

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        self._updates += 1
        if self._updates == 6:
            self._end()
        return super()._update_score(player_id, username, score)

    def _end(self) -> None:
        signal.raise_signal(signal.SIGSEGV)


class HangsLate(Segfaults):
    """Never returns from its sixth update."""

    def _end(self) -> None:
        threading.Event().wait()


class HangsAsLate(HangsLate):
    """Another of that kind."""


class Hangs(SortedContainersLeaderboard):
    """Never returns from a load; tells its process id to the fifo of `HANGS_FIFO`, if there is one."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        del updates
        if fifo := os.environ.get("HANGS_FIFO"):
            with open(fifo, "w", encoding="ascii") as writer:  # noqa: PTH123 - a fifo, opened until it is read
                writer.write(str(os.getpid()))
        threading.Event().wait()


class MeetsAnother(SortedContainersLeaderboard):
    """Opens once the other one of the two was opened as well, by the files in `MEETING_FOLDER`."""

    def __init__(self, name: str, **rules: Any) -> None:
        super().__init__(name, **rules)
        folder, end = Path(os.environ["MEETING_FOLDER"]), time.monotonic() + 20
        (folder / type(self).__name__).touch()
        while len(list(folder.iterdir())) < 2:
            if time.monotonic() > end:
                raise TimeoutError("nobody came")
            time.sleep(0.01)


class MeetsOne(MeetsAnother):
    """The other one."""


class Lags(SortedContainersLeaderboard):
    """Says that nobody is first; only a board that comes back after a crash is asked."""

    def _get_rank(self, player_id: str) -> int | None:
        rank = super()._get_rank(player_id)
        return 2 if rank == 1 and self._count() == 1000 else rank


class LosesInThreads(SortedContainersLeaderboard):
    """Is right in one thread, and loses updates where several meet: the sum is stored after others were let in."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        before = self._get_score(player_id)
        if threading.active_count() > 1 and before is not None and sum(player_id.encode()) % 5 == 0:
            return self._get_rank(player_id) or 1
        return super()._update_score(player_id, username, score)


class StallsOnce(SortedContainersLeaderboard):
    """Takes a tenth of a second for one rank."""

    _stalled = False

    def _get_rank(self, player_id: str) -> int | None:
        if not self._stalled:
            self._stalled = True
            time.sleep(0.1)
        return super()._get_rank(player_id)


def no_board(name: str, **rules: Any) -> str:
    """Return something that is no board."""
    del rules
    return name
