"""What changed since an older result: `leaderboard report NEW.json --against OLD.json`, regressions first.

A figure is worse or better only where the interval of new / old is clear of 1 and of the noise floor. That no change
was seen does not mean that there is none: such a row says how large a change could hide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import inf
from typing import Final, Literal, NamedTuple, TypeAlias

from ...numerals import times
from ..comparable import Difference, check_comparable, differences
from ..document import NOTHING, Section, Tone, Value, anchor, number, of_interval, operation_title, spread
from ..measurements import Floor, Measured, Measurements
from ..named_figures import HIGHER_IS_BETTER, Figure, statistic_title
from ..schema import ABSENT, BackendFacts, Cell, Result, Run, Status
from ..statistics import ENOUGH_PROCESSES, Interval, differs, independent_ratio, interval
from .tables import Row, filled, row_of, section, table_of, words

Outcome: TypeAlias = Literal["worse", "better", "same", "no verdict", "appeared", "disappeared"]
"""`same`: no change that counts."""


class Change(NamedTuple):
    """One figure of one cell in two results, or a cell as a whole."""

    cell: Cell
    figure: Figure | None
    """`None`: the cell as a whole, whose runs came out otherwise."""
    outcome: Outcome
    reason: str
    old: Interval | None = None
    new: Interval | None = None
    ratio: Interval | None = None
    """New by old."""
    floor: float | None = None
    """The larger noise floor of the two results; infinite where one of them is not known."""


class Changes(NamedTuple):
    """What two results say together."""

    rows: tuple[Change, ...]
    differences: tuple[Difference, ...]
    """What else is not the same, and may be the cause."""
    missing: tuple[Change, ...] = ()
    """Of the rows, cells that the new result was to measure and has no figures of."""

    @property
    def regressions(self) -> list[Change]:
        """The rows that became worse."""
        return [row for row in self.rows if row.outcome == "worse"]


def changes(old: Result, new: Result, *, allow_other_machine: bool = False) -> Changes:
    """Compare each cell and figure of two results, without A/A runs and programs of plug-ins.

    Raises `ConfigurationError` where the results cannot be compared: another workload or trace under the same name,
    another machine unless it is allowed, or no cell in common.
    """
    check_comparable(old, new, allow_other_machine=allow_other_machine)
    before, after = Measurements(old), Measurements(new)
    cells = sorted(cell for cell in before.cells.keys() | after.cells.keys() if cell.workload and not cell.a_a)
    rows = tuple(row for cell in cells for row in _of_cell(cell, before, after))
    missing = tuple(
        row for row in rows if row.outcome == "disappeared" and row.figure is None and row.cell in after.cells
    )
    return Changes(rows, tuple(differences(old, new)), missing)


def _of_cell(cell: Cell, before: Measurements, after: Measurements) -> Iterator[Change]:
    """Yield what became of one cell: as a whole, of updates that a kill loses, and of each figure."""
    old, new = (m.cells.get(cell) or Measured(cell, []) for m in (before, after))
    known, known_now = (m.result.facts(cell.backend) for m in (before, after))
    yield from _as_a_whole(cell, (old.every, known), (new.every, known_now))
    if not old.runs or not new.runs:
        return
    lost, lost_now = (int(max(one.values("restore", "lost").values(), default=0)) for one in (old, new))
    if (lost == 0) != (lost_now == 0):
        said = f"a kill lost up to {lost:,} acknowledged updates; now it loses up to {lost_now:,}"
        yield Change(cell, None, "worse" if lost_now else "better", said)
    hindrance = ""
    if known and known_now and (known.durability, known.home) != (known_now.durability, known_now.home):
        was, now = (f"{facts.durability}, in a {facts.home}" for facts in (known, known_now))
        hindrance = f"was {was}; is {now}: not the same class"  # durability classes are never mixed
    for figure in dict.fromkeys(figure for one in (old, new) for figure in one.figures if figure.judged):
        sides = (before, known), (after, known_now)
        floor = max(m.floor(facts, cell.mode, figure.statistic) for m, facts in sides)
        yield _of_figure(figure, old, new, hindrance, floor)


# ---------------------------------------------------------------------- cells as a whole

_FAULTS: Final[dict[Status, int]] = {"timed out": 1, "failed": 2, "wrong": 3}
"""How bad each is, from the least to the worst; any other status is no fault."""


def _as_a_whole(cell: Cell, *sides: tuple[Sequence[Run], BackendFacts | None]) -> Iterator[Change]:
    """Yield a change where the runs of a cell came out otherwise than before, and not just slower or faster."""
    (was, before), (now, after) = (_came_out(*side) for side in sides)
    said = f"was {before}; is {after}"
    if was is not None and now is not None:
        if was != now:
            yield Change(cell, None, "worse" if now > was else "better", said)
    elif was is not None:
        yield Change(cell, None, "disappeared", said)
    elif now is not None:
        yield Change(cell, None, "appeared", said)


def _came_out(runs: Sequence[Run], facts: BackendFacts | None) -> tuple[tuple[int, bool] | None, str]:
    """Return a cell's worst fault, and whether no run was fine, `None` where none could be run; and both as text."""
    if not runs:
        return None, "not in the result"
    verdict = facts.verdict if facts is not None else None
    if verdict is not None and not verdict.allows_figures:
        return (len(_FAULTS), True), f"refused by the conformance kit ({verdict.verdict}, {verdict.failed} failed)"
    statuses = {run.status for run in runs}.difference(ABSENT)
    fault = (max(_FAULTS.get(status, 0) for status in statuses), "ok" not in statuses) if statuses else None
    worst = max(runs, key=lambda run: (_FAULTS.get(run.status, 0), run.status != "ok"))
    alike, reason = sum(run.status == worst.status for run in runs), f" ({worst.reason})" if worst.reason else ""
    return fault, f"{worst.status} in {alike} of {len(runs)} runs{reason}"


