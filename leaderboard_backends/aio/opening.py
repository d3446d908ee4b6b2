"""From a URL, a mapping or a TOML file to open boards of an asyncio program."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar, cast

from ..async_protocol import AsyncLeaderboard
from ..config import Opening, Reopening, describe_by, describe_file
from ..errors import BackendError, ConfigurationError, InvalidArgumentTypeError
from ..in_process import InProcessLeaderboard
from ..model import shorten
from ..protocol import LeaderboardBackend
from ..registry import async_backend_class, async_wrapper_class, backend_class


class AsyncLeaderboards(dict[str, AsyncLeaderboard]):
    """The open boards of a file, by name: a dict. `close`, or the end of an `async with` block, closes them all."""

    async def close(self) -> None:
        """Close every board, those after one that fails to close included; raises what that one raised."""
        async with AsyncExitStack() as stack:
            for board in self.values():
                stack.push_async_callback(board.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


Opened = TypeVar("Opened", bound=AsyncLeaderboard | AsyncLeaderboards)


class AsyncOpening(Generic[Opened]):
    """What opens boards: await it for what is open, or use it in `async with`, whose end closes it again.

    It may be used again after that. Meanwhile a second `async with` raises `ConfigurationError`, as its end would close
    the boards of the first one.
    """

    def __init__(self, start: Callable[[], Coroutine[Any, Any, Opened]]) -> None:
        self._start: Final = start
        self._is_entered = False

    def __await__(self) -> Generator[Any, None, Opened]:
        return self._start().__await__()

    async def __aenter__(self) -> Opened:
        if self._is_entered:
            raise ConfigurationError(
                "this object is in use by another `async with`: make one for each, by a further call of "
                "open_async_leaderboard or load_async_leaderboards, or share the open board."
            )
        self._is_entered = True
        try:
            self._opened = await self._start()
        except BaseException:
            self._is_entered = False
            raise
        return self._opened

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_entered = False
        await self._opened.close()


def open_async_leaderboard(target: str | Mapping[str, Any], **options: Any) -> AsyncOpening[AsyncLeaderboard]:
    """Open the board that a URL, or a mapping with a `url` and options, describes, in an asyncio program.

    `board = await open_async_leaderboard(…)`, or `async with open_async_leaderboard(…) as board:`. Target and options
    are those of `open_leaderboard`, the parts around a board included. Raises the same errors, once it is awaited; and
    `ConfigurationError` outside an asyncio event loop.
    """

    async def start() -> AsyncLeaderboard:
        _check_loop()
        return await open_described(describe_by(class_for, target, options=options))

    return AsyncOpening(start)


def load_async_leaderboards(path: str | os.PathLike[str]) -> AsyncOpening[AsyncLeaderboards]:
    """Open every board of a TOML file, as `load_leaderboards` does, in an asyncio program.

    `boards = await load_async_leaderboards(…)`, or `async with`. If one cannot be opened, none stays open. Raises the
    same errors, once it is awaited; and `ConfigurationError` outside an asyncio event loop.
    """

    async def start() -> AsyncLeaderboards:
        _check_loop()
        boards = AsyncLeaderboards()
        try:
            for name, opening in describe_file(path, class_for).items():
                try:
                    boards[name] = await open_described(opening)
                except (ConfigurationError, BackendError) as error:
                    raise type(error)(f"{os.fspath(path)}, boards.{name}: {error}") from error
        except BaseException:
            await boards.close()
            raise
        return boards

    return AsyncOpening(start)


def class_for(scheme: str) -> type[Any]:
    """Return the class of a scheme whose options a board has: an asynchronous one, or else the synchronous one."""
    return async_backend_class(scheme) or backend_class(scheme)


def awaits_parts(backend: type[Any], layers: Iterable[str]) -> bool:
    """Return whether these parts around a board of a class (that of `class_for`) are made of coroutines."""
    return issubclass(backend, AsyncLeaderboard | InProcessLeaderboard) and all(map(async_wrapper_class, layers))


async def open_described(opening: Opening) -> AsyncLeaderboard:
    """Open a board that was described for `class_for`.

    It is used as it is where its backend is asynchronous itself, and through `as_async` where it is not, or where
    parts stand around it.
    """
    backend: type[Any] = opening.backend
    if opening.layers and awaits_parts(backend, opening.layers):
        return await _open_with_parts(opening)
    if issubclass(backend, AsyncLeaderboard) and not opening.layers:
        return await backend.from_location(
            opening.location, opening.name, opening.order, opening.keep, **opening.options
        )
    return await _open_in_threads(opening)


async def _open_in_threads(opening: Opening) -> AsyncLeaderboard:
    """Open the synchronous board, and the parts around it, in a thread."""
    from .threads import open_in_thread  # noqa: PLC0415 - asyncio takes longer to import than all of this package

    opening = replace(opening, backend=backend_class(opening.location.scheme))
    return as_async(await open_in_thread(opening.open))


class AsyncReopening(Reopening):
    """Opens one more asynchronous board, as `config.Reopening` does."""

    async def __call__(self, **options: object) -> AsyncLeaderboard:  # type: ignore[override]  # for its own parts
        """Open it. Raises `UnknownOptionError` where the backend has no such option."""
        return await open_described(self.described(**options))

    async def in_threads(self, **layers: Mapping[str, Any]) -> AsyncLeaderboard:
        """Open one more synchronous board, with these parts around it, for use by `as_async`; raises the same."""
        return await _open_in_threads(replace(self.opening, layers=layers))


async def _open_with_parts(opening: Opening) -> AsyncLeaderboard:
    """Open a board, and put parts around it that are asynchronous themselves."""
    from .hooks import settled  # noqa: PLC0415 - as below
    from .threads import Threads  # noqa: PLC0415 - as below

    board, opening_threads = await open_described(replace(opening, layers={})), Threads(1)
    try:
        for name, settings in opening.layers.items():
            kind = cast("Any", async_wrapper_class(name))
            make = partial(kind.wrap, board, AsyncReopening(opening), **settings)
            board = await opening_threads.run(make) if kind.may_wait else await settled(make())
    except BaseException:
        await board.close()
        raise
    finally:
        opening_threads.end()
    return board


def as_async(board: LeaderboardBackend) -> AsyncLeaderboard:
    """Return an open synchronous board for asyncio programs; to close it closes the board.

    A board in this process's memory answers at once, long calls excepted; any other board, and any board with parts
    around it, is called in threads: 16 where the data is on a server, else 4. No round trip. Raises
    `InvalidArgumentTypeError` for what is no open synchronous board.
    """
    if not issubclass(type(board), LeaderboardBackend):
        raise InvalidArgumentTypeError(
            f"an open board with synchronous methods is needed, not {shorten(board)} ({type(board).__name__}): open "
            "one with open_leaderboard, or use open_async_leaderboard."
        )
    from .direct import DirectLeaderboard  # noqa: PLC0415 - as above
    from .threads import ThreadedLeaderboard  # noqa: PLC0415 - as above

    if isinstance(board, InProcessLeaderboard) and board.capabilities.lives_in == "process":  # not in files, too
        return DirectLeaderboard(board)
    return ThreadedLeaderboard(board)


def _check_loop() -> None:
    import asyncio  # noqa: PLC0415 - as above

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "an asynchronous board needs a running asyncio event loop (that of uvloop will do, trio's will not): open "
            "it in a coroutine that asyncio runs; under trio, use open_leaderboard in trio.to_thread.run_sync."
        ) from None
