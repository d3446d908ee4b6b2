"""From a URL, a mapping, a TOML file or the environment to an open board.

An app names its backend in one text; to swap the backend, that text changes and nothing else::

    board = open_leaderboard("memory://weekly")
    board = open_leaderboard("redis://cache:6379/0?board=weekly", order="ascending")
    board = open_leaderboard({"url": "zodb:///var/lib/app/board.fs", "board": "weekly", "keep": "best"})
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from . import model
from .errors import BackendError, ConfigurationError, InvalidNameError
from .location import Location, check_options
from .protocol import LeaderboardBackend
from .registry import backend_class

DEFAULT_VARIABLE: Final = "LEADERBOARD_URL"

_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class Leaderboards(dict[str, LeaderboardBackend]):
    """The open boards of a file, by name. `close`, or the end of a `with` block, closes them all."""

    def close(self) -> None:
        """Close every board, those after one that fails to close included."""
        with ExitStack() as stack:
            for board in self.values():
                stack.callback(board.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_leaderboard(target: str | Mapping[str, Any], **options: Any) -> LeaderboardBackend:
    """Open the board that a URL, or a mapping with a `url` and options, describes.

    Options (`board`, `order`, `keep` and those of the backend) may stand in the URL's query, in the mapping or as
    keywords; a later one of these three wins. Raises a `ConfigurationError` that names what is wrong and what is
    allowed, or `BackendUnavailableError` where the storage cannot be reached.
    """
    return _open(target, options, "default")


def load_leaderboards(path: str | os.PathLike[str]) -> Leaderboards:
    """Open every board of a TOML file: a table `[boards.NAME]` each, with a `url` and options.

    `${VARIABLE}` in a text is taken from the environment, `${VARIABLE:-default}` also where it is unset or empty. A
    board is called as its table, unless its URL or its `board` says otherwise. Where one cannot be opened, none stays
    open.
    """
    tables = _read_tables(path)
    boards = Leaderboards()
    try:
        for name, table in tables.items():
            try:
                boards[name] = _open({key: _expand(value) for key, value in table.items()}, {}, name)
            except (ConfigurationError, InvalidNameError, BackendError) as error:
                raise type(error)(f"{os.fspath(path)}, boards.{name}: {error}") from error
    except BaseException:
        boards.close()
        raise
    return boards


def from_env(variable: str = DEFAULT_VARIABLE, **options: Any) -> LeaderboardBackend:
    """Open the board whose URL is in an environment variable, `LEADERBOARD_URL` unless another is named."""
    url = os.environ.get(variable)
    if not url:
        raise ConfigurationError(f"{variable} is not set: set it to a board's URL, for example memory://weekly.")
    return open_leaderboard(url, **options)


def _open(target: str | Mapping[str, Any], keywords: Mapping[str, Any], default_board: str) -> LeaderboardBackend:
    given: dict[str, Any] = {}
    url: object = target
    if isinstance(target, Mapping):
        given = dict(target)
        url = given.pop("url", None)
        if url is None:
            has = ", ".join(map(str, given)) or "nothing"
            raise ConfigurationError(f"a board's mapping needs a url; this one has {has}.")
    if not isinstance(url, str):
        raise ConfigurationError(f"a board's URL is a text, not of type {type(url).__name__}.")
    location, query = Location.parse(url, default_board)
    backend = backend_class(location.scheme)
    options = {**query, **given, **keywords}
    name = options.pop("board", None)
    order = model.check_order(options.pop("order", "descending"))
    keep = model.check_keep(options.pop("keep", "last"))
    checked = check_options(location.scheme, backend.options, options)
    checked_name = None if name is None else model.check_board_name(name)
    return backend.from_location(location, checked_name, order, keep, **checked)


def _read_tables(path: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    shown = os.fspath(path)
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{shown} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{shown} is not TOML: {error}.") from error
    tables = document.pop("boards", None)
    if document:
        raise ConfigurationError(f"{shown} has {', '.join(document)} at its top level: only [boards.NAME] is known.")
    if not isinstance(tables, dict) or not tables:
        raise ConfigurationError(f"{shown} has no boards: add a table [boards.NAME] with a url.")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigurationError(
                f"{shown}: boards.{name} must be a table with a url, not a {type(table).__name__}: write "
                f"[boards.{name}] and, below it, url = …"
            )
    return tables


def _expand(value: Any) -> Any:
    return _REFERENCE.sub(_from_environment, value) if isinstance(value, str) else value


def _from_environment(match: re.Match[str]) -> str:
    name, default = match["name"], match["default"]
    found = os.environ.get(name)
    if default is not None:  # as in a shell, an empty variable takes the default too
        return found or default
    if found is None:
        raise ConfigurationError(f"the variable {name} is not set: set it, or write ${{{name}:-default}}.")
    return found
