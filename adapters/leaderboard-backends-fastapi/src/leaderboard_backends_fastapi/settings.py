"""The file of a server: its boards, a table `[boards.NAME]` each, and how it serves them, the table `[server]`.

::

    [server]
    tokens = ["${WRITE_TOKEN}"]     # beside those of the variable LEADERBOARD_TOKEN
    read_tokens = []                # may only read
    protect_reads = false           # whether reads need a token too
    body_bytes = 1048576            # the longest body
    rows = 50                       # of a live page
    pushes_a_second = 2             # to a live page, at most
    viewers = 500                   # of a live page at once

    [boards.weekly]
    url = "memory://weekly"

The tables of the boards are those of `leaderboard_backends.load_leaderboards`, variables included.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from leaderboard_backends import (
    BackendError,
    ConfigurationError,
    InvalidNameError,
    LeaderboardBackend,
    Leaderboards,
)
from leaderboard_backends.config import describe

from .app import check_names
from .live import Watching
from .route import Limits
from .tokens import Tokens

_REFERENCE: Final = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_DEFAULT_LIMITS: Final = Limits()
_DEFAULT_WATCHING: Final = Watching()


class ServerSettings(BaseModel):
    """The table `[server]`; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    tokens: list[SecretStr] = []
    read_tokens: list[SecretStr] = []
    protect_reads: bool = False
    body_bytes: int = _DEFAULT_LIMITS.body_bytes
    body_seconds: float = _DEFAULT_LIMITS.body_seconds
    rows: int = _DEFAULT_WATCHING.rows
    pushes_a_second: float = _DEFAULT_WATCHING.pushes_a_second
    viewers: int = _DEFAULT_WATCHING.viewers
    heartbeat: float = _DEFAULT_WATCHING.heartbeat
    patience: float = _DEFAULT_WATCHING.patience

    def tokens_in_all(self) -> Tokens:
        """Return the tokens of the file and those of the environment. Raises `ConfigurationError`."""
        write = Tokens(write=_shown(self.tokens), of="server.tokens")
        return write | Tokens(read=_shown(self.read_tokens), of="server.read_tokens") | Tokens.from_env()

    def limits(self) -> Limits:
        """Return what a request may ask. Raises `ConfigurationError`."""
        return Limits(self.body_bytes, self.body_seconds)

    def watching(self) -> Watching:
        """Return how boards are watched. Raises `ConfigurationError`."""
        return Watching(self.rows, self.pushes_a_second, self.viewers, self.heartbeat, self.patience)


def _shown(tokens: Iterable[SecretStr]) -> list[str]:
    """Return the texts of the tokens, without the empty ones of variables that are not set."""
    return [text for token in tokens if (text := token.get_secret_value())]


def read_file(path: Path) -> tuple[ServerSettings, dict[str, Any]]:
    """Return the server's settings, and the tables of the boards as they stand there; nothing is opened.

    Raises a `ConfigurationError` that names the file, the key and what is allowed.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}.") from error
    server, tables = document.pop("server", {}), document.pop("boards", None)
    if document:
        raise ConfigurationError(f"{path} has {', '.join(document)} at its top level: only [boards.NAME] and [server].")
    if not isinstance(tables, dict) or not tables:
        raise ConfigurationError(f"{path} has no boards: add a table [boards.NAME] with a url.")
    return _settings(path, server), tables


def _settings(path: Path, table: object) -> ServerSettings:
    try:
        return ServerSettings.model_validate(expand(table))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        known = ", ".join(ServerSettings.model_fields)
        raise ConfigurationError(f"{path}, server: {told}. Known: {known}.") from None


def open_boards(path: Path, tables: Mapping[str, Any], only: Collection[str] = ()) -> Leaderboards:
    """Open the boards of a file, or those of them that `only` names. Where one cannot be opened, none stays open."""
    if unknown := [name for name in only if name not in tables]:
        raise ConfigurationError(f"{path} has no board {', '.join(unknown)}; it has {', '.join(tables)}.")
    chosen = {name: table for name, table in tables.items() if not only or name in only}
    check_names(chosen)
    boards = Leaderboards()
    try:
        for name, table in chosen.items():
            boards[name] = _open(path, name, table)
    except BaseException:
        boards.close()
        raise
    return boards


def _open(path: Path, name: str, table: object) -> LeaderboardBackend:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: boards.{name} must be a table with a url: write [boards.{name}].")
    try:
        return describe(expand(table), name).open()
    except (ConfigurationError, InvalidNameError, BackendError) as error:
        raise type(error)(f"{path}, boards.{name}: {error}") from error


def expand(value: Any) -> Any:
    """Return a value with `${VARIABLE}` and `${VARIABLE:-default}` of its texts taken from the environment."""
    if isinstance(value, dict):
        return {name: expand(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [expand(inner) for inner in value]
    return _REFERENCE.sub(_from_environment, value) if isinstance(value, str) else value


def _from_environment(match: re.Match[str]) -> str:
    name, default = match["name"], match["default"]
    found = os.environ.get(name)
    if default is not None:  # as in a shell, an empty variable takes the default too
        return found or default
    if found is None:
        raise ConfigurationError(f"the variable {name} is not set: set it, or write ${{{name}:-default}}.")
    return found
