"""What changed since an older result, for `leaderboard report NEW.json --against OLD.json`: regressions first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import inf
from typing import Final, cast

from ...numerals import times
from ..document import (
    NOTHING,
    Section,
    Table,
    Tone,
    Value,
    anchor,
    columns,
    number,
    of_interval,
    operation_title,
    spread,
    word,
)
from ..named_figures import Figure, Judged, statistic_title
from ..regression import Change, Changes, Outcome
from ..schema import Result
from ..statistics import ENOUGH_PROCESSES
from .by_class import Row

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
    paragraphs = [*_verdict(counted, changes), f"Of all rows: {said or 'none'}.", RULE]
    both = zip(_request(old).items(), _request(new).values(), strict=True)
    rows = [[word(what), word(before), word(after)] for (what, before), after in both]
    return Section("changes", "Changes", paragraphs, [Table("The two results", columns("what", "old", "new"), rows)])


def _request(result: Result) -> dict[str, str]:
    settings = result.settings
    return {
        "started": result.started,
        "command": settings.command,
        "plan": settings.plan,
        "seed": str(settings.seed),
        "digest": settings.digest,
    }


def _verdict(counted: Counter[Outcome], changes: Changes) -> Iterator[str]:
    if changes.missing:
        yield f"**{len(changes.missing):,} cells have no figures any more**, although they were to be measured."
    if counted["worse"]:
        yield f"**{counted['worse']:,} regressions.**"
    else:
        yield NOTHING_WORSE if counted["same"] or counted["better"] else NOTHING_JUDGED


# ---------------------------------------------------------------------- rows


def _of_outcome(outcome: Outcome, rows: Sequence[Change]) -> Section:
    """Return the rows that came out alike; those of cells as a whole have a table of their own."""
    tone = _TONES.get(outcome, "")
    cells = [[*_place(row), Value(row.reason, tone=tone)] for row in rows if row.figure is None]
    figures = [[*_place(row), *_figure(row, row.figure)] for row in rows if row.figure is not None]
    head = ("backend", "mode", "workload", "#players")
    tables = [
        Table("Runs as a whole", columns(*head, "what changed"), cells),
        Table("Figures", columns(*head, "figure", "#old", "#new", "#new / old", "#floor", "why"), figures),
    ]
    detail = outcome in ("same", "no verdict")
    filled = [table for table in tables if table.rows]
    return Section(anchor("changes", outcome), TITLES[outcome], tables=filled, detail=detail)


def _place(row: Change) -> Row:
    return [word(row.cell.backend), word(row.cell.mode), word(row.cell.workload), number(row.cell.players)]


def _figure(row: Change, figure: Figure) -> Row:
    statistic, by = statistic_title(cast("Judged", figure.statistic)), row.ratio
    return [
        word(f"{operation_title(figure.title)}: {statistic}"),
        *(NOTHING if side is None else of_interval(side) for side in (row.old, row.new)),
        Value(spread(by, lambda ratio: f"{ratio:.2f}"), by.middle, _TONES.get(row.outcome, "")) if by else NOTHING,
        number(row.floor if row.floor is not None and row.floor < inf else None, times),
        word(row.reason),
    ]


def _differences(changes: Changes) -> Section:
    rows = [[word(different.what), word(different.old), word(different.new)] for different in changes.differences]
    if not rows:
        return Section("changes-differences", "What else differs", ["Nothing that a result records."])
    said = "Any of these may be the cause of a change above."
    return Section("changes-differences", "What else differs", [said], [Table("", columns("what", "old", "new"), rows)])
