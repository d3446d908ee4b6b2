"""`leaderboard cost`: what boards cost to run and to build, from measured bytes, a price table and a cost model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from ..comparison.cost.source import ON_DEMAND, Inputs, check_names, load_result
from ..comparison.document import Section
from ..comparison.measurements import Measurements
from ..comparison.report.cost import cost_sections
from ..comparison.report.terminal import PlainConsole, print_sections
from ..comparison.schema import Result
from .options import WholeRange
from .quantities import Command, quantity, read_sizes

DEFAULT_PLAYERS: Final = "100K,1M,10M"


def priced(command: Command) -> Command:
    """Add the options that say what amounts are computed from."""
    for option in (
        click.option("--model", "model_path", type=click.Path(path_type=Path), help="Your own cost model (TOML)."),
        click.option("--prices", type=click.Path(path_type=Path), help="Your own price table (TOML)."),
        click.option("--term", default=ON_DEMAND, show_default=True, help="Pricing term, if the price table has it."),
    ):
        command = option(command)
    return command


def read_result_for(given: Inputs, path: Path | None) -> Result:
    """Read the result, the shipped one where none is named, and refuse a model that names a backend of nobody's."""
    result = load_result(path)
    check_names(given.model, result.settings.backends)
    return result


@click.command("cost", short_help="Estimate what each backend costs per month and over years.")
@click.argument("result", type=click.Path(path_type=Path), required=False, metavar="[RESULT.json]")
@quantity("--players", read_sizes, default=DEFAULT_PLAYERS, show_default=True, help="Numbers of players.")
@click.option("--servers", type=WholeRange(1), help="Number of app servers.  [default: from the model]")
@click.option("--workers", type=WholeRange(1), help="App processes per server.  [default: from the model]")
@click.option("--replicas", type=WholeRange(0), help="Cache nodes in addition to the first.  [default: from the model]")
@priced
@click.option("--trace", is_flag=True, help="Print how each amount was computed.")
def cost(
    result: Path | None,
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
    """Estimate what each backend of RESULT.json costs, from its measured bytes per player.

    Without RESULT.json, the result that comes with the library is used. The cost model says how much memory and disk to
    buy (headroom, replicas), the price table what they cost; both come with the library, and you can edit copies. A
    backend that cannot serve the given number of servers and workers has no amount. Sizes between two measured ones
    are interpolated; larger ones are extrapolated from a line through the sizes of 10,000 players and more.
    """
    given = Inputs.read(prices, model_path, term)
    numbers = {"servers": servers, "workers": workers, "replicas": replicas}
    deployed = given.changed(**{name: number for name, number in numbers.items() if number is not None})
    measured, today = Measurements(read_result_for(given, result)), datetime.now(UTC).date()
    sections = cost_sections(measured, today, players, deployed)
    print_sections([_unfolded(section) if trace else section for section in sections], PlainConsole())


def _unfolded(section: Section) -> Section:
    """Return a section whose details are no details."""
    return replace(section, detail=False, sections=[_unfolded(inner) for inner in section.sections])
