"""Connections to the file of some boards: opening them with a clear refusal, setting them up, making the tables."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from typing import Final
from urllib.parse import quote

from leaderboard_backends.errors import (
    BackendUnavailableError,
    BoardMismatchError,
    ConfigurationError,
)
from leaderboard_backends.files import check_place
from leaderboard_backends.model import shorten

from .failures import BESIDE, damaged, not_applied
from .patience import Connection, Within, waiting

OLDEST: Final = (3, 34, 0)
"""The oldest SQLite this is written for."""

APPLICATION_ID: Final = 0x4C425351
"""Marks the file as one of boards; `file` and `PRAGMA application_id` show it."""

LAYOUT: Final = 2
"""The version of the tables, in `PRAGMA user_version`."""

WAL_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of log after which a writer copies it into the file; the log then starts over, cut to this size."""

_PAGE_SIZE: Final = 2048
"""Bytes; the smallest that holds the longest row. An update writes some 7 pages, whatever their size."""

_LONGEST: Final = 65_536
"""Bytes of a value; a board's are 128. What is longer was not written by a board."""

_LOOKING: Final = 5.0
"""Seconds in which a file is set up and looked at, which takes a millisecond unless the file is made to take long."""

_MANY: Final = 100
"""More tables and indexes than any layout has."""

_SCHEMA: Final = files(__package__).joinpath("sql", "schema.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the connections of a file have in common."""

    synchronous: str
    cache_mib: int
    busy_timeout: float


def check_version() -> None:
    """Raise `ConfigurationError` where Python's SQLite is too old, or was built for one thread alone."""
    if not sqlite3.threadsafety:
        raise ConfigurationError("sqlite:// needs an SQLite that was built with threads, and this Python's was not.")
    if sqlite3.sqlite_version_info < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ConfigurationError(
            f"sqlite:// needs SQLite {oldest} or newer, and this Python has {sqlite3.sqlite_version}: use a Python "
            f"that was built with a newer one."
        )


def open_file(path: str, settings: Settings, *, create: bool) -> Connection:
    """Return the first connection to a file, with its tables made. A file that is not ours is left as it is.

    Raises what `check_place` does, `BoardMismatchError` for a file of another kind, and `BackendUnavailableError`.
    """
    check_place(path, create=create, beside=BESIDE)

    def attempt() -> Connection:
        connection = connect(path, settings, create=create)
        try:
            with Within(_LOOKING, connection):
                _establish(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection

    try:
        return waiting(settings.busy_timeout, attempt)
    except sqlite3.Error as error:
        raise not_applied(path, error) from error
    except UnicodeDecodeError as error:  # of a message of SQLite's that holds a name out of the file
        raise damaged(path, error) from error


def connect(path: str, settings: Settings, *, create: bool = False) -> Connection:
    """Return a new connection; it waits for no lock itself."""
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?mode={'rwc' if create else 'rw'}",
        uri=True,
        timeout=0,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        with Within(_LOOKING, connection):
            _set_up(connection, settings)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, settings: Settings) -> None:
    for pragma in (
        "trusted_schema = off",  # before whatever reads the schema, which the file brings
        "cell_size_check = on",
        f"page_size = {_PAGE_SIZE}",  # of a new file
        f"synchronous = {settings.synchronous}",
        f"fullfsync = {int(settings.synchronous == 'full')}",  # of macOS, where a plain sync stops at the drive
        f"cache_size = {-1024 * settings.cache_mib}",
        f"journal_size_limit = {WAL_LIMIT}",
        "wal_autocheckpoint = 0",  # see `transactions`
        "secure_delete = fast",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _establish(connection: sqlite3.Connection, path: str) -> None:
    """Make the tables where there are none, and refuse a file that is not ours."""
    if _is_new(connection, path):
        connection.execute("PRAGMA journal_mode = wal").close()
        _is_new(connection, path, making=True)  # anew: another process may have been first
    mode = connection.execute("PRAGMA journal_mode = wal").fetchone()[0]
    if mode != "wal":
        raise BackendUnavailableError(
            f"{path} cannot have a write-ahead log here (its journal mode stays {mode}): put it on a local file system."
        )


def _is_new(connection: sqlite3.Connection, path: str, *, making: bool = False) -> bool:
    """Whether the file is empty, and with `making` fill it; raises `BoardMismatchError` unless it is that or ours.

    One transaction: what is read of a file that another process makes in the same moment belongs together.
    """
    connection.execute("BEGIN IMMEDIATE" if making else "BEGIN")
    try:
        is_new = _judged_new(connection, path)
        if is_new and making:
            _make_tables(connection)
        connection.execute("COMMIT")
        return is_new
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _make_tables(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {LAYOUT}")


def _judged_new(connection: sqlite3.Connection, path: str) -> bool:
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    layout: int = connection.execute("PRAGMA user_version").fetchone()[0]
    found = _schema_of(connection)
    if not (application or layout or found):
        return True
    if application != APPLICATION_ID:
        raise BoardMismatchError(
            f"{path} is an SQLite file of another application (application id {application}, "
            f"{shorten(sorted(found))}): "
            f"give the boards a file of their own."
        )
    if layout != LAYOUT:
        raise BoardMismatchError(
            f"{path} has layout {layout}, this version reads {LAYOUT}: open it with the version of "
            "leaderboard-backends-sqlite that wrote it, and write its entries, in order, with update_scores to a "
            "board in a new file."
        )
    _check_schema(path, found)
    return False


def _schema_of(connection: sqlite3.Connection) -> dict[str, tuple[object, ...]]:
    """Return what the file defines, by name, and whether it is kept in pages of its own; no more than tells enough."""
    rows = connection.execute(
        "SELECT CAST(name AS BLOB), CAST(type AS BLOB), CAST(tbl_name AS BLOB), CAST(sql AS BLOB), rootpage "
        "FROM sqlite_master LIMIT ?",
        (_MANY,),
    ).fetchall()
    roots = [row[4] for row in rows if row[4] not in (0, None)]
    return {(row[0] or b"").decode(errors="replace"): (*row[:4], roots.count(row[4]) == 1) for row in rows}


def _check_schema(path: str, found: Mapping[str, tuple[object, ...]]) -> None:
    """Raise `BoardMismatchError` unless these are the tables of our layout, to the letter, and nothing else.

    A view, a trigger, a generated column or an index over an expression would run what the file says, as us.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as own:
        _make_tables(own)
        meant = _schema_of(own)
    odd = [name for name in {**meant, **found} if found.get(name) != meant.get(name)]
    if odd:
        raise BoardMismatchError(
            f"{path} does not define exactly the tables of layout {LAYOUT}, but differs in {shorten(sorted(odd))}: "
            "remove what was added (ANALYZE adds sqlite_stat tables), restore a backup, or name another file."
        )
