"""What was compared, and how: the backends, traces and workloads, machine, versions, the exact command, the methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Final

from ...installing import DISTRIBUTION
from ...numerals import NONE, duration, percent, significant
from ..document import Section, Table, Value, anchor, listed, number, operation_title, quoted
from ..measurements import Measurements
from ..schema import BackendFacts, Result, TraceFacts
from .tables import Row, filled, row_of, section, table_of, words


def one_machine(result: Result) -> Iterator[str]:
    """Yield what it means that the servers of some backends shared a machine, where any has several."""
    several = [facts for facts in result.backends if facts.servers > 1]
    processes = ", ".join(f"{facts.servers} of {quoted([facts.label])}" for facts in several)
    if several:
        yield words("one-machine", processes=processes, cores=result.machine.cores)


def backends_section(m: Measurements) -> Section:
    """Return the section, with a row for every requested backend."""
    judged = any(facts.verdict is not None for facts in m.result.backends)
    note = "The kit ran before the comparison, or earlier on the same code, versions and settings." if judged else ""
    verdicts = "verdict|#passed|#failed|parts|kit|what failed"
    features = "feature|backend|#the app's author|#this library|#third party|#configuration|note"
    authors = (
        row_of(code.feature, code.backend, code.app, code.shipped, code.third_party, code.configuration, code.note)
        for code in m.result.code
    )
    tables = [
        _of_backends(m, "What each backend is", "durability|lives in|round trips|shared|what", _stands),
        _of_backends(m, "What each backend promises", "storage|server|durability as reported|survives", _promises),
        _of_backends(m, "Verdicts of the conformance kit", verdicts, _verdict, note),
        _of_backends(m, "Size of the code", "#statements|#other lines|#files", _code, words("statements")),
        *filled(table_of("Code by feature", features, authors, words("features"))),
    ]
    lines = (row_of(label, what, text) for label in m.in_class_order for what, text in _lines(m.result.facts(label)))
    title, text = "Settings, set-up and what can be monitored", filled(table_of("", "backend|what|text", lines))
    settings = Section("backend-settings", title, tables=text, detail=True)
    return section("backends", tables, [settings], one_machine(m.result))


def _of_backends(
    m: Measurements, title: str, headings: str, row: Callable[[BackendFacts | None], Row], note: str = ""
) -> Table:
    """Return a table with a row for each backend; the first of two columns or more says where one was never opened."""
    rows = (row_of(label, *row(m.result.facts(label))) for label in m.in_class_order)
    return table_of(title, f"backend|{headings}", rows, note)


NEVER_OPENED: Final = "never opened: see “Without figures”"


def _stands(facts: BackendFacts | None) -> Row:
    if facts is None:
        return row_of("not known", None, None, None, NEVER_OPENED)
    ours = facts.distribution.split()[:1] == [DISTRIBUTION]  # of a plug-in's operations nothing is known
    trips = facts.metadata.round_trips or ("none" if facts.home != "server" else "1" if ours else "1 or more")
    shared = "yes" if facts.shared else "no"
    return row_of(facts.durability, facts.home, trips, shared, facts.metadata.title or facts.class_name)


def _promises(facts: BackendFacts | None) -> Row:
    if facts is None:
        return row_of("not known", None, None, NEVER_OPENED)
    return row_of(facts.storage, facts.server or "", facts.durability_told, facts.survives)


def _verdict(facts: BackendFacts | None) -> Row:
    verdict = facts.verdict if facts is not None else None
    if verdict is None:
        return row_of("not judged", *[None] * 5)
    said = Value(verdict.verdict, tone="" if verdict.allows_figures else "bad")
    return row_of(said, verdict.passed, verdict.failed, verdict.parts, verdict.kit, listed(verdict.failures))


def _code(facts: BackendFacts | None) -> Row:
    size = facts.code if facts is not None else None
    return row_of(None, None, None) if size is None else row_of(size.statements, size.other_lines, len(size.files))


def _lines(facts: BackendFacts | None) -> Iterator[tuple[str, str]]:
    """Yield what a backend's file says of it, and where its code is."""
    if facts is None:
        return
    yield "class", f"{facts.class_name}, {facts.distribution}"
    yield "tuning", "; ".join(facts.metadata.tuning) or "none: the storage's own defaults"
    for place, step in enumerate(facts.metadata.setup, 1):
        yield f"set-up, step {place}", step
    yield "configuration", facts.metadata.configuration
    yield "to monitor", "; ".join(facts.metadata.watch)
    if facts.code is not None:
        yield "code", _by_folder(facts.code.files)


