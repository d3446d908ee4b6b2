"""What the loss of a server takes: whether replicas follow it, and whether it accepts updates when they do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .finding import Finding, failed, not_applicable, passed, together, warning
from .kinds import kind_of
from .server import Replication, Server
from .subject import Subject

ENOUGH_SENTINELS: Final = 3
"""With fewer, the loss of one leaves no majority that could promote a replica."""
LATE: Final = 10
"""Seconds of silence after which a replica counts as lost; what Redis suggests for min-replicas-max-lag."""


def check_replication(subject: Subject) -> Finding:
    """Look at the replicas of the server, and at what it does without them."""
    if kind_of(subject.opening) != "server":
        return not_applicable("the board is not on a server")
    with Server.of(subject.opening) as server:
        found = server.replication()
    if found is None:
        return warning("the server does not report its replication", "Permit its user +info and +config|get.")
    sentinels = _sentinels(subject)
    if not sentinels and not found.lags:
        return not_applicable("a server without replicas, not found through Sentinels")
    return together(_judged(found, sentinels))


def _judged(found: Replication, sentinels: int) -> Iterator[Finding]:
    if 0 < sentinels < ENOUGH_SENTINELS:
        yield warning(
            f"the URL names {sentinels} of the Sentinels",
            f"Run at least {ENOUGH_SENTINELS}, on machines of their own, and name them all.",
        )
    if not found.lags:
        yield failed("no replica follows the primary: no failover is possible", "Start replicas (replicaof).")
        return
    late = sum(lag > LATE for lag in found.lags)
    figure = f"replicas: {len(found.lags)}, the slowest {max(found.lags)} s behind"
    yield warning(figure, "Look at the replicas' logs and at their network.") if late else passed(figure)
    if found.least is None:
        yield warning("min-replicas-to-write is not reported", "Permit the user +config|get.")
    elif found.least < 1:
        yield warning(
            "min-replicas-to-write 0: a primary that is cut off goes on accepting updates, which the failover loses",
            f"Set min-replicas-to-write 1 and min-replicas-max-lag {LATE}.",
        )
    else:
        yield passed(f"min-replicas-to-write {found.least}")


def _sentinels(subject: Subject) -> int:
    location = subject.opening.location
    return len(location.hosts) if location.scheme.endswith("+sentinel") else 0
