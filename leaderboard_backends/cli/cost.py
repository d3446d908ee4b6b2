"""`leaderboard cost`: what boards cost to run and to build, from measured bytes, a price table and a model."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..comparison.cost.bill import Bill, bill
from ..comparison.cost.footprint import Footprint, footprints
from ..comparison.cost.study import Check, checks
from ..comparison.cost.tables import ON_DEMAND, Model, PriceTable, Study, read_table, shipped
from ..comparison.result import ResultError, read_result
from ..errors import ConfigurationError

DEFAULT_RESULT: Final = Path("reports/latest/result.json")
DEFAULT_PLAYERS: Final = "100K,1M,10M"
WIDEST: Final = 200

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)([KM]?)", re.IGNORECASE)
_FACTOR: Final = {"": 1, "K": 1_000, "M": 1_000_000}


def read_sizes(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    """Return the numbers of players of a text such as `50K,1M`."""
    found = [_SIZE.fullmatch(part.strip()) for part in text.split(",")]
    sizes = [round(float(part[1]) * _FACTOR[part[2].upper()]) for part in found if part]
    if len(sizes) < len(found) or not all(sizes):
        raise click.BadParameter(
            f"{text!r} is no list of players: write {DEFAULT_PLAYERS}, for example.", context, option
        )
    return tuple(sorted(set(sizes)))


@click.command("cost", short_help="What each backend costs a month, and over the years.")
@click.argument("result", type=click.Path(path_type=Path), default=DEFAULT_RESULT, metavar="[RESULT.json]")
@click.option("--players", callback=read_sizes, default=DEFAULT_PLAYERS, show_default=True, help="Sizes of the board.")
@click.option("--servers", type=click.IntRange(1), help="App servers.  [default: as the model says]")
@click.option("--workers", type=click.IntRange(1), help="App processes a server.  [default: as the model says]")
@click.option("--replicas", type=click.IntRange(0), help="Cache nodes beside the first.  [default: as the model says]")
@click.option("--term", default=ON_DEMAND, show_default=True, help="Prices to use where a table has them.")
@click.option("--prices", type=click.Path(path_type=Path), help="A price table of yours (TOML).")
@click.option("--model", "model_path", type=click.Path(path_type=Path), help="A model of yours (TOML).")
@click.option("--trace", is_flag=True, help="Print what each amount was computed from.")
def cost(
    result: Path,
    players: tuple[int, ...],
    servers: int | None,
    workers: int | None,
    replicas: int | None,
    term: str,
    prices: Path | None,
    model_path: Path | None,
    *,
    trace: bool,
) -> None:
    """Compute what each backend of RESULT.json costs, with the bytes a player that it measured.

    Memory and disk are bought as the model says (headroom, copies in app processes, replicas), at the prices of the
    table; both come with the library and are yours to edit. A board that lives in a process is copied into each
    worker. Sizes beyond those measured are reckoned from the fitted line. At the end, the arithmetic of the study that
    this project started from is done again from the study's own inputs.
    """
    table = read_table(prices or shipped("aws-us-east-1.toml"), PriceTable)
    model = _model(model_path, servers, workers, replicas)
    try:
        measured = footprints(read_result(result))
    except OSError as error:
        raise click.ClickException(
            f"{result} cannot be read ({error.strerror}): leaderboard compare --out reports/latest makes one."
        ) from error
    except ResultError as error:
        raise ConfigurationError(f"{result}: {error}") from error
    console = Console()
    console.width = max(console.width, WIDEST if not console.is_terminal else 0)
    for warning in table.stale(datetime.now(UTC).date()):
        console.print(Text(f"Warning: {warning}", style="yellow"), soft_wrap=True)
    for size in players:
        bills = [bill(footprint, size, model, table, term) for footprint in measured]
        console.print(_bills(size, bills, measured, model, table))
        if trace:
            _print_trace(console, bills)
    console.print(_study(checks(read_table(shipped("study.toml"), Study), table)))
    console.print(Text(f"Prices: {table.region}, {table.source}, read {table.read}."), soft_wrap=True)


def _model(path: Path | None, servers: int | None, workers: int | None, replicas: int | None) -> Model:
    model = read_table(path or shipped("model.toml"), Model)
    given = {"servers": servers, "workers": workers, "replicas": replicas}
    return model.changed(**{name: number for name, number in given.items() if number is not None})


def _bills(size: int, bills: list[Bill], measured: list[Footprint], model: Model, table: PriceTable) -> Table:
    title = f"{size:,} players, {model.servers} servers with {model.workers} workers each, {table.currency}"
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("backend", "a month", "to build", f"{model.years:g} years in all"):
        shown.add_column(name, justify="left" if name == "backend" else "right")
    shown.add_column("what it runs on", overflow="fold")
    for one, footprint in zip(bills, measured, strict=True):
        beyond = "" if size <= max(footprint.sizes) else f"; reckoned, measured up to {max(footprint.sizes):,}"
        runs_on = one.problem or ", ".join(item.what for item in one.items) + beyond
        shown.add_row(one.backend, *_amounts(one), runs_on)
    return shown


def _amounts(one: Bill) -> tuple[str, str, str]:
    if one.problem:
        return "-", "-", "-"
    return f"{one.monthly:,.2f}", _dollars(one.development), _dollars(one.total)


def _dollars(amount: float | None) -> str:
    return "not given" if amount is None else f"{amount:,.0f}"


def _print_trace(console: Console, bills: list[Bill]) -> None:
    for one in bills:
        for item in one.items:
            console.print(
                Text(f"  {one.backend}: {item.what}, {item.monthly:,.2f} a month: {item.because}"), soft_wrap=True
            )
        if one.days is not None:
            console.print(
                Text(f"  {one.backend}: to build, {one.days:g} days at {one.engineer_usd_a_day:,.0f}"), soft_wrap=True
            )
    console.print()


def _study(found: list[Check]) -> Table:
    shown = Table(
        title="The study's arithmetic, from its own inputs", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    shown.add_column("claim", overflow="fold")
    shown.add_column("computed", overflow="fold")
    shown.add_column("")
    for check in found:
        shown.add_row(
            check.claim,
            check.found,
            Text("holds" if check.holds else "does not hold", style="" if check.holds else "red"),
        )
    return shown
