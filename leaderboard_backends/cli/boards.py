"""The boards that a command is given: each a URL, or the name of one in a configuration file.

The storages themselves are opened, without what stands around a board in the app: a rate limit would refuse a copy, a
cache would answer for the storage.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from ..config import Opening, check_file, describe
from ..errors import BoardMismatchError, ConfigurationError, InvalidNameError
from ..location import functions_named
from ..migration import TargetLimits
from ..migration.fences import fence_of, read_state
from ..migration.target import is_shared, target_of
from ..model import MAX_TEXT_BYTES, Keep, Order, shorten
from ..preflight.kinds import promises_of
from ..protocol import LeaderboardBackend
from .streams import foreign_output_to_stderr

CONFIG: Final = click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File of boards (TOML); its boards can then be given by their names.",
)


def find_boards(first: str, second: str, path: Path | None) -> tuple[Opening, Opening]:
    """Return the descriptions of two boards that are two; nothing is opened. Raises `ConfigurationError`."""
    one, other = find_board(first, path), find_board(second, path)
    if (one.location.url, one.board, one.options) == (other.location.url, other.board, other.options):
        raise ConfigurationError(f"{place_of(one)} is given twice: give two boards.")
    if one.order != other.order:  # said before opening the second one makes a board of the wrong order
        raise ConfigurationError(
            f"{place_of(one)} is {one.order} and {place_of(other)} is {other.order}: give both the same order, for "
            f"example ?order={one.order} in a URL."
        )
    return one, other


def describe_board(given: str, path: Path | None) -> Opening:
    """Return the description of a board, without importing a function of the app; nothing is opened.

    Raises `ConfigurationError`.
    """
    if "://" in given:
        with foreign_output_to_stderr():
            return describe(given)
    if path is None:
        raise ConfigurationError(
            f"{shorten(given)} is not a URL: write scheme://…, or give the file with this board, --config boards.toml."
        )
    found = boards_of(path)
    if given not in found:
        raise ConfigurationError(f"{path} has no board {shorten(given)}; its boards are {', '.join(found)}.")
    chosen = found[given]
    if not isinstance(chosen, Opening):
        raise chosen
    return chosen


def boards_of(path: Path) -> dict[str, Opening | ConfigurationError | InvalidNameError]:
    """Return the boards of a file, as `check_file` does, without importing a function of the app."""
    with foreign_output_to_stderr(), functions_named():
        return check_file(path)


def find_board(given: str, path: Path | None) -> Opening:
    """Return the description of a board that outlives a process; raises as `describe_board`."""
    opening = describe_board(given, path)
    promises = promises_of(opening)
    if not promises.durable and not promises.shared:
        raise ConfigurationError(
            f"{opening.location.shown} is a board in the memory of the process that opens it, and would be new and "
            "empty here: in its own process, use leaderboard_backends.migration, such as copy_board(source, target)."
        )
    return opening


def serving(opening: Opening) -> Opening:
    """Return the board itself, or the target of its table migration where that one serves.

    Raises what opening them raises.
    """
    target = target_of(opening)
    if target is None or not is_shared(opening) or not is_shared(target):
        return opening
    with open_storage(opening) as source:
        if fence_of(source) is None:
            return opening
        with open_storage(target) as other, suppress(BoardMismatchError):  # a fence that is none of a migration
            return opening if read_state(source, other).truth == "source" else target
    return opening


@contextmanager
def open_storages(first: Opening, second: Opening) -> Iterator[tuple[LeaderboardBackend, LeaderboardBackend]]:
    """Open two boards without anything around them, and close them at the end; raises what opening raises."""
    with open_storage(first) as one, open_storage(second) as other:
        yield one, other


@contextmanager
def open_storage(opening: Opening) -> Iterator[LeaderboardBackend]:
    """Open a board without anything around it, and close it at the end; raises what opening raises."""
    with replace(opening, layers={}).open() as board:
        yield board


def in_order(opening: Opening, order: Order | None, *, given: str) -> Opening:
    """Return a board's description with an order, unless that is `None`.

    Raises `ConfigurationError` where what was `given` for the board says another one.
    """
    if order is None or order == opening.order:
        return opening
    if "://" not in given or "order=" in given:
        raise ConfigurationError(f"{place_of(opening)} is {opening.order}, and --order says {order}: leave one out.")
    return replace(opening, order=order)


def keeping(opening: Opening, keep: Keep) -> Opening:
    """Return a board's description with another rule of which score stands."""
    return replace(opening, keep=keep)


def place_of(opening: Opening) -> str:
    """Return where a board is and its name, without a password."""
    return opening.place


def limits_of(opening: Opening) -> TargetLimits:
    """Return what the validation around a board refuses of players as they are; what it only flags is let through."""
    settings = opening.layers.get("validation", {})
    scores = settings if settings.get("score_action", "refuse") == "refuse" else {}
    texts = settings if settings.get("text_action", "refuse") == "refuse" else {}
    none = TargetLimits()
    lowest, highest = scores.get("score_min"), scores.get("score_max")
    return TargetLimits(
        none.score_min if lowest is None else lowest,
        none.score_max if highest is None else highest,
        _or_most(texts.get("max_player_id_bytes")),
        _or_most(texts.get("max_username_bytes")),
    )


def _or_most(limit: int | None) -> int:
    return MAX_TEXT_BYTES if limit is None else limit
