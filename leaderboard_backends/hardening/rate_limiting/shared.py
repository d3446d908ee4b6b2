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


def open_storage(settings: Settings) -> Storage:
    """Return the storage; it connects when it is first used. Raises `MissingExtraError` without redis-py."""
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
    return cast("Storage", storage)


def close_storage(storage: Storage) -> None:
    """Close the connections of a storage that `open_storage` returned."""
    cast("Any", storage).storage.close()
