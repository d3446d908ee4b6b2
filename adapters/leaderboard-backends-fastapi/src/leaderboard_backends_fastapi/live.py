"""One board, pushed to many viewers: it is read once for all of them, and told only where something changed.

While somebody watches, one task looks at the board, at most so many times a second. Each viewer
has room for one event, the newest: who is slow misses what lies between, and holds up nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final, TypeAlias

from .boards import ServedBoard
from .guard import check_number
from .problems import TOO_MANY_VIEWERS, ProblemError
from .snapshots import Snapshot, down, look

Write: TypeAlias = Callable[[bytes], bool]
"""Writes a chunk to a viewer at once, framed already; `False` where the viewer has not read what was sent before."""

TOLD_AT_ONCE: Final = 100
"""Viewers that are told in one turn of the event loop, of a few milliseconds."""

_STOPPING: Final = "the server is stopping."
_BOUNDS: Final = {
    "rows": 1000,
    "pushes_a_second": 20,
    "viewers": 1_000_000,
    "viewers_per_client": 1_000_000,
    "heartbeat": 3600,
    "patience": 3600,
    "reading": 3600,
}
_log = logging.getLogger("leaderboard_backends_fastapi")


@dataclass(frozen=True, slots=True)
class Watching:
    """How boards are watched. Raises `ConfigurationError` for a value out of its bounds."""

    rows: int = 50
    """How many entries a viewer sees, 1 to 1,000; fewer where `max_n` of the board's validation is lower."""
    pushes_a_second: float = 2.0
    """How often a board is read, and so the most pushes a second: above 0, at most 20."""
    viewers: int = 500
    """The most viewers of a board at once."""
    viewers_per_client: int = 50
    """The most of them from one address, or from one /64 network of IPv6."""
    heartbeat: float = 15.0
    """Seconds without news after which a viewer is told that the server is there."""
    patience: float = 20.0
    """Seconds that a viewer may take to receive an event before it counts as gone."""
    reading: float = 3.0
    """Seconds that a board may take to be read before viewers are told that it cannot be reached."""

    def __post_init__(self) -> None:
        for field in fields(self):
            most = _BOUNDS[field.name]
            check_number(field.name, getattr(self, field.name), field.default, f"above 0 and at most {most}", most)


class Viewer:
    """One who watches: holds the newest event that was not sent yet."""

    def __init__(self, client: str = "") -> None:
        self.client = client
        self.ended = False
        self.write: Write | None = None
        """What writes to the viewer at once, where the server has it, and nothing is on its way to the viewer."""
        self._event: bytes | None = None
        self._news = asyncio.Event()

    def tell(self, event: bytes, chunk: bytes = b"") -> None:
        """Send an event at once, from its `chunk`, or take it in place of one that was not sent yet."""
        if chunk and self.write is not None and self._event is None and not self.ended and self.write(chunk):
            return
        self._event = event
        self._news.set()

    def end(self) -> None:
        """Let the stream end once it is not sending."""
        self.ended = True
        self._news.set()

    async def next(self, patience: float) -> bytes | None:
        """Return the next event, `None` where there is none within `patience` seconds, or at the end."""
        try:
            async with asyncio.timeout(patience):
                await self._news.wait()
        except TimeoutError:
            return None
        self._news.clear()
        event, self._event = self._event, None
        return event


class Live:
    """A board and its viewers. To be used within one event loop."""

    def __init__(self, board: ServedBoard, watching: Watching) -> None:
        self.board = board
        self.watching = watching
        self._viewers: set[Viewer] = set()
        self._last: Snapshot | None = None
        self._poller: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[Snapshot] | None = None
        self._rows: int | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<Live {self.board!r}: {len(self._viewers)} viewers>"

    def join(self, client: str) -> Viewer:
        """Return a new viewer, who is told the board's state soon; raises `ProblemError`, 503, without room for one.

        `client` is whom a viewer belongs to: none may take every place.
        """
        if self._closed:
            raise ProblemError(TOO_MANY_VIEWERS, _STOPPING)
        if len(self._viewers) >= self.watching.viewers:
            raise ProblemError(
                TOO_MANY_VIEWERS, f"{len(self._viewers)} viewers are connected already: try again later."
            )
        if sum(each.client == client for each in self._viewers) >= self.watching.viewers_per_client:
            raise ProblemError(TOO_MANY_VIEWERS, "too many viewers from this address: close one, or try again later.")
        viewer = Viewer(client)
        self._viewers.add(viewer)
        if self._poller is None or self._poller.done():
            self._last = None
            self._poller = asyncio.create_task(self._poll())
        elif self._last is not None:
            viewer.tell(self._last.event())
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer; after the last one, the board is not read any more."""
        self._viewers.discard(viewer)

    async def look(self) -> Snapshot:
        """Return what a viewer sees now, `down` where that takes too long; only one read is ever on its way."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        done, _ = await asyncio.wait({self._reading}, timeout=self.watching.reading)
        return self._reading.result() if done else down(f"no answer within {self.watching.reading:g} s")

    async def _read(self) -> Snapshot:
        try:
            return await look(self.board.to("view"), self._most_rows())
        except Exception as error:  # noqa: BLE001 - viewers wait for the next look, whatever is wrong with this one
            _log.exception("reading the board %r for its viewers failed", self.board.name)
            return down(type(error).__name__)

    def _most_rows(self) -> int:
        """Return how many entries a viewer sees: no more than the validation of the board lets be read."""
        if self._rows is None:
            limits = [getattr(each, "max_n", None) for each in self.board.layers()]
            self._rows = min([self.watching.rows, *(limit for limit in limits if isinstance(limit, int))])
            if self._rows < self.watching.rows:
                _log.warning(
                    "the page of the board %r shows at most %d rows instead of %d: its validation has a lower max_n",
                    *(self.board.name, self._rows, self.watching.rows),
                )
        return self._rows

    async def _poll(self) -> None:
        """Look and tell, as long as somebody watches."""
        interval = 1 / self.watching.pushes_a_second
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._viewers:
            snapshot = await self.look()
            if snapshot.differs(self._last):
                self._last = snapshot
                await self._tell(snapshot)
            due = max(due + interval, loop.time())  # a look that took longer is not made up for
            await asyncio.sleep(due - loop.time())

    async def _tell(self, snapshot: Snapshot) -> None:
        """Tell all viewers; everybody else has a turn after each few of them."""
        if snapshot.problem:
            _log.warning("the board %r cannot be shown: %s", self.board.name, snapshot.problem)
        event = snapshot.event()
        chunk = b"%x\r\n%b\r\n" % (len(event), event)
        for number, viewer in enumerate(list(self._viewers), 1):
            viewer.tell(event, chunk)
            if number % TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """End all streams, and let nobody join any more."""
        self._closed = True
        for viewer in self._viewers:
            viewer.end()
        tasks: set[asyncio.Task[Any]] = {task for task in (self._poller, self._reading) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
