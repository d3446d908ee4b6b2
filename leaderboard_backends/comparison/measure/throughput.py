"""Throughput: operations per second of several clients at once, threads, processes or tasks, and of batches."""

from __future__ import annotations

from contextlib import ExitStack
from time import perf_counter

from ...usage import processor_seconds
from ...workload.trace import Trace
from ..figures import BatchFigures, ClientsFigures, ThroughputFigures
from .checks import Phase, check_together
from .clients import Clients, Processes, Threads
from .job import Job
from .session import Session
from .steps import Supply
from .tasks import Tasks


def measure(job: Job, session: Session, trace: Trace) -> ThroughputFigures:
    """Load, run all phases, and check the final state."""
    session.load(trace)
    in_processes = session.board.capabilities.shared and bool(job.clients)
    supply = Supply(trace, len(job.clients) * (1 + in_processes) + len(job.tasks) + len(job.batches))
    phases: list[Phase] = []
    found: list[ClientsFigures] = []
    with session.counting_other_work(), ExitStack() as stack:
        kinds: list[tuple[Clients, list[int]]] = [(Threads(session.board), job.clients)]
        if in_processes:
            kinds.append((stack.enter_context(Processes(job.where, job.clients)), job.clients))
        if job.tasks:
            kinds.append((Tasks(session.board, job.where), job.tasks))
        for clients, numbers in kinds:
            found += [_together(job, session, supply, phases, clients, number) for number in numbers]
    if in_processes:
        session.cores_elsewhere = None  # the clients' own processes are among the others
    batches = [_in_batches(job, session, supply, phases, size) for size in job.batches]
    return ThroughputFigures(found, batches, check_together(session.board, trace, phases))


def _together(
    job: Job, session: Session, supply: Supply, phases: list[Phase], clients: Clients, number: int
) -> ClientsFigures:
    """Run one phase with that many clients."""
    parts = supply.take(number)
    pids = session.where.server_pids
    server = sum(map(processor_seconds, pids))
    done = clients.run([supply.calls(part) for part in parts], job.seconds)
    phases.append(Phase(parts, [one.operations for one in done]))
    seconds = max(one.ended for one in done) - min(one.started for one in done)
    return ClientsFigures(
        kind=clients.kind,
        clients=number,
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
