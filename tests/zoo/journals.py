"""Boards that keep a journal, and are found without something that they acknowledged once they are opened again."""

from __future__ import annotations

from functools import cache
from tempfile import TemporaryDirectory

from leaderboard_backends import Keep, Order
from leaderboard_backends.backends.journal import JournalLeaderboard
from leaderboard_backends.backends.memory import MemoryLeaderboard

from .registry import killed_by

ANOTHER = "test_another_object_on_a_shared_or_durable_board_finds_its_data"
GOES_ON = "test_version_and_feed_go_on_where_the_data_outlives_the_object"
FENCED = "test_a_fence_stops_whoever_holds_the_board_and_stays_with_it"
KILLED = "test_a_process_killed_amid_increments_leaves_what_was_acknowledged"


@cache
def _folder() -> TemporaryDirectory[str]:
    """The folder of all journals of this process and its children; it goes with this process."""
    return TemporaryDirectory(prefix="zoo-")


class JournaledBoard(JournalLeaderboard):
    """A sound board, whose folder is the same for each object of its name."""

    def __init__(
        self, name: str = "default", *, order: Order = "descending", keep: Keep = "last", feed: int | None = None
    ) -> None:
        super().__init__(name, path=_folder().name, order=order, keep=keep, fsync="never", feed=feed)


@killed_by("capabilities", ANOTHER)
class LogsNoRemoval(JournaledBoard):
    """A player who was removed is back after a restart: the log has updates alone."""

    def _remove(self, player_id: str) -> bool:
        return MemoryLeaderboard._remove(self, player_id)


@killed_by("changes", FENCED)
class LogsNoFence(JournaledBoard):
    """A fence is gone after a restart, and the board takes writes that belong elsewhere."""

    def _set_fence(self, moved_to: str | None) -> None:
        self._changes.fence(moved_to)


@killed_by("processes", KILLED)
class WritesItsLogAtTheEnd(JournaledBoard):
    """What was acknowledged is in a buffer of the process: kill -9 loses it."""

    def _log_change(self, *_: object) -> None:
        self._folder.stale = True


@killed_by("changes", GOES_ON)
class BeginsANewHistory(JournaledBoard):
    """Each restart is a new history, so that a follower of the feed reads the whole board again."""

    def _begin(self, *, clean: bool) -> None:
        del clean
        super()._begin(clean=False)
