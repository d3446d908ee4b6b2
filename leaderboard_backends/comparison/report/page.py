"""The report as one HTML document that needs nothing else: no network, no second file.

Its Content-Security-Policy names the stylesheet, the script and the libraries that draw by their hashes, and forbids
all else: every request, every other script, every style within an element.
"""

from __future__ import annotations

import gzip
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from itertools import count
from math import ceil, floor, inf, isclose, isnan, log10
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from ...errors import ConfigurationError, MissingExtraError
from ...installing import install_extra
from ...numerals import elapsed, size
from ..advice.grid import Grid, grid
from ..advice.need import LOST
from ..document import Chart, Column, Section, Table, Value, pieces
from ..result_files import encode_result
from ..schema import Result
from .advice import HEADLINES, TYPICAL, UPDATES, WHICH
from .palette import BY_VARIABLE, theme, variables

LIMIT: Final = 2_000_000
"""Bytes of a page, at most."""

TITLE: Final = "Leaderboard backends, measured"
FOLDER: Final = Path(__file__).with_name("page")
SCRIPTS: Final = ("page.js", "tables.js", "choice.js", "charts.js")
"""Concatenated in this order, they are one module."""

LONG: Final = 80
"""Characters from which on a cell's words need a wide column."""

CONTROLS: Final = {
    "players": "Players",
    "servers": "App servers",
    "workers": "Processes each",
    "durability": "May be lost in a power cut",
    "updates": "Updates/s",
    "reads": "Reads/s",
}
"""The axes of a need as a reader sets them."""

POWER_CUT: Final = LOST | {"every commit": "nothing (durable)"}

_ROOM: Final = 0.2
"""Powers of ten left free at both ends of a scale."""

_NUMBER: Final = re.compile(r"-?(?:[0-9][0-9,]*)?\.?[0-9]+")
"""What the page's script reads off a text as its number."""

_AS_TOLD: Final = 0.006
"""A text of three significant digits is exact to half of the last digit."""


def page(result: Result, sections: Sequence[Section], *, embed: bool = True) -> str:
    """Return the report as HTML; the first section is the verdict. With `embed`, it carries the whole result.

    Raises `MissingExtraError` without Jinja2 and vl-convert, `ConfigurationError` for a page of more than 2 MB, and
    `ValueError` where two charts have one name. Cost: a second or two.
    """
    with report_extra():
        import jinja2  # noqa: PLC0415 - an extra

    answers = grid(result) if any(section.name == WHICH for section in sections) else None
    carried = embedded(result if embed else None, sections, answers)
    packed = {name: b64encode(gzip.compress(text, compresslevel=9, mtime=0)).decode() for name, text in carried.items()}
    style, script = stylesheet(), "\n".join(_read(name) for name in SCRIPTS)
    libraries = [carried["vega"].decode()] if "vega" in carried else []
    files = jinja2.FileSystemLoader(FOLDER)
    environment = jinja2.Environment(loader=files, autoescape=True, undefined=jinja2.StrictUndefined)
    html = environment.get_template("report.html.j2").render(
        title=TITLE,
        result=result,
        shown=[section for number, section in enumerate(sections) if not number or _in_view(section)],
        figures=[section for number, section in enumerate(sections) if number and not _in_view(section)],
        grid=answers,
        asked=WHICH,
        embedded=packed,
        result_bytes=len(carried.get("result", b"")),
        policy=policy(style, [script, *libraries]),
        style=style,
        script=script,
        pieces=pieces,
        attributes=attributes,
        word_columns=word_columns,
        has_hints=has_hints,
        need_controls=need_controls,
        scale=Scale.of,
        size=size,
        number=count(1).__next__,
    )
    if (total := len(html.encode())) > LIMIT:
        parts = "".join(f"{name} {size(len(data))}, " for name, data in packed.items())
        rest = total - sum(map(len, packed.values()))
        remedy = "leave the raw data out (--no-embed)" if "result" in packed else "report fewer backends or sizes"
        raise ConfigurationError(
            f"the page has {size(total)} ({parts}words and tables {size(rest)}), and {size(LIMIT)} are allowed, so "
            f"that it can be mailed and opened on a phone: {remedy}."
        )
    return html


def _in_view(section: Section) -> bool:
    """Whether any part of a section is unfolded: a folded one without a chart is among all figures."""
    return bool(section.charts) or not (section.folded or section.detail)


# ---------------------------------------------------------------------- what a page carries


def embedded(result: Result | None, sections: Sequence[Section], grid: Grid | None = None) -> dict[str, bytes]:
    """Return what a page of these sections needs, by name: `vega` and `charts` where it has charts, `grid`, `result`.

    Raises `MissingExtraError` without vl-convert, and `ValueError` where two charts have one name.
    """
    by_name, texts = dict[str, Any](), dict[str, bytes]()
    for chart in (chart for section in sections for chart in charts_in(section)):
        if chart.name in by_name:
            raise ValueError(f"two charts are named {chart.name}: a page shows each chart once.")
        by_name[chart.name] = chart.specification
    if by_name:
        texts["vega"] = vega().encode()
        texts["charts"] = msgspec.json.encode({"theme": theme(BY_VARIABLE), "charts": by_name})
    if grid is not None:
        texts["grid"] = msgspec.json.encode(grid)
    if result is not None:
        texts["result"] = encode_result(result)
    return texts


