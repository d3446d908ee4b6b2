"""Why not to trust this: the limits of the figures, and how benchmarks in public went wrong and what is done here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...document import Section, Table
from ...document.values import word, words
from ...schema import Result
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
        "Fresh processes in interleaved rounds, intervals over processes, twins for the noise floor, and marks where "
        "other processes were at work."
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
    where = result.machine
    yield (
        f"One machine ({where.cpu}, {where.cores:g} cores), on which the clients, the server and the measuring itself "
        "shared the processor."
    )
    yield "Servers were reached over the same machine's sockets: a network adds its latency to each operation."
    yield "Workloads are synthetic: real players are drawn from no distribution. Replay your own events."
    yield (
        f"{result.settings.rounds} processes a row: an interval of 5 is the smallest to the largest value, and a "
        "difference of a few percent means nothing."
    )
    yield "Runs took seconds: what takes hours to show (fragmentation, packing, log rewrites, other tenants) does not."
    yield "Clients are Python, one interpreter each: a fast server waits for them. Throughput says where."
    yield "The crash is a kill -9 of one process: no power was cut, no disk failed, no network split."
    yield "Backends and tuning are ours: who knows a storage better may get more out of it. The sheets tell the tuning."
