"""`leaderboard config check`: every board of a file described and checked, before anything is opened."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from ..config import Opening, check_file
from ..errors import ConfigurationError
from ..location import Location, Option
from ..preflight.contradictions import contradictions
from ..preflight.expectations import Expectations, read_expectations
from ..registry import wrapper_class

SHORT_HELP: Final = "Check a file of boards without opening any of them."
HIDDEN: Final = "***"


@click.group("config", short_help=SHORT_HELP)
def config() -> None:
    """See what a file of boards says, and whether it is right."""


@config.command("check", short_help=SHORT_HELP)
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="Processes of the app that open each board; without it, workers of [preflight.NAME].",
)
def check(path: Path, workers: int | None) -> None:
    """Describe every board of FILE (TOML), and check every option and setting; nothing is opened or written.

    Exit code 1 where a board is wrong, with a line each that names the file, the board, the key and what is allowed.
    """
    find_modules_here()
    found = check_file(path)
    problems = [str(one) for one in found.values() if not isinstance(one, Opening)]
    openings = {name: one for name, one in found.items() if isinstance(one, Opening)}
    expected: Mapping[str, Expectations] = {}
    try:
        expected = read_expectations(path, found)
    except ConfigurationError as error:
        problems.append(str(error))
    for name, opening in openings.items():
        processes = workers or (expected[name].workers if name in expected else None) or 1
        wrong = [f"{path}, boards.{name}: {problem}" for problem in contradictions(opening, processes)]
        if not wrong:
            _print(_described(name, opening))
        problems += wrong
    if problems:
        for problem in problems:
            click.echo(f"Error: {' '.join(problem.split())}", err=True)
        sys.exit(1)
    click.echo(f"{path}: {len(found)} board{'s' if len(found) > 1 else ''}, all right. Nothing was opened.")


def find_modules_here() -> None:
    """Let functions that a file names (`app.players:exists`) be imported from the working directory, as Python does."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)


def _print(description: str) -> None:
    """Print a board's lines, the first one bold on a terminal; none is broken, so that it can be copied."""
    heading, *others = description.splitlines()
    console = Console()
    console.print(Text(heading, style="bold"), soft_wrap=True)
    for line in others:
        console.print(Text(line), soft_wrap=True)


def _described(name: str, opening: Opening) -> str:
    """Return what a board would be, its layers from the outside in, a line each."""
    options = _written(opening.options, opening.backend.options)
    lines = [
        f"boards.{name}: {opening.location.shown}, board {opening.board}, {opening.order}, keep {opening.keep}",
        f"  backend      {opening.backend.__name__}" + (f": {options}" if options else ""),
    ]
    for layer, settings in reversed([*opening.layers.items()]):
        lines.append(f"  {layer:<12} {_written(settings, wrapper_class(layer).options) or 'defaults'}")
    return "\n".join(lines)


def _written(settings: Mapping[str, Any], known: Mapping[str, Option]) -> str:
    """Return settings as they would be given, secrets hidden."""
    return ", ".join(f"{name}={_shown(value, known[name])}" for name, value in settings.items())


def _shown(value: object, option: Option) -> str:
    if option.secret:
        return _without_secret(value)
    if callable(value):
        return f"{getattr(value, '__module__', '?')}:{getattr(value, '__qualname__', type(value).__name__)}"
    shown = str(value).lower() if isinstance(value, bool) else "off" if value is None else str(value)
    return shown if shown.isprintable() else repr(shown)


def _without_secret(value: object) -> str:
    """Return a URL without its password and its query, which may hold one; of any other secret, nothing."""
    return Location.parse(value)[0].shown if isinstance(value, str) and "://" in value else HIDDEN
