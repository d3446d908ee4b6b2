"""`leaderboard config check`: describe and check every board of a file without opening any."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text

from ..comparison.report.terminal import PlainConsole
from ..config import Opening, check_file
from ..errors import ConfigurationError
from ..location import Location, NamedFunction, Option, functions_named
from ..model import visible
from ..preflight.contradictions import contradictions
from ..preflight.expectations import Expectations, read_expectations
from ..registry import wrapper_class
from ..testing.opening import find_modules_here
from .options import WholeRange
from .streams import foreign_output_to_stderr

SHORT_HELP: Final = "Check a configuration file of boards without opening any."
HIDDEN: Final = "***"


@click.group("config", short_help=SHORT_HELP)
def config() -> None:
    """Show and check a configuration file of boards."""


@config.command("check", short_help=SHORT_HELP)
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@click.option(
    "--workers",
    type=WholeRange(1),
    metavar="N",
    help="Processes of the app that open each board.  [default: workers in [preflight.NAME]]",
)
@click.option(
    "--import", "imports", is_flag=True, help="Also import the functions that FILE names, which runs their modules."
)
def check(path: Path, workers: int | None, *, imports: bool) -> None:
    """Describe every board of FILE (TOML) and check every option; nothing is opened or written.

    A function that FILE names (player_exists = "app.players:exists") is shown as written; with --import it is also
    imported, from an installed package or the current folder. Exits with code 1 if a board is wrong, after one line
    per error that names the file, the board, the key and what is allowed.
    """
    if imports:
        find_modules_here()
    with foreign_output_to_stderr(), nullcontext() if imports else functions_named():
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
            click.echo(visible(f"Error: {' '.join(problem.split())}"), err=True)
        sys.exit(1)
    ran = "Nothing was opened." if imports else "Nothing was opened or imported."
    click.echo(visible(f"{path}: {len(found)} board{'s' if len(found) > 1 else ''}, no errors. {ran}"))


def _print(description: str) -> None:
    """Print a board's lines, the first one bold on a terminal; none is broken, so that it can be copied."""
    heading, *others = description.splitlines()
    console = PlainConsole()
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
    if isinstance(value, NamedFunction):
        return value.name
    if callable(value):
        return f"{getattr(value, '__module__', '?')}:{getattr(value, '__qualname__', type(value).__name__)}"
    shown = str(value).lower() if isinstance(value, bool) else "off" if value is None else str(value)
    return shown if shown.isprintable() else repr(shown)


def _without_secret(value: object) -> str:
    """Return a URL without its password and its query, which may hold one; of any other secret, nothing."""
    return Location.parse(value)[0].shown if isinstance(value, str) and "://" in value else HIDDEN
