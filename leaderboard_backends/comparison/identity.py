"""What a comparison is of: everything that its figures depend on, as a digest, and in words that say what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec

from ..errors import ConfigurationError
from .contenders import Contender
from .journal import Head
from .machine import cpu, versions
from .plan import Plan
from .workload.spec import WorkloadFile

PACKAGE = Path(__file__).parents[1]


def head(plan: Plan, contenders: Sequence[Contender], workloads: Sequence[WorkloadFile], seed: int) -> Head:
    """Return the head of a journal that begins now."""
    told = dict(_told(plan, contenders, workloads, seed))
    digest = sha256(msgspec.json.encode(sorted(told.items()))).hexdigest()
    return Head(digest, datetime.now(UTC).isoformat(timespec="seconds"), told)


def check_same(old: Head, new: Head) -> None:
    """Raise `ConfigurationError`, with what differs, unless two comparisons are of the same."""
    if old.digest == new.digest:
        return
    differing = [name for name in new.told if old.told.get(name) != new.told[name]]
    raise ConfigurationError(
        f"the comparison of {old.started} cannot go on, as it was of other things: {', '.join(differing)}. Leave "
        f"--resume out to begin anew."
    )


def _told(
    plan: Plan, contenders: Sequence[Contender], workloads: Sequence[WorkloadFile], seed: int
) -> Iterator[tuple[str, str]]:
    yield "plan", msgspec.json.encode(plan).decode()
    yield "backends", "; ".join(f"{contender.label} = {contender.identity}" for contender in contenders)
    yield "workloads", "; ".join(f"{file.spec.name} {file.sha256}" for file in workloads)
    yield "seed", str(seed)
    yield "versions", ", ".join(f"{name} {number}" for name, number in versions().items())
    yield "code", source_digest()
    yield "machine", cpu()


@cache
def source_digest() -> str:
    """Return the SHA-256 of this library's own source."""
    digest = sha256()
    for path in sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".lua", ".sql")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
