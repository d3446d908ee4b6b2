"""`EventStream`: the answer that never ends, of server-sent events, one viewer's each.

It ends when the viewer goes away, is too slow, or the server stops. A comment every few seconds lets whoever stands
between know that it lives, and lets the server notice who has gone.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .live import Live, Viewer, Write
from .problems import ProblemError, answer_error

RETRY_MILLISECONDS: Final = 2000
"""After how long a browser asks again where the stream broke off."""

WRITE_CHUNK: Final = "leaderboard_backends_fastapi.write_chunk"
"""Where the state of a server has a function that writes a chunk at once, framed already, or says that it cannot."""

_HEARTBEAT: Final = b": still here\n\n"


class EventStream(Response):
    """A stream of a board's events, from the state at hand on."""

    media_type = "text/event-stream"

    def __init__(self, live: Live, client: str) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self._live = live
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end; where there is no room, answer the problem instead."""
        try:
            viewer = self._live.join(self._client)
        except ProblemError as error:
            await answer_error(error)(scope, receive, send)
            return
        listening = asyncio.create_task(_listen(receive, viewer))
        try:
            knows_chunks = scope["http_version"] == "1.1"
            await self._stream(viewer, send, scope.get("state", {}).get(WRITE_CHUNK) if knows_chunks else None)
        finally:
            self._live.leave(viewer)
            listening.cancel()

    async def _stream(self, viewer: Viewer, send: Send, write: Write | None) -> None:
        watching = self._live.watching
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        chunk: bytes | None = f"retry: {RETRY_MILLISECONDS}\n\n".encode()
        with suppress(TimeoutError, OSError):  # too slow, or gone
            while not viewer.ended:
                async with asyncio.timeout(watching.patience):
                    await send({"type": "http.response.body", "body": chunk or _HEARTBEAT, "more_body": True})
                viewer.write = write  # while nothing is on its way, so that no older event comes after a newer one
                chunk = await viewer.next(watching.heartbeat)
                viewer.write = None
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _listen(receive: Receive, viewer: Viewer) -> None:
    """End the viewer when the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass
    viewer.end()
