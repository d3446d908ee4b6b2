"""Claims on lines of code, compared with statements. These are different units, so that about as many is enough."""

from __future__ import annotations

from functools import partial
from typing import Final

from leaderboard_backends.comparison.code_size import SHARED
from leaderboard_backends.comparison.schema import CodeFacts

from .evidence import BOARDS, SORTED, Evaluator, Evidence, Judged, NotMeasuredError, decide, missing
from .inputs import Claim, lines
from .structures import is_about

BASIC: Final = "basic board"
PERSISTENCE: Final = "persistence"

FEATURES: Final = (BASIC, "rate limiting", "monitoring", "sharding")
"""Rows of code, whose names are a part of claims' ids as well; persistence is judged by rules of its own."""


def feature(name: str, backend: str, claim: Claim, evidence: Evidence) -> Judged:
    """Judge a number of lines: it holds where this library and the app have about as many statements for it."""
    row = built(evidence, name, backend)
    total = (row.app or 0) + (row.shipped or 0)
    return Judged(_statements(row), decide([total == 0 if claim.value is None else is_about(total, claim.value)]))


def built(evidence: Evidence, name: str, backend: str) -> CodeFacts:
    """Return a row of code; raises `NotMeasuredError` where nothing was counted."""
    row = evidence.code(name, backend)
    if row.app is None and row.shipped is None:
        raise NotMeasuredError(f"{name} on {backend}: {row.note}")
    return row


def columns(row: CodeFacts) -> str:
    """Return a row's four columns as text: three numbers of statements, and one of lines."""
    said = {
        "the app's author": row.app,
        "this library": row.shipped,
        "third party": row.third_party,
        "lines of configuration": row.configuration,
    }
    return ", ".join(f"{what} {'not counted' if number is None else f'{number:,}'}" for what, number in said.items())


def _statements(row: CodeFacts) -> str:
    return f"statements: {columns(row)}"


# ---------------------------------------------------------------------- persistence


def not_available(_: Claim, evidence: Evidence) -> Judged:
    """Judge that a board in the app's process cannot be persistent: it holds where no setting makes it so."""
    row = evidence.code(PERSISTENCE, SORTED)
    return Judged(row.note, decide([row.state == "not possible"]))


def built_in(_: Claim, evidence: Evidence) -> Judged:
    """Judge built-in persistence: it holds where neither the app nor this library has a statement for it."""
    row = built(evidence, PERSISTENCE, "redis")
    return Judged(f"{_statements(row)}: {row.note}", decide([row.app == 0, row.shipped == 0]))


# ---------------------------------------------------------------------- sums


def all_features(backend: str, claim: Claim, evidence: Evidence) -> Judged:
    """Judge the study's sum by its own rows, and report our statements for the features that were counted."""
    rows = sum(feature.get(backend, 0) for feature in lines().lines.values())
    said = f"the study's rows add up to {rows}; ours: {_as_far_as_counted(evidence, backend)}"
    return Judged(said, "not measured" if rows == claim.needs("value") else "does not hold")


def _as_far_as_counted(evidence: Evidence, backend: str) -> str:
    rows = [row for row in evidence.result.code if row.backend == backend]
    counted = [f"{row.feature} {row.shipped:,} statements" for row in rows if row.shipped]
    return ", ".join(counted) or "not counted"


# ---------------------------------------------------------------------- backend against backend


def _totals(evidence: Evidence) -> dict[str, CodeFacts]:
    return {name: built(evidence, BASIC, name) for name in BOARDS}


def _totals_text(rows: dict[str, CodeFacts]) -> str:
    return "statements: " + "; ".join(f"{name} ({columns(row)})" for name, row in rows.items())


def redis_least(_: Claim, evidence: Evidence) -> Judged:
    """Judge the least code by three columns: the app's author, this library, third party."""
    rows = _totals(evidence)
    parts = [_number(rows["redis"], what) <= _least(rows, what) for what in ("app", "shipped", "third_party")]
    return Judged(_totals_text(rows), decide(parts))