# ---------------------------------------------------------------------- traces and workloads


def traces_section(result: Result) -> Section:
    """Return the traces by hash, what they are made of, and the text of every workload."""
    head = "workload|#players|#seed|#steps|#warm-up|#different scores|#tied|#name bytes|SHA-256"
    workloads = (row_of(facts.name, facts.title, facts.sha256) for facts in result.workloads)
    tables = filled(
        table_of("Traces", head, map(_trace, result.traces)),
        table_of("Workloads", "workload|what it is|SHA-256", workloads),
    )
    steps = (
        row_of(trace.workload, trace.players, operation_title(operation), count)
        for trace in result.traces
        for operation, count in trace.steps.items()
    )
    parts = filled(table_of("", "workload|#players|operation|#steps", steps))
    inner = [Section("steps", "Steps by operation", tables=parts, detail=True)] if parts else []
    for facts in result.workloads:
        lines = (row_of(place, Value(line, place)) for place, line in enumerate(facts.toml.splitlines(), 1))
        text, title = filled(table_of("", "#line|text", lines)), f"The file of {facts.name}"
        inner.append(Section(anchor("workload", facts.name), title, tables=text, detail=True))
    repeated = (trace for trace in result.traces if trace.repeated)  # events are replayed as they were
    more = (words("repeated", steps=sum(trace.steps.values()), trace=trace) for trace in repeated)
    return section("traces", tables, inner, more)


def partly_replayed(m: Measurements) -> Iterator[str]:
    """Yield a sentence for each workload of events of which only some are replayed and timed."""
    for facts in m.result.workloads:
        replayed = {trace.steps.get("update", 0) for trace in m.result.traces if trace.workload == facts.name}
        if replayed and min(replayed) < facts.events:
            counts = " or ".join(f"{count:,}" for count in sorted(replayed))
            yield words("partly-replayed", events=facts.events, workload=facts.name, replayed=counts)


def _trace(trace: TraceFacts) -> Row:
    steps, seed = sum(trace.steps.values()), Value(str(trace.seed), trace.seed)
    tied, names = number(trace.tied_share, percent), number(trace.name_bytes_per_player, significant)
    head = trace.workload, trace.players, seed, steps
    return row_of(*head, trace.warm_up_steps, trace.different_scores, tied, names, trace.sha256)


# ---------------------------------------------------------------------- where and when


def circumstances_section(result: Result) -> Section:
    """Return machine, versions, settings and the exact command; the methods are a part of it."""
    settings, where = result.settings, result.machine
    run = {
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
    machine = {
        "processor": f"{where.cpu}, {where.cores:g} cores",
        "memory": f"{where.memory_bytes / 2**30:.1f} GiB",
        "system": where.system,
        "file system": where.file_system,
        "load average before": _load(where.load_average_before),
        "load average after": _load(where.load_average_after),
    }
    facts = {"The run": run, "The machine": machine, "Versions": result.versions, "": result.methods}
    *tables, how = (table_of(title, "what|value", map(row_of, known, known.values())) for title, known in facts.items())
    methods = Section("methods", "How the figures were taken", tables=[how], detail=True)
    sections = [methods] if result.methods else []
    return Section("circumstances", "Machine, versions and command", tables=tables, sections=sections)


def _load(averages: list[float]) -> str:
    return " ".join(f"{average:.2f}" for average in averages) or NONE


def _by_folder(files: Iterable[str]) -> str:
    """Return files as text, each folder once: `redis/: board.py, server.py`."""
    folders = groupby(sorted(files, key=lambda file: file.rpartition("/")[0]), lambda file: file.rpartition("/")[0])
    named = {folder: ", ".join(file.rpartition("/")[2] for file in mine) for folder, mine in folders}
    return "; ".join(f"{folder}/: {mine}" if folder else mine for folder, mine in named.items())
