"""Charts as files of their own: SVG and PNG, for a light and for a dark page, drawn without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import vl_convert

from ...document import Chart
from .palette import DARK, LIGHT, Colours, theme
from .panels import WIDTH

THEMES: Final = {"light": LIGHT, "dark": DARK}
_SCALE: Final = 2.0
"""Pixels of a PNG by those of the chart."""

_PADDING: Final = 16


def drawn(chart: Chart, *, png: bool) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file of a chart."""
    for name, colours in THEMES.items():
        specification = whole(chart, colours)
        yield f"{chart.name}-{name}.svg", vl_convert.vegalite_to_svg(specification).encode()
        if png:
            yield f"{chart.name}-{name}.png", vl_convert.vegalite_to_png(specification, scale=_SCALE)


def whole(chart: Chart, colours: Colours) -> dict[str, Any]:
    """Return the specification of a chart that stands alone: with its title, on a background."""
    config = theme(colours)
    config["background"] = colours.paper
    config["legend"]["columns"] = WIDTH // chart.specification["usermeta"]["entry"]
    return {**chart.specification, "title": chart.title, "padding": _PADDING, "config": config}
