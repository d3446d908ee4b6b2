"""Servers for tests, real ones: of an app in a thread, or of a file in a process; and requests over the wire."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Condition, Event, Thread
from typing import IO, Any, Final
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI
from leaderboard_backends_fastapi.app import Lives
from leaderboard_backends_fastapi.connections import BACKLOG, Bounds, Connection, Server

TOKEN: Final = "test-write-token-of-some-length"  # noqa: S105 - it keeps nothing secret
READ_TOKEN: Final = "test-read-token-of-some-length"  # noqa: S105 - as above
WAIT: Final = 30.0
"""Seconds after which a test that waits for something has failed."""
BOUNDS: Final = Bounds()
NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """The last word of a problem's type; the body must be one."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        assert self.json["status"] == self.status
        return str(self.json["type"]).rpartition(":")[2]


@dataclass(slots=True)
class Client:
    """Sends requests to a server, each over a connection of its own, with a token unless told otherwise."""

    port: int
    prefix: str = ""
    token: str | None = TOKEN

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request as it is."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        told = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            connection.request(method, self.prefix + path, body, {**told, **(headers or {})}, encode_chunked=True)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, path: str, **query: object) -> Answer:
        """Ask with a query."""
        return self.send("GET", _with_query(path, query))

    def delete(self, path: str, **query: object) -> Answer:
        """Delete with a query."""
        return self.send("DELETE", _with_query(path, query))

    def post(self, path: str, **content: object) -> Answer:
        """Send JSON."""
        return self.post_text(path, json.dumps(content))

    def post_text(self, path: str, text: str) -> Answer:
        """Send a text that says that it is JSON."""
        return self.send("POST", path, text.encode(), {"Content-Type": "application/json"})

    def update(self, player_id: str, score: object, username: str | None = None) -> Answer:
        """Store a score."""
        return self.post(
            "/scores", player_id=player_id, username=player_id if username is None else username, score=score
        )


def _with_query(path: str, query: Mapping[str, object]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


# ---------------------------------------------------------------------- an app in a thread


class _Server(Server):
    """The command's server, which says when it listens."""

    def __init__(self, app: FastAPI, port: int, bounds: Bounds) -> None:
        config = uvicorn.Config(
            app, port=port, log_level="critical", server_header=False, http=Connection, ws="none", backlog=BACKLOG
        )
        super().__init__(config, getattr(app.state, "lives", None) or Lives(), bounds)
        self.listening = Event()

    async def startup(self, sockets: Any = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.listening.set()


@contextmanager
def served(
    app: FastAPI, prefix: str = "", token: str | None = TOKEN, port: int = 0, bounds: Bounds = BOUNDS
) -> Iterator[Client]:
    """Serve an app until the end of the block, on a free port unless told otherwise."""
    server = _Server(app, port, bounds)
    thread = Thread(target=server.run, name="server", daemon=True)
    thread.start()
    assert server.listening.wait(WAIT)
    try:
        yield Client(server.servers[0].sockets[0].getsockname()[1], prefix, token)
    finally:
        server.should_exit = True
        thread.join(WAIT)
        assert not thread.is_alive()


# ---------------------------------------------------------------------- a file in a process


class Process:
    """A server of a file, started as its user would, with all that it says."""

    def __init__(
        self,
        file: Path,
        *arguments: str,
        token: str | None = TOKEN,
        files: int = 0,
        also: Mapping[str, str] = NOTHING,
    ) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADERBOARD_TOKEN")}
        command = [sys.executable, "-W", "error", "-m", "leaderboard_backends_fastapi", "--config", str(file)]
        if files:
            command = ["/bin/sh", "-c", f'ulimit -n {files}; exec "$0" "$@"', *command]
        self._process = subprocess.Popen(
            [*command, "--port", "0", *arguments],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env=environment | ({"LEADERBOARD_TOKEN": token} if token else {}) | dict(also),
        )
        self.said: list[str] = []
        self._more = Condition()
        self.port = 0
        self._ready = Event()
        assert self._process.stderr is not None
        self._reader = Thread(target=self._read, args=(self._process.stderr,), daemon=True)
        self._reader.start()
        assert self._ready.wait(WAIT)
        assert self.port, "".join(self.said)

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            with self._more:
                self.said.append(line)
                self._more.notify_all()
            if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                self._ready.set()
        self._ready.set()

    def wait_for(self, text: str) -> None:
        """Return once it has said something."""
        with self._more:
            assert self._more.wait_for(lambda: any(text in line for line in self.said), WAIT)

    @property
    def number(self) -> int:
        """The process's id."""
        return self._process.pid

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask the server to stop, and return its exit code."""
        self.send(number)
        try:
            return self._process.wait(WAIT)
        finally:
            self.end()

    def end(self) -> None:
        """End it, however it is."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join(WAIT)
        assert self._process.stderr is not None
        self._process.stderr.close()


@contextmanager
def process(
    file: Path, *arguments: str, token: str | None = TOKEN, files: int = 0, also: Mapping[str, str] = NOTHING
) -> Iterator[Process]:
    """Serve a file in a process until the end of the block; it may open `files`, and has `also` in its environment."""
    server = Process(file, *arguments, token=token, files=files, also=also)
    try:
        yield server
    finally:
        server.end()
