"""Marks the fastest of a class, if the next one is slower by more than chance and the noise floor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from statistics import median
from typing import Final, NamedTuple, TypeAlias

from ...numerals import times
from ..document import NOTHING, Value
from ..readings import Statistic
from ..schema import Mode, Result
from ..statistics import ENOUGH_PROCESSES, Floors, Interval, NoiseClass, differs, ratio

Times: TypeAlias = Mapping[str, Mapping[int, float]]
"""One figure of several backends, by label and round; less is better."""

FASTEST: Final = "*"
"""Marks the figure of the fastest backend."""

SAME: Final = "≈"
"""Marks a ratio that says nothing: within the noise, or of too few processes."""

LEGEND: Final = (
    f"`{FASTEST}` the fastest of its class: the next one is slower by more than the interval of their ratio and the "
    f"noise floor. `{SAME}` equal to the fastest within the noise, or too few processes (under {ENOUGH_PROCESSES}) to "
    "tell."
)


class Judge(NamedTuple):
    """Judges what counts as a difference within one mode of a result."""

    result: Result
    floors: Floors
    mode: Mode

    def floor(self, statistic: Statistic, labels: Iterable[str]) -> float:
        """Return the largest noise floor of the backends' classes."""
        classes = [NoiseClass.of(self.result.facts(label)) for label in labels]
        return max(self.floors.of(each, self.mode, statistic) for each in classes)

    def slower(self, statistic: Statistic, measured: Times, label: str, other: str) -> tuple[Interval, bool] | None:
        """Return by how much a backend is slower than another, and whether that counts; `None` without a ratio."""
        one, two = measured[label], measured[other]
        if min([*one.values(), *two.values()]) <= 0:
            return None
        by = ratio(one, two)
        return by, differs(by, self.floor(statistic, (label, other)))

    def fastest(self, statistic: Statistic, measured: Times) -> str | None:
        """Return the fastest backend if it is clearly faster than the next one, else `None`."""
        order = ranked(measured)
        found = self.slower(statistic, measured, order[1], order[0]) if len(order) > 1 else None
        return order[0] if found is not None and found[1] else None

    def behind(self, statistic: Statistic, measured: Times, label: str) -> Value:
        """Return by how much a backend is slower than the fastest one, as text for a table."""
        order = ranked(measured)
        first = order[0] if label in order and len(order) > 1 else None
        found = None if first is None else self.slower(statistic, measured, label, first)
        if found is None:
            return NOTHING
        by, counts = found
        same = "" if counts or label == first else SAME
        ends = f"{times(by.low)} to {times(by.high)} of {first}, {by.processes} processes"
        return Value(same + times(by.middle), by.middle, hint=ends)

    def note(self, labels: Iterable[str], *statistics: Statistic) -> str:
        """Return the noise floors of backends as text."""
        known = dict.fromkeys(NoiseClass.of(self.result.facts(label)) for label in labels)
        return "Noise floor: " + "; ".join(self._floors(each, statistics) for each in known) + "."

    def _floors(self, noise_class: NoiseClass | None, statistics: Iterable[Statistic]) -> str:
        found = {statistic: self.floors.of(noise_class, self.mode, statistic) for statistic in statistics}
        said = ", ".join(f"{name} {'not known' if floor == inf else times(floor)}" for name, floor in found.items())
        return f"{class_words(noise_class)} {said}"


def ranked(measured: Times) -> list[str]:
    """Return the labels that have values, the least median first."""
    return sorted(filter(measured.get, measured), key=lambda label: median(measured[label].values()))


def class_words(noise_class: NoiseClass | None) -> str:
    """Return the name of a noise class."""
    if noise_class is None:
        return "never opened"
    where = {"process": "in the process", "file": "in a file", "server": "on a server"}[noise_class.home]
    return f"{where} that waits for the disk" if noise_class.every_commit else where
