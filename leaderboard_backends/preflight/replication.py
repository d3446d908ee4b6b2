"""What the loss of a server takes: whether replicas follow it, and whether it accepts updates when they do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .finding import Finding, failed, not_applicable, passed, together, warning
from .kinds import kind_of
from .server import Replication, Server, ask_each, is_cluster
from .subject import Subject

ENOUGH_SENTINELS: Final = 3
"""With fewer, the loss of one leaves no majority that could promote a replica."""
LATE: Final = 10
"""Seconds of silence after which a replica counts as lost; what Redis suggests for min-replicas-max-lag."""
_FAIL: Final = ("node", "slots", "failover", "shards")
"""What a problem of a cluster is about that fails the check; others are warnings."""


def check_replication(subject: Subject) -> Finding:
    """Look at the replicas of the server, or of each primary of a cluster, and at what it does without them."""
    if kind_of(subject.opening) != "server":
        return not_applicable("the board is not on a server")
    found = ask_each(subject.opening, Server.replication)
    reported = [each for each in found if each is not None]
    if len(reported) < len(found):
        return warning("the server does not report its replication", "Permit its user +info and +config|get.")
    if is_cluster(subject.opening):
        return together(_of_cluster(subject, reported))
    sentinels = _sentinels(subject)
    if not sentinels and not reported[0].lags:
        return not_applicable("a server without replicas, not found through Sentinels")
    return together(_judged(reported[0], sentinels))


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
    yield _alone(found)


def _alone(found: Replication) -> Finding:
    """Judge what a primary does that no replica follows."""
    if found.least is None:
        return warning("min-replicas-to-write is not reported", "Permit the user +config|get.")
    if found.least < 1:
        return warning(
            "min-replicas-to-write 0: a primary that is cut off goes on accepting updates, which the failover loses",
            f"Set min-replicas-to-write 1 and min-replicas-max-lag {LATE}.",
        )
    return passed(f"min-replicas-to-write {found.least}")


def _of_cluster(subject: Subject, found: list[Replication]) -> Iterator[Finding]:
    """Judge the primaries of a cluster, and what `leaderboard cluster status` finds of all nodes and of the board."""
    from ..backends.redis.status import status_at  # noqa: PLC0415 - an extra, needed only for a cluster

    opening = subject.opening
    status = status_at(opening.location, opening.board, opening.options)
    replicas = [node.replicas for node in status.nodes if node.slots]
    yield passed(f"primaries: {len(replicas)}, replicas of each: at least {min(replicas)}")
    for problem in status.problems:
        if problem.about != "board" or status.board is not None:  # which need not be there yet
            yield (failed if problem.about in _FAIL else warning)(problem.text, problem.todo)
    yield from map(_alone, found)
    if any(each.full_coverage for each in found):
        yield warning(
            "cluster-require-full-coverage yes: until a lost primary is replaced, no other one answers either",
            "Set cluster-require-full-coverage no on all nodes.",
        )
    wanted = opening.options.get("wait_replicas", 0)
    if wanted and min(replicas) <= wanted:
        yield warning(
            f"wait_replicas={wanted}, and a primary has {min(replicas)} replicas: after a failover it has one less, "
            "and no update is confirmed",
            f"Run at least {wanted + 1} replicas of each primary.",
        )


def _sentinels(subject: Subject) -> int:
    location = subject.opening.location
    return len(location.hosts) if location.scheme.endswith("+sentinel") else 0
