"""What probes and monitoring ask: whether the server runs, whether the storage answers, and its metrics.

`live` never touches the board, so that a storage that hangs gets no server killed. `ready` asks the storage, one ping
at a time however many probes wait for it, and gives up on it in time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final
from weakref import WeakKeyDictionary

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from leaderboard_backends import BackendUnavailableError, ConfigurationError
from leaderboard_backends.aio.threads import Threads

from . import models
from .answers import Reply
from .boards import ServedBoard
from .described import describe_problems
from .problems import NOT_MONITORED, ProblemError
from .route import served

PATIENCE: Final = 3.0
"""Seconds that a storage has to answer a ping."""

_PROCESSES: Final = frozenset({"PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"})
"""The variable that lets prometheus-client keep metrics in files for all processes; the second is its old name."""

_TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"

_GENERATING: Final = Threads(4)
"""Those that ask boards for their metrics, and may wait for a storage."""


class Pings:
    """The pings that are on their way, one a board."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._pings: WeakKeyDictionary[ServedBoard, asyncio.Task[None]] = WeakKeyDictionary()

    async def ping(self, board: ServedBoard) -> None:
        """Return once the storage answers a ping; raises what it raises, or `BackendUnavailableError` in time."""
        ping = self._pings.get(board)
        if ping is None or ping.done():
            ping = self._pings[board] = asyncio.create_task(board.to("probe").ping())
            ping.add_done_callback(_look_at)
        done, _ = await asyncio.wait({ping}, timeout=self._patience)
        if not done:
            raise BackendUnavailableError(f"the storage of {board.name!r} did not answer within {self._patience:g} s.")
        ping.result()


def _look_at(ping: asyncio.Task[None]) -> None:
    """Take note of how a ping ended, as nobody may be waiting for it any more."""
    if not ping.cancelled():
        ping.exception()


def registries(boards: Iterable[ServedBoard]) -> list[Any]:
    """Return the Prometheus registries that the boards are monitored in, each once; none without prometheus-client."""
    try:
        kind = import_module("prometheus_client").CollectorRegistry
    except ModuleNotFoundError:
        return []
    found = [getattr(layer, "registry", None) for board in boards for layer in board.layers()]
    return list({id(each): each for each in found if isinstance(each, kind)}.values())


async def exposition(boards: Iterable[ServedBoard]) -> Response:
    """Return the metrics of boards in the text format of Prometheus.

    Where prometheus-client keeps those of several processes in files, they are those of all processes, as any of them
    may be asked. Raises `ProblemError`, 404, without any.
    """
    found = registries(boards)
    if not found:
        raise ProblemError(NOT_MONITORED, "no board is monitored: set monitoring = true in the board's configuration.")
    text = await _GENERATING.run(_generate, found)
    return Response(text, media_type=_TEXT_FORMAT, headers={"Cache-Control": "no-store"})


def _generate(found: Iterable[Any]) -> bytes:
    generate = import_module("prometheus_client").generate_latest
    text: bytes = b"".join(generate(registry) for registry in found)
    if not _PROCESSES.isdisjoint(os.environ):  # the line above has had this process look after its boards
        text = generate(_of_all_processes())
    return text


def _of_all_processes() -> Any:
    registry = import_module("prometheus_client").CollectorRegistry()
    try:
        import_module("prometheus_client.multiprocess").MultiProcessCollector(registry)
    except ValueError as error:
        raise ConfigurationError(f"the metrics of several processes cannot be read: {error}.") from error
    return registry


async def health_live() -> Response:
    """Tell that the server runs; the storage is not asked."""
    return Reply({"status": "ok"})


async def get_metrics(request: Request) -> Response:
    """Return the metrics of the board, where it is monitored, in the text format of Prometheus.

    Boards that are monitored in the same registry, which is the default, are told together; the label `board` tells
    them apart.
    """
    return await exposition([served(request)])


def add_metrics(router: APIRouter, also: tuple[int, ...] = ()) -> None:
    """Add the route of the metrics; `also` are statuses that it may answer too."""
    router.add_api_route(
        "/metrics",
        get_metrics,
        operation_id="get_metrics",
        response_class=PlainTextResponse,
        responses=describe_problems(*sorted({400, 404, 422, 500, *also})),
    )


def add_health(router: APIRouter, patience: float = PATIENCE, also: tuple[int, ...] = ()) -> None:
    """Add the routes that probes ask; `also` are statuses that they may answer too."""
    pings = Pings(patience)

    async def health_ready(request: Request) -> Response:
        """Tell whether the storage answers."""
        await pings.ping(served(request))
        return Reply({"status": "ok"})

    for path, endpoint, statuses in (
        ("/health/live", health_live, (400, 422, *also)),
        ("/health/ready", health_ready, (400, 422, 500, 501, 503, *also)),
    ):
        router.add_api_route(
            path,
            endpoint,
            operation_id=endpoint.__name__,
            response_model=models.Health,
            responses=describe_problems(*sorted({*statuses})),
        )
