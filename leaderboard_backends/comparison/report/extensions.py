"""Sections of plug-ins: what an installed distribution adds to the end of every report.

A distribution names a function in the entry-point group `leaderboard_backends.sections`. It is called with the
`Subject` of the report, and returns sections (`comparison.document`): titles, paragraphs and tables, which a terminal,
Markdown and a page show as they show all others. Nothing is measured for it; what a plug-in wants to have measured,
it names as programs (`comparison.programs`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, NamedTuple, TypeAlias

from ...errors import PluginError
from ...model import shorten
from ...registry import distribution_of, installed, load_plugin
from ..cost.source import Inputs
from ..document import Section
from ..measurements import Measurements
from ..schema import Result

ENTRY_POINT_GROUP: Final = "leaderboard_backends.sections"


class Subject(NamedTuple):
    """What a report is about, and all that its sections are computed from.

    `comparison.cost` computes bytes and amounts from it, `comparison.advice` what fits a need.
    """

    measurements: Measurements
    """Every figure by round, and noise floors."""
    inputs: Inputs
    """Prices, and the model of costs."""
    today: date
    """Decides which prices are said to be old."""

    @property
    def result(self) -> Result:
        """The whole result."""
        return self.measurements.result


Sections: TypeAlias = Callable[[Subject], Sequence[Section]]
"""What an entry point names. Names of sections are anchors: begin each with the name of the entry point."""


def plugin_sections(subject: Subject) -> list[Section]:
    """Return the sections of all installed plug-ins, by the names of their entry points.

    Raises `PluginError`, with the distribution, where one cannot be imported, fails, or returns something else.
    """
    found: list[Section] = []
    for point in sorted(installed(ENTRY_POINT_GROUP), key=lambda point: point.name):
        owner = f"the report's section {point.name} of {distribution_of(point)}"
        make: Sections = load_plugin(point, owner)
        try:
            made = list(make(subject))
        except Exception as error:
            raise PluginError(
                f"{owner} failed ({point.value}): {type(error).__name__}: {error}. To make reports without it, "
                f"uninstall {distribution_of(point)}."
            ) from error
        for section in made:
            if not isinstance(section, Section):
                raise PluginError(f"{owner} returned {shorten(section)}: {point.value} must return sections.")
        found += made
    return found
