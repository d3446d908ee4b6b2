"""What every open board is, without input or output: its name and rules, whether it is open, and in which process.

`LeaderboardBackend` and `AsyncLeaderboard` are both of it: the same contract, the second one with coroutines.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NoReturn

from . import model
from .capabilities import Capabilities
from .errors import BackendUnavailableError, LeaderboardClosedError, UnsupportedOperationError
from .forks import ForkedBoardWarning, survive_forks, torn
from .model import Keep, Order

if TYPE_CHECKING:
    from .location import Option


class DescribedBoard:
    """A board object: `name`, `order`, `keep`, `capabilities`, and whether it is `closed`.

    Making one raises `InvalidNameError` for the name and `ConfigurationError` for order and keep; to copy or pickle it
    raises `TypeError`.
    """

    capabilities: Capabilities
    """What the backend promises: an attribute of a backend's class; a wrapper's, of the board inside."""
    options: ClassVar[Mapping[str, Option]] = {}
    """The backend's own options beside `board`, `order` and `keep`, by name."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        self._name = model.check_board_name(name)
        self._order: Order = model.check_order(order)
        self._keep: Keep = model.check_keep(keep)
        self._closed = False
        self._forked = False
        survive_forks(self._inherit)

    @property
    def name(self) -> str:
        """The board's name."""
        return self._name

    @property
    def order(self) -> Order:
        """`descending` where the highest score is the best, `ascending` where the lowest is."""
        return self._order

    @property
    def keep(self) -> Keep:
        """`last` where each score given is stored, `best` where only a better one is."""
        return self._keep

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed and not self._forked

    @property
    def storage(self) -> str:
        """What keeps the data, with its version, for example `Valkey 9.1.2`; empty for plain Python objects."""
        return self._storage()

    def __repr__(self) -> str:
        place = self._place()
        return (
            f"<{type(self).__name__} {self._name!r} order={self._order} keep={self._keep}"
            f"{f' at {place}' if place else ''}{' closed' if self._closed else ''}>"
        )

    def __bool__(self) -> bool:
        """A board is true, empty or not, so that `board or default` never drops one."""
        return True

    def __getstate__(self) -> NoReturn:
        """Refuse to be copied or pickled: both objects would share locks, connections and a part of the state."""
        raise TypeError(
            f"the board {self._name!r} cannot be copied or pickled: pass on its URL, and open it where it is used."
        )

    def _refuse_closed(self) -> None:
        """Raise where the board is closed; in a forked child, say once that it is a copy.

        `_closed` is set for both, so that a call on an open board looks at one attribute.
        """
        if not self._forked:
            if self._closed:
                raise LeaderboardClosedError(f"the board {self._name!r} is closed: open it again to use it.")
            return  # another thread has warned meanwhile
        if torn():
            raise BackendUnavailableError(
                f"the board {self._name!r} was in the middle of a long change when this process was forked, so its "
                "copy here is incomplete: open boards after the fork."
            )
        self._closed = False
        self._forked = False
        warnings.warn(
            f"the board {self._name!r} lives in the memory of the process that opened it, and this is a forked child "
            "with a copy: no other process sees what is written here. For several workers, use a board that they can "
            "share, such as redis:// or sqlite://.",
            ForkedBoardWarning,
            stacklevel=3,
        )

    def _inherit(self) -> None:
        """Take note that this process was forked from the one that opened the board; called in the child."""
        if not (self._closed or self.capabilities.durable or self.capabilities.shared):
            self._closed = self._forked = True

    # ------------------------------------------------------------------ hooks without input or output

    def _place(self) -> str:
        """Where the data is, for `repr` and error texts, without any password."""
        return ""

    def _storage(self) -> str:
        """What keeps the data, with its version; may use what the last contact told, and makes none of its own."""
        return ""

    def _unsupported(self, operation: str, reason: str) -> NoReturn:
        """Refuse an operation that `capabilities.unsupported` lists."""
        raise UnsupportedOperationError(f"{type(self).__name__} does not offer {operation}: {reason}")
