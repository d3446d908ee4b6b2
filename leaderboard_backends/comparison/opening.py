"""Where a board is measured, and opening it: a URL, or `module:callable` for a class that is registered nowhere yet.

Results are published: paths, hosts and passwords are taken out of whatever is said of it.
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

import msgspec

from ..config import open_leaderboard
from ..errors import ConfigurationError, LeaderboardError
from ..location import Location
from ..model import shorten
from ..protocol import LeaderboardBackend
from ..registry import backend_class, schemes
from ..testing.opening import is_url, load_target, split_target
from .result_files import printable

_OURS: Final = ("order", "keep")
_MEANT_AS_URL: Final = re.compile("[/@]")

HIDDEN: Final = "***"

_PATH: Final = re.compile(r"(?<![\w:/.])(?:/[^\s/'\",;:()]+)+/(?P<name>[^\s/'\",;:()]+)")
_AUTHORITY: Final = re.compile(
    r"(?P<scheme>\b[A-Za-z][\w+.-]*:/{0,3})(?P<user>[^\s<>/][^\s<>]*)@(?P<host>[^\s'\"<>/?,;)]*)"
)
"""A URL with a user or a password, even if it is not valid: the part before its last `@` counts as these."""

_SETTING: Final = re.compile(
    r"(?i)(?P<name>\b\w*(?:passw(?:or)?d|secret|token|api_?key)\w*(?:\s*=|['\"]\s*[=:])\s*"
    r"|\b(?:requirepass|masterauth)(?:['\"]\s*[=:])?\s+)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s&,;'\")}\]]+)"
)
"""A password under a name, as in a URL's options, in a configuration, or in a server's settings."""


class Where(msgspec.Struct, frozen=True):
    """Where a job's board is. It may hold a password, so it travels through a pipe and is written nowhere."""

    target: str
    """A URL, or `module:callable`."""
    board: str
    shared: bool = False
    """Whether the storage is the user's own: the board is then cleared afterwards."""
    server_pids: list[int] = []
    """The processes of its servers; empty where they are not known, or where there are none."""
    copies: int = 1
    """How many of the servers have the whole board."""
    data_path: str | None = None
    """The folder whose growth is the bytes on disk; `None` where the board's own files are."""


class TargetError(LeaderboardError):
    """A `module:callable` names nothing that opens boards: the user's mistake, which no other machine would mend."""


def check_target(target: str) -> None:
    """Raise a `ConfigurationError` for text that names no installed scheme and no `module:callable`.

    Nothing is imported and nothing opened: what is missing on this machine becomes a row with its reason instead.
    """
    if not is_url(target):
        if _MEANT_AS_URL.search(target):
            raise ConfigurationError(
                f"{conceal(target)} is not a backend: a URL has two slashes after its scheme, such as "
                f"redis://host:6379/0, and module:Class has none."
            )
        split_target(target)
        return
    location, query = Location.parse(target)
    if location.scheme not in schemes():
        backend_class(location.scheme)
    for name in _OURS:
        if name in query:
            raise ConfigurationError(
                f"{location} sets {name}: the comparison uses the defaults for every board; leave {name} out."
            )
    if "board" in query:
        raise ConfigurationError(
            f"{location} names the board {query['board']!r}: the comparison creates its own boards; leave board out."
        )


def open_target(target: str, board: str) -> LeaderboardBackend:
    """Open a target's board, by the default rules; raises `TargetError`, and what opening raises."""
    if is_url(target):
        return open_leaderboard(target, board=board)
    try:
        make = load_target(target)
    except ConfigurationError as error:
        raise TargetError(str(error)) from error
    except ModuleNotFoundError as error:
        module = target.partition(":")[0]
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise TargetError(f"{target}: there is no module {error.name} here: correct its name.") from error
    opened = make(board, order="descending", keep="last")
    if not isinstance(opened, LeaderboardBackend):
        raise TargetError(f"{target} returned {shorten(opened)}, not an open LeaderboardBackend.")
    return opened


def redact(text: str, target: str) -> str:
    """Return `text` on one line, without absolute paths, this machine's name, passwords, and the host of `target`."""
    text = printable(text)
    for secret, shown in _secrets(target):
        text = text.replace(secret, shown)
    text = _SETTING.sub(rf"\g<name>{HIDDEN}", _AUTHORITY.sub(r"\g<scheme>…", text))
    return _PATH.sub(r"…/\g<name>", text).replace(socket.gethostname(), "…")


def conceal(text: str) -> str:
    """Return `text` without passwords: of URLs, and under names that say that they are some."""
    return _SETTING.sub(rf"\g<name>{HIDDEN}", _AUTHORITY.sub(rf"\g<scheme>{HIDDEN}@\g<host>", text))


def _secrets(target: str) -> list[tuple[str, str]]:
    if not is_url(target):
        return []
    location, options = Location.parse(target)
    parts = location.parts
    shown = f"{location.scheme}://…"
    hidden = [(target, shown), (location.url, shown), (location.shown, shown)]
    passwords = [parts.password]
    with suppress(ConfigurationError, ImportError):  # of a backend that is not installed
        known = backend_class(location.scheme).options
        passwords += [value for name, value in options.items() if name in known and known[name].secret]
    hidden += [(each, HIDDEN) for password in passwords if password for each in (password, unquote(password))]
    if any(mark in parts.netloc for mark in ".:@"):
        hidden += [(parts.netloc, "…"), (parts.hostname or "", "…")]
    return [(secret, shown) for secret, shown in dict(hidden).items() if secret]
