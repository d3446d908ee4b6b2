"""Axes of charts: how a quantity is labelled, and which part of it a logarithmic axis shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10
from typing import Final, NamedTuple

import altair as alt

AS_TIME: Final = (
    "datum.value < 1e3 ? format(datum.value, '~r') + ' µs' : "
    "datum.value < 1e6 ? format(datum.value / 1e3, '~r') + ' ms' : format(datum.value / 1e6, '~r') + ' s'"
)
AS_NUMBER: Final = "format(datum.value, '~s')"
"""With k and M."""
AS_DOLLARS: Final = "'$' + format(datum.value, '~s')"

_ROOM: Final = 1.25
"""Beyond the smallest and the largest number, as a factor."""

_FEW_TICKS: Final = 3


class Axis(NamedTuple):
    """A logarithmic axis of one field of the rows."""

    title: str
    label: str
    """An expression of Vega that turns `datum.value` into text."""
    ticks: Sequence[float]
    domain: tuple[float, float]
    field: str = "value"

    @property
    def scale(self) -> alt.Scale:
        """The scale, the same in all panels."""
        return alt.Scale(type="log", domain=list(self.domain), nice=False)

    @property
    def axis(self) -> alt.Axis:
        """The axis as drawn."""
        return alt.Axis(title=self.title or None, values=list(self.ticks), labelExpr=self.label)


def logarithmic(title: str, label: str, numbers: Iterable[float]) -> Axis:
    """Return an axis of values that shows all these numbers, which must be above 0, with ticks at powers of ten."""
    known = [*numbers]
    domain = (min(known) / _ROOM, max(known) * _ROOM)
    return Axis(title, label, _decades(*domain), domain)


def at_each(field: str, title: str, numbers: Iterable[float]) -> Axis:
    """Return an axis with a tick at each of these numbers, which must be above 0."""
    ticks = sorted({*numbers})
    return Axis(title, AS_NUMBER, ticks, (ticks[0] / _ROOM, ticks[-1] * _ROOM), field)


def _decades(low: float, high: float) -> list[float]:
    """Return the powers of ten within, or steps of 1, 2 and 5 where those are few."""
    powers = [10.0**power for power in range(floor(log10(low)), ceil(log10(high)) + 1)]
    ticks = [power for power in powers if low <= power <= high]
    if len(ticks) >= _FEW_TICKS:
        return ticks
    return [tick for power in powers for step in (1, 2, 5) if low <= (tick := step * power) <= high]
