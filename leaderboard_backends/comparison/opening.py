"""Where a board is measured, and opening it: a URL, or `module:callable` for a class that is registered nowhere yet."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from ..config import open_leaderboard
from ..errors import ConfigurationError, LeaderboardError
from ..location import Location
from ..model import shorten
from ..protocol import LeaderboardBackend
from ..registry import backend_class, schemes
from ..testing.opening import is_url, load_target, split_target
from .redaction import conceal

_OURS: Final = ("order", "keep")
_MEANT_AS_URL: Final = re.compile("[/@]")


class Where(msgspec.Struct, frozen=True):
    """Where a job's board is. It may hold a password, so it travels through a pipe and is written nowhere."""

    target: str
    """A URL, or `module:callable`."""
    board: str
    shared: bool = False
    """Whether the storage is the user's own: the board is then cleared afterwards."""
    server_pids: list[int] = []
    """The processes of its servers; empty where they are not known, or where there are none."""
    copies: int = 1
    """How many of the servers have the whole board."""
    data_path: str | None = None
    """The folder whose growth is the bytes on disk; `None` where the board's own files are."""


class TargetError(LeaderboardError):
    """A `module:callable` names nothing that opens boards: the user's mistake, which no other machine would mend."""


def check_target(target: str) -> None:
    """Raise a `ConfigurationError` for text that names no installed scheme and no `module:callable`.

    Nothing is imported and nothing opened: what is missing on this machine becomes a row with its reason instead.
    """
    if not is_url(target):
        if _MEANT_AS_URL.search(target):
            raise ConfigurationError(
                f"{conceal(target)} is not a backend: a URL has two slashes after its scheme, such as "
                f"redis://host:6379/0, and module:Class has none."
            )
        split_target(target)
        return
    location, query = Location.parse(target)
    if location.scheme not in schemes():
        backend_class(location.scheme)
    for name in _OURS:
        if name in query:
            raise ConfigurationError(
                f"{location} sets {name}: the comparison uses the defaults for every board; leave {name} out."
            )
    if "board" in query:
        raise ConfigurationError(
            f"{location} names the board {query['board']!r}: the comparison creates its own boards; leave board out."
        )


def open_target(target: str, board: str) -> LeaderboardBackend:
    """Open a target's board, by the default rules; raises `TargetError`, and what opening raises."""
    if is_url(target):
        return open_leaderboard(target, board=board)
    try:
        make = load_target(target)
    except ConfigurationError as error:
        raise TargetError(str(error)) from error
    except ModuleNotFoundError as error:
        module = target.partition(":")[0]
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise TargetError(f"{target}: there is no module {error.name} here: correct its name.") from error
    opened = make(board, order="descending", keep="last")
    if not isinstance(opened, LeaderboardBackend):
        raise TargetError(f"{target} returned {shorten(opened)}, not an open LeaderboardBackend.")
    return opened
