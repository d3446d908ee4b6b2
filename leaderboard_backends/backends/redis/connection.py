"""Sending one command and reading its reply, once: nothing here ever repeats a write that may have been applied.

Before a command is sent, any failure is `BackendUnavailableError`. From the first byte on, a lost connection or a
time-out leaves a write's outcome unknown, and says so. A connection on which anything went wrong, an interrupt
included, is closed, so that no later call reads a reply that was not meant for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, cast

import hiredis
from redis import Connection, SSLConnection, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoScriptError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from ...errors import LeaderboardError
from .address import Address
from .failures import not_connected, refused, unanswered
from .pool import Connection as Wire
from .pool import ConnectionPool
from .scripts import Script

_REPLIES: Final = (ResponseError, AuthenticationError, BusyLoadingError)
"""What redis-py raises for an error reply: the server did answer."""

Argument: TypeAlias = bytes | str | int | float

_pack: Final[Callable[[tuple[Argument, ...]], bytes]] = cast("Any", hiredis.pack_command)
_over_tcp: Final[Callable[..., Wire]] = Connection
_over_tls: Final[Callable[..., Wire]] = SSLConnection
_over_unix_socket: Final[Callable[..., Wire]] = cast("Any", UnixDomainSocketConnection)


class Sender:
    """Sends commands to one server over a pool of connections."""

    def __init__(self, address: Address, connect: Callable[[], Wire] | None = None) -> None:
        self.address: Final = address
        self._pool: Final = ConnectionPool(
            connect or (lambda: make_connection(address)), address.max_connections, address.pool_timeout
        )

    def command(self, *arguments: Argument, writes: bool = False) -> Any:
        """Send one command and return its reply. One round trip."""
        return self._exchange(_pack(arguments), 1, writes=writes)[0]

    def run(self, script: Script, key: bytes, *arguments: Argument) -> Any:
        """Run a script and return its reply. One round trip; one more where the server has forgotten the script."""
        call = _pack((b"EVALSHA", script.sha, b"1", key, *arguments))
        try:
            return self._exchange(call, 1, writes=script.writes)[0]
        except NoScriptError:
            load = _pack((b"SCRIPT", b"LOAD", script.text))
            return self._exchange(load + call, 2, writes=script.writes)[1]

    def load(self, scripts: Sequence[Script]) -> None:
        """Load scripts, so that the first call of each takes one round trip too. One round trip for all."""
        commands = b"".join(_pack((b"SCRIPT", b"LOAD", script.text)) for script in scripts)
        self._exchange(commands, len(scripts), writes=False)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _exchange(self, packed: bytes, replies: int, *, writes: bool) -> list[Any]:
        connection, sound = self._take(), False
        try:
            connection.send_packed_command((packed,), check_health=False)
            found = [connection.read_response() for _ in range(replies)]
        except _REPLIES as error:
            sound = replies == 1 and isinstance(error, ResponseError)
            if isinstance(error, NoScriptError):
                raise
            raise refused(error, self.address, writes=writes) from error
        except (RedisError, OSError) as error:
            raise unanswered(error, self.address, writes=writes) from error
        else:
            sound = True
            return found
        finally:
            if sound:
                self._pool.give(connection)
            else:
                self._pool.drop(connection)

    def _take(self) -> Wire:
        try:
            return self._pool.take()
        except LeaderboardError:
            raise
        except (RedisError, OSError, ValueError) as error:  # ValueError: what ssl raises for a bad certificate file
            raise not_connected(error, self.address) from error


def make_connection(address: Address) -> Wire:
    """Return an unconnected connection of redis-py that tries everything once."""
    options: dict[str, Any] = {
        "db": address.db,
        "username": address.username,
        "password": address.password,
        "client_name": address.client_name,
        "socket_timeout": address.socket_timeout,
        "socket_connect_timeout": address.connect_timeout,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
    }
    if address.unix_socket is not None:
        return _over_unix_socket(path=address.unix_socket, **options)
    options |= {"host": address.host, "port": address.port}
    if not address.tls:
        return _over_tcp(**options)
    options |= {
        "ssl_ca_certs": address.ssl_ca_certs,
        "ssl_certfile": address.ssl_certfile,
        "ssl_keyfile": address.ssl_keyfile,
        "ssl_cert_reqs": address.ssl_cert_reqs,
        "ssl_check_hostname": address.ssl_check_hostname,
    }
    return _over_tls(**options)
