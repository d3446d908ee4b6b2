"""What carries requests to the primary of a service, whichever server Sentinels say that it is."""

from __future__ import annotations

from time import monotonic
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError

from ...errors import BackendUnavailableError
from .address import Node, SentinelAddress
from .pool import Connection as Wire
from .requests import REPLICATION
from .sentinels import CHECK_EVERY, Primary, Sentinels
from .server import Server, make_connection


class _PrimaryWire:
    """A connection to whichever server is the primary when it connects, which is not used once that has changed."""

    def __init__(self, sentinels: Sentinels) -> None:
        self._sentinels: Final = sentinels
        self._wire: Wire | None = None
        self._primary = Primary(-1, Node("", 0))
        self._sent = 0.0

    def connect(self) -> None:
        """Connect to the primary; raises `BackendUnavailableError` where it says that it is none."""
        self._sent = monotonic()
        self._primary = self._sentinels.primary()
        host, port = self._primary.node
        self._wire = make_connection(self._sentinels.address.at(host, port))
        self._wire.connect()
        self._wire.send_packed_command((REPLICATION,), check_health=False)
        if b"\nrole:master" not in self.read_response():
            raise BackendUnavailableError(
                f"{self._primary.node} is a replica, although Sentinel names it as the primary: a failover is under "
                f"way. Nothing was sent; try again in some seconds."
            )

    def disconnect(self) -> None:
        """Close the socket, if there is one."""
        if self._wire is not None:
            self._wire.disconnect()

    def can_read(self, timeout: float = 0) -> bool:
        """Whether the connection is of no use any more."""
        return self._connected().can_read(timeout) or self._sentinels.has_moved(self._primary)

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's own signature
        """Send bytes."""
        self._sent = monotonic()
        self._connected().send_packed_command(command, check_health)

    def read_response(self) -> Any:
        """Read one reply; raises redis-py's `ConnectionError` where another server has become the primary meanwhile."""
        reply = self._connected().read_response()
        if monotonic() - self._sent > CHECK_EVERY:
            if self._sentinels.has_moved(self._primary, all_of_them=True):
                raise RedisConnectionError("another server has become the primary since the command was sent")
            self._sent = monotonic()  # for the other replies to what was sent, too
        return reply

    def _connected(self) -> Wire:
        if self._wire is None:
            raise RedisConnectionError("there is no connection yet")
        return self._wire


class PrimaryServer(Server):
    """Carries requests to the primary of a service, whichever server that is."""

    def __init__(self, address: SentinelAddress) -> None:
        sentinels = Sentinels(address)
        super().__init__(address, lambda: _PrimaryWire(sentinels))
        self.sentinels: Final = sentinels

    def close(self) -> None:
        """Close the connections, those to Sentinels included."""
        super().close()
        self.sentinels.close()
