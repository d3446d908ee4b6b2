"""What was asked, of what, where and when: traces, workloads, machine, versions, the exact command, and the methods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...numerals import NONE, duration, percent, significant
from ..document import Section, Table, Value, anchor, columns, facts_table, number, operation_title, word
from ..schema import Result, TraceFacts, WorkloadFacts

TRACES: Final = (
    "A trace is the list of steps that every backend replays: drawn once from the workload, the size and the seed, so "
    "that the same seed makes the same trace anywhere. Tied: players who share their score when the board is loaded."
)


def traces_section(result: Result) -> Section:
    """Return the traces by hash, what they are made of, and the text of every workload."""
    head = columns(
        *("workload", "#players", "#seed", "#steps", "#warm-up", "#different scores", "#tied", "#name bytes", "SHA-256")
    )
    tables = [Table("Traces", head, [_trace(trace) for trace in result.traces])] if result.traces else []
    if result.workloads:
        rows = [[word(facts.name), word(facts.title), word(facts.sha256)] for facts in result.workloads]
        tables.append(Table("Workloads", columns("workload", "what it is", "SHA-256"), rows))
    texts = [_workload(facts) for facts in result.workloads]
    said = [TRACES, *_repeated(result)]
    return Section("traces", "Traces and workloads", said, tables, sections=[*_steps(result), *texts])


def _repeated(result: Result) -> Iterator[str]:
    """Yield a sentence for each trace whose updates do not all change something: of events, as they were."""
    for trace in result.traces:
        if trace.repeated:
            yield (
                f"**Of the {sum(trace.steps.values()):,} steps of {trace.workload} with {trace.players:,} players, "
                f"{trace.repeated:,} updates change nothing**: those events repeat the player's current score and "
                f"username. They are replayed as they were, and a backend may do less for them."
            )


def _trace(trace: TraceFacts) -> list[Value]:
    return [
        word(trace.workload),
        number(trace.players),
        Value(str(trace.seed), trace.seed),
        number(sum(trace.steps.values())),
        number(trace.warm_up_steps),
        number(trace.different_scores),
        number(trace.tied_share, percent),
        number(trace.name_bytes_per_player, significant),
        word(trace.sha256),
    ]


def _steps(result: Result) -> list[Section]:
    rows = [
        [word(trace.workload), number(trace.players), word(operation_title(operation)), number(steps)]
        for trace in result.traces
        for operation, steps in trace.steps.items()
    ]
    tables = [Table("", columns("workload", "#players", "operation", "#steps"), rows)]
    return [Section("steps", "Steps by operation", tables=tables, detail=True)] if rows else []


def _workload(facts: WorkloadFacts) -> Section:
    """Return a workload's file, line by line."""
    lines = [[number(place), Value(line, place)] for place, line in enumerate(facts.toml.splitlines(), 1)]
    tables = [Table("", columns("#line", "text"), lines)] if lines else []
    return Section(anchor("workload", facts.name), f"The file of {facts.name}", tables=tables, detail=True)


# ---------------------------------------------------------------------- where and when


def circumstances_section(result: Result) -> Section:
    """Return machine, versions, settings and the exact command; the methods are a part of it."""
    tables = [
        facts_table("The run", _run(result)),
        facts_table("The machine", _machine(result)),
        facts_table("Versions", result.versions),
    ]
    methods = Section("methods", "How the figures were taken", tables=[facts_table("", result.methods)], detail=True)
    sections = [methods] if result.methods else []
    return Section("circumstances", "Machine, versions and command", tables=tables, sections=sections)


def _run(result: Result) -> dict[str, str]:
    settings = result.settings
    return {
        "command": settings.command,
        "plan": settings.plan,
        "backends": ", ".join(settings.backends),
        "seed": str(settings.seed),
        "rounds": str(settings.rounds),
        "time limit": f"{settings.time_limit:g} s for the writes of a run, and for each kind of read",
        "digest of all inputs": settings.digest,
        "started": result.started,
        "took": duration(result.seconds),
        "finished": "yes" if result.finished else "no: interrupted",
        "schema version": str(result.schema_version),
    }


def _machine(result: Result) -> dict[str, str]:
    where = result.machine
    return {
        "processor": f"{where.cpu}, {where.cores:g} cores",
        "memory": f"{where.memory_bytes / 2**30:.1f} GiB",
        "system": where.system,
        "file system": where.file_system,
        "load average before": _load(where.load_average_before),
        "load average after": _load(where.load_average_after),
    }


def _load(averages: list[float]) -> str:
    return " ".join(f"{average:.2f}" for average in averages) or NONE
