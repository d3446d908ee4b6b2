"""Bugs in opening, closing and `with`."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import ClassVar, Self

from leaderboard_backends import Entry, Keep, Order, Score

from .bases import PlainBoard
from .registry import killed_by

AS_ASKED = "test_a_new_board_is_what_make_was_asked_for"
TWICE = "test_closing_twice_is_fine"
CLOSED = "test_a_closed_board_refuses"


@killed_by("life", f"{CLOSED}[get_rank]")
class AnswersWhenClosed(PlainBoard):
    """A closed board still answers what it can from memory."""

    def get_rank(self, player_id: str) -> int | None:
        return self._get_rank(player_id)


@killed_by("life", f"{CLOSED}[__len__]")
class EmptyWhenClosed(PlainBoard):
    """A closed board has no players."""

    def __len__(self) -> int:
        return 0 if self._closed else super().__len__()


@killed_by("life", f"{CLOSED}[update_score]")
class TakesWritesWhenClosed(PlainBoard):
    """A closed board takes an update, which nobody will ever read."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._update_score(player_id, username, score)


@killed_by("life", f"{CLOSED}[get_top_n]")
class ReopensByItself(PlainBoard):
    """A closed board is opened again by the next read."""

    def get_top_n(self, n: int = 100) -> list[Entry]:
        self._closed = False
        return super().get_top_n(n)


@killed_by("life", "test_iteration_over_a_closed_board_refuses")
class IteratesOverNothingWhenClosed(PlainBoard):
    """Iterating over a closed board gives nothing, and raises nothing."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(()) if self._closed else super().__iter__()


@killed_by("life", f"{CLOSED}[ping]")
class PingsWhenClosed(PlainBoard):
    """A closed board says that it can be reached."""

    def ping(self) -> None:
        self._ping()


@killed_by("life", f"{CLOSED}[get_score]")
class RefusesInAnotherWay(PlainBoard):
    """A closed board raises an error that is none of the library's."""

    def get_score(self, player_id: str) -> Score | None:
        if self._closed:
            raise RuntimeError("the connection is closed.")
        return super().get_score(player_id)


@killed_by("life", "test_a_board_that_was_never_used_refuses_once_closed")
class UnusedBoardsDoNotClose(PlainBoard):
    """A board that was never written to goes on after `close`."""

    def close(self) -> None:
        if self._changes.number:
            super().close()


@killed_by("life", TWICE)
class ClosesOnce(PlainBoard):
    """Closing twice raises."""

    def close(self) -> None:
        if self._closed:
            raise RuntimeError("closed already")
        super().close()


@killed_by("life", TWICE)
class NeverSaysClosed(PlainBoard):
    """`closed` is false after `close`."""

    @property
    def closed(self) -> bool:
        return False


@killed_by("life", "test_the_text_of_a_board_names_it")
class NoTextWhenClosed(PlainBoard):
    """The `repr` of a closed board raises."""

    def __repr__(self) -> str:
        if self._closed:
            raise RuntimeError("the connection is closed.")
        return super().__repr__()


@killed_by("life", "test_the_text_of_a_board_names_it")
class NamelessText(PlainBoard):
    """The `repr` of a board does not say which board it is."""

    def __repr__(self) -> str:
        return object.__repr__(self)


@killed_by("life", "test_a_with_block_closes")
class WithLeavesOpen(PlainBoard):
    """A `with` block leaves the board open."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace


@killed_by("life", "test_a_with_block_closes_and_passes_an_error_on")
class WithSwallowsErrors(PlainBoard):
    """An error within a `with` block is lost."""

    def __exit__(  # type: ignore[override]  # the bug: it says that the error is dealt with
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        super().__exit__(kind, error, trace)
        return True


@killed_by("life", "test_a_with_block_closes_and_passes_an_error_on")
class WithLeavesOpenAfterErrors(PlainBoard):
    """A `with` block that ends in an error leaves the board open."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            super().__exit__(kind, error, trace)


@killed_by("life", "test_a_closed_board_enters_no_with_block")
class WithOpensAgain(PlainBoard):
    """A closed board may be entered once more."""

    def __enter__(self) -> Self:
        self._closed = False
        return self


@killed_by("life", "test_ping_returns_nothing")
class PingReturnsPong(PlainBoard):
    """`ping` returns what the server answered."""

    def ping(self) -> None:
        super().ping()
        return "PONG"  # type: ignore[return-value]  # the bug


@killed_by("life", "test_closing_one_board_leaves_another_open")
class ClosingClosesAll(PlainBoard):
    """Closing a board closes the connection that all boards share."""

    _open: ClassVar[list[PlainBoard]] = []

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._open.append(self)

    def close(self) -> None:
        super().close()
        while self._open:
            self._open.pop().close()


@killed_by("life", "test_a_new_board_is_empty_and_true")
class EmptyIsFalse(PlainBoard):
    """An empty board is false, so that `board or default` drops it."""

    def __bool__(self) -> bool:
        return len(self) > 0


@killed_by("life", AS_ASKED)
class OrderNotPassedOn(PlainBoard):
    """A board's order is not what it was opened with."""

    @property
    def order(self) -> Order:
        return "descending"


@killed_by("life", AS_ASKED)
class NameNotPassedOn(PlainBoard):
    """Every board is named `default`."""

    @property
    def name(self) -> str:
        return "default"


@killed_by("life", AS_ASKED)
class KeepNotPassedOn(PlainBoard):
    """Every board keeps the last score, whatever was asked for."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        del keep
        super().__init__(name, order=order)
