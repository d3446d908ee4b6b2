"""Whether two results may be compared at all, and what else differs between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..errors import ConfigurationError
from .schema import BackendFacts, Cell, Machine, Result, TraceFacts


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
    problems = other_traces(old, new)
    if not allow_other_machine:
        problems += [
            f"{difference} (times of two machines differ whatever the code does: measure both on one, or allow it)"
            for difference in _unlike(_hardware(old.machine), _hardware(new.machine))
        ]
    if not _cells(old) & _cells(new):
        problems.append("they have no runs in common (run both with the same plan)")
    if problems:
        raise ConfigurationError(f"these results cannot be compared: {'; '.join(problems)}.")


def other_traces(old: Result, new: Result) -> list[str]:
    """Return what two results replayed differently under the same name, each with what to do."""
    return [*_workloads(old, new), *_traces(old, new)]


def differences(old: Result, new: Result) -> list[Difference]:
    """Return what else differs: versions, machine, settings, methods, and tuning or durability of a backend."""
    return list(_unlike(_circumstances(old), _circumstances(new)))


def _workloads(old: Result, new: Result) -> Iterator[str]:
    before, after = ({facts.name: facts.sha256 for facts in result.workloads} for result in (old, new))
    for name in before.keys() & after.keys():
        if before[name] != after[name]:
            difference = Difference(f"workload {name}", before[name][:12], after[name][:12])
            yield f"{difference} (give the changed workload another name, or run both with one file)"


def _traces(old: Result, new: Result) -> Iterator[str]:
    """Yield differences of traces with the same workload and size; modes of one plan may use different lengths."""
    before, after = _by_size(old), _by_size(new)
    for name, players in sorted(before.keys() & after.keys()):
        was, now = before[name, players], after[name, players]
        if {trace.sha256 for trace in was} != {trace.sha256 for trace in now}:
            difference = Difference(f"trace of {name} with {players:,} players", _drawn(was), _drawn(now))
            yield f"{difference} (run both with the same seed and plan)"


def _by_size(result: Result) -> dict[tuple[str, int], list[TraceFacts]]:
    found: dict[tuple[str, int], list[TraceFacts]] = {}
    for trace in result.traces:
        found.setdefault((trace.workload, trace.players), []).append(trace)
    return found


def _drawn(traces: Sequence[TraceFacts]) -> str:
    return ", ".join(
        f"{trace.sha256[:12]} (seed {trace.seed}, {sum(trace.steps.values()):,} steps)" for trace in traces
    )


def _cells(result: Result) -> set[Cell]:
    return {run.cell for run in result.runs}


def _hardware(machine: Machine) -> dict[str, str]:
    architecture = machine.system.rpartition(" ")[2]
    return {"processor": machine.cpu, "cores": f"{machine.cores:g}", "architecture": architecture}


def _circumstances(result: Result) -> dict[str, str]:
    machine, settings = result.machine, result.settings
    found = {
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
    for facts in result.backends:
        found.update(_promises(facts))
    return found


def _promises(facts: BackendFacts) -> dict[str, str]:
    return {
        f"durability of {facts.label}": facts.durability,
        f"home of {facts.label}": facts.home,
        f"server of {facts.label}": facts.server or "",
        f"tuning of {facts.label}": ", ".join(facts.metadata.tuning),
    }


def _unlike(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for what in {**old, **new}:
        was, now = old.get(what, ""), new.get(what, "")
        if was != now:
            yield Difference(what, was, now)
