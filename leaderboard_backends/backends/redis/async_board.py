"""The board on a server for asyncio programs: the same requests as `board`'s, carried by the event loop's server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from ...async_protocol import AsyncLeaderboard
from ...changes import fence_pass, version_wanted
from ...location import Location, Option
from ...model import Entry, Keep, Order, Score, check_count
from ...score_limits import limits_wanted
from .address import ADDRESS_OPTIONS, LOCAL, Address, address_of
from .async_operations import AsyncServerOperations
from .async_server import AsyncServer, shared_async_server
from .board import DEFAULT_BATCH, DEFAULT_PREFIX, AddressedLeaderboard, RedisLeaderboard
from .requests import BoardRequests


class AsyncAddressedLeaderboard(AsyncLeaderboard):
    """A board on what the address in its URL leads to; of use once it is open, which `from_location` sees to."""

    is_addressed_by: ClassVar[type[AddressedLeaderboard]]
    """The synchronous class, which checks the same URLs and options."""
    opening: ClassVar[tuple[str, ...]] = ("feed",)
    """The options of `open`; all others are those of the constructor."""

    async def open(self, **options: Any) -> Self:
        """Open the board, which is done once."""
        raise NotImplementedError

    @classmethod
    async def from_location(
        cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any
    ) -> Self:
        """Open the board where a URL leads to."""
        own = {option: value for option, value in options.items() if option not in ADDRESS_OPTIONS}
        opening = {option: own.pop(option) for option in cls.opening if option in own}
        opened: Any = cls
        address = address_of(location, options)
        board: Self = opened(name or location.default_board, order=order, keep=keep, address=address, **own)
        return await board.open(**opening)

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` as that of the synchronous class does."""
        return cls.is_addressed_by.check_location(location, name, **options)


class AsyncRedisLeaderboard(AsyncServerOperations, AsyncAddressedLeaderboard):
    """A board on a Redis or Valkey server; updates and increments of tasks that wait at once share a script's call.

    Made in a running event loop, and open after `await board.open()`; `from_location` does both.
    """

    is_addressed_by: ClassVar[type[AddressedLeaderboard]] = RedisLeaderboard
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
        self._batch_size = check_count(batch_size, "batch_size", 1)
        self._requests = BoardRequests(self._name, self._order, self._keep, prefix)
        self._server = self._find_server(address)
        self._shares_calls = True
        """Whether updates and increments are made together with others."""

    def _find_server(self, address: Address) -> AsyncServer:
        return shared_async_server(address, AsyncServer)

    async def open(self, feed: int | None = None) -> Self:  # type: ignore[override]  # its options are these
        """Check the server and describe the board there; two round trips, one for further boards of an address."""
        self._server.hold(self)
        try:
            await self._server.open(self._requests, feed)
        except BaseException:
            await self._server.leave(self)
            raise
        return self

    async def _update_score(self, player_id: str, username: str, score: Score) -> int:
        if not self._shares_calls or version_wanted() or fence_pass() is not None:
            return await super()._update_score(player_id, username, score)
        if (wire := self._server.free_wire()) is not None:
            request = self._requests.update(player_id, username, score, limits_wanted())
            return request.answer(await self._server.send(request, wire))
        call = self._requests.update_call(player_id, username, score, limits_wanted())
        return await self._server.carry_call(self._requests, call)

    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        if not self._shares_calls or version_wanted() or fence_pass() is not None:
            return await super()._increment_score(player_id, username, delta)
        if (wire := self._server.free_wire()) is not None:
            request = self._requests.increment(player_id, username, delta, limits_wanted())
            return request.answer(await self._server.send(request, wire))
        call = self._requests.increment_call(player_id, username, delta, limits_wanted())
        return await self._server.carry_call(self._requests, call)
