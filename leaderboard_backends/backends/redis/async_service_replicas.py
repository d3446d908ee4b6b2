# generated from leaderboard_backends/backends/redis/service_replicas.py
# by tools/async_faces.py: change that file, then run `make faces`
"""Reads of a board on a primary from the replicas of its service; what these cannot answer, the primary does."""

from __future__ import annotations

from time import monotonic
from typing import Final, TypeVar, cast

from ...answers import Answer, answered, live_wanted
from ...changes import Version
from .async_primary import AsyncPrimaryServer
from .async_replicas import AsyncReplicaReads
from .replicas import Question, may_be_applied, shared_freshness
from .requests import BoardRequests, Request, Versioned
from .service_replicas import note_confirmed

T = TypeVar("T")

_ALL: Final = 0
"""The one shard that a board on one primary is."""


class AsyncServiceReplicas:
    """Carries the requests of one board object, reads to a replica of the service."""

    def __init__(self, primary: AsyncPrimaryServer, requests: BoardRequests, max_staleness: float) -> None:
        self._primary: Final = primary
        self._requests: Final = requests
        self._freshness: Final = shared_freshness(primary.address, requests.key, 1, max_staleness)
        self._reads: Final = AsyncReplicaReads(primary.sentinels.address, self._freshness)
        self.leave: Final = self._reads.leave

    async def carry(self, request: Request[T]) -> tuple[T, Version]:
        """Bring a request to a replica, or to the primary, and return its answer and version; notes the source."""
        if request.writes or live_wanted():
            return await self._ask_primary(request)
        await self._reads.keep_marks(self._marks)
        versioned = self._requests.versioned(request).then(lambda found: Versioned(found, {_ALL: found[1]}))
        replicas = await self._primary.sentinels.replicas()
        (found,) = await self._reads.ask([Question(replicas, (_ALL,), versioned)])
        if found is None:
            return await self._ask_primary(request)
        answered(Answer("replica", found.age))
        return cast("tuple[T, Version]", found.value)

    def learn(self, version: Version, began: float) -> None:
        """Take down a version that the primary told."""
        self._freshness.learn({_ALL: version}, began)
        note_confirmed(self._primary.sentinels.unconfirmed())

    async def _marks(self) -> dict[int, Version]:
        return {_ALL: await self._primary.carry(self._requests.version())}

    async def _ask_primary(self, request: Request[T]) -> tuple[T, Version]:
        """Bring a request to the primary; a write that may have been applied leaves replicas unused until the next."""
        began = monotonic()
        try:
            answer, version = await self._primary.carry(self._requests.versioned(request))
            self.learn(version, began)
        except BaseException as error:
            if request.writes and may_be_applied(error):
                self._freshness.doubt((_ALL,))
            raise
        return answer, version
