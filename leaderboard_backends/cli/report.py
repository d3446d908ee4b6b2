"""`leaderboard report`: a page, charts and tables of a result, and what changed since an older one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click

from ..comparison.comparable import caution, merge
from ..comparison.document import Chart, Section
from ..comparison.report.changes import changes, regression_sections
from ..comparison.report.markdown import markdown
from ..comparison.report.page import TITLE, page
from ..comparison.report.sections import chart_files, charts, illustrated, sections
from ..comparison.report.terminal import PlainConsole, print_sections
from ..comparison.result_files import is_stream, read_result, write_atomically
from .options import STREAM, OutputPath

RESULT_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command("report", short_help="Turn a result into a page, charts and tables; find regressions.")
@click.argument("results", type=RESULT_FILE, metavar="RESULT.json...", nargs=-1, required=True)
@click.option(
    "--html",
    type=OutputPath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write one HTML page that works offline and includes the raw data.",
)
@click.option(
    "--markdown",
    "markdown_file",
    type=OutputPath(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write the tables as Markdown; - is stdout.",
)
@click.option(
    "--charts",
    "chart_folder",
    type=OutputPath(file_okay=False, path_type=Path),
    help="Write the charts as SVG files to this folder.",
)
@click.option(
    "--against", type=RESULT_FILE, metavar="OLD.json", help="Report what changed since an older result instead."
)
@click.option("--allow-other-machine", is_flag=True, help="With --against: compare even if the machines differ.")
@click.option(
    "--allow-missing", is_flag=True, help="With --against: exit with 0 even if runs have no figures any more."
)
@click.option("--no-embed", is_flag=True, help="Leave the raw data out of the page.")
def report(
    results: tuple[Path, ...],
    html: Path | None,
    markdown_file: str | None,
    chart_folder: Path | None,
    against: Path | None,
    *,
    allow_other_machine: bool,
    allow_missing: bool,
    no_embed: bool,
) -> None:
    """Write a page, charts and tables from RESULT.json; nothing is measured.

    Several results of the same machine, code, workloads and settings are merged: a backend measured later stands beside
    the others, and the report says that their rounds were not interleaved.

    Without --html, --markdown and --charts, the tables are printed. With --against, the report shows what changed since
    an older result: a difference counts only if its 95 % interval excludes 1 and exceeds the noise floor of both
    results. Exits with code 1 if something got slower or larger, or if a run has no figures any more.
    """
    if against is not None and chart_folder is not None:
        raise click.UsageError("--charts draws a result, and --against compares it with another one: give one of them.")
    markdown_path = None if markdown_file is None or markdown_file == STREAM else Path(markdown_file)
    _check_places([*results, *filter(None, [against])], [*filter(None, [html, markdown_path])])
    new = merge([read_result(path) for path in results])
    worse, files = False, dict[str, str]()
    if against is None:
        merged = [Section("merged", "A merged result", [said])] if (said := caution(new)) else []
        found = [*merged, *sections(new)]
        if html is not None or chart_folder is not None:
            drawn = charts(new)
            found = illustrated(found, drawn)
            every = [chart for of_section in drawn.values() for chart in of_section]
            files = _write_charts(every, chart_folder, beside=markdown_path) if chart_folder else {}
    else:
        old = read_result(against)
        changed = changes(old, new, allow_other_machine=allow_other_machine)
        found = regression_sections(new, old, changed)
        worse = bool(changed.regressions or (changed.missing and not allow_missing))
    if html is not None:
        _write(html, page(new, found, embed=not no_embed))
    if markdown_path is not None:
        _write(markdown_path, markdown(found, TITLE, files))
    elif markdown_file is not None:
        click.echo(markdown(found, TITLE, files).encode(), nl=False)
    if html is chart_folder is None and markdown_file is None:
        print_sections(found, PlainConsole())
    sys.exit(1 if worse else 0)


def _check_places(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    """Refuse to write a page over what it is made of, or over another page."""
    taken = {path.resolve(): f"{path} is read" for path in sources}
    for path in targets:
        if path.resolve() in taken:
            raise click.UsageError(f"{taken[path.resolve()]}: give the page at {path} another name.")
        if not is_stream(path):
            taken[path.resolve()] = f"{path} is written"


def _write_charts(drawn: Sequence[Chart], folder: Path, beside: Path | None) -> dict[str, str]:
    """Write all charts, and return where each one's picture is, as seen from the Markdown beside."""
    start = (beside.parent if beside else Path()).resolve()
    for name, content in chart_files(drawn).items():
        _write(folder / name, content)
    folder = Path(os.path.relpath(folder.resolve(), start))
    return {chart.name: quote(os.fsencode(folder / f"{chart.name}-light.svg")) for chart in drawn}


def _write(path: Path, content: str | bytes) -> None:
    try:
        write_atomically(path, content)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}.") from error
    click.echo(f"Written: {path}", err=True)
