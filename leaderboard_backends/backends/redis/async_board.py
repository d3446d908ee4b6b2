"""The board on a server for asyncio programs: the same requests as `board`'s, carried by the event loop's server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from ...changes import fence_pass, version_wanted
from ...location import Location, Option
from ...model import Entry, Keep, Order, Score
from ...score_limits import limits_wanted
from .address import ADDRESS_OPTIONS, LOCAL, Address, address_of
from .async_operations import AsyncServerOperations
from .async_server import AsyncServer, shared_async_server
from .board import DEFAULT_BATCH, DEFAULT_PREFIX, RedisLeaderboard
from .requests import BoardRequests


class AsyncRedisLeaderboard(AsyncServerOperations):
    """A board on a Redis or Valkey server; updates and increments of tasks that wait at once share a script's call.

    Made in a running event loop, and open after `await board.open()`; `from_location` does both.
    """

    capabilities = RedisLeaderboard.capabilities
    options: ClassVar[Mapping[str, Option]] = RedisLeaderboard.options

    def __init__(
        self,
        name: str = "default",
        *,
        order: Order = "descending",
        keep: Keep = "last",
        address: Address = LOCAL,
        prefix: str = DEFAULT_PREFIX,
        batch_size: int = DEFAULT_BATCH,
    ) -> None:
        super().__init__(name, order=order, keep=keep)
        self._batch_size = batch_size
        self._requests = BoardRequests(self._name, self._order, self._keep, prefix)
        self._server = self._find_server(address)

    def _find_server(self, address: Address) -> AsyncServer:
        return shared_async_server(address)

    async def open(self, feed: int | None = None) -> Self:
        """Check the server and describe the board there; two round trips, one for further boards of an address."""
        self._server.hold(self)
        try:
            await self._server.open(self._requests, feed)
        except BaseException:
            await self._server.leave(self)
            raise
        return self

    @classmethod
    async def from_location(
        cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any
    ) -> Self:
        """Open the board where a URL leads to."""
        own = {option: value for option, value in options.items() if option not in ADDRESS_OPTIONS}
        feed = own.pop("feed", None)
        address = address_of(location, options)
        board = cls(name or location.default_board, order=order, keep=keep, address=address, **own)
        return await board.open(feed)

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` as `RedisLeaderboard.check_location` does."""
        return RedisLeaderboard.check_location(location, name, **options)

    async def _update_score(self, player_id: str, username: str, score: Score) -> int:
        if version_wanted() or fence_pass() is not None:
            return await super()._update_score(player_id, username, score)
        call = self._requests.update_call(player_id, username, score, limits_wanted())
        return await self._server.carry_call(self._requests, call)

    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        if version_wanted() or fence_pass() is not None:
            return await super()._increment_score(player_id, username, delta)
        call = self._requests.increment_call(player_id, username, delta, limits_wanted())
        return await self._server.carry_call(self._requests, call)