def zodb_most(_: Claim, evidence: Evidence) -> Judged:
    """Judge the most code by the statements of this library and of third parties."""
    rows = _totals(evidence)
    others = [row for name, row in rows.items() if name != "zodb"]
    parts = [
        _number(rows["zodb"], what) > max(_number(row, what) for row in others) for what in ("shipped", "third_party")
    ]
    return Judged(_totals_text(rows), decide(parts))


def _number(row: CodeFacts, what: str) -> int:
    number: int | None = getattr(row, what)
    return missing(f"{what} of {row.backend}") if number is None else number


def _least(rows: dict[str, CodeFacts], what: str) -> int:
    return min(_number(row, what) for row in rows.values())


def no_dependencies(_: Claim, evidence: Evidence) -> Judged:
    """Judge "no dependencies" by what `sortedcontainers` imports: one library, in pure Python."""
    row = built(evidence, BASIC, SORTED)
    third_party = _number(row, "third_party")
    said = f"{third_party:,} third-party statements ({row.note})"
    return Judged(said, decide([third_party == 0, not row.compiled]))


def pure_python(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether what `sortedcontainers` imports has compiled parts; the count looked for them."""
    row = built(evidence, BASIC, SORTED)
    said = "compiled parts found" if row.compiled else "no compiled parts found"
    return Judged(f"{said}; {row.note}" if row.note else said, decide([not row.compiled]))


def production_ready(claim: Claim, evidence: Evidence) -> Judged:
    """Judge a number of lines by the module of `sortedcontainers`, and by that module plus what all boards share."""
    mine = _number(built(evidence, BASIC, SORTED), "shipped")
    shared = _number(evidence.code(BASIC, SHARED), "shipped")
    about = [is_about(size, claim.needs("value")) for size in (mine, mine + shared)]
    said = f"{mine:,} statements in the module of `sortedcontainers`, {shared:,} in code that all boards share"
    return Judged(f"{said}; statements and lines are not the same unit", decide(about))


def stays_minimal(_: Claim, evidence: Evidence) -> Judged:
    """Judge minimal code by whether the naive board, or any other, has fewer statements in this library."""
    sizes = evidence.statements
    if SORTED not in sizes or len(sizes) == 1:
        missing("statements of `sortedcontainers` and of other boards")
    fewer = {label for label, number in sizes.items() if number < sizes[SORTED]}
    said = ", ".join(f"{label} {number:,}" for label, number in sizes.items())
    shared = _number(evidence.code(BASIC, SHARED), "shipped")
    said += f"; and {shared:,} that every board shares"
    return Judged(
        f"statements: {said}; fewer than `sortedcontainers`: {', '.join(sorted(fewer)) or 'none'}",
        decide([not fewer, not fewer - {"naive"}]),
    )


def simplest(claim: Claim, evidence: Evidence) -> Judged:
    """Judge the simplest code base by the study's own totals, and by our basic boards."""
    totals, rows = lines().total, _totals(evidence)
    by_study = totals[SORTED] == claim.needs("value") == min(totals.values())
    own = ", ".join(f"{name} {number}" for name, number in totals.items())
    return Judged(
        f"the study's own totals in lines: {own}; our basic board in {_totals_text(rows)}",
        decide([by_study, _number(rows[SORTED], "shipped") == _least(rows, "shipped")]),
    )


EVALUATORS: Final[dict[str, Evaluator]] = {
    "minimal-code-complexity": stays_minimal,
    "production-ready-150-lines": production_ready,
    "sortedcontainers-pure-python": pure_python,
    **{
        f"lines-{name.replace(' ', '-')}-{backend}": partial(feature, name, backend)
        for name in FEATURES
        for backend in BOARDS
    },
    "lines-persistence-sortedcontainers": not_available,
    "lines-persistence-redis": built_in,
    "lines-persistence-zodb": partial(feature, PERSISTENCE, "zodb"),
    **{f"lines-all-features-{backend}": partial(all_features, backend) for backend in BOARDS},
    "redis-least-code": redis_least,
    "sortedcontainers-no-dependencies": no_dependencies,
    "zodb-most-code": zodb_most,
    "rate-limiting-30-lines": partial(feature, "rate limiting", SORTED),
    "monitoring-40-lines": partial(feature, "monitoring", SORTED),
    "simplest-codebase-180-lines": simplest,
}
"""By the claim's id."""
