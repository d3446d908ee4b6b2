"""`leaderboard preflight`: a checklist to run against the boards of a file before a launch."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
from rich import box
from rich.table import Table
from rich.text import Text

from ..comparison.cost.cluster import tiers
from ..comparison.cost.footprint import footprints
from ..comparison.cost.source import Inputs, load_result
from ..comparison.measurements import Measurements
from ..comparison.report.terminal import PlainConsole
from ..config import Opening, check_file
from ..errors import ConfigurationError
from ..model import visible
from ..preflight.expectations import Expectations, read_expectations, stated
from ..preflight.finding import STATUSES, Line, Report, Status
from ..preflight.run import run_checks
from ..testing.opening import find_modules_here
from .options import FiniteRange, WholeRange
from .streams import foreign_output_to_stderr

SHORT_HELP: Final = "Check before a launch that configured boards are ready."
PIPE_WIDTH: Final = 100
"""Columns of the table where no terminal says how wide it is."""

SCHEMA_VERSION: Final = 1
METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

_STYLES: Final[dict[Status, str]] = {
    "passed": "green",
    "not applicable": "dim",
    "warning": "yellow",
    "failed": "bold red",
}


@click.command("preflight", short_help=SHORT_HELP)
@click.option(
    "--config",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The boards (TOML), and in tables [preflight.NAME] the load that they must serve.",
)
@click.option("--board", "names", multiple=True, metavar="NAME", help="Check only this board; repeatable.")
@click.option(
    "--seconds",
    type=FiniteRange(0.1, 60),
    default=5.0,
    show_default=True,
    help="Duration of the load test, in seconds.",
)
@click.option("--workers", type=WholeRange(1), metavar="N", help="Processes of the app; overrides workers in FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the tables.")
def preflight(path: Path, names: tuple[str, ...], seconds: float, workers: int | None, *, as_json: bool) -> None:
    """Check that each board of FILE is ready for production, and say what is missing and what to do.

    Checks latency at twice the expected load, the rate limit, validation rules, metrics, alerts, persistence and memory
    of the server, TLS and passwords, a backup and its restore, answers during an outage, documents, and known
    anti-patterns. The checks run on scratch boards (preflight-…) on the same storage with the same layers, which are
    deleted afterwards; the configured board is never written.

    Exits with code 1 if a check failed. A part that is off, such as monitoring, is a warning, not a failure.
    """
    find_modules_here()
    with foreign_output_to_stderr():
        found = check_file(path)
    expectations = read_expectations(path, found)
    chosen, openings = _chosen(path, names, found), dict[str, Opening]()
    for name, one in found.items():
        if isinstance(one, Opening):
            openings[name] = one
        elif name in chosen:
            raise one
    if workers is not None:
        expectations = {name: replace(expected, workers=workers) for name, expected in expectations.items()}
    logging.getLogger("leaderboard_backends").addHandler(
        logging.NullHandler()
    )  # simulated outages are no news; the table has the results
    reports = []
    for name in chosen:
        with foreign_output_to_stderr(), _metrics_apart():
            reports.append(_run(name, openings, expectations, seconds))
        if not as_json:
            _print(reports[-1])
    if as_json:
        click.echo(_to_json(reports, expectations, seconds))
    sys.exit(1 if any(report.failed for report in reports) else 0)


@contextmanager
def _metrics_apart() -> Iterator[None]:
    """Keep the counts of scratch boards out of the files in which the app's processes keep theirs."""
    given = os.environ.get(METRICS_FOLDER)
    if not given:
        yield
        return
    with TemporaryDirectory(prefix="leaderboard-preflight-") as folder:
        os.environ[METRICS_FOLDER] = folder
        try:
            yield
        finally:
            os.environ[METRICS_FOLDER] = given


def _chosen(path: Path, names: Sequence[str], boards: Collection[str]) -> list[str]:
    if unknown := [name for name in names if name not in boards]:
        raise ConfigurationError(f"{path} has no board {unknown[0]}; its boards are {', '.join(boards)}.")
    return [name for name in boards if not names or name in names]


def _run(
    name: str, openings: Mapping[str, Opening], expectations: Mapping[str, Expectations], seconds: float
) -> Report:
    """Run the checks; after an interrupt, print which scratch boards may be left."""
    console = PlainConsole(stderr=True)
    try:
        with console.status(f"{name}: …") as status:
            return run_checks(
                name,
                openings,
                expectations,
                seconds,
                lambda check: status.update(Text(f"{name}: {check} …")),
                one_server_holds,
            )
    except KeyboardInterrupt as interrupt:
        for note in getattr(interrupt, "__notes__", ()):
            click.echo(visible(" ".join(note.split())), err=True)
        raise


def one_server_holds(durable: bool) -> int | None:  # noqa: FBT001 - as the checks ask
    """Return how many players one server holds by the shipped result and prices; `None` where it has no such board."""
    published = Measurements(load_result())
    known = tiers(published, footprints(published), Inputs.read(), sizes=())
    if known is None:
        return None
    return known.durable if durable else known.holds


# ---------------------------------------------------------------------- what is shown


def _print(report: Report) -> None:
    console = PlainConsole()
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    console.print(Text(f"{report.board} at {report.place}", style="bold"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    table.add_column("check", overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("result, and what to do", overflow="fold")
    for line in report.lines:
        table.add_row(Text(line.check), Text(line.finding.status, style=_STYLES[line.finding.status]), _told(line))
    console.print(table)
    console.print(Text(f"{report.board}: {_summary(report)}\n", style="bold red" if report.failed else "bold green"))


def _told(line: Line) -> Text:
    text = Text(_in_one_line(line.finding.figure))
    if line.finding.todo:
        text.append(f"\nTo do: {_in_one_line(line.finding.todo)}", style="italic")
    return text


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _summary(report: Report) -> str:
    counts = Counter(line.finding.status for line in report.lines)
    return ", ".join(f"{counts[status]} {status}" for status in reversed(STATUSES) if counts[status])


def _to_json(reports: Sequence[Report], expectations: Mapping[str, Expectations], seconds: float) -> str:
    boards = [_record(report, expectations[report.board]) for report in reports]
    document = {"schema_version": SCHEMA_VERSION, "seconds": seconds, "boards": boards}
    return json.dumps(document, indent=2)


def _record(report: Report, expectations: Expectations) -> dict[str, Any]:
    return {
        "board": report.board,
        "place": report.place,
        "expected": stated(expectations),
        "failed": report.failed,
        "checks": [
            {
                "check": line.check,
                "line": line.line,
                **line.finding._asdict(),
                "seconds": round(line.seconds, 3),
            }
            for line in report.lines
        ],
    }
