"""`redis+sentinel://H1:26379,H2:26379/SERVICE/0?board=NAME`: a board on the primary that Sentinels name, and replicas.

A board works as on one server. Its connections lead to the server that the Sentinels call the primary of SERVICE
at the time, and that reports itself to be one; after a failover the next call finds the new primary. A call that comes
`CHECK_EVERY` seconds after the end of the last check asks one Sentinel whether that is still so, each in turn; a reply
that took longer than that is believed only after all of them were asked. The answer of the highest configuration epoch
counts, so that a Sentinel that is cut off brings nobody back to an old primary. A primary that was frozen or cut off,
and replaced meanwhile, is thus used for at most two such intervals, and the time that a Sentinel takes to answer, after
all Sentinels know the new one. Where no Sentinel answers, the last known primary is used, and answers are not noted as
live any more (`ask`): they are as old as the last check. A service that was removed and is watched anew, with epochs
that begin anew, is followed once most Sentinels say so.

Replication is asynchronous: a failover can lose writes that were acknowledged just before it. How many, and whether a
primary that is cut off goes on acknowledging, are settings of the server (`min-replicas-to-write`,
`min-replicas-max-lag`).

With `read_from=replica`, reads go to a replica, which proves how old its answer can be (`replicas`). A read goes to the
primary where the replica is behind what this process wrote or showed before, is older than `max_staleness`, has another
history, or fails. `ask` returns the source and the largest age of each answer.

Cost: an operation on the primary as in `redis://`, and a connection more to each Sentinel; a read of a replica is one
round trip, of a transaction with the version.

Sources: https://valkey.io/topics/sentinel-clients/ and https://valkey.io/topics/sentinel/ (epochs, REPLICAS).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any, ClassVar, Final, TypeVar, cast

from ...answers import LIVE, answered, last_answer
from ...changes import Changes, Version, note_version
from ...errors import BackendReadOnlyError, BackendUnavailableError
from ...location import Option
from ...model import Keep, Order
from .address import SENTINEL_OPTIONS, Address, SentinelAddress
from .board import DEFAULT_BATCH, DEFAULT_PREFIX, RedisLeaderboard
from .primary import PrimaryServer
from .replicas import (
    MAX_STALENESS,
)
from .requests import Request
from .server import Server, shared_server
from .service_replicas import ServiceReplicas, note_confirmed

T = TypeVar("T")


class SentinelLeaderboard(RedisLeaderboard):
    """A board on the primary that Sentinels name, read from its replicas if that is asked for."""

    capabilities = replace(
        RedisLeaderboard.capabilities,
        survives=(
            f"{RedisLeaderboard.capabilities.survives}; a failover loses the acknowledged writes that the promoted "
            "replica had not received"
        ),
    )
    options: ClassVar[Mapping[str, Option]] = {**RedisLeaderboard.options, **SENTINEL_OPTIONS}

    def __init__(
        self,
        name: str = "default",
        *,
        address: SentinelAddress,
        order: Order = "descending",
        keep: Keep = "last",
        prefix: str = DEFAULT_PREFIX,
        batch_size: int = DEFAULT_BATCH,
        feed: int | None = None,
        read_from: str = "primary",
        max_staleness: float = MAX_STALENESS,
    ) -> None:
        self._replicas: ServiceReplicas | None = None
        super().__init__(name, order=order, keep=keep, address=address, prefix=prefix, batch_size=batch_size, feed=feed)
        self._primary: Final = cast("PrimaryServer", self._server)
        if read_from == "replica":
            self._replicas = ServiceReplicas(self._primary, self._requests, max_staleness)
            self.capabilities = replace(type(self).capabilities, consistency="eventual")

    def _find_server(self, address: Address) -> Server:
        return shared_server(address, PrimaryServer)

    def _carry(self, request: Request[T]) -> T:
        if self._replicas is None:
            answer = super()._carry(request)
            note_confirmed(self._primary.sentinels.unconfirmed())
            return answer
        answer, version = self._replicas.carry(request)
        note_version(version)
        return answer

    def _unless_damaged(self, answer: T) -> T:
        """Return the answer; where it is empty, ask a replica whether the order is missing, if a replica answered."""
        how = last_answer()
        if answer or self._replicas is None or how == LIVE:
            return super()._unless_damaged(answer)
        self._replicas.carry(self._requests.check())
        answered(how)  # the check is no answer
        return answer

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        began = monotonic()
        changes = super()._get_changes(after, limit)
        if self._replicas is not None:
            self._replicas.learn(changes.version, began)
        return changes

    def follow_feeds(
        self, after: Mapping[Any, Version], limit: int, checked: Collection[object]
    ) -> dict[Any, Changes | None]:
        """Return them as `RedisLeaderboard` does; raises where no Sentinel has confirmed the primary for long."""
        found = super().follow_feeds(after, limit, checked)
        if age := self._primary.sentinels.unconfirmed():
            raise BackendUnavailableError(f"no Sentinel has confirmed the primary for {age:.1f} s.")
        return found

    def _ping(self) -> None:
        with suppress(BackendReadOnlyError):  # it cannot save, and refuses PING along with writes: it answers
            self._server.carry(self._requests.ping())

    def _close(self) -> None:
        if self._replicas is not None:
            self._replicas.leave()
        super()._close()
