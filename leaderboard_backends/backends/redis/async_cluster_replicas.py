# generated from leaderboard_backends/backends/redis/cluster_replicas.py
# by tools/async_faces.py: change that file, then run `make faces`
"""Reads of a board over shards from the replicas of its primaries; what these cannot answer, the primaries do.

What is asked of several shards at once goes to one replica of each primary, all in one round trip, each answer with the
versions of its shards. Shards whose replica is too old, or does not answer, are asked of their primaries, in one round
trip more. The versions of all that primaries answer, writes included, are taken down, so that no later read shows less.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from time import monotonic
from typing import Any, Final, TypeVar

from ...answers import LIVE, answered
from ...changes import Version
from .async_nodes import replica_server
from .async_replicas import AsyncReplicaReads
from .async_topology import AsyncCluster
from .cluster_replicas import left_over, value_of
from .replicas import LONGEST_REST, REST, Question, may_be_applied, shared_freshness
from .requests import Request, Versioned
from .routing import Outcomes, Several, Single, Terms
from .shard_feeds import versioned, versions, whole_board
from .shard_requests import ShardedRequests

T = TypeVar("T")

_MOST_LISTS: Final = 1000


class AsyncClusterReplicas:
    """Carries the requests of one board object, reads to replicas."""

    def __init__(self, cluster: AsyncCluster, requests: ShardedRequests, max_staleness: float) -> None:
        self._cluster: Final = cluster
        self._requests: Final = requests
        self._shard_of: Final = {shard.key: number for number, shard in enumerate(requests.shards)}
        board = whole_board(requests, None)
        self._told: Final = lru_cache(_MOST_LISTS)(lambda shards: versions(board, shards))
        """What asks for the versions of shards, by a tuple of these: mostly those of a primary."""
        self._freshness: Final = shared_freshness(
            cluster.address, requests.shards[0].key, len(requests.shards), max_staleness
        )
        self._reads: Final = AsyncReplicaReads(cluster.address, self._freshness, replica_server)
        self.leave: Final = self._reads.leave

    async def carry_live(self, single: Sequence[Single], several: Several | None, terms: Terms) -> Outcomes:
        """Bring requests to primaries, as `AsyncCluster.carry` does; notes that the answer is live."""
        answered(LIVE)
        return await self._ask_primaries(single, several, terms)

    async def carry(self, single: Sequence[Single], several: Several | None, terms: Terms) -> Outcomes:
        """Bring reads to replicas, and to primaries where no replica is fresh enough."""
        end = monotonic() + terms.read_timeout
        await self._reads.keep_marks(partial(self._versions, terms))
        own, joint = [self._question(each) for each in single], self._joint_questions(several)
        await self._look_for_replicas([*own, *joint])
        left_for_replicas = min(self._freshness.max_staleness, (end - monotonic()) / 2)
        found = await self._reads.ask([*own, *joint], monotonic() + left_for_replicas)
        answers, parts = found[: len(own)], found[len(own) :]
        left = [each for each, answer in zip(single, answers, strict=True) if answer is None]
        rest = Outcomes([], [], {})
        missing = left_over(several, joint, parts)
        if left or missing is not None:
            rest = await self._ask_primaries(left, missing, terms._replace(read_timeout=max(0.0, end - monotonic())))
        of_primaries = iter(rest.single)
        return Outcomes(
            [next(of_primaries) if answer is None else answer.value for answer in answers],
            [*(part.value for part in parts if part is not None), *rest.values],
            rest.missing,
            max((each.age for each in found if each is not None), default=0.0),
        )

    # ------------------------------------------------------------------ what replicas are asked

    def _question(self, single: Single) -> Question:
        replicas = self._cluster.replicas_of(self._cluster.server_of(single.slot))
        return Question(replicas, (self._shard_of[single.request.key],), self._versioned(single.request))

    def _joint_questions(self, several: Several | None) -> list[Question]:
        """Return what is asked of the replicas of each primary that has some of the shards."""
        questions: list[Question] = []
        if several is None:
            return questions
        for server, shards in self._cluster.homes(several.slots).items():
            own = tuple(shard for shard in shards if shard in several.shards)
            if own:
                asked = shards if several.with_neighbours else own
                request = versioned(several.make(asked), self._told(asked))
                questions.append(Question(self._cluster.replicas_of(server), asked, request.then(value_of)))
        return questions

    async def _look_for_replicas(self, questions: Sequence[Question]) -> None:
        """Read the map of slots anew now and then, and sooner where it has no replica that can be asked."""
        found = all(self._reads.can_ask(question.replicas) for question in questions)
        await self._cluster.refresh(every=LONGEST_REST if found else REST)

    def _versioned(self, request: Request[T]) -> Request[Any]:
        """Return the request to a shard that answers its version as well; that to a manifest as it is."""
        if (shard := self._shard_of.get(request.key)) is None:
            return request
        versioned_request = self._requests.shards[shard].versioned(request)
        return versioned_request.then(lambda found: Versioned(found[0], {shard: found[1]}))

    # ------------------------------------------------------------------ what primaries are asked

    async def _ask_primaries(self, single: Sequence[Single], several: Several | None, terms: Terms) -> Outcomes:
        """Bring requests to primaries, and take down their versions; of writes that may have been applied, that."""
        began = monotonic()
        asked = [Single(slot, self._versioned(request)) for slot, request in single]
        try:
            outcomes = await self._cluster.carry(asked, several and self._all_versioned(several), terms)
            for (_, request), outcome in zip(single, outcomes.single, strict=True):
                if isinstance(outcome, Exception) and may_be_applied(outcome):
                    self._doubt(request)
            return outcomes._replace(
                single=[self._learned(outcome, began) for outcome in outcomes.single],
                values=[self._learned(value, began) for value in outcomes.values],
            )
        except BaseException:
            for _, request in single:
                self._doubt(request)
            raise

    def _all_versioned(self, several: Several) -> Several:
        return several._replace(make=lambda shards: versioned(several.make(shards), self._told(tuple(shards))))

    def _learned(self, outcome: Any, began: float) -> Any:
        """Return the answer of an outcome, whose versions are taken down; what has none as it is."""
        if not isinstance(outcome, Versioned):
            return outcome
        self._freshness.learn(outcome.versions, began)
        return outcome.value

    def _doubt(self, request: Request[Any]) -> None:
        """Take down that a write to a shard may have been applied, if this is one, at a version that nobody knows."""
        if request.writes and (shard := self._shard_of.get(request.key)) is not None:
            self._freshness.doubt((shard,))

    async def _versions(self, terms: Terms) -> dict[int, Version]:
        """Ask all primaries for the versions of their shards; those that do not answer soon are left out."""
        slots = self._requests.slots
        several = Several(slots, range(len(slots)), lambda shards: self._told(tuple(shards)))
        timeout = min(self._freshness.max_staleness, terms.read_timeout) / 4
        outcomes = await self._cluster.carry((), several, Terms(read_timeout=timeout))
        return {shard: version for part in outcomes.values for shard, version in part.items()}
