"""The Redis or Valkey in which several processes count together, through the library limits, one for many boards."""

from __future__ import annotations

from threading import RLock
from typing import Any, Final, cast
from weakref import WeakKeyDictionary, WeakValueDictionary

from limits.errors import ConfigurationError as LimitsConfigurationError
from limits.storage import Storage, storage_from_string

from ...errors import ConfigurationError, MissingExtraError
from ...forks import guard
from ...installing import install_extra
from .settings import Settings, shown

_CONNECTIONS: Final = 10_000
"""More than there are threads: a thread that found none would take the storage to be down."""
_CUTOFF: Final = 6000
"""Bytes above which an argument is not copied into the packed command; redis-py's own number."""


_storages: Final[WeakValueDictionary[tuple[str, str, float], Storage]] = WeakValueDictionary()
_boards: Final[WeakKeyDictionary[Storage, int]] = WeakKeyDictionary()
"""How many boards use each storage."""
_lock: Final = guard(RLock())


def open_storage(settings: Settings) -> Storage:
    """Return the storage, which boards of equal settings share, to be given to `close_storage`.

    It connects when it is first used. Raises `MissingExtraError` without redis-py.
    """
    key = (settings.storage, settings.prefix, settings.timeout)
    with _lock:
        storage = _storages.get(key)
        if storage is None:
            storage = _storages[key] = _make_storage(settings)
        _boards[storage] = _boards.get(storage, 0) + 1
        return storage


def _make_storage(settings: Settings) -> Storage:
    """Return a storage whose commands are packed in Python.

    The C code of hiredis crashes where a signal is raised while it makes a number's text.
    """
    url = settings.storage
    try:
        storage = storage_from_string(
            f"redis+{url}" if url.startswith("unix://") else url,
            wrap_exceptions=True,
            key_prefix=settings.prefix,
            socket_timeout=settings.timeout,
            socket_connect_timeout=settings.timeout,
            max_connections=_CONNECTIONS,
            protocol=2,
        )
    except LimitsConfigurationError as error:
        raise MissingExtraError(
            f"a rate limit in Redis or Valkey needs redis, which is not installed: {install_extra('production')}"
        ) from error
    pool, redis = _pool(storage), cast("Any", storage).dependency
    packer = redis.connection.PythonRespSerializer(_CUTOFF, pool.get_encoder().encode)
    pool.connection_kwargs["command_packer"] = packer
    return cast("Storage", storage)


def forget_connections(storage: Storage) -> None:
    """Use no connection of the storage that was made before.

    An exception raised in the middle of a call, by a signal or another thread, may leave one half made, with a reply
    that nobody read, or counted as in use; and behind the address of a server that was lost, or became a replica, may
    be another one by now.
    """
    pool = _pool(storage)
    try:
        pool.disconnect(inuse_connections=False)
    finally:
        pool.reset()


def refuse_cluster(storage: Storage, settings: Settings) -> None:
    """Raise `ConfigurationError` where the server is a node of a cluster, which counts the players of its slots alone.

    A server that does not answer is let through.
    """
    client = cast("Any", storage)
    try:
        told = client.storage.execute_command("HELLO")
    except (client.base_exceptions, OSError):
        return
    if b"cluster" in (told.values() if isinstance(told, dict) else told):
        raise ConfigurationError(
            f"the storage of the rate limit, {shown(settings.storage)}, is a node of a cluster, which is not "
            "supported: use a standalone server."
        )


def close_storage(storage: Storage) -> None:
    """Close the connections of a storage that `open_storage` returned, unless other boards use it."""
    with _lock:
        _boards[storage] -= 1
        if not _boards[storage]:
            cast("Any", storage).storage.close()


def _pool(storage: object) -> Any:
    return cast("Any", storage).storage.connection_pool
