"""Reasons come from anywhere; results are published. So paths, hosts and passwords are taken out of them."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

from ..errors import ConfigurationError
from ..location import Location
from ..registry import backend_class
from ..testing.opening import is_url
from .result_files import printable

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
