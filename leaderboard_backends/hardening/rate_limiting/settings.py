"""The settings of the rate limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ...location import Location, Option, after_secret, check_options, integer, one_of, or_off, seconds, text, timeout

MEMORY: Final = "memory"
_SCHEMES: Final = ("redis", "rediss", "unix")
_QUERY: Final = frozenset(
    {"db", "username", "password", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname", "ssl_cert_reqs"}
)
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Checked settings; `None` and 0 are off."""

    updates_a_minute: int | None = 60
    updates_a_second: int | None = None
    storage: str = field(default=MEMORY, repr=False)
    when_down: Literal["open", "closed"] = "open"
    timeout: float = 0.1
    retry_every: float = 1.0
    max_players: int = 100_000
    prefix: str = "leaderboard:rate"

    def __str__(self) -> str:
        """Return what is on, for `repr`; a password is masked."""
        limits = [
            f"{name}={value}" for name in ("updates_a_minute", "updates_a_second") if (value := getattr(self, name))
        ]
        if self.storage == MEMORY:
            return ", ".join([*(limits or ["no limit"]), f"storage=memory, max_players={self.max_players}"])
        return ", ".join([*(limits or ["no limit"]), f"storage={shown(self.storage)}, when_down={self.when_down}"])


def check_settings(given: Mapping[str, Any]) -> Settings:
    """Return checked settings. Raises a `ConfigurationError` that names the key and what is allowed."""
    return Settings(**check_options("rate_limit", OPTIONS, given))


def shown(url: str) -> str:
    """Return a storage's URL without its query, with `***` for a password."""
    return Location.parse(url)[0].shown


def _storage(value: object) -> str:
    """Take `memory`, or a URL of a Redis or Valkey."""
    url = re.sub(r"\Avalkey(s?)://", r"redis\1://", text(value))
    if url == MEMORY:
        return url
    if "://" not in url:
        raise ValueError("it must be memory, or a redis://, rediss:// or unix:// URL")
    location, query = Location.parse(url)
    if location.scheme not in _SCHEMES:
        raise ValueError("it must be memory, or a redis://, rediss:// or unix:// URL")
    if unknown := query.keys() - _QUERY:
        shown = ", ".join(sorted(unknown - after_secret(query))) or "another option after a password"
        raise ValueError(f"its URL has the option {shown}; allowed options are {', '.join(sorted(_QUERY))}")
    _check_place(location, query.get("db", "0"))
    return url


def _check_place(location: Location, db: str) -> None:
    path = location.path.strip("/")
    try:
        (location.parts.hostname or "").encode("idna")
    except UnicodeError:
        raise ValueError("its host is no name: what is between two dots has 1 to 63 characters") from None
    if location.scheme == "unix":
        if location.parts.hostname or not path:
            raise ValueError("a unix:// URL needs the absolute path of a socket, for example unix:///run/redis.sock")
    elif path:
        db = path
    if not (db.isascii() and db.isdecimal()):
        raise ValueError("a database is a number, for example redis://localhost:6379/0")


def _prefix(value: object) -> str:
    if not _PREFIX.fullmatch(text(value)):
        raise ValueError("a prefix has 1 to 64 characters out of A-Z, a-z, 0-9, '_', '.', ':' and '-'")
    return text(value)


_amount: Final = or_off(integer(0, _MOST))

OPTIONS: Final[Mapping[str, Option]] = {
    "updates_a_minute": Option(_amount, "most updates of one player in any 60 seconds; 0 or false: no limit (60)"),
    "updates_a_second": Option(_amount, "most updates of the board in any second; 0 or false: no limit (no limit)"),
    "storage": Option(
        _storage,
        "where updates are counted: memory, for this process only, or the URL of a Redis or Valkey that several "
        "processes share (memory)",
        secret=True,
    ),
    "when_down": Option(
        one_of("open", "closed"),
        "while that Redis or Valkey is down: open lets updates pass, closed refuses them (open)",
    ),
    "timeout": Option(timeout, "seconds without an answer after which that Redis or Valkey counts as down (0.1)"),
    "retry_every": Option(seconds, "seconds between two attempts to reach that Redis or Valkey while it is down (1)"),
    "max_players": Option(integer(1), "most players whose updates are counted in memory at once (100000)"),
    "prefix": Option(_prefix, "prefix of the keys in that Redis or Valkey (leaderboard:rate)"),
}
