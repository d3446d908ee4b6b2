"""The words of the report: titles and introductions of sections, notes, and what charts show, all in `prose.toml`.

`{name}` in a text is filled in: a limit or a mark of the code, or a figure of the result that the caller gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from ...toml_files import parse_toml, read_text
from ..cost.footprint import FITTED_FROM
from ..document import Section, Table
from ..schema import DISTURBED_FROM
from ..statistics import ENOUGH_PROCESSES

_FILE: Final = Path(__file__).with_name("prose.toml")
_PROSE: Final[dict[str, Any]] = parse_toml(_FILE, read_text(_FILE))

DISTURBED: Final = "~"
"""Marks the figures of runs that other processes disturbed."""

_KNOWN: Final = {
    "disturbed": DISTURBED,
    "disturbed_from": DISTURBED_FROM,
    "enough": ENOUGH_PROCESSES,
    "fitted_from": FITTED_FROM,
}
"""What texts are filled in with, whatever the result."""

MISTAKES: Final[dict[str, str]] = {one["elsewhere"]: one["here"] for one in _PROSE["mistakes"]}
"""Mistakes of other benchmarks, and how they are avoided here."""


def words(name: str, /, **figures: object) -> str:
    """Return a text by its name, with its figures."""
    text: str = _PROSE["texts"][name]
    return text.format(**_KNOWN, **figures)


def section(
    name: str,
    tables: Sequence[Table] = (),
    sections: Sequence[Section] = (),
    more: Iterable[str] = (),
    *,
    detail: bool = False,
    **figures: object,
) -> Section:
    """Return a section with its title and introduction, and `more` after it.

    One that has neither tables nor sections says instead why there is `nothing`, where its words have that.
    """
    found = _PROSE["sections"][name]
    empty = "nothing" in found and not (tables or sections)
    said = [found["nothing"]] if empty else [*(text.format(**_KNOWN, **figures) for text in found["said"]), *more]
    title, points = found["title"].format(**figures), found.get("points", ())
    return Section(name, title, said, tables, sections=sections, detail=detail, points=points)
