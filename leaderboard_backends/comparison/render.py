"""Tables on a terminal and in Markdown; the report and its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from .result import Comparison, encode_result
from .tables import Table, tables

RESULT_FILE: Final = "result.json"
REPORT_FILE: Final = "report.md"

PIPE_WIDTH: Final = 120
"""Columns where no terminal says how wide it is."""


def print_tables(result: Comparison, console: Console) -> None:
    """Print the tables that a reader of a terminal wants; the details are in the report."""
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    for table in tables(result):
        if not table.detail:
            console.print(_rich(table))
            console.print(Text(table.note, style="dim") if table.note else "")


def write_report(result: Comparison, directory: Path) -> None:
    """Write `result.json` and `report.md`, each whole or not at all; makes the directory. Raises `OSError`."""
    directory.mkdir(parents=True, exist_ok=True)
    _replace(directory / RESULT_FILE, encode_result(result))
    _replace(directory / REPORT_FILE, markdown_report(result).encode())


def markdown_report(result: Comparison) -> str:
    """Return the report as Markdown: every table, then how to read them."""
    head = "# Comparison of leaderboard backends\n\n"
    if not result.finished:
        head += "**Interrupted: what was not run has a row that says so.**\n\n"
    methods = "".join(f"- {name}: {text}.\n" for name, text in result.methods.items())
    notes = Path(__file__).with_name("notes.md").read_text(encoding="utf-8")
    body = "\n".join(markdown(table) for table in tables(result))
    return f"{head}{body}\n{notes}\n## How the figures were taken\n\n{methods}"


def markdown(table: Table) -> str:
    """Return one table as Markdown whose columns line up in the source as well."""
    rows = [[_escape(cell) for cell in row] for row in table.rows]
    headings = [_escape(column.heading) for column in table.columns]
    widths = [max(3, *(len(row[index]) for row in (headings, *rows))) for index in range(len(headings))]
    right = [column.figures for column in table.columns]
    rules = [f"{'-' * (width - 1)}{':' if figures else '-'}" for width, figures in zip(widths, right, strict=True)]
    lines = [_line(cells, widths, right) for cells in (headings, rules, *rows)]
    note = f"\n{table.note}\n" if table.note else ""
    return f"## {table.title}\n\n{''.join(lines)}{note}"


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if figures else cell.ljust(width)
        for cell, width, figures in zip(cells, widths, right, strict=True)
    )
    return f"| {' | '.join(padded)} |\n"


def _rich(table: Table) -> RichTable:
    made = RichTable(
        title=table.title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        title_style="bold",
    )
    for column in table.columns:
        made.add_column(column.heading, justify="right" if column.figures else "left", overflow="fold")
    for row in table.rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def _escape(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _replace(path: Path, content: bytes) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.replace(path)
