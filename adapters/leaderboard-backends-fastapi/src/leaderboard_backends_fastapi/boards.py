"""`ServedBoard`: a board as the routes, the probes and the viewers use it, be it synchronous or not, open or not yet.

A board in this process's memory answers in the event loop, and one that is asynchronous itself is awaited there. Any
other is called in threads: of those, reads, writes, probes and viewers have some each, so that none of them waits for
what another one waits for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Literal, TypeAlias

from leaderboard_backends import AsyncLeaderboard, ConfigurationError, LeaderboardBackend
from leaderboard_backends.aio import AsyncOpening, as_async
from leaderboard_backends.aio.direct import DirectLeaderboard
from leaderboard_backends.aio.threads import ThreadedLeaderboard
from leaderboard_backends.wrapper import layers

Given: TypeAlias = LeaderboardBackend | AsyncLeaderboard | AsyncOpening[AsyncLeaderboard]
"""A board to serve: an open one, or what opens it when the app starts, and closes it when the app stops."""

Use: TypeAlias = Literal["read", "write", "probe", "view"]

_USES: Final[tuple[Use, ...]] = ("read", "write", "probe", "view")


class ServedBoard:
    """A board and how each use of it is made."""

    def __init__(self, given: Given) -> None:
        self._opening: Final = given if isinstance(given, AsyncOpening) else None
        self._faces: Mapping[Use, AsyncLeaderboard] = {}
        if not isinstance(given, AsyncOpening):
            self._faces = _faces(given)

    def to(self, use: Use) -> AsyncLeaderboard:
        """Return the board for a use. Raises `ConfigurationError` while it is not open."""
        try:
            return self._faces[use]
        except KeyError:
            raise ConfigurationError(
                "the board is not open: it is opened when the app starts, by its lifespan, which a mounted app and a "
                "TestClient outside of a with block do not run. Run it, or give an open board."
            ) from None

    @property
    def name(self) -> str:
        """The name of the board, for the log."""
        return self._faces["read"].name if self._faces else "(not open)"

    @property
    def order(self) -> str:
        """Which scores are the best."""
        return self.to("read").order

    def layers(self) -> Iterator[object]:
        """Yield the board and what is inside it, as `wrapper.layers` does."""
        yield from layers(self.to("read"))

    async def open(self) -> None:
        """Open the board, if that is to be done; raises what opening raises."""
        if self._opening is not None:
            self._faces = _faces(await self._opening)

    async def close(self) -> None:
        """Close the board."""
        faces = {id(face): face for face in self._faces.values()}.values()
        async with AsyncExitStack() as stack:
            for face in faces:
                stack.push_async_callback(face.close)

    @property
    def opens(self) -> bool:
        """Whether the board is opened by the app that serves it."""
        return self._opening is not None


def _faces(given: LeaderboardBackend | AsyncLeaderboard) -> dict[Use, AsyncLeaderboard]:
    """Return the board for each use: one object for all where nobody waits in a thread."""
    board = given.board if isinstance(given, ThreadedLeaderboard) else given
    if isinstance(board, AsyncLeaderboard):
        return dict.fromkeys(_USES, board)
    face = given if isinstance(given, AsyncLeaderboard) else as_async(board)
    if isinstance(face, DirectLeaderboard):
        return dict.fromkeys(_USES, face)
    return {use: face if use == "read" else as_async(board) for use in _USES}


@asynccontextmanager
async def opened(boards: Iterable[ServedBoard]) -> AsyncIterator[None]:
    """Open the boards that are to be opened, and close those at the end; where one cannot be, none stays open."""
    async with AsyncExitStack() as stack:
        for board in boards:
            if board.opens:
                await board.open()
                stack.push_async_callback(board.close)
        yield


def lifespan(boards: Iterable[ServedBoard]) -> Any:
    """Return the lifespan of a router with these boards."""

    @asynccontextmanager
    async def life(app: Any) -> AsyncIterator[None]:
        del app
        async with opened(boards):
            yield

    return life
