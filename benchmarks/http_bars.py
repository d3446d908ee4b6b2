"""The HTTP server beside bare FastAPI routes, which a process of uvicorn serves in the same way.

Server and bare routes take turns; both have the same HTTP parser and the same event loop, write a log of accesses, and
are one process each. The load comes from this process, over 50 connections that stay open, and takes a good part of a
core of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import psutil
from http_load import request, send_all
from paired import Bar, paired_times, ratio_bar
from players import load, trace

from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

ROUTE_BAR: Final = 0.7
CONNECTIONS: Final = 50
ROUNDS: Final = 9
PLAYERS: Final = 10_000
TOKEN: Final = "a-token-of-sixteen-or-more"  # noqa: S105 - of a server on the loopback, for as long as it is measured
BOARDS: Final = """
[boards.memory]
url = "memory://memory"

[boards.redis]
url = "{url}"
"""


class Served:
    """A server in a process of its own."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self._running: Final = running
        self.process: Final = psutil.Process(running.pid)
        self.port: Final = _port_of(running)

    def processor_seconds(self) -> float:
        """Return how much it has worked."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def private_bytes(self) -> int:
        """Return how much memory it has for itself alone."""
        return int(self.process.memory_full_info().uss)


def _port_of(running: subprocess.Popen[str]) -> int:
    assert running.stderr is not None
    said = []
    for line in running.stderr:
        said.append(line)
        if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError("".join(said))


@contextmanager
def serving(arguments: Sequence[str], also: Mapping[str, str]) -> Iterator[Served]:
    """Run a server until the end of the block; its log of accesses goes nowhere."""
    running = subprocess.Popen(
        [sys.executable, "-m", *arguments, "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **also},
    )
    try:
        yield Served(running)
    finally:
        running.terminate()
        running.communicate(timeout=30)


class Side(NamedTuple):
    """Routes of one board: a server, and what leads to them."""

    served: Served
    prefix: str

    def send(
        self, runner: asyncio.Runner, method: str, path: str, bodies: Sequence[bytes], start: int, stop: int
    ) -> None:
        """Send some requests of a trace."""
        sent = [request(method, self.prefix + path, body, TOKEN) for body in bodies[start:stop]]
        runner.run(send_all(self.served.port, sent, CONNECTIONS))


def bars(requests: int) -> Iterator[Bar]:
    """Measure an update and the top ten, of a board in memory and of one on a server."""
    with TemporaryDirectory() as folder, EmbeddedServer(NO_PASSWORD, tcp=True) as storage:
        file = Path(folder) / "boards.toml"
        file.write_text(BOARDS.format(url=storage.url), encoding="utf-8")
        ours = serving(["leaderboard_backends_fastapi", "--config", str(file)], {"LEADERBOARD_TOKEN": TOKEN})
        where = {"LEADERBOARD_URL": storage.url, "PYTHONPATH": str(Path(__file__).parent)}
        bare = serving(["uvicorn", "bare_routes:app"], where)
        with ours as server, bare as beside:
            for board in ("memory", "redis"):
                yield from _route_bars(board, server, beside, requests)


def _route_bars(board: str, server: Served, beside: Served, requests: int) -> Iterator[Bar]:
    """Measure both routes of one board; what is sent is the same for ours and the bare ones, the token included."""
    sides = (Side(server, f"/boards/{board}"), Side(beside, f"/{board}"))
    players = [_body(player) for player in load(PLAYERS)]
    updates = [_body(update) for update in trace(load(PLAYERS), requests)]
    with asyncio.Runner() as runner:
        for side in sides:
            side.send(runner, "POST", "/scores", players, 0, PLAYERS)
        for method, path, bodies in (("POST", "/scores", updates), ("GET", "/top?n=10", [b""] * requests)):
            before = [side.served.processor_seconds() for side in sides]
            ours, bare = (partial(side.send, runner, method, path, bodies) for side in sides)
            times = paired_times(ours, bare, requests, ROUNDS)
            worked = [side.served.processor_seconds() - was for side, was in zip(sides, before, strict=True)]
            yield from _bars_of(f"{method} {path}, {board}", times, [each / requests * 1e6 for each in worked])


def _body(update: tuple[str, str, int]) -> bytes:
    return json.dumps(dict(zip(("player_id", "username", "score"), update, strict=True))).encode()


def _bars_of(subject: str, times: Sequence[tuple[float, float]], worked: Sequence[float]) -> Iterator[Bar]:
    """Return the bar of the answers per second, and that of the servers' own work, which a busy machine sways less."""
    ours, bare = (median(1 / pair[side] for pair in times) for side in (0, 1))
    note = f"{ours:,.0f} against {bare:,.0f}; {CONNECTIONS} connections, the load on the same two cores"
    beside = "relative to a bare FastAPI route"
    rates = [bare / ours for ours, bare in times]
    yield ratio_bar(f"http {subject}, answers per second {beside}", rates, ROUTE_BAR, at_most=False, note=note)
    work = worked[1] / worked[0]
    note = f"{worked[0]:.0f} against {worked[1]:.0f} µs per request"
    subject = f"http {subject}, requests per second of the server's processor time {beside}"
    yield Bar(subject, work, ROUTE_BAR, "x", work, work, at_most=False, note=note)
