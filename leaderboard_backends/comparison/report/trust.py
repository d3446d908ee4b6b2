"""Why not to trust this: the limits of the figures, and how benchmarks in public went wrong and what is done here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...numerals import counted, duration
from ..document import Section, Table, columns, quoted, word
from ..measurements import Measured, Measurements
from ..schema import Result
from ..statistics import ENOUGH_PROCESSES
from .by_class import DISTURBED

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


def trust_section(m: Measurements) -> Section:
    """Return the limits of a result, those of this result first, and mistakes that other comparisons make."""
    limits = [*_of_this_result(m.result), *_of_all(m)]
    mistakes = [[word(wrong), word(here)] for wrong, here in MISTAKES.items()]
    wrong = Table("How public benchmarks went wrong", columns("elsewhere", "here"), mistakes)
    title = "Further limits, and how public benchmarks went wrong"
    return Section(
        "why-not-to-trust-this",
        "Why not to trust this",
        ["Before a decision that costs money, run it on your own machine with your own events."],
        points=limits[:SHORT],
        sections=[Section("limits", title, tables=[wrong], points=limits[SHORT:], detail=True)],
    )


def _of_this_result(result: Result) -> Iterator[str]:
    if not result.finished:
        yield "**Interrupted**: what is missing may be what you need."
    if result.settings.rounds < ENOUGH_PROCESSES:
        yield (
            f"**Too few processes**: {counted(result.settings.rounds, 'round')}, and a verdict needs "
            f"{ENOUGH_PROCESSES} processes."
        )
    if not any(run.cell.a_a for run in result.runs):
        yield "**Noise not known**: no backend was run twice beside itself (A/A)."
    if result.machine.file_system in IN_MEMORY:
        yield f"**No disk**: the files were on {result.machine.file_system}, so that waiting for the disk cost nothing."
    disturbed = sum(run.disturbed for run in result.runs)
    if disturbed:
        yield f"**Disturbed**: other processes slowed {counted(disturbed, 'run')} down, marked `{DISTURBED}`."


def _of_all(m: Measurements) -> Iterator[str]:
    result, where = m.result, m.result.machine
    modes = {run.cell.mode for run in result.runs if run.figures is not None}
    servers = {facts.label for facts in result.backends if facts.home == "server"}
    ours = {one.label for one in m.cells.values() if one.label in servers and _knows_its_server(one)}
    yield (
        f"**One machine**: {where.cpu}, {where.cores:g} cores, shared by the clients, {'the server ' if ours else ''}"
        "and the measurement itself."
    )
    if ours:
        yield "**No network**: servers were reached over local sockets; a network adds its latency to each operation."
    if given := [facts.label for facts in result.backends if facts.label in servers - ours]:
        yield f"**Servers elsewhere**: where that of {quoted(given)} ran, and what else it did, is not known here."
    if "recovery" in modes:
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
    if servers:
        says = " Throughput says where." if "throughput" in modes else ""
        yield f"**Python clients**, one interpreter each: a fast server waits for them.{says}"
    yield "**Our tuning**: somebody who knows a storage better may get more out of it than its listed settings do."


def _knows_its_server(one: Measured) -> bool:
    """Whether the server was started for the runs, beside the clients: then it was measured as well."""
    of_it = ("server_memory", "server_cores")
    started = any(one.values("restore", "processes").values())
    return started or any(figure.statistic in of_it for figure in one.figures)
