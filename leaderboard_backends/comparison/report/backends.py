"""The backends: what each is and promises, its settings, the conformance kit's verdict, and its code size.

This is what has to be known of two rows before they are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from ...installing import DISTRIBUTION
from ..document import NOTHING, Section, Table, Value, columns, listed, number, quoted, word
from ..measurements import Measurements
from ..schema import BackendFacts, Result
from .by_class import Row

INTRODUCTION: Final = (
    "What to know of two backends before comparing them. Durability: what a power cut leaves of acknowledged updates. "
    "Shared: several processes may write one board. Round trips: those of one operation; a long `update_scores` takes "
    "one per batch."
)
STATEMENTS: Final = (
    "Statements in the backend's own source, by Python's syntax tree and without docstrings; code that all backends "
    "share is not counted. Other lines: Lua and SQL. Fewer is not better, only less to read."
)
SORTED_SET: Final = (
    "The sorted set of Redis and Valkey (`ZADD`, `ZREVRANK`) is close to a leaderboard. Every backend here adds:"
)
BESIDE_SORTED_SET: Final = (
    "**Ties**: a sorted set orders equal scores by the text of the id, backwards; here, whoever was first is ahead.",
    "**The new rank**: `ZADD` returns none, and a second call sees other writes. `update_score` returns it at once.",
    "**Names, neighbours, percentiles**: kept in the same atomic step, not in keys of your own that drift apart.",
)

FEATURES: Final = "Statements by author, and lines of configuration. A dash: not counted, for the reason in the note."


def sorted_set_section() -> Section:
    """Return what every backend does and a plain sorted set of a server does not, by the contract."""
    return Section("sorted-set", "Why not a plain sorted set", [SORTED_SET], points=BESIDE_SORTED_SET)


def one_machine(result: Result) -> list[str]:
    """Return what it means that the servers of some backends shared a machine; nothing where none has several."""
    several = [facts for facts in result.backends if facts.servers > 1]
    if not several:
        return []
    processes = ", ".join(f"{facts.servers} of {quoted([facts.label])}" for facts in several)
    said = (
        f"**One machine**: all server processes ({processes}) shared the {result.machine.cores:g} cores of the machine "
        f"with the client. So their times contain waiting for each other's processor time, which machines of their own "
        f"would not have, and no network, which those would. What more machines add, such as room for more players, "
        f"does not show. Memory is that of all server processes together."
    )
    return [said]


def backends_section(m: Measurements) -> Section:
    """Return the section, with a row for every requested backend."""
    verdicts = _table(m, "Verdicts of the conformance kit", "verdict|#passed|#failed|parts|kit|what failed", _verdict)
    judged = any(facts.verdict is not None for facts in m.result.backends)
    note = "The kit ran before the comparison, or earlier on the same code, versions and settings." if judged else ""
    tables = [
        _table(m, "What each backend is", "durability|lives in|round trips|shared|what", _stands),
        _table(m, "What each backend promises", "storage|server|durability as reported|survives", _promises),
        replace(verdicts, note=note),
        replace(_table(m, "Size of the code", "#statements|#other lines|#files", _code), note=STATEMENTS),
        *_features(m.result),
    ]
    said = [INTRODUCTION, *one_machine(m.result)]
    return Section("backends", "The backends", said, tables, sections=[_settings(m)])


def _table(m: Measurements, title: str, headings: str, row: Callable[[BackendFacts | None], Row]) -> Table:
    """Return a table with a row for each backend; the first of two columns or more says where one was never opened."""
    rows = [[word(label), *row(m.result.facts(label))] for label in m.in_class_order]
    return Table(title, columns("backend", *headings.split("|")), rows)


def _never_opened(columns: int) -> Row:
    return [word("not known"), *[NOTHING] * (columns - 2), word("never opened: see “Without figures”")]


def _stands(facts: BackendFacts | None) -> Row:
    if facts is None:
        return _never_opened(5)
    shared = "yes" if facts.shared else "no"
    what = facts.metadata.title or facts.class_name
    return [*map(word, (facts.durability, facts.home, _round_trips(facts), shared, what))]


def _round_trips(facts: BackendFacts) -> str:
    """Return the round trips of an operation: known of this library's own backends alone."""
    if facts.home != "server" or facts.metadata.round_trips:
        return facts.metadata.round_trips or "none"
    return "1" if facts.distribution.split()[:1] == [DISTRIBUTION] else "1 or more"


def _promises(facts: BackendFacts | None) -> Row:
    if facts is None:
        return _never_opened(4)
    return [*map(word, (facts.storage, facts.server or "", facts.durability_told, facts.survives))]


def _verdict(facts: BackendFacts | None) -> Row:
    verdict = facts.verdict if facts is not None else None
    if verdict is None:
        return [word("not judged"), *[NOTHING] * 5]
    return [
        Value(verdict.verdict, tone="" if verdict.allows_figures else "bad"),
        number(verdict.passed),
        number(verdict.failed),
        word(verdict.parts),
        word(verdict.kit),
        listed(verdict.failures),
    ]


def _code(facts: BackendFacts | None) -> Row:
    size = facts.code if facts is not None else None
    if size is None:
        return [NOTHING] * 3
    return [*map(number, (size.statements, size.other_lines, len(size.files)))]


def _features(result: Result) -> Iterator[Table]:
    """Yield the table of code by feature and by who writes it, where it was counted."""
    headings = ("#the app's author", "#this library", "#third party", "#configuration")
    rows = [
        [
            word(code.feature),
            word(code.backend),
            *map(number, (code.app, code.shipped, code.third_party, code.configuration)),
            word(code.note),
        ]
        for code in result.code
    ]
    if rows:
        head = columns("feature", "backend", *headings, "note")
        yield Table("Code by feature", head, rows, FEATURES)


def _settings(m: Measurements) -> Section:
    rows = [
        [word(label), word(what), word(text)]
        for label in m.in_class_order
        for what, text in _lines(m.result.facts(label))
    ]
    tables = [Table("", columns("backend", "what", "text"), rows)] if rows else []
    return Section("backend-settings", "Settings, set-up and what can be monitored", tables=tables, detail=True)


def _lines(facts: BackendFacts | None) -> Iterator[tuple[str, str]]:
    """Yield what a backend's file says of it, and where its code is."""
    if facts is None:
        return
    yield "class", f"{facts.class_name}, {facts.distribution}"
    yield "tuning", "; ".join(facts.metadata.tuning) or "none: the storage's own defaults"
    for number_, step in enumerate(facts.metadata.setup, 1):
        yield f"set-up, step {number_}", step
    yield "configuration", facts.metadata.configuration
    yield "to monitor", "; ".join(facts.metadata.watch)
    if facts.code is not None:
        yield "code", ", ".join(facts.code.files)
