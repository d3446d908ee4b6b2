"""`redis+cluster://H1:7000,H2:7001/?board=NAME`: one board over K shards, spread over the primaries of a cluster.

A player's state is in the shard that the id's hash names. K (option `shards`) is fixed when the board is made and
stored with it; more shards are a new board. The board is "per player" consistent (`Capabilities`): an operation on one
player is linearizable, the order is total and the same for every reader, and what spans shards joins one state of
each, taken while the call runs. The rank that an update returns counts the update itself, and the other shards at some
moment of the call.

Ties: with `ties=strict`, each update takes a ticket from one sequencer, in the board's manifest, and the ticket is its
place in a tie over all shards: of two updates where one ended before the other began, the earlier ranks first. That is
a round trip more, and where the manifest's node is down, updates fail and reads go on. A single update whose ticket
was overtaken in its shard is ordered as it is applied; those of a batch keep their tickets. A promoted sequencer goes
on after its predecessor as long as the two servers' clocks differ by less than a failover takes. With `ties=clock`,
the clock of the shard's server is the ticket: nothing is asked first, and between shards whose clocks differ by d,
updates less than d apart may be ordered the other way round, and so may those of one batch. Such a write asks the
manifest beside it whether a clear is under way.

`consistent` (or `with consistent_reads():`) gives one moment of all shards: a read, and the versions of its shards, are
asked in turn until two answers in a row are of the same state of each shard. `partial` (or `with partial_answers():`)
lets reads answer without shards that do not answer; `ask` tells which, and how far the rank can be off. Otherwise such
a read raises `ShardsMissingError`.

`clear` goes to all shards under a number of its own. A clear that was interrupted is completed by the next call that
meets it.

With `read_from=replica`, reads go to one replica of each primary (`cluster_replicas`), which proves how old its answer
can be, shard by shard (`replicas`). Shards whose replica is behind what this process wrote or showed before, is older
than `max_staleness`, has another history, or fails, are read from their primary. Primaries alone answer `consistent`
reads, those that decide a write (`ask_live`), and the change feed, and count for the rank of an update.

With `feed`, each shard keeps its latest changes, in the same step as they are made; all shards are read together, by
one round trip, and their changes merged (`shard_feeds`). A version has the number of each shard. With an answer
(`at_version`), it takes a round trip more, and may be later than the answer.

Cost, beside what one server takes: `len`, `count_by_score` one round trip to all primaries at once; `get_rank`,
`get_entry`, `get_entries`, `get_percentile`, `get_around` two; `get_top_n`, `get_by_score` one, seldom two; a range at
a deep rank three to five; `get_score` one, to one node; `update_score` two, `increment_score` three, a batch two, each
one less with `ties=clock`; a batch goes to all its shards at once. Each shard counts for each rank, so more shards
than eight per primary cost more than they give. A read of replicas takes as many round trips, and one more where some
shards are read from their primaries.

Crash: as one server's, for each primary. A failover loses the acknowledged writes that the promoted replica had not
received; `wait_replicas=n` returns once n replicas have a write, else raises `WriteOutcomeUnknownError`. A primary that
was frozen or cut off, and replaced meanwhile, can still answer reads until it hears of that (about a node time-out); as
a replica, it is not read before it has its successor's history.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from ...changes import FEED_OPTION, Changes, Version
from ...errors import (
    ConfigurationError,
)
from ...location import Location, Option
from .address import CLUSTER_OPTIONS, OPTIONS
from .board import RedisLeaderboard
from .cluster_operations import ClusterOperations
from .requests import Request
from .routing import Several
from .shard_feeds import Asked, Feed, feeds, merged, whole_board

T = TypeVar("T")


class ClusterLeaderboard(ClusterOperations):
    """A board over the shards of a cluster, shared by all processes that open it."""

    capabilities = replace(
        RedisLeaderboard.capabilities,
        consistency="per player",
        survives=(
            f"{RedisLeaderboard.capabilities.survives}; a failover loses the acknowledged writes that the promoted "
            "replica had not received, unless wait_replicas asks for their confirmation"
        ),
    )
    options: ClassVar[Mapping[str, Option]] = {**OPTIONS, "feed": FEED_OPTION, **CLUSTER_OPTIONS}

    def __init__(
        self,
        name: str = "default",
        *,
        feed: int | None = None,
        shards: int | None = None,
        ties: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name, **options)
        self._open(shards, ties, feed)

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` for no address, and for a contradiction."""
        if options.get("consistent") and options.get("read_from") == "replica":
            raise ConfigurationError(
                f"{location} has consistent=true and read_from=replica, but reads of one moment of all shards are "
                "answered by primaries alone: leave one out. For some reads, there is consistent_reads()."
            )
        return super().check_location(location, name, **options)

    # ------------------------------------------------------------------ changes

    def feed_group(self) -> object:
        """Return the cluster, which returns the changes of several boards by one round trip."""
        return self._cluster

    def follow_feeds(
        self, after: Mapping[Any, Version], limit: int, checked: Collection[object]
    ) -> dict[Any, Changes | None]:
        """Return the changes of the checked boards by one round trip to all primaries; nothing of the others.

        A board whose shards are found before and after a clear takes more.
        """
        boards: dict[ClusterLeaderboard, list[Asked]] = {
            board: whole_board(board._requests, version)  # noqa: SLF001 - of this class
            for board, version in after.items()
            if board in checked
        }
        asked = [shard for shards in boards.values() for shard in shards]
        found = self._feeds_of(asked, limit) if asked else []
        changes: dict[Any, Changes | None] = {}
        for board, shards in boards.items():
            own, found = found[: len(shards)], found[len(shards) :]
            if len({feed.state.cleared for feed in own}) == 1:
                changes[board] = merged(own, board._generation, after[board], limit)  # noqa: SLF001 - of this class
            else:
                changes[board] = board.get_changes(after[board], limit)
        return changes

    def _feeds_of(self, asked: Sequence[Asked], limit: int) -> list[Feed]:
        """Return what shards say, of any boards of this cluster; raises where one does not answer."""
        slots = tuple(shard.requests.slots[shard.shard] for shard in asked)

        def make(places: Sequence[int]) -> Request[Any]:
            return feeds(asked, places, limit)

        outcomes = self._cluster.carry((), Several(slots, range(len(asked)), make), self._terms)
        if outcomes.missing:
            raise next(iter(outcomes.missing.values()))
        found: dict[int, Feed] = {}
        for part in outcomes.values:
            found |= part
        return [found[place] for place in range(len(asked))]