# ---------------------------------------------------------------------- figures


def _of_figure(figure: Figure, old: Measured, new: Measured, hindrance: str, floor: Floor) -> Change:
    """Return what became of one figure; a hindrance says why there can be no verdict."""
    was, now = ([*one.figures.get(figure, {}).values()] for one in (old, new))
    if not (was and now):
        return _one_sided(figure, old, new, hindrance)
    change = Change(old.cell, figure, "no verdict", "", interval(was), interval(now))
    hindrance = hindrance or _too_few(old, new, len(was), len(now))
    if min(*was, *now) <= 0:
        if len({*was, *now}) == 1 and not hindrance:
            return change._replace(outcome="same", reason="equal in all processes")
        return change._replace(reason=hindrance or "not above 0 in a process: there is no ratio")
    ratio = independent_ratio(now, was)
    change = change._replace(ratio=ratio, floor=floor.ratio)
    if hindrance or floor.ratio == inf:
        return change._replace(reason=hindrance or f"the noise floor is {floor.source}")
    low, middle, high, _ = ratio
    times = f"{middle:.2f}x of before ({low:.2f} to {high:.2f}), noise floor {floor.ratio:.2f}"
    counts = [sum(run.disturbed for run in one.runs) for one in (old, new)]
    disturbed = "other work disturbed {} runs before and {} now".format(*counts) if any(counts) else ""
    outcome: Outcome = "better" if (middle > 1) == (figure.statistic in HIGHER_IS_BETTER) else "worse"
    said = filter(None, [times, _cut(figure, old, new), disturbed])
    return change._replace(outcome=outcome if differs(ratio, floor.ratio) else "same", reason="; ".join(said))


def _one_sided(figure: Figure, old: Measured, new: Measured, hindrance: str) -> Change:
    """Return the change of a figure that one side alone has, with why the other one lacks it.

    It counts where all processes of that side kept up with a rate, none of the other, and there are enough of both.
    """
    gone, (part, _, rate, clients) = figure in old.figures, figure
    has, lacks = (old, new) if gone else (new, old)
    values = [*has.figures[figure].values()]
    behind = sum(not kept for kept in lacks.values(part, "kept_up", rate, clients).values())
    lack = _cut(figure, lacks) or "not measured"
    if behind:
        lack = f"{behind} of {len(lacks.runs)} processes do not keep up with this rate"
    enough = min(len(old.runs), len(new.runs)) >= ENOUGH_PROCESSES and not hindrance
    counts = enough and behind == len(lacks.runs) and len(values) == len(has.runs)
    if gone:
        outcome: Outcome = "worse" if counts else "disappeared"
        return Change(old.cell, figure, outcome, hindrance or f"{lack} now", old=interval(values))
    outcome = "better" if counts else "appeared"
    return Change(old.cell, figure, outcome, hindrance or f"{lack} before", new=interval(values))


