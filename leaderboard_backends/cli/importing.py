"""`leaderboard import`: fill a board from a table, a query of an SQLite file, or a sorted set."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from ..backends.redis.sorted_sets import open_sorted_set
from ..config import Opening, describe
from ..migration.importing import ImportResult, import_rows
from ..migration.sorted_sets import MEMBER_DATA, Reading, Ties, sorted_set_rows
from ..migration.tables import Columns, Format, Row, query_rows, read_table
from ..model import Order, visible
from ..numerals import duration, whole
from .boards import CONFIG, find_board, in_order, limits_of, open_storage, place_of
from .options import FiniteRange
from .progress import PlayerBar, saying_how_far
from .streams import foreign_output_to_stderr
from .tables import FORMAT, ORDER, format_of, open_input

SHORT_HELP: Final = "Fill a board from a file, an SQLite query or a sorted set."
SCHEMA_VERSION: Final = 1

Command = TypeVar("Command", bound=Callable[..., Any])


class _Settings(NamedTuple):
    """What all imports can be told."""

    path: Path | None
    order: Order | None
    resume: bool
    add: bool
    rate: float | None
    as_json: bool


def _settings(command: Command) -> Command:
    """Give a command the options that are `_Settings`."""
    options = (
        CONFIG,
        ORDER,
        click.option(
            "--resume", is_flag=True, help="Continue an import that was interrupted; verify one that is done."
        ),
        click.option(
            "--add", is_flag=True, help="Accept a board that has players; in ties, these rank before new ones."
        ),
        click.option("--rate", type=FiniteRange(0, min_open=True), metavar="N", help="At most N players per second."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _columns(command: Command) -> Command:
    """Give a command the options that are `Columns`."""
    for name, what in (
        ("score", "the score"),
        ("username", "the username; without it, the player id is used"),
        ("player_id", "the player id"),
    ):
        option = f"--{name.replace('_', '-')}"
        shown = click.option(option, name, default=name, show_default=True, metavar="COLUMN", help=f"Column of {what}.")
        command = shown(command)
    return command


class _FileFirst(click.Group):
    """A group whose first argument may be a file instead of a subcommand: then it is `file`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `file` before what names no subcommand."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["file", *args]
        return super().parse_args(ctx, args)


@click.group("import", cls=_FileFirst, short_help=SHORT_HELP)
def import_() -> None:
    """Fill a board with players from elsewhere: `leaderboard import FILE BOARD`, or one of the commands below.

    `leaderboard import file --help` has the options for files. All of them write the rows in their order, so that of
    equal scores the earlier row ranks first, and refuse a board that has players, unless --resume or --add is given.
    """


@import_.command("file", short_help="From a file of JSON Lines or CSV.")
@click.argument("file", metavar="FILE")
@click.argument("board", metavar="BOARD")
@FORMAT
@_columns
@_settings
def from_file(
    file: str, board: str, form: Format | None, player_id: str, username: str, score: str, **settings: Any
) -> None:
    """Fill BOARD from FILE, such as `leaderboard export` writes it: JSON Lines or CSV, - for stdin.

    BOARD is a URL, or the name of a board in the file given by --config. Rows are written in their order, 1,000 in a
    step: of equal scores, the earlier row ranks first. If a player comes twice, the later row counts. What breaks a
    rule (an empty id, a score that is no finite number) stops the import and names the line; the rows before it may be
    there already.

    If the rows are best first, as `leaderboard export` writes them, --resume continues after anything, even kill -9: it
    compares what BOARD has with the beginning of FILE, and writes the rest. If nothing is left, that is a verification.
    """
    chosen, columns = format_of(file, form), Columns(player_id, username, score)
    with open_input(file) as table:
        _fill(board, lambda _: read_table(table, chosen, columns), _Settings(**settings))


@import_.command("sqlite", short_help="From a query of an SQLite file.")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("board", metavar="BOARD")
@click.option("--query", required=True, metavar="SQL", help="A SELECT; its order is the order within ties.")
@_columns
@_settings
def from_sqlite(file: Path, board: str, query: str, player_id: str, username: str, score: str, **settings: Any) -> None:
    """Fill BOARD from a query of the SQLite file FILE, which is opened for reading only.

    Order the rows as they shall rank: best first and, within a tie, by when the score was reached, for example
    "SELECT id AS player_id, name AS username, score FROM scores ORDER BY score DESC, reached_at, id". Without ORDER BY,
    SQLite promises no order, so ties may get any order.
    """
    columns = Columns(player_id, username, score)
    _fill(board, lambda _: query_rows(file, query, columns), _Settings(**settings))


