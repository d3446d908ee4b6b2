# generated from leaderboard_backends/backends/redis/carriers.py
# by tools/async_faces.py: change that file, then run `make faces`
"""What all that carry requests to one server have in common: how boards are opened there, and what the server tells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, TypeVar

from redis.exceptions import ResponseError

from ...capabilities import StorageInfo
from ...errors import BackendReadOnlyError, BackendUnavailableError
from .address import Address
from .handshake import check_server, storage_info
from .requests import BoardRequests, KeyedRequests, Request

T = TypeVar("T")


class AsyncCarrier(ABC):
    """Carries requests to the server at an address."""

    def __init__(self, address: Address) -> None:
        self.address: Final = address
        self.version = ""
        """What the server is, for example `Valkey 9.1.2`; known once a board was opened."""
        self._loaded: Final[set[object]] = set()
        """The kinds of boards whose scripts the server was given."""

    @abstractmethod
    async def carry(self, request: Request[T]) -> T:
        """Bring a request to the server and return its answer."""

    async def open(self, requests: BoardRequests, feed: int | None) -> None:
        """Check the server, load the board's scripts, and describe the board.

        Two round trips for the first board of a server, one for each other.
        """
        if not self.version:
            self.version = check_server(await self.carry(requests.information()), self.address)
        try:
            await self.carry(requests.open(feed, loading=requests.kind not in self._loaded))
        except BackendReadOnlyError:
            await self.carry(requests.check())
        self._loaded.add(requests.kind)

    async def storage_info(self, requests: KeyedRequests) -> StorageInfo:
        """Return where the data is and what survives, as the server tells it; two round trips."""
        information = await self.carry(requests.information())
        try:
            settings = await self.carry(requests.settings())
        except BackendUnavailableError as error:
            if not isinstance(error.__cause__, ResponseError):
                raise
            settings = None  # not permitted, or not there, as on managed servers
        return storage_info(information, settings, self.address)
