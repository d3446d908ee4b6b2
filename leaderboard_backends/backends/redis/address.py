"""Where the server is and how to talk to it, and the options of a board's URL that say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import quote, unquote

from ...errors import ConfigurationError
from ...location import Location, Option, boolean, integer, one_of, seconds, text, timeout

DEFAULT_PORT: Final = 6379
SENTINEL_PORT: Final = 26379
MAX_BATCH: Final = 10_000
MAX_SHARDS: Final = 1024
"""Enough for 128 primaries with 8 shards each, or 512 with 2. Each rank is counted in all shards, which takes tens of
microseconds of a server's time for each: more shards than the primaries need make reads dearer and gain nothing."""
CONNECT_TIMEOUT: Final = 0.5
"""Seconds in which a node of a cluster must be connected to, and tell its map: others can be asked."""
SENTINEL_TIMEOUT: Final = 0.5
"""Seconds that a Sentinel may take to be connected to, and to answer."""
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

    hint: ClassVar[str] = ""
    """What an error of the server may come from, beside what its text says."""
    commands: ClassVar[str] = ""
    """What boards send beside what they send to one server."""

    @property
    def url(self) -> str:
        """The server as a URL, without user, password and options."""
        return f"unix://{quote(self.unix_socket)}" if self.unix_socket is not None else str(self)

    @property
    def limit(self) -> str:
        """How long a reply may take, in words."""
        return f"within {self.socket_timeout:g} s (socket_timeout)"

    def __str__(self) -> str:
        if self.unix_socket is not None:
            return f"unix://{self.unix_socket} (database {self.db})"
        return f"{'rediss' if self.tls else 'redis'}://{_in_url(self.host)}:{self.port}/{self.db}"

    def at(self, host: str, port: int, **changes: Any) -> Address:
        """Return the address of one server of several, reached as this address says."""
        own = {own.name: getattr(self, own.name) for own in fields(Address)}
        return Address(**{**own, "host": host, "port": port, **changes})


@dataclass(frozen=True, slots=True)
class SentinelAddress(Address):
    """A primary and its replicas, by the name of the service that Sentinels know them by.

    User, password and TLS files are those of the servers; TLS is for the Sentinels as well.
    """

    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)

    hint: ClassVar[str] = (
        " After the failure of a primary, Sentinel takes some seconds to promote a replica: try again then."
    )

    def __str__(self) -> str:
        hosts = _hosts_in_url(self.sentinels)
        return f"{'rediss' if self.tls else 'redis'}+sentinel://{hosts}/{self.service}/{self.db}"

    def sentinel(self, host: str, port: int) -> Address:
        """Return the address of one of the Sentinels, which are asked on the way of a call: they must be quick."""
        return self.at(
            host,
            port,
            db=0,
            username=self.sentinel_username,
            password=self.sentinel_password,
            connect_timeout=min(self.connect_timeout, SENTINEL_TIMEOUT),
            socket_timeout=min(self.socket_timeout, SENTINEL_TIMEOUT),
        )


@dataclass(frozen=True, slots=True)
class ClusterAddress(Address):
    """A cluster, by some of its nodes, which name the others; user, password and TLS are those of all nodes.

    Raises `ConfigurationError` for a database other than 0.
    """

    nodes: tuple[tuple[str, int], ...] = ()

    hint: ClassVar[str] = " After the failure of a primary, a replica takes its place within seconds: try again then."
    commands: ClassVar[str] = "wait readonly cluster|slots"

    def __post_init__(self) -> None:
        if self.db:
            raise ConfigurationError(
                f"{self} is opened with database {self.db}, but boards on a cluster are in database 0 alone: leave the "
                "number out."
            )

    def __str__(self) -> str:
        if not self.nodes:
            return Address.__str__(self)
        return f"{'rediss' if self.tls else 'redis'}+cluster://{_hosts_in_url(self.nodes)}/"

    @property
    def limit(self) -> str:
        """How long a reply may take, in words: reads of a board have a limit of their own."""
        return f"in time (read_timeout for reads; socket_timeout, {self.socket_timeout:g} s)"

    def at(self, host: str, port: int, **changes: Any) -> ClusterAddress:
        """Return the address of a node."""
        return replace(self, host=host, port=port, nodes=(), **changes)


