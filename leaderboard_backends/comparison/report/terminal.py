"""The report on a terminal: what a reader wants first; details are left to Markdown and to the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from typing import Final, Literal

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table as RichTable
from rich.text import Text

from ...model import visible
from ..document import Section, Style, Table, Tone, pieces

PIPE_WIDTH: Final = 120
"""The least columns where no terminal says how wide it is."""

GAP: Final = 2
"""Columns of space between two of a table."""

NAME: Final = 28
"""Columns up to which the first column, which names the rows, stays on one line where the others have room."""

BREAKABLE: Final = 24
"""Characters from which on a word, such as a hash, may be broken."""

_TONES: Final[dict[Tone, str]] = {"": "", "good": "green", "bad": "red", "dim": "dim"}
_STYLES: Final[dict[Style, str]] = {"": "", "code": "cyan", "bold": "bold"}


class PlainConsole(Console):
    """A console that prints texts of others literally: escape sequences in them are shown, not executed."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments of what is printed, each cell of a table separately."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


def print_sections(sections: Sequence[Section], console: Console) -> None:
    """Print sections without their details; into a pipe at 120 columns or more."""
    if isinstance(console.file, TextIOWrapper):
        console.file.reconfigure(errors="replace")  # an ASCII terminal gets a question mark for a µ, and no traceback
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    for section in sections:
        _print(section, console, depth=0)


def _print(section: Section, console: Console, depth: int) -> None:
    if section.detail:
        return
    console.print(Text(section.title, style="bold underline" if depth else "bold reverse"))
    for paragraph in section.paragraphs:
        console.print(styled(paragraph))
    for point in section.points:
        console.print(styled(f"- {point}"))
    console.print()
    for table in section.tables:
        if table.title:
            console.print(Text(table.title, style="bold"))
        console.print(_table(table, console.width))
        console.print(styled(f"{table.note}\n" if table.note else "", "dim"))
    for inner in section.sections:
        _print(inner, console, depth + 1)


def styled(paragraph: str, style: str = "") -> Text:
    """Return a paragraph with its `code` and **bold**."""
    return Text.assemble(*((text, _STYLES[kind]) for text, kind in pieces(paragraph)), style=style)


def _table(table: Table, width: int) -> RichTable:
    made = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for column, room in zip(table.columns, _widths(table, width), strict=True):
        justify: Literal["left", "right"] = "right" if column.figures else "left"
        made.add_column(Text(column.heading), justify=justify, overflow="fold", width=room)
    for row in table.rows:
        made.add_row(*(Text(" ".join(value.text.split()), style=_TONES[value.tone]) for value in row))
    return made


def _widths(table: Table, width: int) -> list[int]:
    """Return the width of each column: figures on one line where all fit, else words whole where those fit.

    Each column that needs more gets an equal share of the room that is left.
    """
    texts = [[column.heading, *(row[place].text for row in table.rows)] for place, column in enumerate(table.columns)]
    whole = [max(map(len, column)) for column in texts]
    words = [min(BREAKABLE, max((len(word) for text in each for word in text.split()), default=1)) for each in texts]
    lines = [
        max(word, *map(len, found[1:]), 0) if column.figures else word
        for word, found, column in zip(words, texts, table.columns, strict=True)
    ]
    room = width - GAP * (len(whole) - 1)
    names = [length for length in whole[:1] if length <= NAME]
    tries = [[*first, *least[len(first) :]] for least in (lines, words) for first in (names, [])]
    widths = next((least for least in tries if sum(least) <= room), [1] * len(whole))
    left = max(0, room - sum(widths))
    order = sorted(range(len(widths)), key=lambda place: whole[place] - widths[place])
    for behind, place in zip(range(len(order), 0, -1), order, strict=True):
        more = max(0, min(left // behind, whole[place] - widths[place]))
        widths[place] += more
        left -= more
    return widths
