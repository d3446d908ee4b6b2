"""The file of a server: its boards, a table `[boards.NAME]` each, and how it serves them, the table `[server]`.

::

    [server]
    tokens = ["${WRITE_TOKEN}"]     # beside those of the variable LEADERBOARD_TOKEN
    read_tokens = []                # may only read
    protect_reads = false           # whether reads need a token too
    body_bytes = 524288             # the longest body
    hosts = []                      # the names that clients ask it by, beside its address and those of the loopback
    root_path = ""                  # the prefix that a proxy takes off each path
    rows = 50                       # of a live page
    pushes_a_second = 2             # to a live page, at most
    viewers = 500                   # of a live page at once
    viewers_per_client = 50         # of those from one address
    connections = 1000              # at once

    [boards.weekly]
    url = "memory://weekly"

`leaderboard_backends.config` reads the file, so that variables and the tables of the boards are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from leaderboard_backends import AsyncLeaderboard, BackendError, ConfigurationError, InvalidNameError
from leaderboard_backends.aio import AsyncLeaderboards, class_for, open_described
from leaderboard_backends.config import Opening, check_file, read_section

from .app import check_names
from .connections import Bounds
from .live import Watching
from .route import DEFAULT_LIMITS, Limits
from .tokens import Tokens

SECTION: Final = "server"
_DEFAULT_WATCHING: Final = Watching()
_DEFAULT_BOUNDS: Final = Bounds()


class ServerSettings(BaseModel):
    """The table `[server]`; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    tokens: list[SecretStr] = []
    read_tokens: list[SecretStr] = []
    protect_reads: bool = False
    body_bytes: int = DEFAULT_LIMITS.body_bytes
    body_seconds: float = DEFAULT_LIMITS.body_seconds
    bodies_bytes: int = DEFAULT_LIMITS.bodies_bytes
    rows: int = _DEFAULT_WATCHING.rows
    pushes_a_second: float = _DEFAULT_WATCHING.pushes_a_second
    viewers: int = _DEFAULT_WATCHING.viewers
    viewers_per_client: int = _DEFAULT_WATCHING.viewers_per_client
    heartbeat: float = _DEFAULT_WATCHING.heartbeat
    patience: float = _DEFAULT_WATCHING.patience
    hosts: list[str] = []
    root_path: str = ""
    connections: int = _DEFAULT_BOUNDS.connections
    waiting_per_client: int = _DEFAULT_BOUNDS.waiting_per_client
    idle_seconds: float = _DEFAULT_BOUNDS.idle_seconds

    def tokens_in_all(self) -> Tokens:
        """Return the tokens of the file and those of the environment. Raises `ConfigurationError`."""
        write = Tokens(write=_shown(self.tokens), of="server.tokens")
        return write | Tokens(read=_shown(self.read_tokens), of="server.read_tokens") | Tokens.from_env()

    def limits(self) -> Limits:
        """Return what a request may ask. Raises `ConfigurationError`."""
        return Limits(self.body_bytes, self.body_seconds, self.bodies_bytes)

    def watching(self) -> Watching:
        """Return how boards are watched. Raises `ConfigurationError`."""
        names = ("rows", "pushes_a_second", "viewers", "viewers_per_client", "heartbeat", "patience")
        return Watching(**{name: getattr(self, name) for name in names})

    def bounds(self) -> Bounds:
        """Return what clients may hold open. Raises `ConfigurationError`."""
        return Bounds(self.connections, self.waiting_per_client, self.idle_seconds)


def _shown(tokens: Iterable[SecretStr]) -> list[str]:
    """Return the texts of the tokens, without the empty ones of variables that are not set."""
    return [text for token in tokens if (text := token.get_secret_value())]


def read_settings(path: Path) -> ServerSettings:
    """Return the table `[server]` of a file. Raises a `ConfigurationError` that names the file, the key and why."""
    table = read_section(path, SECTION)
    try:
        return ServerSettings.model_validate(table)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        known = ", ".join(ServerSettings.model_fields)
        raise ConfigurationError(f"{path}, {SECTION}: {told}. Known: {known}.") from None


async def open_boards(path: Path, only: Collection[str] = ()) -> AsyncLeaderboards:
    """Open the boards of a file, or those of them that `only` names. Where one cannot be opened, none stays open.

    Raises a `LeaderboardError` that names the file, the board, what is wrong and what is allowed.
    """
    found = check_file(path, class_for)
    if unknown := [name for name in only if name not in found]:
        raise ConfigurationError(f"{path} has no board {', '.join(unknown)}; its boards are {', '.join(found)}.")
    chosen = {name: described for name, described in found.items() if not only or name in only}
    check_names(chosen)
    boards = AsyncLeaderboards()
    try:
        for name, described in chosen.items():
            boards[name] = await _open(path, name, described)
    except BaseException:
        await boards.close()
        raise
    return boards


async def _open(path: Path, name: str, described: Opening | ConfigurationError | InvalidNameError) -> AsyncLeaderboard:
    if not isinstance(described, Opening):
        raise described
    try:
        return await open_described(described)
    except (ConfigurationError, BackendError) as error:
        raise type(error)(f"{path}, boards.{name}: {error}") from error
