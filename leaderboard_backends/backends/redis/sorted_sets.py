"""Reading a plain sorted set of a server, and the hash that describes its members: data that is no board."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from ...errors import ConfigurationError
from ...location import Location
from .address import Address, address_of
from .requests import Argument, Request, pack
from .server import Server

T = TypeVar("T")


class SortedSet:
    """A sorted set by its key; each method is one round trip. Nothing is written.

    Raises `BackendUnavailableError` where the server does not answer, and `BoardMismatchError` where the key holds
    something else.
    """

    def __init__(self, server: Server, key: str) -> None:
        self.key: Final[str] = key
        self._server: Final = server

    def count(self) -> int:
        """Return the number of members; 0 where there is no such key. O(1)."""
        return self._ask(int, "ZCARD", _bytes(self.key))

    def page(self, first: int, last: int, *, highest_first: bool) -> list[tuple[bytes, float]]:
        """Return members and scores of these positions, counted from 0. O(log n + length)."""
        command = "ZREVRANGE" if highest_first else "ZRANGE"
        return self._ask(_pairs, command, _bytes(self.key), str(first), str(last), "WITHSCORES")

    def described(self, key: str, members: Sequence[bytes]) -> list[bytes | None]:
        """Return what a hash has for each member. O(length)."""
        return self._ask(list, "HMGET", _bytes(key), *members)

    def _ask(self, parse: Callable[[Any], T], *command: Argument) -> T:
        return self._server.carry(Request(pack(command), parse, self.key))


def _bytes(key: str) -> bytes:
    """Return the bytes of a key, which need not be UTF-8: the command line passes others on as surrogates."""
    return key.encode(errors="surrogateescape")


def _pairs(reply: Sequence[bytes]) -> list[tuple[bytes, float]]:
    return [(member, float(score)) for member, score in zip(reply[::2], reply[1::2], strict=True)]


@contextmanager
def open_sorted_set(location: Location, options: Mapping[str, Any], key: str) -> Iterator[SortedSet]:
    """Reach a sorted set on the server of a URL, and leave the server at the end.

    Raises `ConfigurationError` for a URL of something else than one server.
    """
    address = address_of(location, options) if location.scheme in _SCHEMES else None
    if type(address) is not Address:
        raise ConfigurationError(f"{location} is not the URL of one server: write redis://HOST:6379/0.")
    server = Server(address, keeps=True)
    try:
        yield SortedSet(server, key)
    finally:
        server.close()


_SCHEMES: Final = ("redis", "rediss", "unix", "valkey", "valkeys")
