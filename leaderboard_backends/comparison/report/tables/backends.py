"""The backends: what each is and promises, its settings, the conformance kit's verdict, and its code size.

This is what has to be known of two rows before they are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ....installing import DISTRIBUTION
from ...document import NOTHING, Section, Table, Value, listed, number, numbers, quoted, word, words
from ...schema import BackendFacts, Result
from ..classes import in_class_order

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


def backends_section(result: Result) -> Section:
    """Return the section, with a row for every requested backend."""
    tables = [
        _table(result, "What each backend is", ["durability", "lives in", "round trips", "shared", "what"], _stands),
        _table(
            result, "What each backend promises", ["storage", "server", "durability as reported", "survives"], _promises
        ),
        _verdicts(result),
        _code(result),
    ]
    return Section(
        "backends",
        "The backends",
        [INTRODUCTION, *one_machine(result)],
        [*tables, *_features(result)],
        sections=[_sheets(result)],
    )


def _table(result: Result, title: str, headings: list[str], row: Callable[[BackendFacts], list[Value]]) -> Table:
    rows = []
    for _, label in in_class_order(result):
        facts = result.facts(label)
        unknown = [word("not known"), *[NOTHING] * (len(headings) - 2), word("never opened: see “Without figures”")]
        rows.append([word(label), *(unknown if facts is None else row(facts))])
    return Table(title, words("backend", *headings), rows)


def _stands(facts: BackendFacts) -> list[Value]:
    shared = "yes" if facts.shared else "no"
    what = facts.sheet.title or facts.class_name
    return [word(facts.durability), word(facts.home), word(_round_trips(facts)), word(shared), word(what)]


def _round_trips(facts: BackendFacts) -> str:
    """Return the round trips of an operation: known of this library's own backends alone."""
    if facts.home != "server" or facts.sheet.round_trips:
        return facts.sheet.round_trips or "none"
    return "1" if facts.distribution.split()[:1] == [DISTRIBUTION] else "1 or more"


def _promises(facts: BackendFacts) -> list[Value]:
    return [word(facts.storage), word(facts.server or ""), word(facts.durability_told), word(facts.survives)]


# ---------------------------------------------------------------------- the kit


def _verdicts(result: Result) -> Table:
    rows = [[word(label), *_verdict(result.facts(label))] for _, label in in_class_order(result)]
    columns = [
        *words("backend", "verdict"),
        *numbers("passed", "failed"),
        *words("parts", "kit", "what failed"),
    ]
    judged = any(facts.verdict is not None for facts in result.backends)
    note = "The kit ran before the comparison, or earlier on the same code, versions and settings." if judged else ""
    return Table("Verdicts of the conformance kit", columns, rows, note)


def _verdict(facts: BackendFacts | None) -> list[Value]:
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


# ---------------------------------------------------------------------- code


def _code(result: Result) -> Table:
    rows = []
    for _, label in in_class_order(result):
        facts = result.facts(label)
        size = facts.code if facts is not None else None
        counted = [NOTHING] * 3 if size is None else [size.statements, size.other_lines, len(size.files)]
        rows.append([word(label), *(each if isinstance(each, Value) else number(each) for each in counted)])
    return Table(
        "Size of the code", [*words("backend"), *numbers("statements", "other lines", "files")], rows, STATEMENTS
    )


def _features(result: Result) -> Iterator[Table]:
    """Yield the table of code by feature and by who writes it, where it was counted."""
    headings = ("the app's author", "this library", "third party", "configuration")
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
        columns = [*words("feature", "backend"), *numbers(*headings), *words("note")]
        yield Table("Code by feature", columns, rows, FEATURES)


# ---------------------------------------------------------------------- sheets


def _sheets(result: Result) -> Section:
    rows = [
        [word(label), word(what), word(text)]
        for _, label in in_class_order(result)
        for what, text in _lines(result.facts(label))
    ]
    tables = [Table("", words("backend", "what", "text"), rows)] if rows else []
    return Section("backend-settings", "Settings, set-up and what can be monitored", tables=tables, detail=True)


def _lines(facts: BackendFacts | None) -> Iterator[tuple[str, str]]:
    """Yield what a backend's file says of it, and where its code is."""
    if facts is None:
        return
    yield "class", f"{facts.class_name}, {facts.distribution}"
    yield "tuning", "; ".join(facts.sheet.tuning) or "none: the storage's own defaults"
    for number_, step in enumerate(facts.sheet.setup, 1):
        yield f"set-up, step {number_}", step
    yield "configuration", facts.sheet.configuration
    yield "to monitor", "; ".join(facts.sheet.watch)
    if facts.code is not None:
        yield "code", ", ".join(facts.code.files)
