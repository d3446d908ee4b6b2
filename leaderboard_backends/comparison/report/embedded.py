"""What a page carries with it: the libraries that draw, its charts and the whole result, each as gzip in base64."""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import msgspec

from ...numerals import size
from ..advice.grid import Grid
from ..document import Chart, Section
from ..result_files import encode_result
from ..schema import Result
from .extra import report_extra
from .palette import BY_VARIABLE, theme

_SNIPPET: Final = "globalThis.vegaEmbed = vegaEmbed;"


@dataclass(frozen=True, slots=True)
class Embedded:
    """A text, and the same compressed."""

    content: bytes
    packed: str

    @property
    def size(self) -> str:
        """Its size in words."""
        return size(len(self.content))

    @property
    def packed_size(self) -> str:
        """The size that it has in the page, in words."""
        return size(len(self.packed))


def pack(content: bytes) -> Embedded:
    """Return a text compressed; the same text is packed into the same bytes."""
    return Embedded(content, b64encode(gzip.compress(content, compresslevel=9, mtime=0)).decode())


def embedded(result: Result | None, sections: Sequence[Section], grid: Grid | None = None) -> dict[str, Embedded]:
    """Return what a page of these sections needs, by name: `vega` and `charts` where it has charts, `grid`, `result`.

    Raises `MissingExtraError` without vl-convert, and `ValueError` where two charts have one name.
    """
    charts = _by_name(chart for section in sections for chart in charts_in(section))
    found = {}
    if charts:
        found["vega"] = pack(vega().encode())
        found["charts"] = pack(msgspec.json.encode({"theme": theme(BY_VARIABLE), "charts": charts}))
    if grid is not None:
        found["grid"] = pack(msgspec.json.encode(grid))
    if result is not None:
        found["result"] = pack(encode_result(result))
    return found


@cache
def vega() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, which sets `vegaEmbed`. Cost: a second, once."""
    with report_extra():
        import vl_convert  # noqa: PLC0415 - an extra, and slow to start

    return vl_convert.javascript_bundle(_SNIPPET)


def charts_in(section: Section) -> Iterator[Chart]:
    """Yield the charts of a section and of those within it."""
    yield from section.charts
    for inner in section.sections:
        yield from charts_in(inner)


def _by_name(charts: Iterable[Chart]) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for chart in charts:
        if chart.name in found:
            raise ValueError(f"two charts are named {chart.name}: a page shows each chart once.")
        found[chart.name] = chart.specification
    return found
