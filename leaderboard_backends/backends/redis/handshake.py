"""What is checked once, when a board is opened: that the server is a Redis or Valkey that can hold a board safely."""

from __future__ import annotations

import re
import warnings
from typing import Final

from ...errors import BackendUnavailableError
from .address import Address

OLDEST: Final = {"Valkey": 8, "Redis": 7}
"""The first major version with all that a board uses: script flags, and reading scripts on replicas."""


class EvictionWarning(UserWarning):
    """The server may delete boards, in silence, when its memory runs out."""


def check_server(information: object, address: Address) -> str:
    """Check the reply to INFO and return the server's name and version.

    Raises `BackendUnavailableError`; warns with `EvictionWarning`.
    """
    if not isinstance(information, bytes):
        raise BackendUnavailableError(
            f"{address} does not answer as Redis or Valkey does: check the host and the port."
        )
    found = _fields(information)
    server = _check_version(found, address)
    if found.get("redis_mode") == "sentinel":
        raise BackendUnavailableError(f"{address} is a Sentinel, which holds no data: give the server's own address.")
    policy = found.get("maxmemory_policy", "")
    if policy.startswith("allkeys-") and found.get("maxmemory", "0") != "0":
        warnings.warn(
            f"{address} evicts keys that have no time to live (maxmemory-policy {policy}): when its memory runs out, "
            f"it deletes boards in silence. Set maxmemory-policy to noeviction or to one of volatile-*.",
            EvictionWarning,
            stacklevel=2,
        )
    return server


def _check_version(found: dict[str, str], address: Address) -> str:
    name = "Valkey" if "valkey_version" in found else "Redis"
    version = found.get(f"{name.lower()}_version", "")
    if not (major := re.match(r"\d+", version)):
        raise BackendUnavailableError(f"{address} does not say what it is: a board needs {_needed()}.")
    if int(major[0]) < OLDEST[name]:
        raise BackendUnavailableError(f"{address} is {name} {version}, which is too old: a board needs {_needed()}.")
    return f"{name} {version}"


def _needed() -> str:
    return " or ".join(f"{name} {oldest} or newer" for name, oldest in sorted(OLDEST.items()))


def _fields(information: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in information.decode(errors="replace").splitlines())
    return {name: value.strip() for name, mark, value in lines if mark}
