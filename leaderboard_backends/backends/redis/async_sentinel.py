"""The board behind Sentinels for asyncio programs: the primary that they name, and replicas, as in `sentinel`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any, ClassVar, Final, TypeVar, cast

from ...answers import LIVE, answered, last_answer
from ...changes import Changes, Version, note_version
from ...errors import BackendReadOnlyError
from ...location import Option
from ...model import Entry, Score
from .address import Address, SentinelAddress
from .async_board import AsyncRedisLeaderboard
from .async_primary import AsyncPrimaryServer
from .async_server import AsyncServer, shared_async_server
from .async_service_replicas import AsyncServiceReplicas
from .replicas import MAX_STALENESS
from .requests import Request
from .sentinel import SentinelLeaderboard
from .service_replicas import note_confirmed

T = TypeVar("T")


class AsyncSentinelLeaderboard(AsyncRedisLeaderboard):
    """A board on the primary that Sentinels name, read from its replicas if that is asked for."""

    is_addressed_by = SentinelLeaderboard
    capabilities = SentinelLeaderboard.capabilities
    options: ClassVar[Mapping[str, Option]] = SentinelLeaderboard.options

    def __init__(
        self,
        name: str = "default",
        *,
        address: SentinelAddress,
        read_from: str = "primary",
        max_staleness: float = MAX_STALENESS,
        **options: Any,
    ) -> None:
        super().__init__(name, address=address, **options)
        self._primary: Final = cast("AsyncPrimaryServer", self._server)
        self._replicas: AsyncServiceReplicas | None = None
        if read_from == "replica":
            self._replicas = AsyncServiceReplicas(self._primary, self._requests, max_staleness)
            self.capabilities = replace(type(self).capabilities, consistency="eventual")
            self._shares_calls = False

    def _find_server(self, address: Address) -> AsyncServer:
        return shared_async_server(address, AsyncPrimaryServer)

    def _note(self, answer: T) -> T:
        """Note how an answer came about, and return it."""
        note_confirmed(self._primary.sentinels.unconfirmed())
        return answer

    async def _carry(self, request: Request[T]) -> T:
        if self._replicas is None:
            return self._note(await super()._carry(request))
        answer, version = await self._replicas.carry(request)
        note_version(version)
        return answer

    async def _unless_damaged(self, answer: T) -> T:
        """Return the answer; where it is empty, ask a replica whether the order is missing, if a replica answered."""
        how = last_answer()
        if answer or self._replicas is None or how == LIVE:
            return await super()._unless_damaged(answer)
        await self._replicas.carry(self._requests.check())
        answered(how)  # the check is no answer
        return answer

    async def _get_changes(self, after: Version | None, limit: int) -> Changes:
        began = monotonic()
        changes = await super()._get_changes(after, limit)
        if self._replicas is not None:
            self._replicas.learn(changes.version, began)
        return changes

    async def _ping(self) -> None:
        with suppress(BackendReadOnlyError):  # it cannot save, and refuses PING along with writes: it answers
            await self._server.carry(self._requests.ping())

    async def _close(self) -> None:
        if self._replicas is not None:
            await self._replicas.leave()
        await super()._close()

    async def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._note(await super()._update_score(player_id, username, score))

    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._note(await super()._increment_score(player_id, username, delta))
