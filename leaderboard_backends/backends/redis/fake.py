"""`fakeredis://NAME`: the same backend over fakeredis, for unit tests of apps that need no server.

Every board has a fake server of its own inside this process, and nothing of it survives. All that `RedisLeaderboard`
sends and runs, this one does too; fakeredis stands in for behaviour, never for durability, memory or speed. Cost: as
`redis://`, without any round trip; a script takes about a millisecond.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from fakeredis import FakeRedisConnection, FakeServer

from ...capabilities import IN_PROCESS, StorageInfo
from ...changes import FEED_OPTION
from ...forks import guard
from ...location import Location
from ...model import Keep, Order
from ...protocol import Capabilities
from .address import OPTIONS, Address
from .board import DEFAULT_BATCH, DEFAULT_PREFIX, RedisLeaderboard
from .pool import Connection
from .server import Server

_OPTIONS: Final = {"prefix": OPTIONS["prefix"], "batch_size": OPTIONS["batch_size"], "feed": FEED_OPTION}


class FakeRedisLeaderboard(RedisLeaderboard):
    """A board on a fake server of its own."""

    capabilities = Capabilities(
        durable=False, shared=False, lives_in="process", feed=True, limits=True, fence=True, fence_pass=True
    )
    options = _OPTIONS
    _is_server: ClassVar[bool] = False

    def __init__(
        self,
        name: str = "default",
        *,
        order: Order = "descending",
        keep: Keep = "last",
        prefix: str = DEFAULT_PREFIX,
        batch_size: int = DEFAULT_BATCH,
        feed: int | None = None,
    ) -> None:
        super().__init__(name, order=order, keep=keep, prefix=prefix, batch_size=batch_size, feed=feed)

    @classmethod
    def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
        """Open the board that a URL names."""
        return cls(cls.check_location(location, name), order=order, keep=keep, **options)

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` where the URL has more than a name."""
        del options
        return location.board_name(name)

    @classmethod
    def open_trial(cls, scheme: str, directory: Path) -> AbstractContextManager[str]:
        """Yield the URL of a board in memory, which is new each time."""
        del directory
        return nullcontext(f"{scheme}://")

    def _find_server(self, address: Address) -> Server:
        return _FakeServer(address)

    def _storage_info(self) -> StorageInfo:
        return IN_PROCESS

    def _place(self) -> str:
        return ""


class _FakeServer(Server):
    """A server of one board; fakeredis does not know INFO."""

    def __init__(self, address: Address) -> None:
        fake = FakeServer(version=(7,))
        guard(fake.lock)

        def connect() -> Connection:
            connection: Connection = FakeRedisConnection(server=fake, protocol=2)
            return connection

        super().__init__(address, connect)
        self.version = f"fakeredis {version('fakeredis')}"