def _cut(figure: Figure, *sides: Measured) -> str:
    """Return how far the time limit cut an operation, by the fewest samples; empty where it did not."""
    cut = [found for one in sides if (found := one.cut(figure.part))]
    return "the time limit cut it to {:,} of {:,} steps".format(*min(cut)) if cut else ""


def _too_few(old: Measured, new: Measured, had: int, has: int) -> str:
    """Return why so many values allow no verdict; empty where they do."""
    if min(had, has) < ENOUGH_PROCESSES:
        return f"{had} processes before and {has} now have it: a verdict needs {ENOUGH_PROCESSES} each"
    runs = len(old.runs), len(new.runs)
    if (had, has) != runs:
        return f"{had} of {runs[0]} processes before and {has} of {runs[1]} now have it: these may be the fast ones"
    return ""


# ---------------------------------------------------------------------- as sections

OUTCOMES: Final[dict[Outcome, tuple[str, str, Tone]]] = {
    "worse": ("Regressions", "regressions", "bad"),
    "better": ("Improvements", "improvements", "good"),
    "disappeared": ("Disappeared", "that disappeared", ""),
    "appeared": ("Appeared", "that appeared", ""),
    "no verdict": ("Without a verdict", "without a verdict", ""),
    "same": ("No change that counts", "without a change that counts", ""),
}
"""The title of each outcome, how rows of it are counted, and their tone, in reading order."""


def regression_sections(new: Result, old: Result, changes: Changes) -> list[Section]:
    """Return what changed, the regressions first, and what else differs between the two results."""
    by_outcome = {outcome: [row for row in changes.rows if row.outcome == outcome] for outcome in OUTCOMES}
    found = [_of_outcome(outcome, rows) for outcome, rows in by_outcome.items() if rows]
    others = (row_of(different.what, different.old, different.new) for different in changes.differences)
    differences = section("changes-differences", filled(table_of("", "what|old|new", others)))
    return [_summary(new, old, changes), *found, differences]


def _summary(new: Result, old: Result, changes: Changes) -> Section:
    counted, said = Counter(row.outcome for row in changes.rows), list[str]()
    if changes.missing:
        said.append(f"**{len(changes.missing):,} cells have no figures any more**, although they were to be measured.")
    if counted["worse"]:
        said.append(f"**{counted['worse']:,} regressions.**")
    elif counted["same"] or counted["better"]:
        said.append("**No regression was found.**")
    else:
        said.append("**Nothing could be judged**: no figure has a verdict.")
    each = ", ".join(f"{counted[outcome]:,} {how}" for outcome, (_, how, _) in OUTCOMES.items() if counted[outcome])
    said += [f"Of all rows: {each or 'none'}.", words("changes")]
    shown = ("command", "plan", "seed", "digest")
    settings = ((what, *(str(getattr(one.settings, what)) for one in (old, new))) for what in shown)
    requests = (row_of(*request) for request in (("started", old.started, new.started), *settings))
    return Section("changes", "Changes", said, [table_of("The two results", "what|old|new", requests)])


def _of_outcome(outcome: Outcome, rows: Sequence[Change]) -> Section:
    """Return the rows that came out alike; those of cells as a whole have a table of their own."""
    (title, _, tone), head = OUTCOMES[outcome], "backend|mode|workload|#players"
    cells, figures = list[Row](), list[Row]()
    for row in rows:
        where = row.cell.backend, row.cell.mode, row.cell.workload, row.cell.players
        if row.figure is None:
            cells.append(row_of(*where, Value(row.reason, tone=tone)))
            continue
        of, by = f"{operation_title(row.figure.title)}: {statistic_title(row.figure.statistic)}", row.ratio
        sides = (NOTHING if side is None else of_interval(side) for side in (row.old, row.new))
        grown = Value(spread(by, lambda each: f"{each:.2f}"), by.middle, tone) if by else None
        floor = number(row.floor if row.floor is not None and row.floor < inf else None, times)
        figures.append(row_of(*where, of, *sides, grown, floor, row.reason))
    tables = filled(
        table_of("Runs as a whole", f"{head}|what changed", cells),
        table_of("Figures", f"{head}|figure|#old|#new|#new / old|#floor|why", figures),
    )
    detail = outcome in ("same", "no verdict")
    return Section(anchor("changes", outcome), title, tables=tables, detail=detail)
