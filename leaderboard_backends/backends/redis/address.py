"""Where the server is and how to talk to it, and the options of a board's URL that say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal
from urllib.parse import quote, unquote

from ...errors import ConfigurationError
from ...location import Location, Option, boolean, integer, one_of, seconds, text

DEFAULT_PORT: Final = 6379
MAX_BATCH: Final = 10_000
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Address:
    """One server: TCP, TLS or a unix socket. Times are in seconds; a password never shows in `repr` or `str`."""

    host: str = "localhost"
    port: int = DEFAULT_PORT
    unix_socket: str | None = None
    tls: bool = False
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_name: str | None = None
    socket_timeout: float = 5.0
    """How long a reply may take. A write that takes longer raises `WriteOutcomeUnknownError`."""
    connect_timeout: float = 2.0
    max_connections: int = 32
    """Connections of one process to an equal address, shared by its boards; each is used by one thread at a time."""
    pool_timeout: float = 5.0
    """How long a call waits for another thread's connection where all are in use."""
    appendfsync: str | None = None
    """What the user declares of the server's log, where it does not let itself be asked."""
    ssl_ca_certs: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_check_hostname: bool = True
    ssl_cert_reqs: Literal["required", "none"] = "required"

    @property
    def url(self) -> str:
        """The server as a URL, without user, password and options."""
        return f"unix://{quote(self.unix_socket)}" if self.unix_socket is not None else str(self)

    def __str__(self) -> str:
        if self.unix_socket is not None:
            return f"unix://{self.unix_socket} (database {self.db})"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}/{self.db}"


LOCAL: Final = Address()
"""The server on this machine at the usual port."""


def _matching(pattern: re.Pattern[str], rule: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not pattern.fullmatch(text(value)):
            raise ValueError(rule)
        return text(value)

    return parse


check_prefix: Final = _matching(_PREFIX, "a prefix has 1 to 64 characters out of A-Z, a-z, 0-9, '_', '.', ':' and '-'")

OPTIONS: Final[Mapping[str, Option]] = {
    "prefix": Option(check_prefix, "prefix of the board's keys (leaderboard)"),
    "batch_size": Option(integer(1, MAX_BATCH), "updates per atomic step of update_scores (1000)"),
    "db": Option(integer(0), "the database's number (0)"),
    "username": Option(text, "user name in the server's access control list"),
    "password": Option(text, "the password", secret=True),
    "client_name": Option(
        _matching(re.compile(r"[!-~]+"), "a client name has only printable ASCII characters and no spaces"),
        "the name in CLIENT LIST",
    ),
    "socket_timeout": Option(seconds, "seconds to wait for a reply (5)"),
    "connect_timeout": Option(seconds, "seconds to wait for a connection to be made (2)"),
    "max_connections": Option(
        integer(1), "most connections of one process, for all its boards at the same address (32)"
    ),
    "pool_timeout": Option(seconds, "seconds to wait for a free connection (5)"),
    "appendfsync": Option(
        one_of("always", "everysec", "no", "off"),
        "the server's appendfsync setting (off: appendonly no), if it does not permit CONFIG GET",
    ),
    "ssl_ca_certs": Option(text, "file of the certificate authorities to trust (the system's)"),
    "ssl_certfile": Option(text, "file of the client's certificate"),
    "ssl_keyfile": Option(text, "file of the client's private key"),
    "ssl_check_hostname": Option(boolean, "whether the certificate must match the host name (true)"),
    "ssl_cert_reqs": Option(
        _matching(re.compile("required|none"), "it must be required or none"),
        "whether the server needs a valid certificate (required)",
    ),
}

_ADDRESS_OPTIONS: Final = {f.name for f in fields(Address)}


def address_of(location: Location, options: Mapping[str, Any]) -> Address:
    """Return the address that a URL and its options describe. Raises `ConfigurationError`."""
    unix = location.scheme == "unix"
    tls = location.scheme in ("rediss", "valkeys")
    own = {name: value for name, value in options.items() if name in _ADDRESS_OPTIONS}
    if not tls and (wrong := sorted(name for name in own if name.startswith("ssl_"))):
        raise ConfigurationError(f"{location} takes no {', '.join(wrong)}: TLS is for rediss:// and valkeys:// URLs.")
    address = _unix(location) if unix else replace(_tcp(location), tls=tls)
    credentials = {"username": _decoded(location.parts.username), "password": _decoded(location.parts.password)}
    found = {"db": None if unix or not location.path.strip("/") else address.db, **credentials}
    for name, value in found.items():
        if value is not None and own.get(name, value) != value:
            raise ConfigurationError(f"{location} has one {name}, and the option {name} has another: give only one.")
    given: dict[str, Any] = {name: value for name, value in found.items() if value is not None}
    return replace(address, **{**own, **given})


def _decoded(part: str | None) -> str | None:
    return unquote(part) if part else None


def _unix(location: Location) -> Address:
    path = location.path
    if location.parts.hostname or not path.startswith("/") or path == "/":
        raise ConfigurationError(
            f"{location} has no absolute path of a socket: write unix:///path/redis.sock?board=NAME."
        )
    return Address(unix_socket=path)


def _tcp(location: Location) -> Address:
    db = location.path.strip("/")
    if db and not (db.isascii() and db.isdecimal()):
        raise ConfigurationError(
            f"{location.place} has a path that is not a database number: write, for example, "
            f"{location.scheme}://localhost:{DEFAULT_PORT}/0?board=NAME."
        )
    host = unquote(location.parts.hostname or "") or "localhost"
    port = location.parts.port
    if port == 0:
        raise ConfigurationError(f"{location} has port 0, which is not valid: leave it out for {DEFAULT_PORT}.")
    return Address(host=host, port=port or DEFAULT_PORT, db=int(db or 0))
