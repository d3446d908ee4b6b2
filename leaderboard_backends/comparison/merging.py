"""One result from several of the same machine, code, workloads and settings: a backend that was added later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

from msgspec.structs import replace

from ..errors import ConfigurationError
from .comparable import differences, other_traces
from .schema import Result

OF_A_BACKEND = ("durability of", "home of", "server of", "tuning of")
"""How differences begin that are of one backend, which only one of the results has."""


def merge(results: Sequence[Result]) -> Result:
    """Return all runs as one result, which lists in its settings what it was merged from.

    A program of a plug-in that two of them have, as every plan of one kind runs it, is that of the first.

    Raises `ConfigurationError`, with all that is in the way, where machine, code, versions, workloads, traces or
    settings differ, or where a backend is in two of them.
    """
    merged = reduce(_merge, results)
    return merged if len(results) == 1 else replace(merged, settings=replace(merged.settings, merged=_parts(results)))


def caution(result: Result) -> str:
    """Return what a reader of a merged result has to know; empty for the result of one comparison."""
    if not result.settings.merged:
        return ""
    return (
        f"Merged from {len(result.settings.merged)} comparisons on one machine: {'; '.join(result.settings.merged)}. "
        "Their rounds were not interleaved: what the machine did meanwhile differs between backends of different "
        "comparisons, which the noise floor of A/A runs does not show."
    )


def _parts(results: Sequence[Result]) -> list[str]:
    return [part for result in results for part in result.settings.merged or [_part(result)]]


def _part(result: Result) -> str:
    return f"{', '.join(result.settings.backends)} ({result.started})"


def _merge(first: Result, second: Result) -> Result:
    if problems := list(_problems(first, second)):
        raise ConfigurationError(f"these results cannot be merged: {'; '.join(problems)}.")
    settings = replace(
        first.settings,
        backends=[*first.settings.backends, *second.settings.backends],
        command=f"{first.settings.command}; {second.settings.command}",
        digest="",
    )
    programs = {run.cell for run in first.runs if run.cell.mode == "program"}
    code = {(row.feature, row.backend): row for row in (*first.code, *second.code)}
    traces = {trace.sha256: trace for trace in (*first.traces, *second.traces)}
    workloads = {workload.name: workload for workload in (*first.workloads, *second.workloads)}
    return replace(
        first,
        started=min(first.started, second.started),
        seconds=round(first.seconds + second.seconds, 1),
        finished=first.finished and second.finished,
        settings=settings,
        workloads=list(workloads.values()),
        traces=list(traces.values()),
        backends=[*first.backends, *second.backends],
        code=list(code.values()),
        runs=[*first.runs, *(run for run in second.runs if run.cell not in programs)],
    )


def _problems(first: Result, second: Result) -> Iterator[str]:
    one, other = ({run.cell.backend for run in each.runs if run.cell.mode != "program"} for each in (first, second))
    labels = one & other
    if labels:
        yield f"{', '.join(sorted(labels))} {'is' if len(labels) == 1 else 'are'} in both (keep one of the results)"
    if first.settings.seed != second.settings.seed:
        yield f"seeds {first.settings.seed} and {second.settings.seed} (run both with the same seed)"
    if first.settings.code != second.settings.code:
        yield "the code of leaderboard-backends (measure all again with one version)"
    yield from other_traces(first, second)
    for difference in differences(first, second):
        if difference.what != "finished" and not difference.what.startswith(OF_A_BACKEND):
            yield f"{difference.what}: {difference.old or 'none'} and {difference.new or 'none'}"
