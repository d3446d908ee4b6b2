"""From a URL, a mapping, a TOML file or the environment to an open board.

An app names its backend in one text; to swap the backend, that text changes and nothing else::

    board = open_leaderboard("memory://weekly")
    board = open_leaderboard("redis://cache:6379/0?board=weekly", order="ascending")
    board = open_leaderboard({"url": "zodb:///var/lib/app/board.fs", "board": "weekly", "keep": "best"})

What stands around a board is in the same mapping, a table each. Their order is fixed, whatever the order of the tables:
migration is the innermost, then replica, degradation, validation, rate_limit, and monitoring, which sees all of it;
that of a plug-in has the place that it declares::

    board = open_leaderboard({"url": "memory://weekly", "rate_limit": {"updates_a_minute": 60}, "monitoring": True})
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self, TypeVar

from . import model
from .errors import BackendError, ConfigurationError, InvalidNameError
from .location import Location, after_secret, boolean, check_options
from .model import Keep, Order
from .protocol import LeaderboardBackend
from .registry import backend_class, in_place, wrapper_class, wrapper_names

OURS: Final = ("board", "order", "keep")
"""The options that every board has."""

SECTIONS: Final = {"preflight": "preflight.NAME", "server": "server"}
"""Tables of a file beside `[boards.NAME]` that are not the boards' business, and how they are written: what is expected
of a board (`leaderboard preflight`), and how boards are served (`leaderboard serve`). See `read_section`."""

DEEPEST: Final = 32
"""Tables and lists of a file within each other: more than any backend's options need, far below Python's own bound."""

Made = TypeVar("Made")

DEFAULT_VARIABLE: Final = "LEADERBOARD_URL"

_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class Leaderboards(dict[str, LeaderboardBackend]):
    """The open boards of a file, by name: a dict. `close`, or the end of a `with` block, closes them all."""

    def close(self) -> None:
        """Close every board, those after one that fails to close included; raises what that one raised."""
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

    Options (`board`, `order`, `keep` and those of the backend) can be given in the URL's query, in the mapping or as
    keywords; keywords override the mapping, which overrides the URL. `degradation`, `validation`, `rate_limit` and
    `monitoring` are mappings of settings, or `True` for their defaults, and need the extra `production`. Raises a
    `ConfigurationError` that names what is wrong and what is allowed, or `BackendUnavailableError` where the storage
    cannot be reached; `InvalidNameError` for the board's name; `BoardMismatchError` where the stored board has another
    order; and other errors of the storage. What opening costs is written in each backend's docstring.
    """
    return describe_by(backend_class, target, options=options).open()


def load_leaderboards(path: str | os.PathLike[str]) -> Leaderboards:
    """Open every board of a TOML file: a table `[boards.NAME]` each, with a `url` and options.

    `${VARIABLE}` in a string is replaced from the environment; `${VARIABLE:-default}` has a default for an unset or
    empty variable. A board is named like its table, unless its URL or its `board` says otherwise. If one cannot be
    opened, none stays open. Raises what `open_leaderboard` raises, with the file and the board in the text, and
    `ConfigurationError` for a file that cannot be read or has no boards. They are opened one after the other.
    """
    boards = Leaderboards()
    try:
        for name, board in _each(path, lambda table, name: describe(table, name).open()):
            boards[name] = board
    except BaseException:
        boards.close()
        raise
    return boards


def from_env(variable: str = DEFAULT_VARIABLE, **options: Any) -> LeaderboardBackend:
    """Open the board whose URL is in an environment variable, `LEADERBOARD_URL` unless another is named.

    Raises `ConfigurationError` where the variable is not set or empty, and what `open_leaderboard` raises.
    """
    url = os.environ.get(variable)
    if not url:
        raise ConfigurationError(f"{variable} is not set: set it to a board's URL, for example memory://weekly.")
    return open_leaderboard(url, **options)