def _hosts_in_url(nodes: tuple[tuple[str, int], ...]) -> str:
    return ",".join(f"{_in_url(host)}:{port}" for host, port in nodes)


class Node(NamedTuple):
    """Where one of several servers is; as a text, as in a URL."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{_in_url(self.host)}:{self.port}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


LOCAL: Final = Address()
"""The server on this machine at the usual port."""


def _matching(pattern: re.Pattern[str], rule: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not pattern.fullmatch(text(value)):
            raise ValueError(rule)
        return text(value)

    return parse


check_prefix: Final = _matching(_PREFIX, "a prefix has 1 to 64 characters out of A-Z, a-z, 0-9, '_', '.', ':' and '-'")


def _shards(value: object) -> int:
    number = integer(1, MAX_SHARDS)(value)
    if number & (number - 1):
        raise ValueError("it must be a power of two")
    return number


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
    "socket_timeout": Option(timeout, "seconds to wait for a reply (5)"),
    "connect_timeout": Option(timeout, "seconds to wait for a connection to be made (2)"),
    "max_connections": Option(
        integer(1), "most connections of one process, for all its boards at the same address (32)"
    ),
    "pool_timeout": Option(timeout, "seconds to wait for a free connection (5)"),
    "appendfsync": Option(
        one_of("always", "everysec", "no", "off"),
        "the server's appendfsync setting, or off for appendonly no, if the server does not permit CONFIG GET",
    ),
    "ssl_ca_certs": Option(text, "file of the certificate authorities to trust (the system's)"),
    "ssl_certfile": Option(text, "file of the client's certificate"),
    "ssl_keyfile": Option(text, "file of the client's private key"),
    "ssl_check_hostname": Option(boolean, "whether the certificate must match the host name (true)"),
    "ssl_cert_reqs": Option(
        _matching(re.compile("required|none"), "it must be required or none"),
        "whether the server needs a valid certificate: required or none (required)",
    ),
}

REPLICA_OPTIONS: Final[Mapping[str, Option]] = {
    "read_from": Option(one_of("primary", "replica"), "which server answers reads: primary or replica (primary)"),
    "max_staleness": Option(seconds, "largest age of an answer of a replica, in seconds (1)"),
}
"""What boards take whose primaries have replicas that are known."""

SENTINEL_OPTIONS: Final[Mapping[str, Option]] = {
    "sentinel_username": Option(text, "user name in the Sentinels' access control list"),
    "sentinel_password": Option(text, "the Sentinels' password", secret=True),
    **REPLICA_OPTIONS,
}
"""What boards found through Sentinel take beside the options of all servers."""

CLUSTER_OPTIONS: Final[Mapping[str, Option]] = {
    "shards": Option(_shards, f"number of shards, a power of two up to {MAX_SHARDS} (as stored; 64 on a new board)"),
    "ties": Option(
        one_of("strict", "clock"),
        "order of equal scores: strict, by one sequencer, or clock, by the clocks of the servers (strict)",
    ),
    "partial": Option(boolean, "whether reads answer without the shards that do not answer (false)"),
    "consistent": Option(boolean, "whether every read shows all shards at one moment (false)"),
    "read_timeout": Option(timeout, "seconds that a read may take, however many nodes it asks (1)"),
    "wait_replicas": Option(integer(0), "replicas that must confirm a write before it returns (0)"),
    "wait_timeout": Option(timeout, "seconds to wait for these replicas, on top of socket_timeout for the reply (1)"),
    **REPLICA_OPTIONS,
}
"""What boards on a cluster take beside the options of all servers."""

ADDRESS_OPTIONS: Final = {own.name for own in fields(SentinelAddress)}


def address_of(location: Location, options: Mapping[str, Any]) -> Address:
    """Return the address that a URL and its options describe. Raises `ConfigurationError`."""
    kind, _, group = location.scheme.partition("+")
    tls = kind in ("rediss", "valkeys")
    own = {name: value for name, value in options.items() if name in ADDRESS_OPTIONS}
    if not tls and (wrong := sorted(name for name in own if name.startswith("ssl_"))):
        raise ConfigurationError(f"{location} takes no {', '.join(wrong)}: TLS is for rediss:// and valkeys:// URLs.")
    if own.get("ssl_keyfile") and not own.get("ssl_certfile"):
        raise ConfigurationError(
            f"{location} has ssl_keyfile, but no ssl_certfile, to which the key belongs: give both."
        )
    address, db = _FINDERS.get(kind if kind == "unix" else group, _tcp)(location)
    credentials = {"username": _decoded(location.parts.username), "password": _decoded(location.parts.password)}
    found = {"db": db, **credentials}
    for name, value in found.items():
        if value is not None and own.get(name, value) != value:
            raise ConfigurationError(f"{location} has one {name}, and the option {name} has another: give only one.")
    given: dict[str, Any] = {name: value for name, value in found.items() if value is not None}
    return replace(address, tls=tls, **{**own, **given})


def _decoded(part: str | None) -> str | None:
    return unquote(part) if part else None


_Found: TypeAlias = tuple["Address", int | None]
"""An address without its options, and the database's number, if its URL has one."""


