"""`leaderboard advise`: which backend fits given requirements, why, what it costs, and what would change the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from ..comparison.advice import Need
from ..comparison.advice import advise as answer_to
from ..comparison.cost.source import Inputs
from ..comparison.report.advice import answer_section
from ..comparison.report.terminal import PlainConsole, print_sections
from ..comparison.schema import Durability
from .cost import priced, read_result_for
from .options import WholeRange
from .quantities import quantity, read_durability, read_players, read_rate, read_time

DEFAULT_RATE: Final = "100/s"
DURABLE: Final[Durability] = "every commit"


@click.command("advise", short_help="Recommend a backend for your requirements.")
@click.argument("result", type=click.Path(path_type=Path), required=False, metavar="[RESULT.json]")
@quantity("--players", read_players, required=True, help="Number of players, such as 50K or 1M.")
@quantity(
    "--updates",
    read_rate,
    default=DEFAULT_RATE,
    show_default=True,
    help="Update rate of all players together, such as 2000/s or 120K/m.",
)
@quantity("--reads", read_rate, help="Read rate, written like --updates.  [default: same as --updates]")
@click.option("--servers", type=WholeRange(1), default=1, show_default=True, help="Number of app servers.")
@click.option("--workers", type=WholeRange(1), default=1, show_default=True, help="App processes per server.")
@click.option(
    "--durable", is_flag=True, help="No acknowledged update may be lost: same as --durability 'every commit'."
)
@quantity(
    "--durability",
    read_durability,
    help="What must survive a power cut: 'every commit', everysec (all but the last second) or 'memory only' "
    "(nothing).  [default: memory only]",
)
@quantity("--p99", read_time, help="Largest allowed 99th percentile latency, such as 10ms or 500us.")
@priced
def advise(
    result: Path | None,
    players: int,
    updates: float,
    reads: float | None,
    servers: int,
    workers: int,
    durability: Durability | None,
    p99: float | None,
    term: str,
    prices: Path | None,
    model_path: Path | None,
    *,
    durable: bool,
) -> None:
    """Recommend a backend, from the measurements in RESULT.json or in the result that comes with the library.

    Each backend is checked against every requirement: durability, the number of app processes that share the board,
    load and p99 latency. Those that meet all of them are listed by cost, then by p99; differences within the noise
    count as equal, and the simpler backend comes first. Exits with code 1 if no backend fits.
    """
    if durable and durability not in (None, DURABLE):
        raise click.UsageError(f"--durable means {DURABLE!r}, but --durability says {durability!r}: give one of them.")
    need = Need(
        players=players,
        updates=updates,
        reads=updates if reads is None else reads,
        servers=servers,
        workers=workers,
        durability=DURABLE if durable else durability or "memory only",
        p99_us=p99,
    )
    given = Inputs.read(prices, model_path, term)
    for warning in given.prices.stale(datetime.now(UTC).date()):
        click.echo(f"Warning: {warning}", err=True)
    advice = answer_to(read_result_for(given, result), need, given)
    print_sections([answer_section(advice)], PlainConsole())
    if advice.pick is None:
        raise SystemExit(1)
