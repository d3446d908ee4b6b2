"""`leaderboard export`: write a board to a file of JSON Lines or CSV."""

from __future__ import annotations

from pathlib import Path

import click

from ..migration.fences import fence_of
from ..migration.importing import export_board
from ..migration.tables import Format
from ..model import Order, visible
from ..numerals import duration, whole
from .boards import CONFIG, find_board, in_order, open_storage, place_of, serving
from .options import STREAM, FiniteRange
from .progress import PlayerBar
from .streams import foreign_output_to_stderr
from .tables import FORMAT, ORDER, format_of, open_output

SHORT_HELP = "Write a board to a file of JSON Lines or CSV, ties included."


@click.command("export", short_help=SHORT_HELP)
@click.argument("board", metavar="BOARD")
@click.argument("file", metavar="FILE")
@CONFIG
@FORMAT
@ORDER
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("--live", is_flag=True, help="Accept that the board is written meanwhile.")
@click.option("--rate", type=FiniteRange(0, min_open=True), metavar="N", help="At most N players per second.")
def export(
    board: str,
    file: str,
    path: Path | None,
    form: Format | None,
    order: Order | None,
    *,
    force: bool,
    live: bool,
    rate: float | None,
) -> None:
    """Write all players of BOARD to FILE, best first; `leaderboard import` makes the same board of it, to the last tie.

    BOARD is a URL, or the name of a board in the file given by --config. FILE ends in .jsonl (one JSON object per
    line) or .csv; - is stdout. Each row has rank, player_id, username and score. FILE appears only when it is complete:
    whatever stops the command leaves at most FILE.part, and no file is replaced without --force.

    Nobody should write to BOARD meanwhile. Where the storage can tell that somebody did, the command fails, unless
    --live accepts that players whose ranks change meanwhile may be in FILE twice, or not at all. If BOARD is
    the name of a board that migrates, the storage that serves is read.
    """
    with foreign_output_to_stderr():
        opening = serving(in_order(find_board(board, path), order, given=board))
    chosen = format_of(file, form)
    with (
        open_output(file, force=force) as table,
        foreign_output_to_stderr(),
        open_storage(opening) as storage,
        PlayerBar("export", len(storage)) as bar,
    ):
        players = export_board(storage, table, chosen, live=live, rate=rate, hear=bar.hear)
        moved_to = fence_of(storage)
    if not players:
        click.echo("Note: the board has no players: check that its URL and name are right.", err=True)
    if moved_to:
        click.echo(visible(f"Note: the board is fenced, and may be old: it has moved to {moved_to}."), err=True)
    told = f"{place_of(opening)}: {whole(players)} players written to {'stdout' if file == STREAM else file}"
    click.echo(visible(f"{told} in {duration(bar.seconds)}."), err=file == STREAM)