_TIES: Final = click.Choice(["listed", "member", "packed", "packed-reversed"])
_UNIT: Final = click.option(
    "--unit",
    type=FiniteRange(0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="N",
    help="With packed ties: a packed score divided by N, without the fraction, is the score.",
)


@import_.command("redis-zset", short_help="From a plain sorted set of a Redis or Valkey server.")
@click.argument("url", metavar="URL")
@click.argument("key", metavar="KEY")
@click.argument("board", metavar="BOARD")
@click.option(
    "--ties",
    type=_TIES,
    required=True,
    help="The order of players with the same score, which the set does not know.",
)
@_UNIT
@_settings
def from_sorted_set(url: str, key: str, board: str, ties: Ties, unit: float, **settings: Any) -> None:
    """Fill BOARD from the sorted set KEY of the server at URL (redis://HOST:6379/0), best first.

    The set does not know who reached a score first, so --ties names the order: listed keeps the ranks that the set
    shows (ZREVRANGE: members from z to a; for an ascending board ZRANGE: from a to z), member orders by member from a
    to z. If a time is packed into the scores (1500.83, or 15000000083 with --unit 10000000), packed leaves players of
    one score in the order of the packed scores; packed-reversed turns it around, for times that count up on a
    descending board, or down on an ascending one.

    The username is the member. Stop the writers first: a set does not tell what changes, only how many members it has.
    An ascending board, such as one of lap times, is ?order=ascending in BOARD or --order ascending.
    """
    _fill_from_set(url, key, board, lambda order: Reading(order, ties, unit), _Settings(**settings))


@import_.command("agoragames", short_help="From a board of the library leaderboard by agoragames.")
@click.argument("url", metavar="URL")
@click.argument("name", metavar="NAME")
@click.argument("board", metavar="BOARD")
@click.option(
    "--username",
    metavar="FIELD",
    help="Field of the member data (a JSON object) with the username; data that is no object is the username itself.",
)
@click.option("--member-data", metavar="KEY", help="Key of the member data.  [default: NAME:member_data]")
@click.option(
    "--ties",
    type=_TIES,
    default="listed",
    show_default=True,
    help="The order of players with the same score: as that library ranks them, or as for redis-zset.",
)
@_UNIT
@_settings
def from_agoragames(
    url: str,
    name: str,
    board: str,
    username: str | None,
    member_data: str | None,
    ties: Ties,
    unit: float,
    **settings: Any,
) -> None:
    """Fill BOARD from the board NAME that the library `leaderboard` (agoragames) keeps on the server at URL.

    Players keep the ranks that the library shows. For one of its boards with order=asc, give --order ascending; where
    the app packed a time into the scores, --ties packed or packed-reversed, as for redis-zset. Without --username, the
    username is the member. Stop the writers first.
    """
    data = member_data or f"{name}{MEMBER_DATA}"

    def reading(order: Order) -> Reading:
        return Reading(order, ties, unit, data, username)

    _fill_from_set(url, name, board, reading, _Settings(**settings))


def _fill_from_set(url: str, key: str, board: str, reading: Callable[[Order], Reading], settings: _Settings) -> None:
    """Import the members of a sorted set."""
    source = describe(url)
    with open_sorted_set(source.location, source.options, key) as found:
        _fill(board, lambda order: sorted_set_rows(found, reading(order)), settings)


# ---------------------------------------------------------------------- the import

_GO_ON: Final = {
    False: "continue with the same command and --resume, if the rows are best first",
    True: "the same command continues: what is there already stays as it is, unless a player comes twice",
}
"""How an import that was interrupted goes on, by whether it adds to a board."""


def _fill(board: str, rows: Callable[[Order], Iterator[Row]], settings: _Settings) -> None:
    """Import the rows that there are for a board of an order, and say what was done."""
    if settings.resume and settings.add:
        raise click.UsageError("--resume compares what BOARD has, and --add takes it as it is: give one of them.")
    opening = in_order(find_board(board, settings.path), settings.order, given=board)
    reached = partial(_reached, go_on=_GO_ON[settings.add])
    with (
        foreign_output_to_stderr(),
        open_storage(opening) as storage,
        saying_how_far(PlayerBar("import", None), reached) as bar,
    ):
        done = import_rows(
            rows(opening.order),
            storage,
            resume=settings.resume,
            add=settings.add,
            rate=settings.rate,
            limits=limits_of(opening),
            hear=bar.hear,
        )
    if settings.as_json:
        document = {"schema_version": SCHEMA_VERSION, "board": place_of(opening), **done._asdict()}
        click.echo(json.dumps(document | {"seconds": round(done.seconds, 3)}, indent=2))
    else:
        click.echo(visible("\n".join(_lines(opening, done, settings))))


def _reached(done: int, go_on: str) -> str:
    """Return in words how far an import came that something ended early, and how it goes on."""
    rows = f"the first {whole(done)} rows" if done else "at most the first batch of rows"
    return f"The board has {rows}; {go_on}."


def _lines(opening: Opening, done: ImportResult, settings: _Settings) -> Iterator[str]:
    pace = f" ({whole(done.written / done.seconds)} per second)" if done.written and done.seconds else ""
    yield f"{place_of(opening)}: {whole(done.written)} rows written in {duration(done.seconds)}{pace}."
    if not done.rows:
        yield "Note: there were no rows."
    elif settings.resume and not done.written:
        yield f"Verified: the board has the {whole(done.rows)} rows, in the same order to the last tie."
    if not settings.add and (repeated := done.rows - done.players) > 0:
        counts = "later" if opening.keep == "last" else "better"
        yield f"Note: {whole(repeated)} rows repeat a player of an earlier row: the {counts} one counts."
    if not done.best_first:
        yield f"Note: the rows are not best first for a board that is {opening.order}; ties are in their order."
