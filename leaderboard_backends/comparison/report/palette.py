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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

_FOLDER: Final = Path(__file__).with_name("page")
_PALETTE: Final[dict[str, Any]] = json.loads((_FOLDER / "palette.json").read_text(encoding="utf-8"))

SHAPES: Final[list[str]] = _PALETTE["shapes"]
"""One fewer than colours, so that a colour comes back with another shape."""


class Colours(NamedTuple):
    """One theme."""

    paper: str
    ink: str
    muted: str
    """Of text that explains."""
    line: str
    """Of grids and borders."""
    series: Sequence[str]


LIGHT: Final = Colours(**_PALETTE["light"])
DARK: Final = Colours(**_PALETTE["dark"])

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
    text = (_FOLDER / "theme.json").read_text(encoding="utf-8")
    for name, value in colours._asdict().items():
        text = text.replace(f'"${name}"', json.dumps(value))
    config: dict[str, Any] = json.loads(text)
    return config
