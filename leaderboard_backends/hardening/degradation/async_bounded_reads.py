# generated from leaderboard_backends/hardening/degradation/bounded_reads.py
# by tools/async_faces.py: change that file, then run `make faces`
"""A second board object for reads, whose storage has little time to answer, so that no read hangs.

The time is that of the client: of its sockets, and of the wait for a connection. So a read takes no thread of its own,
nothing goes on behind its back, and a board in this process, which never hangs, has no such time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from ...async_delegating import AsyncDelegatingLeaderboard
from ...async_protocol import AsyncLeaderboard
from ...errors import BackendUnavailableError, ConfigurationError, UnknownOptionError
from .bounded_reads import ATTEMPTS, OF_A_READ, SHARES


async def open_for_reads(
    board: AsyncLeaderboard, reopen: Callable[..., Awaitable[AsyncLeaderboard]], seconds: float
) -> AsyncLeaderboard:
    """Open the place of a board once more, for reads that take up to so many seconds.

    Raises `ConfigurationError` where the backend has no such times, `BackendUnavailableError` where opening fails.
    """
    if not board.capabilities.shared:
        raise ConfigurationError(
            f"read_timeout needs a storage that several clients share, such as redis://, and {board!r} is not one: "
            "leave read_timeout out."
        )
    if isinstance(board, AsyncDelegatingLeaderboard):
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
                return await reopen(**times)
        return await reopen(**times)
    except UnknownOptionError as error:
        raise ConfigurationError(
            f"read_timeout needs a backend with the options {', '.join(SHARES)}, which {board!r} lacks: leave "
            f"read_timeout out. {error}"
        ) from error
