"""A live page of `leaderboard serve` with a thousand viewers: how long until they see an update, and what they weigh.

Server, viewers and updates share two cores, and the storage of the board is in the server's memory: the figures have
the load's own work in them.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from http_bars import TOKEN, Served, serving
from live_load import Updates, Viewer, latencies
from paired import Bar

VIEWERS: Final = 1000
ADDRESSES: Final = 20
ROWS: Final = 50
UPDATES_PER_SECOND: Final = 200
PUSHES_PER_SECOND: Final = 5
WINDOW: Final = 4
"""Seconds after which another p99 is taken, so that a moment's other work on the machine is in one of them alone."""
MILLISECONDS_BAR: Final = 300
KIBIBYTES_BAR: Final = 36
"""A fifth more than in a first run, 30.3."""
SETTINGS: Final = f"""
[server]
rows = {ROWS}
pushes_a_second = {PUSHES_PER_SECOND}
viewers = {VIEWERS}
viewers_per_client = {VIEWERS // ADDRESSES}
connections = {VIEWERS + 100}

[boards.live]
url = "memory://live"
"""


def bars(seconds: float) -> Iterator[Bar]:
    """Measure one run of so many seconds."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "boards.toml"
        file.write_text(SETTINGS, encoding="utf-8")
        command = ["leaderboard_backends_fastapi", "--config", str(file)]
        with serving(command, {"LEADERBOARD_TOKEN": TOKEN}) as server:
            yield from asyncio.run(_watched(server, seconds))


async def _watched(server: Served, seconds: float) -> list[Bar]:
    loop = asyncio.get_running_loop()
    players = [f"player-{number:07d}" for number in range(2 * ROWS)]
    updates = Updates(server.port, "/boards/live/scores", TOKEN, players)
    await updates.flow(1000, len(players) / 1000)
    empty = server.private_bytes()
    viewers = [Viewer("/boards/live/events", loop) for _ in range(VIEWERS)]
    for number, viewer in enumerate(viewers):
        await loop.create_connection(
            lambda viewer=viewer: viewer,  # type: ignore[misc]  # it is a function without arguments
            "127.0.0.1",
            server.port,
            local_addr=(f"127.0.0.{2 + number % ADDRESSES}", 0),
        )
    await asyncio.gather(*(viewer.joined for viewer in viewers))
    gc.collect()
    gc.disable()  # of the load, whose many small records would have it work for longer than the server answers
    before, worked, began = len(updates.planned), server.processor_seconds(), loop.time()
    await updates.flow(UPDATES_PER_SECOND, seconds)
    await asyncio.sleep(2 / PUSHES_PER_SECOND)
    gc.enable()
    share = (server.processor_seconds() - worked) / (loop.time() - began)
    weight = (server.private_bytes() - empty) / VIEWERS / 1024
    assert not any(viewer.lost for viewer in viewers), "the server gave viewers up"
    found = [latencies(viewers, updates.planned, numbers) for numbers in _windows(before, len(updates.planned))]
    assert sum(map(len, found)) == VIEWERS * (len(updates.planned) - before), "some viewer did not see every update"
    for viewer in viewers:
        viewer.close()
    p50, p99, longest = ([each[len(each) * part // 1000] * 1000 for each in found] for part in (500, 990, 999))
    pushes = sum(len(viewer.seen) for viewer in viewers) / VIEWERS / seconds
    note = (
        f"median of {len(found)} times, p50 {median(p50):.0f}, p99.9 {median(longest):.0f} ms; {pushes:.1f} pushes/s, "
        f"{share:.0%} of a core; the load on the same two cores"
    )
    what = f"live page, {VIEWERS:,} viewers of {ROWS} rows, {UPDATES_PER_SECOND} updates/s"
    subject = f"http {what}, p99 from update to display"
    return [
        Bar(subject, median(p99), MILLISECONDS_BAR, "ms", min(p99), max(p99), note=note),
        Bar(f"http {what}, server memory", weight, KIBIBYTES_BAR, "KiB per viewer", weight, weight),
    ]


def _windows(start: int, stop: int) -> list[range]:
    """Return the updates of each few seconds."""
    size = UPDATES_PER_SECOND * WINDOW
    return [range(first, min(first + size, stop)) for first in range(start, stop, size)]
