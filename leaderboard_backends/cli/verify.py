"""`leaderboard verify`: whether two boards are the same, which players differ, and the repair of a copy."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
from rich import box
from rich.table import Table
from rich.text import Text

from ..comparison.report.terminal import PlainConsole
from ..config import Opening
from ..errors import InvalidArgumentError
from ..migration import Repair, Verification, repair_board, verify_boards
from ..migration.verifying import MOST, WAIT
from ..model import Entry
from ..numerals import duration, whole
from ..protocol import LeaderboardBackend
from .boards import CONFIG, find_boards, keeping, open_storages, place_of
from .options import FiniteRange, WholeRange
from .progress import PlayerBar
from .streams import foreign_output_to_stderr

SHORT_HELP: Final = "Verify that two boards are the same, and repair a copy."
SCHEMA_VERSION: Final = 1
PIPE_WIDTH: Final = 100
"""Columns of the table where no terminal says how wide it is."""
SHOWN: Final = 20
"""Differences in the table; JSON has all of them."""


@click.command("verify", short_help=SHORT_HELP)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@CONFIG
@click.option("--repair", is_flag=True, help="Write to B what is missing or different there, and verify again.")
@click.option("--remove", is_flag=True, help="With --repair: also remove from B the players that A does not have.")
@click.option(
    "--most",
    type=WholeRange(1),
    default=MOST,
    show_default=True,
    metavar="N",
    help="Stop after N differences.",
)
@click.option(
    "--wait",
    type=FiniteRange(0),
    default=WAIT,
    show_default=True,
    metavar="SECONDS",
    help="How long to read differences again, as a running write may have caused them.",
)
@click.option("--rate", type=FiniteRange(0, min_open=True), metavar="N", help="At most N ranks per second.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all differences, instead of the table.")
def verify(
    a: str,
    b: str,
    path: Path | None,
    *,
    repair: bool,
    remove: bool,
    most: int,
    wait: float,
    rate: float | None,
    as_json: bool,
) -> None:
    """Compare the boards A and B: every rank, id, name, score and tie, in both directions.

    The entries themselves are compared, 1,000 ranks at a time, not checksums of them. The checksum of each board is
    printed to be compared with that of another run.

    Both are URLs, or names of boards in the file given by --config. Each player who differs is one difference; a player
    whose rank alone differs, because of others, does not count. Boards may be written meanwhile: what differs is then
    read again until it is gone or --wait is over. Only boards at rest are compared in full.

    --repair takes A as the truth: B gets the players who are missing, and the score, name and place in a tie of the
    others. Players who are only in B stay, unless --remove is given, too.

    Exits with code 1 if the boards differ (after the repair, if there was one), with code 2 if A and B are one board.
    """
    if remove and not repair:
        raise click.UsageError("--remove is a part of --repair: give both.")
    one, other = find_boards(a, b, path)
    with foreign_output_to_stderr(), open_storages(one, keeping(other, "last")) as (first, second):
        try:
            found = _verified(first, second, most, wait, rate)
        except InvalidArgumentError as error:
            raise click.UsageError(str(error)) from error
        repaired = None
        if repair and not found.equal:
            repaired = repair_board(first, second, found, remove=remove)
            found = _verified(first, second, most, wait, rate)
    result = _Result(one, other, found, repaired)
    if as_json:
        click.echo(json.dumps(_record(result), indent=2))
    else:
        _print(result)
    sys.exit(0 if found.equal else 1)


class _Result(NamedTuple):
    a: Opening
    b: Opening
    found: Verification
    repaired: Repair | None


def _verified(a: LeaderboardBackend, b: LeaderboardBackend, most: int, wait: float, rate: float | None) -> Verification:
    with PlayerBar("verify", max(len(a), len(b))) as bar:
        return verify_boards(a, b, most=most, wait=wait, rate=rate, hear=bar.hear)


def _record(result: _Result) -> dict[str, Any]:
    found = result.found
    return {
        "schema_version": SCHEMA_VERSION,
        "a": {"place": place_of(result.a), "players": found.players_a, "checksum": found.checksum_a},
        "b": {"place": place_of(result.b), "players": found.players_b, "checksum": found.checksum_b},
        "equal": found.equal,
        "complete": found.complete,
        "at_rest": found.at_rest,
        "settled": found.settled,
        "one_history": found.one_history,
        "repair": result.repaired and result.repaired._asdict(),
        "counts": dict(found.counts),
        "differences": [
            {
                "kind": each.kind,
                "player_id": each.player_id,
                "a": each.a and each.a._asdict(),
                "b": each.b and each.b._asdict(),
            }
            for each in found.differences
        ],
        "seconds": round(found.seconds, 3),
    }


# ---------------------------------------------------------------------- what is shown


def _print(result: _Result) -> None:
    console = PlainConsole()
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    for line in _heading(result):
        console.print(Text(line), soft_wrap=True)
    found = result.found
    if found.differences:
        console.print(_table(found))
    for line in _remarks(result):
        console.print(Text(line))
    console.print(Text(_verdict(found), style="bold green" if found.equal else "bold red"))


def _heading(result: _Result) -> Iterator[str]:
    found = result.found
    yield f"A: {place_of(result.a)}, {whole(found.players_a)} players, checksum {found.checksum_a}"
    yield f"B: {place_of(result.b)}, {whole(found.players_b)} players, checksum {found.checksum_b}"


def _table(found: Verification) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    for heading in ("difference", "player", "A", "B"):
        table.add_column(heading, overflow="fold")
    for each in found.differences[:SHOWN]:
        table.add_row(*map(Text, (each.kind, each.player_id, _shown(each.a), _shown(each.b))))
    return table


def _shown(entry: Entry | None) -> str:
    return "-" if entry is None else f"rank {entry.rank:,}, {entry.score}, {entry.username!r}"


def _remarks(result: _Result) -> Iterator[str]:
    found, repaired = result.found, result.repaired
    if (more := len(found.differences) - SHOWN) > 0:
        yield f"{whole(more)} more: --json prints them all."
    if repaired is not None:
        yield (
            f"Repaired B: written {whole(repaired.written)}, placed again in ties {whole(repaired.placed_again)}, "
            f"removed {whole(repaired.removed)}, left there though only in B {whole(repaired.left)}."
        )
    if found.settled:
        yield f"{whole(found.settled)} differences were gone when they were asked for again."
    if found.at_rest is False:
        yield "A or B was written meanwhile: verify again when both are at rest to be sure of every player."
    if found.at_rest is None:
        yield "A or B has no version that tells whether it was written meanwhile."

    if found.one_history:
        yield (
            "A and B have one history, as a board and a copy of its files have. If both URLs lead to one board, it was "
            "compared with itself."
        )


def _verdict(found: Verification) -> str:
    if found.equal:
        return f"The boards are the same, to the last tie ({duration(found.seconds)})."
    if not found.complete:
        return f"The boards differ in at least {whole(len(found.differences))} players; compared no further."
    parts = ", ".join(f"{whole(count)} {kind}" for kind, count in sorted(found.counts.items()))
    return f"The boards differ: {parts} ({duration(found.seconds)})."
