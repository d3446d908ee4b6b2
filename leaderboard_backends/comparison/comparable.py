"""Whether results may be compared or merged, what else differs between them, and one result made of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

from msgspec.structs import replace

from ..errors import ConfigurationError
from .schema import Machine, Result, TraceFacts


class Difference(NamedTuple):
    """A difference of two results other than in their figures; empty where one result lacks the value."""

    what: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.what}: {self.old or 'none'} in the old result, {self.new or 'none'} in the new one"


def check_comparable(old: Result, new: Result, *, allow_other_machine: bool) -> None:
    """Raise `ConfigurationError`, with all that is in the way, unless both results measured the same there.

    In the way are another workload or another trace under the same name, another machine (processor, cores,
    architecture) unless it is allowed, and having no cell in common.
    """
    problems = _replayed_differently(old, new)
    if not allow_other_machine:
        problems += [
            f"{difference} (times of two machines differ whatever the code does: measure both on one, or allow it)"
            for difference in _unlike(_hardware(old.machine), _hardware(new.machine))
        ]
    if {run.cell for run in old.runs}.isdisjoint(run.cell for run in new.runs):
        problems.append("they have no runs in common (run both with the same plan)")
    if problems:
        raise ConfigurationError(f"these results cannot be compared: {'; '.join(problems)}.")


def _replayed_differently(old: Result, new: Result) -> list[str]:
    """Return what two results replayed differently under the same name, each with what to do."""
    before, after = _replayed(old), _replayed(new)
    return [
        f"{Difference(what, shown, after[what][1])} ({remedy})"
        for what, (hashes, shown, remedy) in before.items()
        if what in after and hashes != after[what][0]
    ]


def _replayed(result: Result) -> dict[str, tuple[set[str], str, str]]:
    """Return by name the hashes of what was replayed, how they are shown, and what to do where they differ.

    Traces of one workload and size are together, as modes of one plan may use different lengths.
    """
    remedy = "give the changed workload another name, or run both with one file"
    found = {f"workload {one.name}": ({one.sha256}, one.sha256[:12], remedy) for one in result.workloads}
    traces: dict[tuple[str, int], list[TraceFacts]] = {}
    for trace in result.traces:
        traces.setdefault((trace.workload, trace.players), []).append(trace)
    for name, players in sorted(traces):
        every = traces[name, players]
        drawn = (f"{one.sha256[:12]} (seed {one.seed}, {sum(one.steps.values()):,} steps)" for one in every)
        hashes, remedy = {one.sha256 for one in every}, "run both with the same seed and plan"
        found[f"trace of {name} with {players:,} players"] = (hashes, ", ".join(drawn), remedy)
    return found


def differences(old: Result, new: Result) -> list[Difference]:
    """Return what else differs: versions, machine, settings, methods, and tuning or durability of a backend."""
    both = []
    for result in (old, new):
        found = _circumstances(result)
        for facts in result.backends:
            found[f"durability of {facts.label}"] = facts.durability
            found[f"home of {facts.label}"] = facts.home
            found[f"server of {facts.label}"] = facts.server or ""
            found[f"tuning of {facts.label}"] = ", ".join(facts.metadata.tuning)
        both.append(found)
    return list(_unlike(*both))


def _hardware(machine: Machine) -> dict[str, str]:
    architecture = machine.system.rpartition(" ")[2]
    return {"processor": machine.cpu, "cores": f"{machine.cores:g}", "architecture": architecture}


def _circumstances(result: Result) -> dict[str, str]:
    machine, settings = result.machine, result.settings
    return {
        **{f"version of {library}": version for library, version in result.versions.items()},
        **_hardware(machine),
        "memory": f"{machine.memory_bytes / 2**30:.1f} GiB",
        "system": machine.system,
        "file system": machine.file_system,
        "plan": settings.plan,
        "rounds": str(settings.rounds),
        "time limit": f"{settings.time_limit:g} s",
        "finished": "yes" if result.finished else "no",
        **{f"method of {what}": method for what, method in result.methods.items()},
    }


def _unlike(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for what in {**old, **new}:
        was, now = old.get(what, ""), new.get(what, "")
        if was != now:
            yield Difference(what, was, now)


# ---------------------------------------------------------------------- several results as one


def merge(results: Sequence[Result]) -> Result:
    """Return all runs as one result, which lists in its settings what it was merged from.

    A program of a plug-in that two of them have, as every plan of one kind runs it, is that of the first.

    Raises `ConfigurationError`, with all that is in the way, where machine, code, versions, workloads, traces or
    settings differ, or where a backend is in two of them.
    """
    return reduce(_merge, results)


def caution(result: Result) -> str:
    """Return what a reader of a merged result has to know; empty for the result of one comparison."""
    if not result.settings.merged:
        return ""
    return (
        f"Merged from {len(result.settings.merged)} comparisons on one machine: {'; '.join(result.settings.merged)}. "
        "Their rounds were not interleaved: what the machine did meanwhile differs between backends of different "
        "comparisons, which the noise floor of A/A runs does not show."
    )


def _merge(first: Result, second: Result) -> Result:
    if problems := list(_problems(first, second)):
        raise ConfigurationError(f"these results cannot be merged: {'; '.join(problems)}.")
    parts = [
        part
        for one in (first, second)
        for part in one.settings.merged or [f"{', '.join(one.settings.backends)} ({one.started})"]
    ]
    settings = replace(
        first.settings,
        backends=[*first.settings.backends, *second.settings.backends],
        command=f"{first.settings.command}; {second.settings.command}",
        digest="",
        merged=parts,
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
    yield from _replayed_differently(first, second)
    for difference in _unlike(_circumstances(first), _circumstances(second)):
        if difference.what != "finished":
            yield f"{difference.what}: {difference.old or 'none'} and {difference.new or 'none'}"
