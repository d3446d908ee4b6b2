"""What changed since an older result: `leaderboard report NEW.json --against OLD.json`.

A figure is worse or better only where the interval of new / old is clear of 1 and of the noise floor. That no change
was seen does not mean that there is none: such a row says how large a change could hide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Final, Literal, NamedTuple, TypeAlias

from ..readings import HIGHER_IS_BETTER, Figure, is_cut, rate_part, readings
from ..schema import BackendFacts, Cell, DrillFigures, ResponseFigures, Result, Run, ServiceFigures, Status
from ..statistics import (
    ENOUGH_PROCESSES,
    Floor,
    Floors,
    Interval,
    NoiseClass,
    differs,
    independent_ratio,
    interval,
    noise_floors,
    values,
)
from .comparable import Difference, check_comparable, differences

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
    before, after = _side(old), _side(new)
    cells = sorted(before.runs.keys() | after.runs.keys())
    rows = tuple(row for cell in cells for row in _of_cell(cell, before, after))
    missing = tuple(
        row for row in rows if row.outcome == "disappeared" and row.figure is None and row.cell in after.runs
    )
    return Changes(rows, tuple(differences(old, new)), missing)


class _Side(NamedTuple):
    """One of the two results."""

    result: Result
    floors: Floors
    runs: dict[Cell, list[Run]]

    def measured(self, cell: Cell) -> list[Run]:
        return [run for run in self.runs.get(cell, ()) if run.status == "ok" and run.figures is not None]

    def facts(self, cell: Cell) -> BackendFacts | None:
        return self.result.facts(cell.backend)

    def floor(self, cell: Cell, figure: Figure) -> Floor:
        return self.floors.find(NoiseClass.of(self.facts(cell)), cell.mode, figure.statistic)


def _side(result: Result) -> _Side:
    runs: dict[Cell, list[Run]] = {}
    for run in result.runs:
        if not run.cell.twin and run.cell.mode != "program":
            runs.setdefault(run.cell, []).append(run)
    return _Side(result, noise_floors(result), runs)


def _of_cell(cell: Cell, before: _Side, after: _Side) -> Iterator[Change]:
    yield from _standing(cell, before, after)
    old, new = before.measured(cell), after.measured(cell)
    if not old or not new:
        return
    yield from _lost(cell, old, new)
    hindrance = _other_class(before.facts(cell), after.facts(cell))
    for figure in dict.fromkeys(name for run in (*old, *new) if run.figures for name in readings(run.figures)):
        floor = max(before.floor(cell, figure), after.floor(cell, figure))
        yield _of_figure(cell, _Both(figure, old, new, hindrance), floor)


# ---------------------------------------------------------------------- cells as a whole

_ABSENT: Final[tuple[Status, ...]] = ("unavailable", "not run")
_FAULTS: Final[tuple[Status, ...]] = ("timed out", "failed", "wrong")
"""From the least to the worst."""


def _standing(cell: Cell, before: _Side, after: _Side) -> Iterator[Change]:
    """Yield a change where the runs of a cell came out otherwise than before, and not just slower or faster."""
    was, now = (_severity(side.runs.get(cell, ()), side.facts(cell)) for side in (before, after))
    words = "was {}; is {}".format(*(_told(side.runs.get(cell, ()), side.facts(cell)) for side in (before, after)))
    if was is not None and now is not None:
        if was != now:
            yield Change(cell, None, "worse" if now > was else "better", words)
    elif was is not None:
        yield Change(cell, None, "disappeared", words)
    elif now is not None:
        yield Change(cell, None, "appeared", words)


def _severity(runs: Sequence[Run], facts: BackendFacts | None) -> tuple[int, bool] | None:
    """Return the worst fault of a cell's runs, and whether none was fine; `None` where none could be run."""
    if runs and _refused(facts):
        return len(_FAULTS), True
    statuses = {run.status for run in runs}.difference(_ABSENT)
    return (max(map(_rank, statuses)), "ok" not in statuses) if statuses else None


def _rank(status: Status) -> int:
    return _FAULTS.index(status) + 1 if status in _FAULTS else 0


def _refused(facts: BackendFacts | None) -> bool:
    return facts is not None and facts.verdict is not None and not facts.verdict.allows_figures


def _told(runs: Sequence[Run], facts: BackendFacts | None) -> str:
    if not runs:
        return "not in the result"
    if facts is not None and facts.verdict is not None and _refused(facts):
        return f"refused by the conformance kit ({facts.verdict.verdict}, {facts.verdict.failed} failed)"
    worst = max(runs, key=lambda run: (_rank(run.status), run.status != "ok"))
    alike = sum(run.status == worst.status for run in runs)
    reason = f" ({worst.reason})" if worst.reason else ""
    return f"{worst.status} in {alike} of {len(runs)} runs{reason}"


def _lost(cell: Cell, old: Sequence[Run], new: Sequence[Run]) -> Iterator[Change]:
    """Yield a change where a kill loses acknowledged updates in one result and none in the other."""
    was, now = (
        max((run.figures.lost for run in runs if isinstance(run.figures, DrillFigures)), default=0)
        for runs in (old, new)
    )
    if (was == 0) != (now == 0):
        words = f"a kill lost up to {was:,} acknowledged updates; now it loses up to {now:,}"
        yield Change(cell, None, "worse" if now else "better", words)


