"""What a Redis or Valkey says of its settings, its memory, its disk and its users; `None` where it refuses to say."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar
from urllib.parse import urlencode

from ..config import Opening
from ..errors import MissingExtraError
from ..installing import install_extra
from ..location import Location

T = TypeVar("T")

DEFAULT_PREFIX: Final = "leaderboard"


class Persistence(NamedTuple):
    """How a server keeps what it acknowledged."""

    append_only: bool
    fsync: str
    snapshots: str
    """The rule of `save`; empty where no snapshots are made."""
    failing: str
    """What of it failed the last time, in the server's words; empty where nothing did."""


class Memory(NamedTuple):
    """Bytes; `limit` is 0 where the server has none of its own."""

    used: int
    limit: int
    machine: int
    """Of the whole machine, as the server sees it; 0 where it does not tell."""
    policy: str


class Replication(NamedTuple):
    """The replicas that follow a server."""

    lags: list[int]
    """Seconds since each of them was heard of."""
    least: int | None
    """`min-replicas-to-write`; `None` where the server does not tell."""
    full_coverage: bool
    """`cluster-require-full-coverage`, which counts in a cluster alone."""


_TIMEOUT: Final = 10.0
_CLIENT_OPTIONS: Final = (
    "db",
    "username",
    "password",
    "ssl_ca_certs",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_cert_reqs",
    "ssl_check_hostname",
)
"""The options of a board's URL that redis-py understands in the same way."""


class Server(AbstractContextManager["Server"]):
    """A connection of its own to a server, which only asks; a question that the server refuses is answered `None`."""

    def __init__(self, url: str) -> None:
        try:
            import redis  # noqa: PLC0415 - an extra, and needed only where a server takes part
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"a server needs {error.name}, which is not installed: {install_extra('redis')}"
            ) from error
        self._refusals = (redis.RedisError, OSError, ValueError)
        location, options = Location.parse(url)
        known = urlencode({name: value for name, value in options.items() if name in _CLIENT_OPTIONS})
        scheme = location.scheme.replace("valkey", "redis")  # redis-py knows no other
        place = f"{scheme}{location.url.removeprefix(location.scheme)}"
        self._client: Any = redis.Redis.from_url(f"{place}?{known}", socket_timeout=_TIMEOUT, decode_responses=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def answers(self) -> bool:
        """Whether it answers this connection, with the credentials of its URL or without any."""
        try:
            return bool(self._client.ping())
        except self._refusals:
            return False

    def has_board(self, opening: Opening, board: str) -> bool:
        """Whether a board of this name has players, or a manifest here; opening it to find out would make a new one."""
        kind = "shards" if is_cluster(opening) else "order"
        key = f"{opening.options.get('prefix', DEFAULT_PREFIX)}:{{{board}}}:{kind}"
        try:
            return bool(self._client.exists(key))
        except self._refusals:
            return False

    def persistence(self) -> Persistence | None:
        """Return how it keeps its data."""
        append_only, fsync, save = (self._config(name) for name in ("appendonly", "appendfsync", "save"))
        info = self._info("persistence")
        if append_only is None or fsync is None or save is None or info is None:
            return None
        states = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
        failing = [f"{state}: {info[state]}" for state in states if info.get(state, "ok") != "ok"]
        return Persistence(append_only == "yes", fsync, save, ", ".join(failing))

    def memory(self) -> Memory | None:
        """Return what it uses, and what it may use."""
        info = self._info("memory")
        if info is None:
            return None
        policy = info.get("maxmemory_policy") or self._config("maxmemory-policy") or ""
        machine = int(info.get("total_system_memory", 0))
        return Memory(int(info["used_memory"]), int(info.get("maxmemory", 0)), machine, str(policy))

    def replication(self) -> Replication | None:
        """Return which replicas follow it."""
        info = self._info("replication")
        if info is None:
            return None
        replicas = [info[f"slave{number}"] for number in range(int(info.get("connected_slaves", 0)))]
        least = self._config("min-replicas-to-write")
        lags = [int(replica.get("lag", 0)) for replica in replicas]
        coverage = self._config("cluster-require-full-coverage")
        return Replication(lags, None if least is None else int(least), coverage == "yes")

    def _info(self, section: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._client.info(section)
        except self._refusals:
            return None
        return found

    def _config(self, name: str) -> str | None:
        try:
            found: str | None = self._client.config_get(name).get(name)
        except self._refusals:
            return None
        return found


def is_cluster(opening: Opening) -> bool:
    """Whether a board is on the primaries of a cluster."""
    return opening.location.scheme.endswith("+cluster")


def server_urls(opening: Opening) -> list[str]:
    """Return the URLs of the servers that take a board's writes, with its credentials; they are never shown.

    One server, the present primary behind Sentinels, or the primaries of a cluster.
    """
    location, options = opening.location, opening.options
    if "+" not in location.scheme:
        return [_with(location.url, options)]
    from ..backends.redis.address import SentinelAddress, address_of  # noqa: PLC0415 - an extra, as above
    from ..backends.redis.sentinels import Sentinels  # noqa: PLC0415
    from ..backends.redis.status import primaries_at  # noqa: PLC0415

    address = address_of(location, options)
    if isinstance(address, SentinelAddress):
        nodes = [Sentinels(address).primary().node]
    else:
        nodes = primaries_at(location, options)
    user, at, _ = location.parts.netloc.rpartition("@")
    scheme = location.scheme.partition("+")[0].replace("valkey", "redis")
    return [_with(f"{scheme}://{user}{at}{node}/{address.db}", options) for node in nodes]


def ask_each(opening: Opening, question: Callable[[Server], T]) -> list[T]:
    """Return what each of a board's servers answers to a question."""
    answers = []
    for url in server_urls(opening):
        with Server(url) as server:
            answers.append(question(server))
    return answers


def anonymous_url(url: str) -> str:
    """Return the URL of the same server without user and password."""
    location, options = Location.parse(url)
    host = location.parts.netloc.rpartition("@")[2]
    bare = location.parts._replace(netloc=host).geturl() if host else location.url
    return _with(bare, {name: value for name, value in options.items() if name not in ("username", "password")})


def has_password(url: str) -> bool:
    """Whether a URL, or its options, have a password."""
    location, options = Location.parse(url)
    return bool(location.parts.password or options.get("password"))


def is_local(url: str) -> bool:
    """Whether a server is reached by a unix socket, or by addresses of this machine's loopback alone."""
    location, _ = Location.parse(url)
    if not location.parts.netloc:
        return True
    try:
        found = [each for host, _ in location.hosts for each in socket.getaddrinfo(host or "localhost", None)]
    except (OSError, UnicodeError):
        return False
    return all(ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def _with(url: str, options: Mapping[str, Any]) -> str:
    return f"{url}?{urlencode({name: _written(value) for name, value in options.items()})}" if options else url


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
