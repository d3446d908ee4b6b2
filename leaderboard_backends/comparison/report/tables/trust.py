"""Why not to trust this: the limits of the figures, and how benchmarks in public went wrong and what is done here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ....numerals import counted, duration
from ...document import Section, Table, quoted, word, words
from ...schema import DrillFigures, Result, Run, ServiceFigures, ThroughputFigures
from ...statistics import ENOUGH_PROCESSES
from ..marks import DISTURBED

IN_MEMORY: Final = ("tmpfs", "ramfs")
"""File systems that never touch a disk."""

SHORT: Final = 5
"""Number of limits shown; further ones are a detail."""

MISTAKES: Final = {
    "Updates repeated the score that was loaded, so that nothing was written.": (
        "Each update of a drawn trace changes the player's score."
    ),
    "“Percentiles” were averages, or percentiles of averages.": (
        "Each percentile is of single operations within one process, by nearest rank; every sample is in the result, "
        "as a histogram."
    ),
    "Ten samples made a p99.9.": (
        "A percentile is reported only where a sample lies beyond it, p99.9 from 10,000 samples on; else a dash."
    ),
    "Operations were timed in loops and averaged, so that a slow path of one in a hundred vanished.": (
        "Each call is timed by itself; the clock's cost is measured and reported."
    ),
    "Systems broke ties differently, and did different work.": (
        "One contract with one order of ties; answers during service times, and the state after each run, are "
        "compared with an independent model, and a backend that differs has no figure."
    ),
    "A store that waits for the disk was ranked with one that does not wait.": (
        "Each row has a durability class, and no ranking mixes two."
    ),
    "A closed loop stopped sending during stalls, so that a stall delayed one operation instead of all that were due "
    "(coordinated omission).": (
        "Response time is measured apart, at given rates, from the intended start; service time is named as such."
    ),
    "Memory was counted by tools that do not see what C code allocates.": (
        "Private memory (USS) of a fresh process before and after, and the server's beside the client's."
    ),
    "One run on a busy machine was the result.": (
        "No verdict without rounds of fresh processes and A/A runs for the noise floor; runs that other processes "
        "disturbed are marked."
    ),
    "What failed was left out.": "“Without figures” lists every run that has none, with its reason.",
}
"""Mistakes of other benchmarks, and how they are avoided here."""


def trust_section(result: Result) -> Section:
    """Return the limits of a result, those of this result first, and mistakes that other comparisons make."""
    limits = [*_of_this_result(result), *_of_all(result)]
    mistakes = [[word(wrong), word(here)] for wrong, here in MISTAKES.items()]
    return Section(
        "why-not-to-trust-this",
        "Why not to trust this",
        ["Before a decision that costs money, run it on your own machine with your own events."],
        points=limits[:SHORT],
        sections=[
            Section(
                "limits",
                "Further limits, and how public benchmarks went wrong",
                tables=[Table("How public benchmarks went wrong", words("elsewhere", "here"), mistakes)],
                points=limits[SHORT:],
                detail=True,
            )
        ],
    )


def _of_this_result(result: Result) -> Iterator[str]:
    if not result.finished:
        yield "**Interrupted**: what is missing may be what you need."
    if result.settings.rounds < ENOUGH_PROCESSES:
        yield (
            f"**Too few processes**: {counted(result.settings.rounds, 'round')}, and a verdict needs "
            f"{ENOUGH_PROCESSES} processes."
        )
    if not any(run.cell.twin for run in result.runs):
        yield "**Noise not known**: no backend was run twice beside itself (A/A)."
    if result.machine.file_system in IN_MEMORY:
        yield f"**No disk**: the files were on {result.machine.file_system}, so that waiting for the disk cost nothing."
    disturbed = sum(run.disturbed for run in result.runs)
    if disturbed:
        yield f"**Disturbed**: other processes slowed {counted(disturbed, 'run')} down, marked `{DISTURBED}`."


def _of_all(result: Result) -> Iterator[str]:
    where, modes = result.machine, {run.cell.mode for run in result.runs if run.figures is not None}
    yield (
        f"**One machine**: {where.cpu}, {where.cores:g} cores, shared by the clients, {_servers(result)}and the "
        "measurement itself."
    )
    yield from _reached(result)
    if "drill" in modes:
        yield "**No power was cut**: each crash is a `kill -9` of one process; no disk failed, no network split."
    drawn = [facts.name for facts in result.workloads if not facts.events]
    if drawn:
        yield f"**Synthetic players** ({', '.join(drawn)}): real ones follow no distribution. Replay your own events."
    yield (
        f"**{counted(result.settings.rounds, 'process', 'processes')} per row**: a difference of a few percent means "
        f"nothing. The interval of {ENOUGH_PROCESSES} is their full range."
    )
    longest = max((run.seconds for run in result.runs), default=0.0)
    yield (
        f"**Short runs**: the longest took {duration(longest)}. What takes hours to show (fragmentation, packing, log "
        "rewrites, other tenants) is not in it."
    )
    if any(facts.home == "server" for facts in result.backends):
        says = " Throughput says where." if "throughput" in modes else ""
        yield f"**Python clients**, one interpreter each: a fast server waits for them.{says}"
    yield "**Our tuning**: somebody who knows a storage better may get more out of it than its listed settings do."


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
    """Yield how servers were reached, as far as a result says."""
    own = _own_server(result)
    if any(own.values()):
        yield "**No network**: servers were reached over local sockets; a network adds its latency to each operation."
    given = [label for label, ours in own.items() if not ours]
    if given:
        yield f"**Servers elsewhere**: where that of {quoted(given)} ran, and what else it did, is not known here."
