"""`zodb+config:///PATH/zodb.conf?board=NAME`: boards in any storage that ZODB's configuration language describes.

The file is one of ZODB's: it has a `<zodb>` section, or a storage's own, such as `<zeoclient>`, or RelStorage's after
`%import relstorage`. Whoever can write the file decides what code runs here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from io import StringIO
from os import PathLike
from pathlib import Path
from sqlite3 import OperationalError
from time import sleep
from typing import Any, ClassVar, Final, Self

import ZConfig
from zc.lockfile import LockError
from ZODB.config import ZODBDatabase
from ZODB.FileStorage import FileStorage

from ...capabilities import Capabilities, Home, Kept, StorageInfo
from ...errors import BackendUnavailableError, ConfigurationError, LeaderboardError, MissingExtraError
from ...files import check_path
from ...installing import install_extra
from ...location import Location, Option, text
from ...model import Keep, Order, shorten
from .board import BATCH_SIZE, CACHE_SIZE, OBJECTS, TUNING, FileLeaderboard
from .database import share
from .served import ATTEMPTS, MANY_ATTEMPTS, ServedDatabase, promises, see_newest, sqlite_folder

EXAMPLE: Final = "/etc/app/zodb.conf"

_SCHEMA: Final = """
<schema>
  <import package="ZODB"/>
  <multisection type="ZODB.storage" name="*" attribute="storages"/>
  <multisection type="ZODB.database" name="*" attribute="databases"/>
</schema>
"""
_SECRET: Final = re.compile(r"(?i)passw\w*\s*=?\s*['\"]?([^\s'\"]+)")
_ATTEMPTS_TO_MAKE: Final = 50
_PAUSE: Final = 0.02
"""Seconds between two attempts to open a storage whose tables others make."""
_KEPT: Final = Kept("not known", "as the storage that the file describes is set")


class ConfiguredLeaderboard(FileLeaderboard):
    """A board in a storage that a file in ZODB's configuration language describes.

    `config` is the file; `section` names one of several storages or databases in it, else the first is taken. Where
    the section is a database's, its cache size applies unless `connection_cache_size` is given.

    What the board promises depends on the storage: processes share a ZEO client's server and RelStorage; they do not
    share a FileStorage; one in memory is not durable either. Without history (RelStorage with `keep-history false`)
    the board is consistent per player: the rank that an update returns leaves out what others commit in the same
    moment. How long a storage that does not answer is waited for is the storage's own setting, such as a
    clientstorage's `wait-timeout`.
    """

    capabilities = Capabilities(
        durable=True,
        shared=True,
        limits=True,
        feed=True,
        fence=True,
        fence_pass=True,
        survives="what its storage survives",
    )
    example: ClassVar[str] = EXAMPLE
    options: ClassVar[Mapping[str, Option]] = {
        **TUNING,
        "attempts": MANY_ATTEMPTS,
        "section": Option(text, "name of a section of the file (the first)"),
        "connection_cache_size": OBJECTS,
    }

    def __init__(
        self,
        name: str = "default",
        *,
        config: str | PathLike[str],
        section: str | None = None,
        connection_cache_size: int | None = None,
        order: Order = "descending",
        keep: Keep = "last",
        batch_size: int = BATCH_SIZE,
        attempts: int = ATTEMPTS,
        feed: int | None = None,
    ) -> None:
        path = Path(os.path.realpath(check_path(config, EXAMPLE)))
        place = f"zodb+config://{path}"

        def make() -> ServedDatabase:
            opening, settings = _read(path, section)
            if connection_cache_size is not None or not settings:
                settings = {**settings, "cache_size": connection_cache_size or CACHE_SIZE}
            return ServedDatabase(partial(_open, opening, place, path), place, settings)

        found = share(f"{place} {section} {connection_cache_size}", make)
        super().__init__(found, name, order, keep, batch_size=batch_size, attempts=attempts, feed=feed)
        self._kind, self._files = type(found.storage).__name__, _files(found.storage)
        own = replace(type(self).capabilities, **_promised(found, self._files))
        self.capabilities = promises(own, found)

    @classmethod
    def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
        """Open the board of `zodb+config:///absolute/path?board=NAME`."""
        board = cls.check_location(location, name)
        return cls(board, config=location.file_path(EXAMPLE), order=order, keep=keep, **options)

    def _storage_info(self) -> StorageInfo:
        durable = self.capabilities.durable
        process = Kept("everything", "the storage has what it acknowledged") if durable else Kept("nothing")
        other = _KEPT if durable else Kept("nothing")
        kind, files = self.capabilities.lives_in, self._files
        at = self._database.place if kind == "server" else ""  # the file has the address, and perhaps a password
        return StorageInfo(kind, files, at, process_crash=process, server_crash=other, machine_crash=other)

    def _storage(self) -> str:
        return f"{self._kind}, {super()._storage()}"


def _read(path: Path, section: str | None) -> tuple[Any, dict[str, Any]]:
    """Return what opens the storage that a file describes, and its database's settings. Raises `ConfigurationError`."""
    try:
        if not path.is_file():
            raise ConfigurationError(f"{path} is not a file: write ZODB's configuration there.")
        path.open("rb").close()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    schema = ZConfig.loadSchemaFile(StringIO(_SCHEMA))
    try:
        found, _ = ZConfig.loadConfig(schema, str(path))
    except (ZConfig.ConfigurationError, OSError, ImportError, ValueError) as error:
        raise ConfigurationError(
            f"{path} does not configure a ZODB storage: {_concealed(error, path)}. Correct it, and install what it "
            "imports (%import relstorage needs the distribution RelStorage)."
        ) from error
    named = {one.name: one for one in reversed([*found.databases, *found.storages])}
    first = next(iter([*found.databases, *found.storages]), None)
    chosen = first if section is None else named.get(section)
    if chosen is None:
        names = ", ".join(sorted(filter(None, named))) or "no section with a name"
        raise ConfigurationError(
            f"{path} has no section {shorten(section)} of a storage or a database; it has {names}."
            if section
            else f"{path} describes no storage: write a <zodb> section, or that of a storage."
        )
    if not isinstance(chosen, ZODBDatabase):
        return chosen.open, {}
    database = chosen.config
    if database.storage is None:
        raise ConfigurationError(f"{path} has a <zodb> section without a storage: write one into it.")
    return database.storage.open, {"cache_size": database.cache_size}


