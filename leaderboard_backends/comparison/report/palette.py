"""How charts look: colours of both themes, shapes, and the configuration that every chart is drawn with.

A chart's specification names no colour. A backend has a place in the palette, by its place in the result, so that it
looks the same in every chart of a report; it also has a shape, so that colour is never the only sign.

Any two colours of a theme are at least 0.085 apart in OKLab, four times what can just be told apart, as seen with full
colour vision and with each of the three kinds of colour blindness (Machado, Oliveira and Fernandes, A physiologically-
based model for simulation of color vision deficiency, 2009), and each has a contrast of 3:1 with its background. A test
computes that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

SHAPES: Final = (
    *("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "M-1,-1L1,1M-1,1L1,-1M-1,-1Z"),
    *("triangle-right", "triangle-left"),
)
"""One fewer than colours, so that a colour comes back with another shape."""


class Colours(NamedTuple):
    """One theme."""

    paper: str
    ink: str
    muted: str
    """Of text that explains."""
    line: str
    """Of grids and borders."""
    series: tuple[str, ...]


LIGHT: Final = Colours(
    paper="#ffffff",
    ink="#1b2129",
    muted="#58626f",
    line="#d9dee5",
    series=(
        *("#4a59ee", "#a55e04", "#669084", "#791fb3", "#a82751"),
        *("#a49105", "#0d2247", "#1195f7", "#4b2d1e", "#505f87"),
    ),
)

DARK: Final = Colours(
    paper="#12161c",
    ink="#e3e8ee",
    muted="#9ba6b3",
    line="#2d3540",
    series=(
        *("#5d69e8", "#fb8934", "#06dda4", "#bf80fe", "#f6416e"),
        *("#e8d338", "#adb1e2", "#a9e6ff", "#ac6302", "#7f8ba7"),
    ),
)

BY_VARIABLE: Final = Colours(
    paper="var(--paper)",
    ink="var(--ink)",
    muted="var(--muted)",
    line="var(--line)",
    series=tuple(f"var(--series-{place})" for place in range(len(LIGHT.series))),
)
"""Colours by names of a page's stylesheet: a chart drawn as SVG follows the theme without being redrawn."""


def variables() -> Iterator[tuple[str, str, str]]:
    """Yield the name of each variable of `BY_VARIABLE` with its colour in the light and in the dark theme."""
    for place, name in enumerate(Colours._fields[:-1]):
        yield name, str(LIGHT[place]), str(DARK[place])
    for place, (light, dark) in enumerate(zip(LIGHT.series, DARK.series, strict=True)):
        yield f"series-{place}", light, dark


def shapes(count: int) -> list[str]:
    """Return the shapes of that many backends."""
    return [SHAPES[place % len(SHAPES)] for place in range(count)]


def theme(colours: Colours) -> dict[str, Any]:
    """Return the configuration of Vega-Lite that charts are drawn with: that of `theme.json`, in these colours."""
    text = (Path(__file__).with_name("page") / "theme.json").read_text(encoding="utf-8")
    for name, value in colours._asdict().items():
        text = text.replace(f'"${name}"', json.dumps(value))
    config: dict[str, Any] = json.loads(text)
    return config
