"""`leaderboard advise`: which backend for a need, why, what it costs, and what would change the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from ..comparison.advice import Need, answer_section
from ..comparison.advice import advise as answer_to
from ..comparison.advice.quantities import read_durability, read_players, read_rate, read_time
from ..comparison.report.terminal import PlainConsole, print_sections
from ..comparison.schema import Durability
from .cost import option_by, priced, read_inputs, read_result_for

DEFAULT_RATE: Final = "100/s"
DURABLE: Final[Durability] = "every commit"


@click.command("advise", short_help="Which backend for your need, and why.")
@click.argument("result", type=click.Path(path_type=Path), required=False, metavar="[RESULT.json]")
@click.option("--players", required=True, callback=option_by(read_players), help="Size of the board: 50K, 1M.")
@click.option(
    "--updates",
    callback=option_by(read_rate),
    default=DEFAULT_RATE,
    show_default=True,
    help="Of all players together: 2000/s, 120K/m.",
)
@click.option("--reads", callback=option_by(read_rate), help="As --updates.  [default: as many as updates]")
@click.option("--servers", type=click.IntRange(1), default=1, show_default=True, help="App servers.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="App processes a server.")
@click.option("--durable", is_flag=True, help="Every acknowledged update must survive: --durability 'every commit'.")
@click.option(
    "--durability",
    callback=option_by(read_durability),
    help="What a power cut must leave: 'every commit', everysec, 'memory only'.  [default: memory only]",
)
@click.option("--p99", callback=option_by(read_time), help="Longest time of one operation in a hundred: 10ms, 500us.")
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
    """Say which backend meets a need, from the figures of RESULT.json, or of the result that comes with the library.

    Every backend is held against each demand: durability, app processes that share the board, load, p99. Those that
    meet all stand in the order of cost, then p99; figures within the noise are ties, and the simpler one comes first.
    Exit code 1 where nothing fits.
    """
    if durable and durability not in (None, DURABLE):
        raise click.UsageError(f"--durable asks for {DURABLE}, --durability for {durability}: give one of them.")
    need = Need(
        players=players,
        updates=updates,
        reads=updates if reads is None else reads,
        servers=servers,
        workers=workers,
        durability=DURABLE if durable else durability or "memory only",
        p99_us=p99,
    )
    given = read_inputs(prices, model_path, term)
    for warning in given.prices.stale(datetime.now(UTC).date()):
        click.echo(f"Warning: {warning}", err=True)
    advice = answer_to(read_result_for(given, result), need, given.prices, given.model, term)
    print_sections([answer_section(advice)], PlainConsole())
    if advice.pick is None:
        raise SystemExit(1)