def _open(opening: Any, place: str, path: Path) -> Any:
    """Return the open storage. Raises `BackendUnavailableError`."""
    try:
        storage = _opened(opening)
    except LeaderboardError:
        raise
    except ImportError as error:
        line = install_extra("zeo") if error.name == "ZEO" else f"install the distribution of {error.name}"
        raise MissingExtraError(f"{place} needs {error.name}, which is not installed: {line}") from error
    except LockError as error:
        raise BackendUnavailableError(
            f"{place}: its file is open in another process, and a FileStorage serves one at a time. Close it there, or "
            "describe a ZEO client or RelStorage instead. Nothing was applied."
        ) from error
    except Exception as error:
        raise BackendUnavailableError(
            f"{place}: the storage cannot be opened: {_concealed(error, path)}. Nothing was applied."
        ) from error
    if hasattr(storage, "server_sync"):  # a ZEO client: it shall see what was committed elsewhere, as RelStorage does
        see_newest(storage)
    if sqlite_folder(storage) is not None:
        _lock_before_checking(storage._adapter.locker)  # noqa: SLF001 - no public way
    return storage


def _opened(opening: Any) -> Any:
    """Return the storage, opened again where another process made tables of a new one on SQLite at the same time.

    RelStorage 4.3 looks which tables are there, and then makes the others.
    """
    for _ in range(_ATTEMPTS_TO_MAKE):
        try:
            return opening()
        except OperationalError as error:
            if "already exists" not in str(error):
                raise
            sleep(_PAUSE)
    return opening()


def _lock_before_checking(locker: Any) -> None:
    """Have a commit on SQLite lock the file before it checks that what it read is current, not after.

    RelStorage 4.3 does it the other way round: what another process commits between the two damages B-trees, those of
    an app as well. Seen within 500 updates of three processes.
    """

    def lock(cursor: Any, *_: object) -> None:
        locker._lock_rows_being_modified(cursor)  # noqa: SLF001 - which locks all of the file

    locker._lock_readCurrent_oids_for_share = lock  # noqa: SLF001 - of this storage's own object, which commits share


def _promised(database: ServedDatabase, files: tuple[Path, ...]) -> dict[str, Any]:
    """Return the capabilities that follow from the kind of a storage."""
    shared = database.is_shared
    home: Home = "files" if files else "server" if shared else "process"
    return {"shared": shared, "durable": shared or bool(files), "lives_in": home}


def _files(storage: Any) -> tuple[Path, ...]:
    """Return the files of a FileStorage, or those of RelStorage on SQLite."""
    if isinstance(storage, FileStorage):
        return (Path(storage.getName()),)
    folder = sqlite_folder(storage)
    names = () if folder is None else ("main.sqlite3", "main.sqlite3-wal", "oids.sqlite3", "oids.sqlite3-wal")
    return tuple(Path(folder or "", name) for name in names)


def _concealed(error: Exception, path: Path) -> str:
    """Return the text of an error without the passwords in a file."""
    shown = f"{type(error).__name__}: {error}"
    with suppress(OSError):  # as where it was removed since
        for secret in _SECRET.findall(path.read_text(errors="replace")):
            shown = shown.replace(secret, "***")
    return shown
