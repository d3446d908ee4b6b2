"""`redis+sentinel://H1:26379,H2:26379/SERVICE/0?board=NAME`: a board on the primary that Sentinels name, and replicas.

A board is what it is on one server. Its connections lead to the server that the Sentinels call the primary of SERVICE
at the time, and that reports itself to be one; after a failover the next call finds the new primary. A call that comes
`CHECK_EVERY` seconds after the last check asks one Sentinel whether that is still so, each in turn; a reply that took
longer than that is believed only after all of them were asked. The answer of the highest configuration epoch counts, so
that a Sentinel that is cut off brings nobody back to an old primary. A primary that was frozen or cut off, and replaced
meanwhile, is thus used for at most two such intervals after all Sentinels know the new one. Where no Sentinel answers,
the last known primary is used, and answers are not noted as live any more (`ask`): they are as old as the last check.

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
from dataclasses import replace
from time import monotonic
from typing import Any, ClassVar, Final, TypeVar, cast

from redis.exceptions import ConnectionError as RedisConnectionError

from ...answers import LIVE, Answer, answered, live_wanted
from ...changes import Changes, Version, note_version
from ...errors import BackendUnavailableError
from ...location import Option
from ...model import Keep, Order
from .address import SENTINEL_OPTIONS, Address, Node, SentinelAddress
from .board import DEFAULT_BATCH, DEFAULT_PREFIX, RedisLeaderboard
from .pool import Connection as Wire
from .replicas import (
    MAX_STALENESS,
    Question,
    ReplicaReads,
    may_be_applied,
    shared_freshness,
)
from .requests import REPLICATION, BoardRequests, Request, Versioned
from .sentinels import CHECK_EVERY, Primary, Sentinels
from .server import Server, make_connection, shared_server

T = TypeVar("T")

_ALL: Final = 0
"""The one shard that a board on one primary is."""


# ---------------------------------------------------------------------- the primary


class _PrimaryWire:
    """A connection to whichever server is the primary when it connects, which is not used once that has changed."""

    def __init__(self, sentinels: Sentinels) -> None:
        self._sentinels: Final = sentinels
        self._wire: Wire | None = None
        self._primary = Primary(-1, Node("", 0))
        self._sent = 0.0

    def connect(self) -> None:
        """Connect to the primary; raises `BackendUnavailableError` where it says that it is none."""
        self._sent = monotonic()
        self._primary = self._sentinels.primary()
        host, port = self._primary.node
        self._wire = make_connection(self._sentinels.address.at(host, port))
        self._wire.connect()
        self._wire.send_packed_command((REPLICATION,), check_health=False)
        if b"\nrole:master" not in self.read_response():
            raise BackendUnavailableError(
                f"{self._primary.node} is a replica, although Sentinel names it as the primary: a failover is under "
                f"way. Nothing was sent; try again in some seconds."
            )

    def disconnect(self) -> None:
        """Close the socket, if there is one."""
        if self._wire is not None:
            self._wire.disconnect()

    def can_read(self, timeout: float = 0) -> bool:
        """Whether the connection is of no use any more."""
        return self._connected().can_read(timeout) or self._sentinels.has_moved(self._primary)

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's own signature
        """Send bytes."""
        self._sent = monotonic()
        self._connected().send_packed_command(command, check_health)

    def read_response(self) -> Any:
        """Read one reply; raises redis-py's `ConnectionError` where another server has become the primary meanwhile."""
        reply = self._connected().read_response()
        if monotonic() - self._sent > CHECK_EVERY and self._sentinels.has_moved(self._primary, all_of_them=True):
            raise RedisConnectionError("another server has become the primary since the command was sent")
        return reply

    def _connected(self) -> Wire:
        if self._wire is None:
            raise RedisConnectionError("there is no connection yet")
        return self._wire


class PrimaryServer(Server):
    """Carries requests to the primary of a service, whichever server that is."""

    def __init__(self, address: SentinelAddress) -> None:
        sentinels = Sentinels(address)
        super().__init__(address, lambda: _PrimaryWire(sentinels))
        self.sentinels: Final = sentinels

    def close(self) -> None:
        """Close the connections, those to Sentinels included."""
        super().close()
        self.sentinels.close()


# ---------------------------------------------------------------------- replicas


class ServiceReplicas:
    """Carries the requests of one board object, reads to a replica of the service."""

    def __init__(self, primary: PrimaryServer, requests: BoardRequests, max_staleness: float) -> None:
        self._primary: Final = primary
        self._requests: Final = requests
        self._freshness: Final = shared_freshness(primary.address, requests.key, 1, max_staleness)
        self._reads: Final = ReplicaReads(primary.sentinels.address, self._freshness)
        self.leave: Final = self._reads.leave

    def carry(self, request: Request[T]) -> tuple[T, Version]:
        """Bring a request to a replica, or to the primary, and return its answer and version; notes the source."""
        if request.writes or live_wanted():
            return self._ask_primary(request)
        self._reads.keep_marks(lambda: {_ALL: self._primary.carry(self._requests.version())})
        versioned = self._requests.versioned(request).then(lambda found: Versioned(found, {_ALL: found[1]}))
        (found,) = self._reads.ask([Question(self._primary.sentinels.replicas(), (_ALL,), versioned)])
        if found is None:
            return self._ask_primary(request)
        answered(Answer("replica", found.age))
        return cast("tuple[T, Version]", found.value)

    def learn(self, version: Version, began: float) -> None:
        """Take down a version that the primary told."""
        self._freshness.learn({_ALL: version}, began)
        note_confirmed(self._primary.sentinels.unconfirmed())

    def _ask_primary(self, request: Request[T]) -> tuple[T, Version]:
        """Bring a request to the primary; a write that may have been applied leaves replicas unused until the next."""
        began = monotonic()
        try:
            answer, version = self._primary.carry(self._requests.versioned(request))
            self.learn(version, began)
        except BaseException as error:
            if request.writes and may_be_applied(error):
                self._freshness.doubt((_ALL,))
            raise
        return answer, version


def note_confirmed(age: float) -> None:
    """Note how an answer of the primary came about: live, unless no Sentinel has confirmed it for so many seconds."""
    answered(Answer("replica", age) if age else LIVE)


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
        self._server.carry(self._requests.ping())

    def _close(self) -> None:
        if self._replicas is not None:
            self._replicas.leave()
        super()._close()
