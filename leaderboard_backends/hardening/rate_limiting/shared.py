"""Opening the Redis or Valkey in which several processes count together, through the library limits."""

from __future__ import annotations

from typing import Any, Final, cast

from limits.errors import ConfigurationError as LimitsConfigurationError
from limits.storage import Storage, storage_from_string

from ...errors import MissingExtraError
from ...installing import install_extra
from .settings import Settings

_CONNECTIONS: Final = 10_000
"""More than there are threads: a thread that found none would take the storage to be down."""
_CUTOFF: Final = 6000
"""Bytes above which an argument is not copied into the packed command; redis-py's own number."""


def open_storage(settings: Settings) -> Storage:
    """Return the storage; it connects when it is first used. Raises `MissingExtraError` without redis-py.

    Its commands are packed in Python: hiredis crashes where a signal is raised while it makes a number's text.
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


def close_storage(storage: Storage) -> None:
    """Close the connections of a storage that `open_storage` returned."""
    cast("Any", storage).storage.close()


def _pool(storage: object) -> Any:
    return cast("Any", storage).storage.connection_pool