@dataclass(frozen=True, slots=True)
class Opening:
    """A board as described and checked, before anything is opened."""

    location: Location
    backend: type[LeaderboardBackend]
    name: str | None
    order: Order
    keep: Keep
    options: Mapping[str, Any] = field(repr=False)
    layers: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """What stands around the board, from the innermost to the outermost, with its checked settings."""
    board: str
    """The name that the board will have."""

    @property
    def place(self) -> str:
        """Where the board is, and its name, without a password."""
        shown = self.location.shown
        return shown if shown.endswith(f"/{self.board}") else f"{shown} (board {self.board})"

    def open(self) -> LeaderboardBackend:
        """Open the board and put around it what is asked for; raises what opening raises."""
        board = self._open_backend()
        try:
            for name, settings in self.layers.items():
                board = wrapper_class(name).wrap(board, Reopening(self), **settings)
        except BaseException:
            board.close()
            raise
        return board

    def _open_backend(self) -> LeaderboardBackend:
        return self.backend.from_location(self.location, self.name, self.order, self.keep, **self.options)


@dataclass(frozen=True, slots=True)
class Reopening:
    """Opens one more board object at the place of a description, with other options of the backend."""

    opening: Opening

    def __call__(self, **options: object) -> LeaderboardBackend:
        """Open it. Raises `UnknownOptionError` where the backend has no such option."""
        return self.described(**options).open()

    def described(self, **options: object) -> Opening:
        """Return what is opened; raises the same."""
        opening = self.opening
        checked = check_options(f"{opening.location.scheme}://", opening.backend.options, options, OURS)
        return replace(opening, options={**opening.options, **checked}, layers={})


def describe(target: str | Mapping[str, Any], default_board: str = "default", **options: Any) -> Opening:
    """Return what a URL or a mapping describes, every option and setting checked; nothing is opened.

    Raises a `ConfigurationError` that names what is wrong and what is allowed.
    """
    return describe_by(backend_class, target, default_board, options)


def describe_by(
    find: Callable[[str], type[Any]],
    target: str | Mapping[str, Any],
    default_board: str = "default",
    options: Mapping[str, Any] = MappingProxyType({}),
) -> Opening:
    """Return the same for the class that is found for the URL's scheme."""
    given: dict[str, Any] = {}
    url: object = target
    if isinstance(target, Mapping):
        given = dict(target)
        url = given.pop("url", None)
        if url is None:
            has = ", ".join(map(str, given)) or "nothing"
            raise ConfigurationError(f"a board's configuration needs a url; this one has {has}.")
    if not isinstance(url, str):
        raise ConfigurationError(f"a board's URL must be a string, not of type {type(url).__name__}.")
    location, query = Location.parse(url, default_board)
    backend = find(location.scheme)
    merged: dict[str, Any] = {**query, **given, **options}
    around = [name for name in wrapper_names() if name not in backend.options and name not in OURS]
    tables = {name: _table(name, merged.pop(name)) for name in around if name in merged}
    wanted = {name: table for name, table in tables.items() if table is not None}
    name = merged.pop("board", None)
    order, keep = model.check_order(merged.pop("order", "descending")), model.check_keep(merged.pop("keep", "last"))
    board = None if name is None else model.check_board_name(name)
    own = check_options(f"{location.scheme}://", backend.options, merged, {*OURS, *around}, after_secret(query))
    return Opening(
        location=location,
        backend=backend,
        name=board,
        order=order,
        keep=keep,
        options=own,
        layers={name: check_options(name, found.options, wanted[name]) for name, found in in_place(wanted).items()},
        board=model.check_board_name(backend.check_location(location, board, **own)),
    )


def _table(name: str, given: object) -> Mapping[str, Any] | None:
    """Return the settings of a layer: those of a table, none for `true`; `None`, for `false`, is no layer."""
    if isinstance(given, Mapping):
        return given
    try:
        return {} if boolean(given) else None
    except ValueError:
        raise ConfigurationError(
            f"{name} must be a table of settings, true or false, not {model.shorten(given)}: write "
            f"[boards.NAME.{name}]."
        ) from None


def describe_file(path: str | os.PathLike[str], find: Callable[[str], type[Any]] = backend_class) -> dict[str, Opening]:
    """Return the boards of a TOML file by name, every option and setting checked; nothing is opened.

    `find` returns the class for a scheme. Raises a `ConfigurationError` that names the file, the board, what is wrong
    and what is allowed.
    """
    return dict(_each(path, lambda table, name: describe_by(find, table, name)))


