"""`zeo://HOST:PORT?board=NAME` and `zeo:///PATH/zeo.sock?board=NAME`: boards on a ZEO server, for several processes.

The names of the options are those of `zodburi` where it has them. ZEO has no users and no passwords since version 5:
keep a server on a unix socket or a private network, or describe a client with TLS in a file, for `zodb+config://`.
Records are pickles: whoever can write to the server can run code in every process that opens a board there.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from os import PathLike
from typing import Any, ClassVar, Final, Literal, Self

from ...capabilities import Capabilities, Kept, StorageInfo
from ...errors import ConfigurationError
from ...files import check_path
from ...location import Location, Option, boolean, integer, one_of, text, timeout
from ...model import Keep, Order
from .board import BATCH_SIZE, CACHE_SIZE, OBJECTS, TUNING, StoredLeaderboard
from .client import Address, Connector
from .database import share
from .served import ATTEMPTS, MANY_ATTEMPTS, ServedDatabase, promises

PORT: Final = 9991
"""As in `zodburi`."""
WAIT_TIMEOUT: Final = 5.0
REPLY_TIMEOUT: Final = 30.0
CLIENT_CACHE: Final = 20 * 1024**2
EXAMPLE: Final = "/run/app/zeo.sock"

_UNITS: Final = {"kb": 1024, "mb": 1024**2, "gb": 1024**3}
_NO_USERS: Final = (
    "ZEO has no users and passwords since version 5: keep the server on a unix socket or a private network, or use TLS "
    "by zodb+config:// with a clientstorage section that has an ssl section"
)


def byte_size(value: object) -> int:
    """Parse a number of bytes, such as 20971520 or 20MB."""
    number, unit = value, 1
    if isinstance(value, str) and value[-2:].lower() in _UNITS:
        number, unit = value[:-2], _UNITS[value[-2:].lower()]
    return integer(1)(number) * unit


def _refuse(value: object) -> str:
    del value
    raise ValueError(_NO_USERS)


_OPTIONS: Final = {
    "storage": Option(text, "name of the storage on the server (1)"),
    "wait_timeout": Option(timeout, "seconds to wait for a connection to the server (5)"),
    "reply_timeout": Option(timeout, "seconds to wait for a reply; a large batch takes some (30)"),
    "cache_size": Option(byte_size, "size of ZEO's cache file, in bytes or such as 20MB (20MB)"),
    "client": Option(text, "name of a cache file that outlives the process; none: a temporary one"),
    "var": Option(text, "folder of that cache file (the current one)"),
    "client_label": Option(text, "name of this client in the server's log"),
    "read_only": Option(boolean, "whether to refuse writes here (false)"),
    "survives": Option(
        one_of("everything", "nothing"),
        "what a crash of the server's machine leaves: everything or nothing; everything with a FileStorage",
    ),
    "username": Option(_refuse, "refused: ZEO has no users"),
    "password": Option(_refuse, "refused: ZEO has no passwords", secret=True),
    "realm": Option(_refuse, "refused: ZEO has no users"),
    "connection_cache_size": OBJECTS,
}


class ZEOLeaderboard(StoredLeaderboard):
    """A board on a ZEO server, which any number of processes and machines may read and write at the same time.

    `address` is a host and a port, or the path of a unix socket. Opening, and each call while there is no connection,
    waits at most `wait_timeout` seconds for one, and each request `reply_timeout` seconds for a reply; then
    `BackendUnavailableError` says that nothing was applied, or `WriteOutcomeUnknownError` that the reply to a commit
    was lost. The client connects again by itself. The boards of a process at one address, with the same options, share
    a connection. A forked child gets one of its own.

    Each read makes a round trip, so that it sees what was committed elsewhere, and one more for each record that
    others changed; a write makes three, and one fsync at the server. `read_only` boards must exist already. A server
    does not say what its storage keeps in a power cut: `survives` declares it, `everything` for a FileStorage.
    """

    capabilities = Capabilities(
        durable=True,
        shared=True,
        limits=True,
        feed=True,
        fence=True,
        fence_pass=True,
        lives_in="server",
        survives="what the server's storage survives: a power cut for a FileStorage, if the disk honours fsync",
    )
    options: ClassVar[Mapping[str, Option]] = {**TUNING, **_OPTIONS, "attempts": MANY_ATTEMPTS}

    def __init__(
        self,
        name: str = "default",
        *,
        address: tuple[str, int] | str | PathLike[str] = ("localhost", PORT),
        storage: str = "1",
        wait_timeout: float = WAIT_TIMEOUT,
        reply_timeout: float = REPLY_TIMEOUT,
        cache_size: int = CLIENT_CACHE,
        client: str | None = None,
        var: str | None = None,
        client_label: str | None = None,
        read_only: bool = False,
        connection_cache_size: int = CACHE_SIZE,
        survives: Literal["everything", "nothing"] | None = None,
        order: Order = "descending",
        keep: Keep = "last",
        batch_size: int = BATCH_SIZE,
        attempts: int = ATTEMPTS,
        feed: int | None = None,
    ) -> None:
        at: Address = address if isinstance(address, tuple) else check_path(address, EXAMPLE)
        place = f"zeo://{at}" if isinstance(at, str) else f"zeo://{_host(at[0])}:{at[1]}"
        settings: dict[str, Any] = {
            "storage": storage,
            "wait_timeout": wait_timeout,
            "reply_timeout": reply_timeout,
            "cache_size": cache_size,
            "client": client,
            "var": var,
            "client_label": client_label,
            "read_only": read_only,
        }
        objects = {"cache_size": connection_cache_size}
        found = share(
            f"{place} {settings} {objects}", lambda: ServedDatabase(Connector(at, place, **settings), place, objects)
        )
        super().__init__(found, name, order, keep, batch_size=batch_size, attempts=attempts, feed=feed)
        self._survives = survives
        self.capabilities = promises(type(self).capabilities, found)

    @classmethod
    def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
        """Open the board of `zeo://HOST:PORT?board=NAME` or `zeo:///PATH/zeo.sock?board=NAME`."""
        board = cls.check_location(location, name)
        return cls(board, address=_address(location), order=order, keep=keep, **options)

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` where the URL names no server."""
        del options
        _address(location)
        return name or location.default_board

    def _storage_info(self) -> StorageInfo:
        unknown = Kept(detail="the server does not say what its storage is; declare it with the option survives")
        kept = Kept(self._survives, "the server's storage", declared=True) if self._survives else unknown
        return StorageInfo(
            "server",
            server=self._database.place,
            encrypted=False,
            process_crash=Kept("everything", "the server acknowledges what its storage has"),
            server_crash=kept,
            machine_crash=kept,
        )

    def _storage(self) -> str:
        return f"ZEO {version('ZEO')}, {super()._storage()}"


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _address(location: Location) -> Address:
    """Return the address in a URL. Raises `ConfigurationError`."""
    if not location.parts.netloc:
        return location.file_path(EXAMPLE)
    if "@" in location.parts.netloc:
        raise ConfigurationError(f"{location.place} has a user: {_NO_USERS}.")
    if location.path not in ("", "/"):
        raise ConfigurationError(
            f"{location.place} has a path: write zeo://HOST:{PORT}?board=NAME, or zeo://{EXAMPLE}?board=NAME for a "
            "unix socket."
        )
    if len(location.hosts) > 1:
        raise ConfigurationError(
            f"{location.place} has several hosts: give one, or describe all in a file, for zodb+config://."
        )
    ((host, port),) = location.hosts
    return host or "localhost", PORT if port is None else port
