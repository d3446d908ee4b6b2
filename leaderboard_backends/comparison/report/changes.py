"""What changed since an older result, for `leaderboard report NEW.json --against OLD.json`: regressions first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import inf
from typing import Final

from ...numerals import times
from ..document import NOTHING, Section, Tone, Value, anchor, number, of_interval, operation_title, spread
from ..named_figures import Figure, statistic_title
from ..regression import Change, Changes, Outcome
from ..schema import Result
from .tables import Row, filled, row_of, section, table_of, words

OUTCOMES: Final[dict[Outcome, tuple[str, str]]] = {
    "worse": ("Regressions", "regressions"),
    "better": ("Improvements", "improvements"),
    "disappeared": ("Disappeared", "that disappeared"),
    "appeared": ("Appeared", "that appeared"),
    "no verdict": ("Without a verdict", "without a verdict"),
    "same": ("No change that counts", "without a change that counts"),
}
"""The title of each outcome, and how rows of it are counted, in reading order."""

REQUEST: Final = ("command", "plan", "seed", "digest")
"""The settings of both results that are shown."""

_TONES: Final[dict[Outcome, Tone]] = {"worse": "bad", "better": "good"}


def regression_sections(new: Result, old: Result, changes: Changes) -> list[Section]:
    """Return what changed, the regressions first, and what else differs between the two results."""
    by_outcome = {outcome: [row for row in changes.rows if row.outcome == outcome] for outcome in OUTCOMES}
    found = [_of_outcome(outcome, rows) for outcome, rows in by_outcome.items() if rows]
    others = (row_of(different.what, different.old, different.new) for different in changes.differences)
    differences = section("changes-differences", filled(table_of("", "what|old|new", others)))
    return [_summary(new, old, changes), *found, differences]


def _summary(new: Result, old: Result, changes: Changes) -> Section:
    counted = Counter(row.outcome for row in changes.rows)
    said = ", ".join(f"{counted[outcome]:,} {how}" for outcome, (_, how) in OUTCOMES.items() if counted[outcome])
    paragraphs = [*_verdict(counted, changes), f"Of all rows: {said or 'none'}.", words("changes")]
    settings = ((what, *(str(getattr(one.settings, what)) for one in (old, new))) for what in REQUEST)
    requests = (row_of(*request) for request in (("started", old.started, new.started), *settings))
    return Section("changes", "Changes", paragraphs, [table_of("The two results", "what|old|new", requests)])


def _verdict(counted: Counter[Outcome], changes: Changes) -> Iterator[str]:
    if changes.missing:
        yield f"**{len(changes.missing):,} cells have no figures any more**, although they were to be measured."
    if counted["worse"]:
        yield f"**{counted['worse']:,} regressions.**"
    elif counted["same"] or counted["better"]:
        yield "**No regression was found.**"
    else:
        yield "**Nothing could be judged**: no figure has a verdict."


def _of_outcome(outcome: Outcome, rows: Sequence[Change]) -> Section:
    """Return the rows that came out alike; those of cells as a whole have a table of their own."""
    tone, head = _TONES.get(outcome, ""), "backend|mode|workload|#players"
    cells = (row_of(*_cell(row), Value(row.reason, tone=tone)) for row in rows if row.figure is None)
    figures = (row_of(*_cell(row), *_figure(row, row.figure)) for row in rows if row.figure is not None)
    tables = filled(
        table_of("Runs as a whole", f"{head}|what changed", cells),
        table_of("Figures", f"{head}|figure|#old|#new|#new / old|#floor|why", figures),
    )
    detail = outcome in ("same", "no verdict")
    return Section(anchor("changes", outcome), OUTCOMES[outcome][0], tables=tables, detail=detail)


def _cell(row: Change) -> tuple[str, str, str, int]:
    return row.cell.backend, row.cell.mode, row.cell.workload, row.cell.players


def _figure(row: Change, figure: Figure) -> Row:
    statistic, by = statistic_title(figure.statistic), row.ratio
    old, new = (NOTHING if side is None else of_interval(side) for side in (row.old, row.new))
    grown = Value(spread(by, lambda each: f"{each:.2f}"), by.middle, _TONES.get(row.outcome, "")) if by else None
    floor = number(row.floor if row.floor is not None and row.floor < inf else None, times)
    return row_of(f"{operation_title(figure.title)}: {statistic}", old, new, grown, floor, row.reason)
