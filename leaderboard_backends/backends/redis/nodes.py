"""What carries requests to one node of a cluster: it is connected to within a short time, or another one is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from .address import CONNECT_TIMEOUT, Address
from .pool import Connection as Wire
from .requests import pack
from .server import Server, make_connection

READONLY: Final = pack((b"READONLY",))


class _NodeWire:
    """A connection to a node that is made within a short time, whatever time a reply may take later.

    With `reads_replica`, the node answers reads of its primary's slots, too.
    """

    def __init__(self, address: Address, *, reads_replica: bool = False) -> None:
        self._wire: Final = cast(
            "Any",
            make_connection(
                address.at(
                    address.host,
                    address.port,
                    connect_timeout=min(CONNECT_TIMEOUT, address.connect_timeout),
                    socket_timeout=min(CONNECT_TIMEOUT, address.socket_timeout),
                )
            ),
        )
        self._timeout: Final = address.socket_timeout
        self._reads_replica: Final = reads_replica
        self.disconnect: Final[Callable[[], None]] = self._wire.disconnect
        self.can_read: Final[Callable[[float], bool]] = self._wire.can_read
        self.send_packed_command: Final[Callable[..., None]] = self._wire.send_packed_command
        self.read_response: Final[Callable[..., Any]] = self._wire.read_response

    def connect(self) -> None:
        """Connect and greet the node."""
        self._wire.connect()
        if self._reads_replica:
            self._wire.send_packed_command((READONLY,), check_health=False)
            self._wire.read_response()
        self._wire.update_current_socket_timeout(self._timeout)


def node_server(address: Address) -> Server:
    """Return what carries requests to a node."""
    return Server(address, lambda: cast("Wire", _NodeWire(address)), keeps=True)


def replica_server(address: Address) -> Server:
    """Return what carries reads to a replica of a primary."""
    server = Server(address, lambda: cast("Wire", _NodeWire(address, reads_replica=True)))
    server.version = "a replica"
    return server