# ---------------------------------------------------------------------- figures


def _other_class(old: BackendFacts | None, new: BackendFacts | None) -> str:
    """Return why figures of a backend are not compared: durability classes are never mixed."""
    if old is None or new is None or (old.durability, old.home) == (new.durability, new.home):
        return ""
    return f"was {old.durability}, in a {old.home}; is {new.durability}, in a {new.home}: not the same class"


class _Both(NamedTuple):
    """One figure in the runs of both sides."""

    figure: Figure
    old: list[Run]
    new: list[Run]
    hindrance: str
    """Why there can be no verdict, empty where there can."""

    def values(self, runs: Sequence[Run]) -> list[float]:
        return [*values(runs, self.figure.read).values()]

    @property
    def disturbed(self) -> str:
        """How many runs other work disturbed; empty where it disturbed none."""
        old, new = (sum(run.disturbed for run in runs) for runs in (self.old, self.new))
        return f"other work disturbed {old} runs before and {new} now" if old or new else ""

    def cut(self, runs: Sequence[Run]) -> str:
        return _cut(self.figure.part, runs)


def _of_figure(cell: Cell, both: _Both, floor: Floor) -> Change:
    was, now = both.values(both.old), both.values(both.new)
    if not now:
        return _gone(cell, both)._replace(old=interval(was))
    if not was:
        return _come(cell, both)._replace(new=interval(now))
    change = Change(cell, both.figure, "no verdict", "", interval(was), interval(now))
    hindrance = both.hindrance or _too_few(both, len(was), len(now))
    if min(*was, *now) <= 0:
        return _without_ratio(change, hindrance, equal=len({*was, *now}) == 1)
    ratio = independent_ratio(now, was)
    change = change._replace(ratio=ratio, floor=floor.ratio)
    if hindrance or floor.ratio == inf:
        return change._replace(reason=hindrance or f"the noise floor is {floor.source}")
    said = filter(None, [_times(ratio, floor.ratio), both.cut([*both.old, *both.new]), both.disturbed])
    return change._replace(outcome=_outcome(both.figure, ratio, floor.ratio), reason="; ".join(said))


def _gone(cell: Cell, both: _Both) -> Change:
    outcome: Outcome = "worse" if _all_and_none(both, both.old, both.new) else "disappeared"
    return Change(cell, both.figure, outcome, both.hindrance or f"{_lack(both, both.new)} now")


def _come(cell: Cell, both: _Both) -> Change:
    outcome: Outcome = "better" if _all_and_none(both, both.new, both.old) else "appeared"
    return Change(cell, both.figure, outcome, both.hindrance or f"{_lack(both, both.old)} before")


def _all_and_none(both: _Both, within: Sequence[Run], without: Sequence[Run]) -> bool:
    """Whether all processes of one result kept up with a rate, none of the other did, and there are enough of both."""
    enough = min(len(within), len(without)) >= ENOUGH_PROCESSES and not both.hindrance
    behind = all(_falls_behind(run, both.figure.part) for run in without)
    return enough and behind and len(both.values(within)) == len(within)


def _lack(both: _Both, runs: Sequence[Run]) -> str:
    """Return why runs do not have a figure."""
    behind = sum(_falls_behind(run, both.figure.part) for run in runs)
    if behind:
        return f"{behind} of {len(runs)} processes do not keep up with this rate"
    return both.cut(runs) or "not measured"


def _falls_behind(run: Run, part: str) -> bool:
    rates = run.figures.rates if isinstance(run.figures, ResponseFigures) else ()
    return any(rate_part(rate) == part and rate.response is None for rate in rates)


def _too_few(both: _Both, old: int, new: int) -> str:
    """Return why this number of values allows no verdict."""
    if min(old, new) < ENOUGH_PROCESSES:
        return f"{old} processes before and {new} now have it: a verdict needs {ENOUGH_PROCESSES} each"
    runs = len(both.old), len(both.new)
    if (old, new) != runs:
        return f"{old} of {runs[0]} processes before and {new} of {runs[1]} now have it: these may be the fast ones"
    return ""


def _without_ratio(change: Change, hindrance: str, *, equal: bool) -> Change:
    if equal and not hindrance:
        return change._replace(outcome="same", reason="equal in all processes")
    return change._replace(reason=hindrance or "not above 0 in a process: there is no ratio")


def _outcome(figure: Figure, ratio: Interval, floor: float) -> Outcome:
    if not differs(ratio, floor):
        return "same"
    return "better" if (ratio.middle > 1) == (figure.statistic in HIGHER_IS_BETTER) else "worse"


def _times(ratio: Interval, floor: float) -> str:
    return f"{ratio.middle:.2f}x of before ({ratio.low:.2f} to {ratio.high:.2f}), noise floor {floor:.2f}"


def _cut(part: str, runs: Sequence[Run]) -> str:
    """Return how far the time limit cut an operation, by the fewest samples of a process; empty where it did not."""
    figures = [run.figures for run in runs if isinstance(run.figures, ServiceFigures) and is_cut(run.figures, part)]
    if not figures:
        return ""
    least = min((several.operations[part] for several in figures), key=lambda timed: timed.time.samples)
    return f"the time limit cut it to {least.time.samples:,} of {least.planned:,} steps"
