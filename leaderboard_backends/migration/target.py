"""Where a table `migration` leads to: the board that its URL describes, and the feeds that both boards keep for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..config import Opening, describe
from ..errors import ConfigurationError
from ..location import Location
from ..model import Keep, Order
from ..protocol import Capabilities, LeaderboardBackend
from ..wrapper import Reopen
from .planning import keeps_feed

FEED: Final = 100_000


@dataclass(frozen=True, slots=True)
class TargetUrl:
    """The URL of a target; its `repr` shows no password."""

    url: str = field(repr=False)
    shown: str

    def describe(self, name: str, order: Order, keep: Keep, feed: int) -> Opening:
        """Return the board that a migration of this board leads to, with a feed where it can have one."""
        given = Location.parse(self.url)[1]
        for option, value in (("order", order), ("keep", keep)):
            if given.get(option, value) != value:
                raise ConfigurationError(
                    f"the URL of the board to move to says {option}={given[option]}, and the board has {value}: leave "
                    "that out, as a board that moves takes its rules along."
                )
        opening = describe({"url": self.url}, name, order=order, keep=keep)
        if "feed" not in opening.backend.options or "feed" in opening.options:
            return opening
        return describe({"url": self.url, "feed": feed}, name, order=order, keep=keep)


def target_url(value: object) -> TargetUrl:
    """Parse the option `to`."""
    if isinstance(value, TargetUrl):
        return value
    if not isinstance(value, str):
        raise TypeError(f"it must be the URL of a board, not {type(value).__name__}")
    try:
        location, _ = Location.parse(value)
    except ConfigurationError as error:
        raise ValueError(str(error).rstrip(".")) from None
    return TargetUrl(value, location.shown)


def describe_target(name: str, order: Order, keep: Keep, settings: Mapping[str, Any]) -> Opening:
    """Return the board that a table migration leads to. Raises `ConfigurationError`."""
    to: TargetUrl | None = settings.get("to")
    if to is None:
        raise ConfigurationError('migration needs the URL of the board to move to: to = "redis://…".')
    return to.describe(name, order, keep, settings.get("feed", FEED))


def target_of(opening: Opening) -> Opening | None:
    """Return the board that a board is to move to, `None` without a table migration. Raises `ConfigurationError`."""
    settings = opening.layers.get("migration")
    if settings is None:
        return None
    target = describe_target(opening.board, opening.order, opening.keep, settings)
    if (target.location.url, target.board) == (opening.location.url, opening.board):
        raise ConfigurationError(f"the board would move to itself, {target.place}: give another URL.")
    return target


def is_shared(opening: Opening) -> bool:
    """Whether several processes can open a board, as its backend declares."""
    found: object = opening.backend.capabilities
    return isinstance(found, Capabilities) and found.shared


def with_feed(board: LeaderboardBackend, reopen: Reopen, feed: int) -> LeaderboardBackend:
    """Return the board, opened anew with a feed where it has none and can have one."""
    if not board.capabilities.feed or keeps_feed(board):
        return board
    if board.capabilities.shared:
        reopen(feed=feed).close()
        return board
    board.close()  # first: some are open once at a time
    return reopen(feed=feed)
