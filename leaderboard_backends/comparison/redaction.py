"""Reasons come from anywhere; results are published. So paths, hosts and passwords are taken out of them."""

from __future__ import annotations

import re
import socket
from typing import Final

from ..location import Location
from ..testing.opening import is_url

_PATH: Final = re.compile(r"(?<![\w:/.])(?:/[^\s/'\",;:()]+)+/(?P<name>[^\s/'\",;:()]+)")


def redact(text: str, target: str) -> str:
    """Return `text` without absolute paths, this machine's name, and the host and password of `target`."""
    for secret, shown in _secrets(target):
        text = text.replace(secret, shown)
    return _PATH.sub(r"…/\g<name>", text).replace(socket.gethostname(), "…")


def _secrets(target: str) -> list[tuple[str, str]]:
    if not is_url(target):
        return []
    location, _ = Location.parse(target)
    parts = location.parts
    shown = f"{location.scheme}://…"
    hidden = [(target, shown), (location.url, shown), (location.shown, shown)]
    if parts.password:
        hidden.append((parts.password, "***"))
    if any(mark in parts.netloc for mark in ".:@"):
        hidden += [(parts.netloc, "…"), (parts.hostname or "", "…")]
    return [(secret, shown) for secret, shown in hidden if secret]
