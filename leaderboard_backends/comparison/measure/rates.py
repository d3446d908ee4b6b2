"""Rates: how many operations per second clients do, and how long an operation takes at a given rate.

Throughput is that of several clients at once, threads, processes or tasks, and of batches. A response time counts from
the moment at which the operation was meant to start; see `timing`. Where the backend cannot keep up, waiting times grow
without end: then there are no percentiles, but the rate reached. One client is measured at the rates of the workload;
several clients, processes or tasks, climb a ladder of rates up to the first that the backend does not keep up with: the
knee is between the last two.

Only one client writes a given player, and all may read it, so that the final state is known however the calls
interleave. Each phase continues the trace where the phase before it ended, so that no update repeats a score.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from heapq import heappop, heappush
from itertools import chain
from time import perf_counter
from typing import Final, TypeAlias

from ...timing import SPIN_NS, Paced, at_rate
from ...usage import processor_seconds
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..figures import BatchFigures, ClientsFigures, RateFigures, ResponseFigures, ThroughputFigures, distribution
from ..plan import ResponsePart, ThroughputPart
from ..traces import Phase, check_together
from .clients import Call, Kind, Processes, Tasks, Threads, pace
from .processes import Job
from .session import Session

IDLE_SHARE: Final = 0.25
"""Of the operations, as many are made by a board that does nothing, to know what the harness adds."""

UPDATE: Final = "update"

Clients: TypeAlias = Threads | Processes | Tasks


def measure_throughput(job: Job, session: Session, trace: Trace) -> ThroughputFigures:
    """Load, run all phases, and check the final state."""
    session.load(trace)
    part = job.settings(ThroughputPart)
    in_processes = session.board.capabilities.shared and bool(part.clients)
    supply = Supply(trace, len(part.clients) * (1 + in_processes) + len(part.tasks) + len(part.batches))
    with session.counting_other_work(), ExitStack() as stack:
        kinds: list[tuple[Clients, list[int]]] = [(Threads(session.board), part.clients)]
        if in_processes:
            kinds.append((stack.enter_context(Processes(session.where, part.clients)), part.clients))
        kinds.append((Tasks(session.board, session.where), part.tasks))
        found = [_together(part, session, supply, clients, number) for clients, numbers in kinds for number in numbers]
    if in_processes:
        session.cores_elsewhere = None  # the clients' own processes are among the others
    batches = [_in_batches(part, session, supply, size) for size in part.batches]
    return ThroughputFigures(found, batches, check_together(session.board, trace, supply.phases))


def _together(part: ThroughputPart, session: Session, supply: Supply, clients: Clients, number: int) -> ClientsFigures:
    """Run one phase with that many clients."""
    parts = supply.take(number)
    pids = session.server_pids
    server = sum(map(processor_seconds, pids))
    done = clients.run([supply.calls(steps) for steps in parts], part.seconds)
    supply.phases.append([steps[: one.operations] for steps, one in zip(parts, done, strict=True)])
    seconds = max(one.ended for one in done) - min(one.started for one in done)
    return ClientsFigures(
        kind=clients.kind,
        clients=number,
        operations=sum(one.operations for one in done),
        seconds=round(seconds, 6),
        client_cores=round(sum(one.processor for one in done) / seconds, 3),
        server_cores=round((sum(map(processor_seconds, pids)) - server) / seconds, 3) if pids else None,
    )


def _in_batches(part: ThroughputPart, session: Session, supply: Supply, size: int) -> BatchFigures:
    """Run updates in batches of that size, for the phase's seconds."""
    trace = supply.trace
    positions = [position for position in supply.take(1)[0] if trace.operations[trace.steps[position][0]] == UPDATE]
    updates = [trace.steps[position][1] for position in positions]
    update_scores, count = session.board.update_scores, 0
    started = perf_counter()
    while count < len(updates) and perf_counter() - started < part.seconds:
        count += update_scores(updates[count : count + size])
    seconds = perf_counter() - started
    supply.phases.append([positions[:count]])
    return BatchFigures(size, count, round(seconds, 6))


def measure_response(job: Job, session: Session, trace: Trace) -> ResponseFigures:
    """Load, run each rate in turn, and compare the end state."""
    session.load(trace)
    part = job.settings(ResponsePart)
    supply = Supply(trace)
    rates = []
    with session.counting_other_work():
        for rate in job.rates:
            (steps,) = supply.take(1, round(rate * part.seconds))
            paced = pace(session.board, supply.calls(steps), rate, part.seconds, SPIN_NS)
            supply.phases.append([steps[: len(paced.samples)]])
            rates.append(_figures(rate, paced))
    without_board = [(_nothing, arguments, gap) for (_, arguments), gap in zip(trace.steps, trace.gaps, strict=True)]
    idle = [
        _figures(rate, at_rate(without_board[: round(rate * part.seconds * IDLE_SHARE)], rate, part.seconds))
        for rate in job.rates
    ]
    several: list[RateFigures] = []
    if part.processes and session.board.capabilities.shared:
        with Processes(session.where, part.processes) as processes:
            for number in part.processes:
                several += _ladder(part, processes, number, supply)
    for number in part.tasks:
        several += _ladder(part, Tasks(session.board, session.where), number, supply)
    return ResponseFigures(rates, idle, check_together(session.board, trace, supply.phases), several)


def _ladder(part: ResponsePart, clients: Processes | Tasks, number: int, supply: Supply) -> Iterator[RateFigures]:
    """Yield the figures of several clients at rates that climb up to the first that is not kept up with."""
    for rate in part.rates:
        parts = [steps for steps in supply.take(number, round(rate * part.seconds)) if steps]
        if len(parts) < number:
            return  # the trace is used up
        every = clients.pace([supply.calls(steps) for steps in parts], rate, give_up=part.seconds)
        supply.phases.append([steps[: len(paced.samples)] for steps, paced in zip(parts, every, strict=True)])
        samples = array("q", chain.from_iterable(paced.samples for paced in every))
        paced = Paced(samples, round(sum(paced.reached for paced in every), 1), all(paced.kept_up for paced in every))
        yield _figures(rate, paced, clients.kind, number)
        if not paced.kept_up:
            return


def _figures(rate: float, paced: Paced, kind: Kind = "threads", clients: int = 1) -> RateFigures:
    return RateFigures(rate, paced.reached, distribution(paced.samples) if paced.kept_up else None, kind, clients)


def _nothing(*_: object) -> None:
    """Stand in for a board."""


class Supply:
    """The steps of a trace, handed out phase by phase; `phases` are those that were run."""

    def __init__(self, trace: Trace, phases: int = 1) -> None:
        self.trace = trace
        self.phases: list[Phase] = []
        self._size = max(1, len(trace.steps) // phases)
        self._next = 0
        self._methods = [OPERATIONS[name].method for name in trace.operations]

    def take(self, clients: int, steps: int | None = None) -> list[list[int]]:
        """Return the positions of the next phase, or of so many steps, by client: a player's are all one client's."""
        size = self._size if steps is None else steps
        positions = range(self._next, min(self._next + size, len(self.trace.steps)))
        self._next += size
        return share_out([self._player(position) for position in positions], positions, clients)

    def calls(self, positions: Sequence[int]) -> list[Call]:
        """Return what a client does."""
        steps, gaps = self.trace.steps, self.trace.gaps
        return [(self._methods[steps[at][0]], steps[at][1], gaps[at]) for at in positions]

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
