"""`leaderboard backends`: every URL scheme with its distribution, its guarantees, and whether it can be used here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import click
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..comparison.report.terminal import PlainConsole
from ..protocol import Capabilities
from ..registry import BackendInfo
from ..registry import backends as known_backends
from .streams import foreign_output_to_stderr

PIPE_WIDTH: Final = 100
"""Columns of the table where no terminal says how wide it is."""
WIDEST_NAME: Final = 24
"""Columns up to which a name stays on one line, so that it can be read and copied whole."""


@click.command("backends", short_help="List the backends: guarantees, and whether each can be used here.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of the table.")
def backends(*, as_json: bool) -> None:
    """List every URL scheme that is built in or provided by an installed plug-in.

    For each: its distribution and version, what it guarantees, and whether it can be used here, or why not.
    """
    with foreign_output_to_stderr():
        found = known_backends()
    if as_json:
        click.echo(json.dumps([_record(info) for info in found], indent=2))
    else:
        _print(PlainConsole(), found)


def _print(console: PlainConsole, found: Sequence[BackendInfo]) -> None:
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(_table(found))
    console.print(Text("\nWhat acknowledged updates survive"))
    for survives, schemes in _by_survival(found).items():
        console.print(Padding(Text(f"{', '.join(schemes)}: {survives}"), (0, 0, 0, 2)))
    problems = [info.problem for info in found if info.problem]
    if problems:
        console.print(Text("\nNot usable here"))
    for problem in problems:
        console.print(Text(f"  {problem}"), soft_wrap=True)  # the pip install line can be copied in one piece


def _table(found: Sequence[BackendInfo]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    for heading in ("scheme", "distribution", "version"):
        table.add_column(heading, overflow="fold", min_width=_width(heading, found))
    for heading in ("guarantees", "usable here"):
        table.add_column(heading, overflow="fold")
    for info in found:
        usable = "no" if info.problem else "yes"
        cells = (info.scheme, info.distribution, info.version, _promises(info), usable)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _width(heading: str, found: Sequence[BackendInfo]) -> int:
    return min(WIDEST_NAME, max(len(getattr(info, heading)) for info in found))


def _promises(info: BackendInfo) -> str:
    capabilities = _capabilities(info)
    if capabilities is None:
        return "unknown" if info.backend is None else "same as the board inside"
    words = ["durable" if capabilities.durable else "not durable", "shared" if capabilities.shared else "one process"]
    unsupported = [f"no {operation}" for operation in sorted(capabilities.unsupported)]
    return ", ".join([*words, capabilities.consistency, *unsupported])


def _capabilities(info: BackendInfo) -> Capabilities | None:
    """Return what a class promises; a wrapper's class promises nothing before there is a board inside."""
    found = getattr(info.backend, "capabilities", None)
    return found if isinstance(found, Capabilities) else None


def _by_survival(found: Sequence[BackendInfo]) -> dict[str, list[str]]:
    schemes: dict[str, list[str]] = {}
    for info in found:
        if capabilities := _capabilities(info):
            schemes.setdefault(capabilities.survives, []).append(info.scheme)
    return schemes


def _record(info: BackendInfo) -> dict[str, Any]:
    return {
        "scheme": info.scheme,
        "distribution": info.distribution,
        "version": info.version,
        "usable": not info.problem,
        "problem": info.problem or None,
        "capabilities": _fields(_capabilities(info)),
    }


def _fields(capabilities: Capabilities | None) -> dict[str, Any] | None:
    if capabilities is None:
        return None
    return {
        "durable": capabilities.durable,
        "shared": capabilities.shared,
        "consistency": capabilities.consistency,
        "survives": capabilities.survives,
        "unsupported": sorted(capabilities.unsupported),
        "feed": capabilities.feed,
        "fence": capabilities.fence,
    }