def check_file(
    path: str | os.PathLike[str], find: Callable[[str], type[Any]] = backend_class
) -> dict[str, Opening | ConfigurationError | InvalidNameError]:
    """Return the boards of a TOML file as `describe_file` does, and for each that is none, the error that says why.

    Raises `ConfigurationError` where the file has no boards at all.
    """
    found: dict[str, Opening | ConfigurationError | InvalidNameError] = {}
    for name, table in _read_tables(path).items():
        try:
            found[name] = _make(path, name, table, lambda table, name: describe_by(find, table, name))
        except (ConfigurationError, InvalidNameError) as error:
            found[name] = error
    return found


def read_section(path: str | os.PathLike[str], section: str) -> dict[str, Any]:
    """Return another table of a boards' file, one of `SECTIONS`, variables put in; empty where it has none.

    Raises `ConfigurationError`.
    """
    found = _read_document(path).get(section, {})
    if not isinstance(found, dict):
        raise ConfigurationError(
            f"{os.fspath(path)}: {section} must be a table, not of type {type(found).__name__}: write [{section}]."
        )
    try:
        expanded: dict[str, Any] = _expand(found)
    except ConfigurationError as error:
        raise ConfigurationError(f"{os.fspath(path)}, {section}: {error}") from error
    return expanded


def _each(path: str | os.PathLike[str], make: Callable[[dict[str, Any], str], Made]) -> Iterator[tuple[str, Made]]:
    """Yield what is made of each table of a file; an error names the file and the board."""
    for name, table in _read_tables(path).items():
        yield name, _make(path, name, table, make)


def _make(
    path: str | os.PathLike[str], name: str, table: dict[str, Any], make: Callable[[dict[str, Any], str], Made]
) -> Made:
    try:
        return make(_expand(table), name)
    except (ConfigurationError, InvalidNameError, BackendError) as error:
        raise type(error)(f"{os.fspath(path)}, boards.{name}: {error}") from error


def _read_tables(path: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    shown = os.fspath(path)
    tables = _read_document(path).get("boards")
    if not isinstance(tables, dict) or not tables:
        raise ConfigurationError(f"{shown} has no boards: add a table [boards.NAME] with a url.")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigurationError(
                f"{shown}: boards.{name} must be a table with a url, not a {type(table).__name__}: write "
                f"[boards.{name}] and, below it, url = …"
            )
    return tables


def _read_document(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a boards' file holds; what is not of the boards is left to those whose table it is."""
    shown = os.fspath(path)
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{shown} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # that of TOML, of UTF-8, and of a path with a NUL
        raise ConfigurationError(f"{shown} is not TOML: {error}.") from error
    except RecursionError:
        raise ConfigurationError(
            f"{shown} is nested too deeply: a board's table may contain tables of settings, and those no further "
            "tables."
        ) from None
    if others := [name for name in document if name != "boards" and name not in SECTIONS]:
        raise ConfigurationError(
            f"{shown} has {', '.join(others)} at its top level: only [boards.NAME] is allowed, and "
            f"{' and '.join(f'[{known}]' for known in SECTIONS.values())} of others."
        )
    return document


def _expand(value: Any, depth: int = 0) -> Any:
    """Return a value with the variables of its texts, and of those in its tables and lists, put in."""
    if depth > DEEPEST:
        raise ConfigurationError(f"it is nested more than {DEEPEST} levels deep: remove the inner tables and lists.")
    if isinstance(value, dict):
        return {name: _expand(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, depth + 1) for inner in value]
    return _REFERENCE.sub(_from_environment, value) if isinstance(value, str) else value


def _from_environment(match: re.Match[str]) -> str:
    name, default = match["name"], match["default"]
    found = os.environ.get(name)
    if default is not None:  # as in a shell, an empty variable takes the default too
        return found or default
    if found is None:
        raise ConfigurationError(f"the variable {name} is not set: set it, or write ${{{name}:-default}}.")
    return found
