"""Why not to trust this: the limits of the figures, and how benchmarks in public went wrong and what is done here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...cost.bill import counted
from ...document import Section, Table
from ...document.numerals import duration
from ...document.values import word, words
from ...schema import DrillFigures, Result, Run, ServiceFigures, ThroughputFigures
from ...statistics import ENOUGH_PROCESSES
from ..marks import DISTURBED

IN_MEMORY: Final = ("tmpfs", "ramfs")
"""File systems that never touch a disk."""

MISTAKES: Final = {
    "Updates repeated the score that was loaded, so that nothing was written.": (
        "Each update of a drawn trace changes the score that stands."
    ),
    "“Percentiles” were averages, or percentiles of averages.": (
        "Each percentile is of single operations within one process, by nearest rank; every sample is in the result, "
        "as a histogram."
    ),
    "Ten samples made a p99.9.": (
        "A percentile is told only where a sample lies beyond it, p99.9 from 10,000 samples on; else there is a dash."
    ),
    "Operations were timed in loops and averaged, so that a slow path of one in a hundred vanished.": (
        "Each call is timed by itself; the clock's cost is measured and told."
    ),
    "Systems broke ties differently, and did different work.": (
        "One contract with one order of ties; the answers of service times and every end state are compared with a "
        "model, and a backend that differs has no figure."
    ),
    "A store that waits for the disk was ranked with one that does not.": (
        "Each row has a durability class, and no ranking mixes two."
    ),
    "A closed loop waited out the stalls, so that they hit one operation instead of all that came meanwhile "
    "(coordinated omission).": (
        "Response time is a mode of its own, at given rates, from the intended start. Service time is called just that."
    ),
    "Memory was counted by tools that do not see what C code allocates.": (
        "Private memory (USS) of a fresh process before and after, and the server's beside the client's."
    ),
    "One run on a busy machine was the result.": (
        "No verdict without rounds of fresh processes and twins for the noise floor; marks where other processes were "
        "at work."
    ),
    "What failed was left out.": "“Without figures” has every run that has none, with its reason.",
}
"""What went wrong elsewhere, and what is done about it here."""


def trust_section(result: Result) -> Section:
    """Return the limits of a result, the particular ones first, and the mistakes of others."""
    limits = [[word(text)] for text in (*_of_this_result(result), *_of_all(result))]
    mistakes = [[word(wrong), word(here)] for wrong, here in MISTAKES.items()]
    return Section(
        "why-not-to-trust-this",
        "Why not to trust this",
        ["Run it on your own machine, with your own events, before a decision that costs money."],
        [
            Table("Limits", words("limit"), limits),
            Table("How benchmarks in public went wrong", words("elsewhere", "here"), mistakes),
        ],
    )


def _of_this_result(result: Result) -> Iterator[str]:
    if not result.finished:
        yield "It was interrupted: what is missing may be what you need."
    if result.settings.rounds < ENOUGH_PROCESSES:
        yield f"{result.settings.rounds} rounds: too few for any verdict, which needs {ENOUGH_PROCESSES} processes."
    if not any(run.cell.twin for run in result.runs):
        yield "No backend was run against itself, so that nobody knows how much of a difference is noise."
    if result.machine.file_system in IN_MEMORY:
        yield f"The files were on {result.machine.file_system}, in memory: waiting for the disk cost nothing."
    disturbed = sum(run.disturbed for run in result.runs)
    if disturbed:
        yield f"{disturbed:,} runs were disturbed by other processes; they are marked {DISTURBED}."


def _of_all(result: Result) -> Iterator[str]:
    where, modes = result.machine, {run.cell.mode for run in result.runs if run.figures is not None}
    yield (
        f"One machine ({where.cpu}, {where.cores:g} cores), on which the clients, {_servers(result)}and the measuring "
        "itself shared the processor."
    )
    yield from _reached(result)
    drawn = [facts.name for facts in result.workloads if not facts.events]
    if drawn:
        yield f"Synthetic: {', '.join(drawn)}. Real players are drawn from no distribution. Replay your own events."
    yield (
        f"{counted(result.settings.rounds, 'process', 'processes')} a row: an interval of {ENOUGH_PROCESSES} is the "
        "smallest to the largest value, and a difference of a few percent means nothing."
    )
    longest = max((run.seconds for run in result.runs), default=0.0)
    yield (
        f"The longest run took {duration(longest)}: what takes hours to show (fragmentation, packing, log rewrites, "
        "other tenants) does not."
    )
    if any(facts.home == "server" for facts in result.backends):
        says = " Throughput says where." if "throughput" in modes else ""
        yield f"Clients are Python, one interpreter each: a fast server waits for them.{says}"
    if "drill" in modes:
        yield "The crash is a kill -9 of one process: no power was cut, no disk failed, no network split."
    yield "Who knows a storage better may get more out of it than the tuning that the sheets tell."


def _own_server(result: Result) -> dict[str, bool]:
    """Return, by label of a backend on a server, whether that was started for the run, beside the clients."""
    own = {run.cell.backend for run in result.runs if _tells_of_its_server(run)}
    return {facts.label: facts.label in own for facts in result.backends if facts.home == "server"}


def _tells_of_its_server(run: Run) -> bool:
    match run.figures:
        case ServiceFigures(memory=memory):
            return memory.server_private_bytes is not None
        case ThroughputFigures(clients=clients):
            return any(each.server_cores is not None for each in clients)
        case DrillFigures(processes=processes):
            return processes > 0
    return False


def _servers(result: Result) -> str:
    return "the server " if any(_own_server(result).values()) else ""


def _reached(result: Result) -> Iterator[str]:
    """Yield how servers were reached, as far as a result tells."""
    own = _own_server(result)
    if any(own.values()):
        yield "Servers were reached over the same machine's sockets: a network adds its latency to each operation."
    given = [label for label, ours in own.items() if not ours]
    if given:
        yield f"Where the server of {', '.join(given)} was, and what else it did meanwhile, is not known here."
