"""Apps called as a server calls them, without one: what is said, answered, and for how long the event loop waits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from time import thread_time
from typing import Any, Self
from urllib.parse import unquote

from .serving import NOTHING, Answer


class Caller:
    """Calls an app, all of it in one event loop of this thread; from `client`, with `headers`, under `root_path`."""

    def __init__(
        self, app: Any, headers: Mapping[str, str] = NOTHING, *, root_path: str = "", client: str = "127.0.0.1"
    ) -> None:
        self.app = app
        self.headers = {"Host": "localhost", **headers}
        self.root_path = root_path
        self.client = client
        self.longest_turn = 0.0
        """The most seconds of this thread's work in one turn of the event loop during the last call."""
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the event loop of the calls."""
        self._runner.run(work)

    def get(self, path: str, **headers: str) -> Answer:
        """Ask."""
        return self.send("GET", path, headers=headers)

    def head(self, path: str, **headers: str) -> Answer:
        """Ask without a body."""
        return self.send("HEAD", path, headers=headers)

    def post(self, path: str, text: str) -> Answer:
        """Send JSON."""
        return self.send("POST", path, text.encode(), {"Content-Type": "application/json"})

    def send(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NOTHING) -> Answer:
        """Call the app once, and return all that it answers."""
        said: list[dict[str, Any]] = []
        to_say = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not to_say:
                await asyncio.Event().wait()  # who called stays
            return to_say.pop()

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        self._runner.run(self._timed(self.app(self.scope(method, path, {**self.headers, **headers}), receive, send)))
        found = {name.decode().lower(): value.decode() for name, value in said[0]["headers"]}
        return Answer(said[0]["status"], found, b"".join(message.get("body", b"") for message in said))

    def scope(self, method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return what a server would say of a request."""
        raw, _, query = path.partition("?")
        return {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "root_path": self.root_path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
            "client": (self.client, 50_000),
            "server": ("192.0.2.7", 8000),
        }

    async def _timed(self, answering: Any) -> None:
        turns = [0.0]
        task, began = asyncio.ensure_future(answering), thread_time()
        while not task.done():
            await asyncio.sleep(0)
            turns.append(thread_time() - began)
            began = thread_time()
        self.longest_turn = max(turns)
        await task
