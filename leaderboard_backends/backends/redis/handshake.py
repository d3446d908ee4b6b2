"""What is checked once, when a board is opened: that the server is a Redis or Valkey that can hold a board safely."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Final

from ...capabilities import Kept, StorageInfo
from ...errors import BackendUnavailableError
from .address import Address

OLDEST: Final = {"Valkey": 8, "Redis": 7}
"""The first major version with all that a board uses: script flags, and reading scripts on replicas."""


OFF: Final = "off"
"""The value of the option `appendfsync` for a server without an append-only file."""

_LOGGED: Final = {
    "always": (Kept("everything"), Kept("everything")),
    "everysec": (Kept("all but the last second"), Kept("all but the last second")),
    "no": (
        Kept("everything"),
        Kept("other", "appendfsync no: all but up to about the last 30 s"),
    ),
}
"""What crashes of the server and of its machine leave, by `appendfsync`. With everysec, a slow disk holds up the write
to the file as well."""

_IN_THE_BACKGROUND: Final = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")


class EvictionWarning(UserWarning):
    """The server may delete parts of boards, in silence, when its memory runs out."""


def check_server(information: object, address: Address, *, cluster: bool = False) -> str:
    """Check the reply to INFO of a server, or of a node of a cluster, and return its name and version.

    Raises `BackendUnavailableError`; warns with `EvictionWarning`.
    """
    if not isinstance(information, bytes):
        raise BackendUnavailableError(f"{address} does not reply like Redis or Valkey: check the host and the port.")
    found = information_fields(information)
    server = _check_version(found, address)
    if "sentinel" in (found.get("redis_mode"), found.get("server_mode")):  # Redis, Valkey
        raise BackendUnavailableError(
            f"{address} is a Sentinel, which holds no data: open redis+sentinel://HOST:PORT/SERVICE/0, with the "
            f"name of the service that it watches."
        )
    if cluster and found.get("cluster_enabled") != "1":
        raise BackendUnavailableError(
            f"{address} is not a node of a cluster (cluster-enabled no): open redis://HOST:PORT/0?board=NAME."
        )
    if not cluster and found.get("cluster_enabled") == "1":
        raise BackendUnavailableError(
            f"{address} is a node of a cluster, which holds only a part of the keys: open redis+cluster://HOST:PORT/, "
            f"with one or more of its nodes, or give the address of a standalone server (cluster-enabled no)."
        )
    policy = found.get("maxmemory_policy", "")
    if policy.startswith("allkeys-") and found.get("maxmemory", "0") != "0":
        warnings.warn(
            f"{address} evicts keys that have no expiry (maxmemory-policy {policy}): when its memory runs out, "
            f"it deletes parts of boards in silence, and the boards then refuse to be used as damaged. Set "
            f"maxmemory-policy to noeviction or to one of volatile-*.",
            EvictionWarning,
            stacklevel=2,
        )
    return server


def storage_info(information: bytes, settings: Mapping[str, str] | None, address: Address) -> StorageInfo:
    """Return what INFO and CONFIG GET tell of where a board is; `settings` is `None` where the server does not tell."""
    found = information_fields(information)
    on_server, on_machine = _kept(found, settings, address.appendfsync)
    return StorageInfo(
        "server",
        server=address.url,
        server_pid=int(found["process_id"]) if "process_id" in found else None,
        server_run=found.get("run_id", ""),
        encrypted=address.tls,
        used_bytes=int(found["used_memory"]) if "used_memory" in found else None,
        busy=_is_busy(found, settings or {}),
        process_crash=Kept("everything"),
        server_crash=on_server,
        machine_crash=on_machine,
    )


def _kept(found: Mapping[str, str], settings: Mapping[str, str] | None, declared: str | None) -> tuple[Kept, Kept]:
    """Return what a crash of the server leaves, and what one of its machine leaves."""
    if settings is None and declared is None:
        reason = "the server does not permit CONFIG GET; declare its setting with the option appendfsync"
        if found.get("aof_enabled") == "0":
            return (Kept("other", "no append-only file: the last snapshot, if the server makes any"),) * 2
        return (Kept(detail=reason),) * 2
    if settings is None:
        kept, append_only, save = declared or "", declared != OFF, ""
    else:
        kept, save = settings.get("appendfsync", ""), settings.get("save", "")
        append_only = settings.get("appendonly", "") == "yes"
    if append_only:
        detail = f"appendfsync {kept}"
        amounts = _LOGGED.get(kept, (Kept(), Kept()))
        return (
            Kept(amounts[0].amount, amounts[0].detail or detail, settings is None),
            Kept(amounts[1].amount, amounts[1].detail or detail, settings is None),
        )
    snapshot = (
        Kept("other", f"appendonly no: the last snapshot (save {save})", settings is None)
        if save
        else Kept("nothing", "appendonly no, no snapshots", settings is None)
    )
    return snapshot, snapshot


def _is_busy(found: Mapping[str, str], settings: Mapping[str, str]) -> bool:
    """Whether the server rewrites its log or saves a snapshot, or is about to: it looks ten times a second."""
    if any(int(found.get(job, 0)) for job in _IN_THE_BACKGROUND):
        return True
    size, base = (int(found.get(f"aof_{which}_size", 0)) for which in ("current", "base"))
    least, percentage = (int(settings.get(f"auto-aof-rewrite-{name}", 0)) for name in ("min-size", "percentage"))
    return bool(size and percentage) and size > least and size * 100 // max(1, base) - 100 >= percentage


def _check_version(found: dict[str, str], address: Address) -> str:
    name, _, version = version_of(found).partition(" ")
    if not (major := re.match(r"\d+", version)):
        raise BackendUnavailableError(f"{address} does not report its version: a board needs {_needed()}.")
    if int(major[0]) < OLDEST[name]:
        raise BackendUnavailableError(f"{address} is {name} {version}, which is too old: a board needs {_needed()}.")
    return f"{name} {version}"


def _needed() -> str:
    return " or ".join(f"{name} {oldest} or newer" for name, oldest in sorted(OLDEST.items()))


def information_fields(information: bytes) -> dict[str, str]:
    """Return the fields of a reply to INFO."""
    lines = (line.partition(":") for line in information.decode(errors="replace").splitlines())
    return {name: value.strip() for name, mark, value in lines if mark}


def version_of(found: Mapping[str, str]) -> str:
    """Return what a server is by the fields of its INFO, for example `Valkey 9.1.2`."""
    name = "Valkey" if "valkey_version" in found else "Redis"
    return f"{name} {found.get(f'{name.lower()}_version', '')}"
