"""Throughput: operations per second of several clients at once, threads or processes, and of batches of updates.

Only one client writes a given player, and all may read it, so that the final state is known however the calls
interleave. Each phase continues the trace where the phase before it ended, so that no update repeats a score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from heapq import heappop, heappush
from time import perf_counter
from typing import Final

from ...usage import processor_seconds
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..schema import BatchFigures, ClientsFigures, ThroughputFigures
from .checks import Phase, check_together
from .clients import Call, Crew, Processes, Threads
from .job import Job
from .session import Session

UPDATE: Final = "update"


class Supply:
    """The steps of a trace, handed out phase by phase."""

    def __init__(self, trace: Trace, phases: int) -> None:
        self.trace = trace
        self._size = max(1, len(trace.steps) // phases)
        self._next = 0
        self._methods = [OPERATIONS[name].method for name in trace.operations]

    def take(self, clients: int) -> list[list[int]]:
        """Return the positions of the next phase, by client: all steps of a player belong to one client."""
        positions = range(self._next, min(self._next + self._size, len(self.trace.steps)))
        self._next += self._size
        return share_out([self._player(position) for position in positions], positions, clients)

    def updates(self) -> list[int]:
        """Return the positions of the next phase's plain updates."""
        return [
            position for position in self.take(1)[0] if self.trace.operations[self.trace.steps[position][0]] == UPDATE
        ]

    def calls(self, positions: Sequence[int]) -> list[Call]:
        """Return what a client does."""
        steps = self.trace.steps
        return [(self._methods[steps[position][0]], steps[position][1]) for position in positions]

    def _player(self, position: int) -> object:
        """Return the player of a step; a step without a player counts as a player of its own."""
        arguments = self.trace.steps[position][1]
        first = arguments[0] if arguments else None
        return first if isinstance(first, str) else position


def share_out(owners: Sequence[object], positions: Sequence[int], clients: int) -> list[list[int]]:
    """Assign each player's positions to one client, in order, so that all clients have about as many.

    The player with the most is assigned first, to the client with the fewest (longest processing time first, R. Graham
    1969).
    """
    loads = [(0, client) for client in range(clients)]
    of: dict[object, int] = {}
    for owner, count in Counter(owners).most_common():
        load, client = heappop(loads)
        of[owner] = client
        heappush(loads, (load + count, client))
    parts: list[list[int]] = [[] for _ in range(clients)]
    for owner, position in zip(owners, positions, strict=True):
        parts[of[owner]].append(position)
    return parts


def measure(job: Job, session: Session, trace: Trace) -> tuple[ThroughputFigures, float | None]:
    """Load, run all phases, and check the final state; returns the figures, and the cores that others used.

    Raises `WrongBoardError`, what the board raises, and `ClientError` where a client process does not answer.
    """
    session.load(trace)
    shared = session.board.capabilities.shared
    supply = Supply(trace, len(job.clients) * (2 if shared else 1) + len(job.batches))
    phases: list[Phase] = []
    found: list[ClientsFigures] = []
    others = session.other_work()
    with ExitStack() as stack:
        crews: list[Crew] = [Threads(session.board)]
        if shared and job.clients:
            crews.append(stack.enter_context(Processes(job.where, job.clients)))
        for crew in crews:
            found += [_together(job, session, supply, phases, crew, clients) for clients in job.clients]
    cores = others.cores() if others and len(crews) == 1 else None
    batches = [_in_batches(job, session, supply, phases, size) for size in job.batches]
    return ThroughputFigures(found, batches, check_together(session.board, trace, phases)), cores


def _together(
    job: Job, session: Session, supply: Supply, phases: list[Phase], crew: Crew, clients: int
) -> ClientsFigures:
    """Run one phase with that many clients."""
    parts = supply.take(clients)
    pids = session.where.server_pids
    server = sum(map(processor_seconds, pids))
    done = crew.run([supply.calls(part) for part in parts], job.seconds)
    phases.append(Phase(parts, [one.operations for one in done]))
    seconds = max(one.ended for one in done) - min(one.started for one in done)
    return ClientsFigures(
        kind=crew.kind,
        clients=clients,
        operations=sum(one.operations for one in done),
        seconds=round(seconds, 6),
        client_cores=round(sum(one.processor for one in done) / seconds, 3),
        server_cores=round((sum(map(processor_seconds, pids)) - server) / seconds, 3) if pids else None,
    )


def _in_batches(job: Job, session: Session, supply: Supply, phases: list[Phase], size: int) -> BatchFigures:
    """Run updates in batches of that size, for the phase's seconds."""
    positions = supply.updates()
    updates = [arguments for _, arguments in supply.calls(positions)]
    update_scores, count = session.board.update_scores, 0
    started = perf_counter()
    while count < len(updates) and perf_counter() - started < job.seconds:
        count += update_scores(updates[count : count + size])
    seconds = perf_counter() - started
    phases.append(Phase([positions], [count]))
    return BatchFigures(size, count, round(seconds, 6))
