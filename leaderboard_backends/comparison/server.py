"""What a Redis or Valkey server says of itself: its version, what survives its crash, and its memory.

redis-py is imported when a server is asked, so that the comparison runs without it where no server takes part.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from ..errors import MissingExtraError
from ..location import Location
from ..registry import DISTRIBUTION

_TIMEOUT = 10.0
_SCAN_STEP = 1000
_IN_THE_BACKGROUND = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
_CLIENT_OPTIONS = (
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


class ServerFacts(AbstractContextManager["ServerFacts"]):
    """A connection of its own to the server of a URL; a question that the server refuses is answered `None`."""

    def __init__(self, url: str) -> None:
        try:
            import redis  # noqa: PLC0415 - an extra, and needed only where a server takes part
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"a server needs {error.name}, which is not installed: pip install '{DISTRIBUTION}[redis]'"
            ) from error
        self._refusals = (redis.RedisError, OSError, ValueError)
        location, options = Location.parse(url)
        known = urlencode({name: value for name, value in options.items() if name in _CLIENT_OPTIONS})
        self._client: Any = redis.Redis.from_url(
            f"{location.url}?{known}", socket_timeout=_TIMEOUT, decode_responses=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def version(self) -> str | None:
        """Return for example `Valkey 9.1.2`."""
        info = self._info("server")
        if info is None:
            return None
        name = "Valkey" if "valkey_version" in info else "Redis"
        return f"{name} {info.get('valkey_version', info.get('redis_version', '?'))}"

    def durability(self) -> str | None:
        """Return what the server's settings promise of an acknowledged write."""
        append_only, fsync = self._config("appendonly"), self._config("appendfsync")
        if append_only is None or fsync is None:
            return None
        return f"appendfsync {fsync}" if append_only == "yes" else "memory only"

    def used_bytes(self) -> int | None:
        """Return the server's own `used_memory`."""
        info = self._info("memory")
        return None if info is None else int(info["used_memory"])

    def is_rewriting(self) -> bool:
        """Whether the server rewrites its log or saves a snapshot in the background, or is about to."""
        info = self._info("persistence") or {}
        return self._will_rewrite(info) or any(int(info.get(job, 0)) for job in _IN_THE_BACKGROUND)

    def _will_rewrite(self, info: Mapping[str, Any]) -> bool:
        """Whether the log has grown as far as the server lets it: it looks at that ten times a second."""
        size, base = (int(info.get(f"aof_{which}_size", 0)) for which in ("current", "base"))
        if not size:
            return False
        least, percentage = (int(self._config(f"auto-aof-rewrite-{name}") or 0) for name in ("min-size", "percentage"))
        return bool(percentage) and size > least and size * 100 // max(1, base) - 100 >= percentage

    def forget(self, board: str) -> bool:
        """Delete what `clear` leaves of a board that never comes back; returns whether the server let us.

        Keys are found by the board's hash tag, in steps, over the whole database: O(keys).
        """
        try:
            for key in self._client.scan_iter(match=f"*{{{board}}}*", count=_SCAN_STEP):
                self._client.unlink(key)
        except self._refusals:
            return False
        return True

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
