"""A second board object for reads, whose storage has little time to answer, so that no read hangs.

The time is that of the client: of its sockets, and of the wait for a connection. So a read takes no thread of its own,
nothing goes on behind its back, and a board in this process, which never hangs, has no such time.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from ...delegating import DelegatingLeaderboard
from ...errors import BackendUnavailableError, ConfigurationError, UnknownOptionError
from ...protocol import LeaderboardBackend
from ...wrapper import Reopen

SHARES: Final = {"pool_timeout": 0.3, "connect_timeout": 0.15, "socket_timeout": 0.5}
"""How a read's time is divided: the wait for a connection, where more threads read than there are connections; then
connecting, and the answer. The rest is for the work in between."""
OF_A_READ: Final = "read_timeout"
"""How a backend of several servers limits a whole read, whose replies have no other limit there."""

ATTEMPTS: Final = 10
"""Opening asks the storage more than a read does; it may be tried again, as it writes nothing of players."""


def open_for_reads(board: LeaderboardBackend, reopen: Reopen, seconds: float) -> LeaderboardBackend:
    """Open the place of a board once more, for reads that take up to so many seconds.

    Raises `ConfigurationError` where the backend has no such times, `BackendUnavailableError` where opening fails.
    """
    if not board.capabilities.shared:
        raise ConfigurationError(
            f"read_timeout needs a storage that several clients share, such as redis://, and {board!r} is not one: "
            "leave read_timeout out."
        )
    if isinstance(board, DelegatingLeaderboard):
        raise ConfigurationError(
            f"read_timeout asks the storage past {type(board).__name__}, which is inside of degradation: leave "
            "read_timeout out, and set socket_timeout."
        )
    times = {name: share * seconds for name, share in SHARES.items()}
    if OF_A_READ in board.options:
        times[OF_A_READ] = SHARES["socket_timeout"] * seconds
    try:
        for _ in range(ATTEMPTS - 1):
            with suppress(BackendUnavailableError):
                return reopen(**times)
        return reopen(**times)
    except UnknownOptionError as error:
        raise ConfigurationError(
            f"read_timeout needs a backend with the options {', '.join(SHARES)}, which {board!r} lacks: leave "
            f"read_timeout out. {error}"
        ) from error
