"""What changed since an older result, for `leaderboard report NEW.json --against OLD.json`: regressions first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import inf
from typing import Final

from ...numerals import times
from ..analysis.regression import Change, Changes, Outcome
from ..document import (
    NOTHING,
    Section,
    Table,
    Tone,
    Value,
    anchor,
    number,
    numbers,
    of_interval,
    operation_title,
    spread,
    statistic_title,
    word,
    words,
)
from ..readings import Figure
from ..schema import Result
from ..statistics import ENOUGH_PROCESSES

TITLES: Final[dict[Outcome, str]] = {
    "worse": "Regressions",
    "better": "Improvements",
    "disappeared": "Disappeared",
    "appeared": "Appeared",
    "no verdict": "Without a verdict",
    "same": "No change that counts",
}
"""In reading order."""

SAID: Final[dict[Outcome, str]] = {
    "worse": "regressions",
    "better": "improvements",
    "disappeared": "that disappeared",
    "appeared": "that appeared",
    "no verdict": "without a verdict",
    "same": "without a change that counts",
}

RULE: Final = (
    "A figure counts as changed only where the 95 % interval of new / old excludes 1 and the larger noise floor of the "
    f"two results, with {ENOUGH_PROCESSES} processes on both sides. **No change found does not mean no change**: the "
    "interval shows how large a change could hide."
)
NOTHING_WORSE: Final = "**No regression was found.**"
NOTHING_JUDGED: Final = "**Nothing could be judged**: no figure has a verdict."

_TONES: Final[dict[Outcome, Tone]] = {"worse": "bad", "better": "good"}


def regression_sections(new: Result, old: Result, changes: Changes) -> list[Section]:
    """Return what changed, the regressions first, and what else differs between the two results."""
    by_outcome = {outcome: [row for row in changes.rows if row.outcome == outcome] for outcome in TITLES}
    found = [_of_outcome(outcome, rows) for outcome, rows in by_outcome.items() if rows]
    return [_summary(new, old, changes), *found, _differences(changes)]


def _summary(new: Result, old: Result, changes: Changes) -> Section:
    counted = Counter(row.outcome for row in changes.rows)
    said = ", ".join(f"{counted[outcome]:,} {how}" for outcome, how in SAID.items() if counted[outcome])
    table = Table("The two results", words("what", "old", "new"), _both(new, old))
    return Section(
        "changes", "Changes", [*_verdict(counted, changes), f"Of all rows: {said or 'none'}.", RULE], [table]
    )


def _verdict(counted: Counter[Outcome], changes: Changes) -> Iterator[str]:
    if changes.missing:
        yield f"**{len(changes.missing):,} cells have no figures any more**, although they were to be measured."
    if counted["worse"]:
        yield f"**{counted['worse']:,} regressions.**"
    else:
        yield NOTHING_WORSE if counted["same"] or counted["better"] else NOTHING_JUDGED


def _both(new: Result, old: Result) -> list[list[Value]]:
    def told(result: Result) -> dict[str, str]:
        return {
            "started": result.started,
            "command": result.settings.command,
            "plan": result.settings.plan,
            "seed": str(result.settings.seed),
            "digest": result.settings.digest,
        }

    before, after = told(old), told(new)
    return [[word(what), word(before[what]), word(after[what])] for what in before]


# ---------------------------------------------------------------------- rows


def _of_outcome(outcome: Outcome, rows: Sequence[Change]) -> Section:
    """Return the rows that came out alike; those of cells as a whole have a table of their own."""
    cells = [row for row in rows if row.figure is None]
    figures = [[*_place(row), *_figure(row, row.figure)] for row in rows if row.figure is not None]
    tables = [*_cells(cells, outcome), *_figures(figures)]
    detail = outcome in ("same", "no verdict")
    return Section(anchor("changes", outcome), TITLES[outcome], tables=tables, detail=detail)


def _cells(rows: Sequence[Change], outcome: Outcome) -> list[Table]:
    if not rows:
        return []
    columns = [*words("backend", "mode", "workload"), *numbers("players"), *words("what changed")]
    made = [[*_place(row), Value(row.reason, tone=_TONES.get(outcome, ""))] for row in rows]
    return [Table("Runs as a whole", columns, made)]


def _figures(rows: Sequence[Sequence[Value]]) -> list[Table]:
    columns = [
        *words("backend", "mode", "workload"),
        *numbers("players"),
        *words("figure"),
        *numbers("old", "new", "new / old", "floor"),
        *words("why"),
    ]
    return [Table("Figures", columns, rows)] if rows else []


def _place(row: Change) -> list[Value]:
    return [word(row.cell.backend), word(row.cell.mode), word(row.cell.workload), number(row.cell.players)]


def _figure(row: Change, figure: Figure) -> list[Value]:
    part, statistic = figure
    by, tone = row.ratio, _TONES.get(row.outcome, "")
    return [
        word(f"{operation_title(part)}: {statistic_title(statistic)}"),
        *(NOTHING if side is None else of_interval(side) for side in (row.old, row.new)),
        NOTHING if by is None else Value(spread(by, _two_places), by.middle, tone),
        number(row.floor if row.floor is not None and row.floor < inf else None, times),
        word(row.reason),
    ]


def _two_places(ratio: float) -> str:
    return f"{ratio:.2f}"


def _differences(changes: Changes) -> Section:
    rows = [[word(different.what), word(different.old), word(different.new)] for different in changes.differences]
    if not rows:
        return Section("changes-differences", "What else differs", ["Nothing that a result records."])
    said = "Any of these may be the cause of a change above."
    return Section("changes-differences", "What else differs", [said], [Table("", words("what", "old", "new"), rows)])
