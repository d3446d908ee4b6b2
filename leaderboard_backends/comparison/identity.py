"""What a comparison is of: everything that its figures depend on, as a digest, and in words that say what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import pbkdf2_hmac, sha256
from pathlib import Path
from secrets import token_hex
from typing import Final

import msgspec

from ..errors import ConfigurationError
from ..testing.opening import is_url
from ..workload.spec import WorkloadFile
from .journal import Head
from .machine import cpu, usable_cores, versions
from .plan import Plan
from .programs import modules_of
from .sources import code_digest, digest_of
from .targets import Target

PACKAGE = Path(__file__).parents[1]


ROUNDS: Final = 100_000
"""Of hashing what may hold a password, so that it cannot be guessed from a journal."""


def head(
    plan: Plan,
    targets: Sequence[Target],
    workloads: Sequence[WorkloadFile],
    seed: int,
    salt: str | None = None,
) -> Head:
    """Return the head of a journal that begins now; `salt` is that of a journal to compare it with."""
    salt = token_hex(16) if salt is None else salt
    told = dict(_told(plan, targets, workloads, seed, salt))
    digest = sha256(msgspec.json.encode(sorted(told.items()))).hexdigest()
    return Head(digest, datetime.now(UTC).isoformat(timespec="seconds"), told, salt)


def check_same(old: Head, new: Head) -> None:
    """Raise `ConfigurationError`, with what differs, unless two comparisons are of the same."""
    if old.digest == new.digest:
        return
    differing = [name for name in new.told if old.told.get(name) != new.told[name]]
    raise ConfigurationError(
        f"the comparison of {old.started} cannot be resumed, because these differ: {', '.join(differing)}. Leave "
        "--resume out to start again."
    )


def _told(
    plan: Plan, targets: Sequence[Target], workloads: Sequence[WorkloadFile], seed: int, salt: str
) -> Iterator[tuple[str, str]]:
    yield "plan", msgspec.json.encode(plan).decode()
    yield "backends", "; ".join(f"{target.label} = {_identity(target, salt)}" for target in targets)
    yield "workloads", "; ".join(f"{file.spec.name} {file.sha256}" for file in workloads)
    if plan.programs:
        yield (
            "programs",
            code_digest([module for part in plan.programs for module in modules_of(part.distribution)], ""),
        )
    yield "seed", str(seed)
    yield "versions", ", ".join(f"{name} {number}" for name, number in versions().items())
    yield "code", source_digest()
    yield "machine", f"{cpu()}, {usable_cores():g} cores"


def _identity(target: Target, salt: str) -> str:
    """Return what a backend is: its settings, its code, and where its boards are, the last without telling it."""
    url = target.url
    if is_url(url):
        url = pbkdf2_hmac("sha256", url.encode(), salt.encode(), ROUNDS).hex()
    code = code_digest(target.modules, target.path)
    rest = sha256(msgspec.json.encode([target.sheet, target.path, url, code])).hexdigest()
    return f"{target.identity} {rest}"


@cache
def source_digest() -> str:
    """Return the SHA-256 of this library's own source."""
    return digest_of(PACKAGE, PACKAGE.rglob("*"))