def _unix(location: Location) -> _Found:
    path = location.path
    if location.parts.hostname or not path.startswith("/") or path == "/":
        raise ConfigurationError(
            f"{location} has no absolute path of a socket: write unix:///path/redis.sock?board=NAME."
        )
    return Address(unix_socket=path), None


def _tcp(location: Location) -> _Found:
    example = f"{location.scheme}://localhost:{DEFAULT_PORT}/0?board=NAME"
    hosts = _hosts(location, DEFAULT_PORT)
    if len(hosts) > 1:
        raise ConfigurationError(f"{location.place} has several hosts: give that of one server, {example}.")
    (host, port) = hosts[0]
    return Address(host=host, port=port), _database(location, location.path.strip("/"), example)


def _service(location: Location) -> _Found:
    example = f"{location.scheme}://h1:{SENTINEL_PORT},h2:{SENTINEL_PORT}/SERVICE/0?board=NAME"
    service, _, db = location.path.strip("/").partition("/")
    if not service or service.isdecimal():
        raise ConfigurationError(
            f"{location.place} does not name the service that its Sentinels watch (sentinel monitor SERVICE …): write "
            f"{example}."
        )
    hosts = tuple(dict.fromkeys(_hosts(location, SENTINEL_PORT)))
    return SentinelAddress(sentinels=hosts, service=service), _database(location, db, example)


def _cluster(location: Location) -> _Found:
    example = f"{location.scheme}://h1:{DEFAULT_PORT},h2:{DEFAULT_PORT}/?board=NAME"
    nodes = tuple(dict.fromkeys(_hosts(location, DEFAULT_PORT)))
    return ClusterAddress(nodes=nodes), _database(location, location.path.strip("/"), example)


_FINDERS: Final[dict[str, Callable[[Location], _Found]]] = {
    "unix": _unix,
    "sentinel": _service,
    "cluster": _cluster,
}


def _database(location: Location, db: str, example: str) -> int | None:
    if db and not (db.isascii() and db.isdecimal()):
        raise ConfigurationError(
            f"{location.place} has a path that is not a database number: write, for example, {example}."
        )
    return int(db) if db else None


def _hosts(location: Location, default_port: int) -> list[tuple[str, int]]:
    if len(location.hosts) > 1 and not all(host for host, _ in location.hosts):
        raise ConfigurationError(f"{location.place} has an empty host between two commas: remove it.")
    if "," in location.parts.netloc.rpartition("@")[0]:
        raise ConfigurationError(
            f"{location.place} has a comma before its '@': give one user and password before all hosts, and write a "
            "comma in them as %2C."
        )
    if any(port == 0 for _, port in location.hosts):
        raise ConfigurationError(f"{location} has port 0, which is not valid: leave it out for {default_port}.")
    return [(host or "localhost", port or default_port) for host, port in location.hosts]
