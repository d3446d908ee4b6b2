"""The board on a server: every hook is one request, carried by the server that all boards of an address share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final, Self, TypeVar, cast

from ...changes import FEED_OPTION, Changes, Version
from ...location import Location, Option
from ...model import Keep, Order, check_count
from ...protocol import Capabilities, LeaderboardBackend
from .address import ADDRESS_OPTIONS, LOCAL, OPTIONS, Address, address_of
from .operations import ServerOperations
from .requests import BoardRequests, Followed, follow
from .server import Server, shared_server

T = TypeVar("T")

DEFAULT_PREFIX: Final = "leaderboard"
DEFAULT_BATCH: Final = 1000


class AddressedLeaderboard(LeaderboardBackend):
    """A board on what the address in its URL leads to: a server, the primary of a service, a cluster."""

    @classmethod
    def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
        """Open the board where a URL leads to."""
        own = {name: value for name, value in options.items() if name not in ADDRESS_OPTIONS}
        address = address_of(location, options)
        opened: Any = cls
        return cast("Self", opened(name or location.default_board, order=order, keep=keep, address=address, **own))

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` where URL and options give no address of a server."""
        address_of(location, options)
        return name or location.default_board


class RedisLeaderboard(ServerOperations, AddressedLeaderboard):
    """A board on a Redis or Valkey server, shared by all processes that open it."""

    capabilities = Capabilities(
        durable=True,
        shared=True,
        lives_in="server",
        survives=(
            "a crash of any process that uses the board; a crash of the server as its persistence is set (appendonly "
            "yes with appendfsync always loses nothing, with everysec about a second; appendonly no everything)"
        ),
        feed=True,
        limits=True,
        fence=True,
        fence_pass=True,
    )
    options: ClassVar[Mapping[str, Option]] = {**OPTIONS, "feed": FEED_OPTION}
    _is_server: ClassVar[bool] = True
    """Whether it knows script flags and INFO, as every server does."""

    def __init__(
        self,
        name: str = "default",
        *,
        order: Order = "descending",
        keep: Keep = "last",
        address: Address = LOCAL,
        prefix: str = DEFAULT_PREFIX,
        batch_size: int = DEFAULT_BATCH,
        feed: int | None = None,
    ) -> None:
        super().__init__(name, order=order, keep=keep)
        self._batch_size = check_count(batch_size, "batch_size", 1)
        self._requests = BoardRequests(self._name, self._order, self._keep, prefix, is_server=self._is_server)
        self._server = self._find_server(address)
        try:
            self._server.hold(self)
            self._server.open(self._requests, feed)
        except BaseException:
            self._server.leave(self)
            raise

    def _find_server(self, address: Address) -> Server:
        return shared_server(address, Server)

    def feed_group(self) -> object:
        """Return the server, which returns the changes of all its boards by one call."""
        return self._server

    def follow_feeds(
        self, after: Mapping[Any, Version], limit: int, checked: Collection[object]
    ) -> dict[Any, Changes | None]:
        """Return the changes by one round trip for all boards of the server, over connections of their own."""
        boards = {board._requests: board for board in after}  # noqa: SLF001 - of this class
        asked = [Followed(requests, after[board], board in checked) for requests, board in boards.items()]
        found = self._server.for_feeds.carry(follow(asked, limit))
        return {boards[requests]: changes for requests, changes in found.items()}