@cache
def vega() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, which sets `vegaEmbed`. Cost: a second, once."""
    with report_extra():
        import vl_convert  # noqa: PLC0415 - an extra, and slow to start

    return vl_convert.javascript_bundle("globalThis.vegaEmbed = vegaEmbed;")


def charts_in(section: Section) -> Iterator[Chart]:
    """Yield the charts of a section and of those within it."""
    yield from section.charts
    for inner in section.sections:
        yield from charts_in(inner)


@contextmanager
def report_extra() -> Iterator[None]:
    """Import libraries of the extra within this context.

    Raises `MissingExtraError`, with the `pip install` line, where one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"altair", "jinja2", "vl_convert"}:
            raise
        raise MissingExtraError(
            f"a page and its charts need {error.name}, which is not installed: {install_extra('tools')}"
        ) from error


# ---------------------------------------------------------------------- what is allowed to run


def stylesheet() -> str:
    """Return the page's stylesheet: the palette's colours as variables, and the rest."""
    colours = "".join(f"--{name}:light-dark({light},{dark});" for name, light, dark in variables())
    words = ",".join(f".w{place} tr>:nth-child({place})" for place in range(1, 41))
    return f":root{{{colours}}}\n{_read('report.css')}\n{words}{{text-align:left;white-space:normal}}\n"


def policy(style: str, scripts: Sequence[str]) -> str:
    """Return the Content-Security-Policy: these texts, and nothing from anywhere."""
    allowed = " ".join(_hash(script) for script in scripts)
    return f"default-src 'none'; style-src {_hash(style)}; script-src {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


# ---------------------------------------------------------------------- what the template asks for


def need_controls(answers: Grid) -> Iterator[tuple[str, str, list[tuple[object, str, bool]]]]:
    """Yield the controls of a need: the axis, its title, and the values with their words; one value is preselected."""
    typical = TYPICAL[HEADLINES[0]].changed(players=answers.largest)
    first = {**msgspec.structs.asdict(typical), "updates": int(UPDATES), "reads": int(UPDATES)}
    for name, title in CONTROLS.items():
        values: list[Any] = getattr(answers.axes, name)
        chosen = first[name] if first[name] in values else values[-1]
        words = [POWER_CUT.get(value) or f"{value:,}" for value in values]
        yield name, title, [(value, text, value == chosen) for value, text in zip(values, words, strict=True)]


class Scale(NamedTuple):
    """The logarithmic axis of a table's column, from one power of ten in microseconds to another."""

    low: float
    high: float

    @classmethod
    def of(cls, table: Table) -> Scale | None:
        """Return the axis that all scaled values of a table share; `None` where it has none."""
        shown = [place for place, column in enumerate(table.columns) if column.scale]
        powers = [log10(float(key)) for row in table.rows for place in shown if (key := row[place].sort)]
        if not powers:
            return None
        low, high = min(powers) - _ROOM, max(powers) + _ROOM
        return cls(low, high) if floor(high) > ceil(low) else cls(floor(low), ceil(high))

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """The position of each power of ten, with its label: `10 µs`, `1 ms`."""
        powers = [10.0**power for power in range(ceil(self.low), floor(self.high) + 1)]
        return [(self.place(time_us), elapsed(time_us / 1e6, 1)) for time_us in powers]

    def place(self, time_us: float) -> float:
        """Return where a time is, in percent of the width."""
        return round(100 * (log10(time_us) - self.low) / (self.high - self.low), 2)


def has_hints(table: Table) -> bool:
    """Whether a table has anything to explain."""
    return any(column.hint for column in table.columns) or any(value.hint for row in table.rows for value in row)


def word_columns(table: Table) -> str:
    """Return the classes of a table that say which columns have words: `w1` is the first."""
    return " ".join(f"w{place}" for place, column in enumerate(table.columns, 1) if not column.figures)


def attributes(value: Value, column: Column) -> dict[str, str]:
    """Return the attributes of a cell: its looks, and its sort key if that is not the text."""
    sentences = "long" if not column.figures and len(value.text) > LONG else ""
    kinds = " ".join(filter(None, ["scale" if column.scale else "", sentences, value.tone]))
    return ({"class": kinds} if kinds else {}) | _sort_key(value, column)


def _sort_key(value: Value, column: Column) -> dict[str, str]:
    """Return what a cell is sorted by: nothing where the page's script reads it off the text."""
    found = _NUMBER.match(value.text) if column.figures else None
    key, number = value.sort, float(found[0].replace(",", "")) if found else None
    if isinstance(key, str):
        return {"data-text": key} if column.figures or key != value.text else {}
    if key is None:
        return {} if number is None else {"data-last": ""}
    if isnan(key):
        return {"data-last": ""}
    if number is not None and isclose(number, key, rel_tol=_AS_TOLD):
        return {}
    return {"data-sort": f"{key:.9g}" if abs(key) < inf else f"{key}".replace("inf", "Infinity")}
