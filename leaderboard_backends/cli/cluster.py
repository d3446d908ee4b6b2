"""`leaderboard cluster`: what the nodes of a cluster, and the shards of a board on it, are and lack."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

import click
from rich import box
from rich.table import Table
from rich.text import Text

from ..backends.redis.problems import BoardStatus, ClusterStatus, NodeStatus
from ..backends.redis.status import status_at
from ..comparison.report.terminal import PlainConsole
from ..config import describe
from ..numerals import size, times, whole

SHORT_HELP: Final = "Look at a cluster, and at a board over its shards."
PIPE_WIDTH: Final = 100
"""Columns of the table where no terminal says how wide it is."""
SCHEMA_VERSION: Final = 1


@click.group("cluster", short_help=SHORT_HELP)
def cluster() -> None:
    """Look at a Redis or Valkey cluster, and at a board over its shards."""


@cluster.command("status", short_help="Nodes, slots, shards, replicas, and what to do.")
@click.argument("url", metavar="URL")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def status(url: str, *, as_json: bool) -> None:
    """Show the nodes of a cluster, the shards of the board at URL, and what to do about each problem.

    URL is redis+cluster://HOST1:6379,HOST2:6379/?board=NAME. Nothing is written, and a board that is not there is not
    made. Exits with code 1 if there is a problem.
    """
    opening = describe(url)
    found = status_at(opening.location, opening.board, opening.options)
    if as_json:
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION, **asdict(found)}, indent=2))
    else:
        _print(found)
    sys.exit(1 if found.problems else 0)


# ---------------------------------------------------------------------- what is shown


def _print(found: ClusterStatus) -> None:
    console = PlainConsole()
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    console.print(Text(found.address, style="bold"), soft_wrap=True)
    console.print(_table(found))
    for line in _lines(found):
        console.print(Text(line))
    for problem in found.problems:
        text = Text(f"Problem: {' '.join(problem.text.split())}", style="bold red")
        console.print(text.append(f"\nTo do: {problem.todo}", style="not bold italic default"))
    if not found.problems:
        console.print(Text("No problems.", style="bold green"))


def _table(found: ClusterStatus) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    for heading in ("node", "role", "version"):
        table.add_column(heading, overflow="fold")
    for heading in ("slots", "shards", "players", "replicas", "behind"):
        table.add_column(heading, justify="right")
    for node in found.nodes:
        table.add_row(*map(Text, _cells(node)), style="red" if node.problem else "")
    return table


def _cells(node: NodeStatus) -> tuple[str, ...]:
    version = node.version or "no answer"
    if node.replicates is None:
        counts = (node.slots, node.shards, node.players, node.replicas)
        return node.place, "primary", version, *map(whole, counts), ""
    late = "not connected" if node.silent is None else size(node.behind) if node.behind else "-"
    return node.place, "replica", version, "", "", "", "", late


def _lines(found: ClusterStatus) -> Iterator[str]:
    if found.board is not None:
        yield from _board_lines(found.board)
    if found.imbalance is not None:
        yield f"The fullest primary has {times(found.imbalance)} the players of the mean."
    for move in found.moves:
        how = "as a whole" if move.atomic else "key by key"
        yield f"Moving {how}: slots {move.slots} from {move.source} to {move.target}."


def _board_lines(board: BoardStatus) -> Iterator[str]:
    yield (
        f"Board {board.name}: {whole(board.players)} players in {board.shards} shards; "
        f"{board.order}, ties={board.ties}, {board.state}."
    )
    if board.per_shard:
        yield f"Players per shard: {', '.join(f'{word} {whole(count)}' for word, count in board.per_shard.items())}."
