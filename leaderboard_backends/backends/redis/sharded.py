"""What a board over shards does beside its operations: opening and deleting, clears, tickets, and running plans.

Making, clearing, fencing and deleting take a step in each shard. The manifest has the state between the first and the
last of them, so that whoever comes next finishes what was cut half-way. A plan (`merge`) says what a read or a write
asks next; here it is brought to the shards, and what they say of themselves is noted: shards that do not answer, shards
from before and after a clear, and whether all were met in one state twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from secrets import token_hex
from time import monotonic
from typing import Any, Final, TypeVar

from ...answers import LIVE, Answer, Coverage, answered, consistent_wanted, live_wanted, partial_wanted
from ...changes import NO_VERSION, note_version, version_wanted
from ...errors import (
    BackendError,
    BackendReadOnlyError,
    BackendUnavailableError,
    BoardMismatchError,
    RankUnknownError,
    ShardsMissingError,
    WriteOutcomeUnknownError,
)
from ...model import Keep, Order, check_count
from .address import CONNECT_TIMEOUT, ClusterAddress
from .board import DEFAULT_BATCH, DEFAULT_PREFIX, AddressedLeaderboard
from .cluster_replicas import ClusterReplicas
from .handshake import check_server
from .manifest import READY, Manifest, ManifestRequests, check_manifest
from .merge import JoinedReads, JoinedWrites
from .plans import COLLECTS, Answers, Ask, ClearFoundError, Joint, MomentPassedError, Plan, Running, Seen, no_rank
from .replicas import MAX_STALENESS
from .requests import Request
from .routing import Outcomes, Several, Single, Terms
from .server import exchange
from .shard_feeds import share_of_feed
from .shard_requests import ShardedRequests
from .topology import shared_cluster

T = TypeVar("T")

DEFAULT_SHARDS: Final = 64
_CLEARING: Final = "clearing "
_TURNS: Final = 20
"""How often a call starts again because others clear or delete the board."""


class ShardedBoard(AddressedLeaderboard):
    """The base of boards over the shards of a cluster, of use once they are open (`_open`)."""

    def __init__(
        self,
        name: str,
        *,
        address: ClusterAddress,
        order: Order = "descending",
        keep: Keep = "last",
        prefix: str = DEFAULT_PREFIX,
        batch_size: int = DEFAULT_BATCH,
        partial: bool = False,
        consistent: bool = False,
        read_timeout: float = 1.0,
        wait_replicas: int = 0,
        wait_timeout: float = 1.0,
        read_from: str = "primary",
        max_staleness: float = MAX_STALENESS,
    ) -> None:
        super().__init__(name, order=order, keep=keep)
        self._prefix: Final = prefix
        self._batch_size: Final = check_count(batch_size, "batch_size", 1)
        self._partial: Final = partial
        self._consistent: Final = consistent
        self._terms: Final = Terms(read_timeout, wait_replicas, wait_timeout)
        self._max_staleness: Final = max_staleness if read_from == "replica" else None
        """How old what replicas answer may be; `None` where none are read."""
        self._manifest: Final = ManifestRequests(self._name, self._order, self._keep, prefix)
        self._players: int | None = None
        """How many players there were when all shards were last counted."""
        self._cluster: Final = shared_cluster(address)
        self._replicas: ClusterReplicas | None = None

    @property
    def shards(self) -> int:
        """The number of shards."""
        return len(self._requests.shards)

    # ------------------------------------------------------------------ opening, clearing, deleting

    def _open(self, shards: int | None, ties: str | None, feed: int | None) -> None:
        """Find the board, or make it; finishes what another process has left half-way."""
        self._cluster.hold(self)
        try:
            manifest = self._find(shards, ties, feed)
        except BaseException:
            self._cluster.leave(self)
            raise
        self._strict = manifest.ties == "strict"
        if self._max_staleness is not None:
            self._replicas = ClusterReplicas(self._cluster, self._requests, self._max_staleness)
            self.capabilities = replace(type(self).capabilities, consistency="eventual")

    def _find(self, shards: int | None, ties: str | None, feed: int | None) -> Manifest:
        if not self._cluster.version:
            self._cluster.version = self._check_nodes()
        for _ in range(_TURNS):
            request = self._manifest.open(shards, ties, DEFAULT_SHARDS, token_hex(4))
            manifest: Manifest = self._ask_manifest(request)
            check_manifest(manifest)
            self._generation = manifest.generation
            self._requests = ShardedRequests(self._name, self._order, self._keep, self._prefix, manifest)
            self._reads = JoinedReads(self._requests)
            self._writes = JoinedWrites(self._requests, self._reads)
            if manifest.state == "deleting":
                self._finish_delete(manifest.generation)
            elif manifest.state == "making":
                self._make(manifest.generation, share_of_feed(feed, manifest.shards))
            elif self._is_there(manifest, feed):
                return manifest
        raise BackendUnavailableError(f"{self._cluster.address}: the board is being deleted again and again.")

    def _is_there(self, manifest: Manifest, feed: int | None) -> bool:
        """Whether the board is still there, all its shards with it; has it keep a feed of this length, if one is given.

        A shard that is missing was lost, unless somebody has deleted the board meanwhile: it is never made anew.
        """
        try:
            self._finish_clear(manifest.generation, manifest.state)
            self._read_once(self._reads.count)
            if feed is not None:
                kept = share_of_feed(feed, manifest.shards)
                self._ask_all([shard.keep(kept) for shard in self._requests.shards])
        except BoardMismatchError:
            found = self._ask_manifest(self._manifest.described())
            if found is not None and found[1].generation == manifest.generation and found[1].state != "deleting":
                raise
            return False
        return True

    def _make(self, generation: str, feed: str) -> None:
        """Make all shards of a new board; raises where there was one, and only its manifest is lost."""
        earlier = self._ask_manifest(self._manifest.copied(), self._manifest.far_slot)
        if earlier not in (None, generation):
            self._change(generation, "making", "")
            raise BoardMismatchError(
                f"{self._cluster.address} has lost the manifest of the board {self._name!r} (the key "
                f"{self._manifest.key}), not its shards: restore the data of its node. To begin anew, delete the key "
                f"{self._manifest.copy_key} first."
            )
        self._ask_manifest(self._manifest.copy(generation), self._manifest.far_slot)
        self._ask_all([shard.make(feed) for shard in self._requests.shards])
        if not self._change(generation, "making", READY):  # others have made and deleted it meanwhile
            self._finish_delete(generation)

    def _check_nodes(self) -> str:
        """Return what the nodes are; raises for one that cannot hold a board, and where none answers."""
        nodes = [self._cluster.server(node) for node in self._cluster.slot_map().primaries()]
        answers: dict[Any, Any] = {}
        patience = self._cluster.address.socket_timeout
        for some, seconds in ((nodes, CONNECT_TIMEOUT), *(([node], patience) for node in nodes)):  # one may be gone
            questions = {node: [self._manifest.information()] for node in some}
            found = exchange(questions, monotonic() + seconds)
            answers |= {node: outcome for node, (outcome,) in found.items()}
            versions = [
                check_server(answer, node.address, cluster=True)
                for node, answer in answers.items()
                if not isinstance(answer, BackendError)
            ]
            if versions:
                return versions[0]
        raise next(iter(answers.values()))

    def _clear(self) -> None:
        for _ in range(_TURNS):
            number = self._take_ticket(1, 0)
            state = self._change(self._generation, READY, f"{_CLEARING}{number}")
            try:
                self._finish_clear(self._generation, state)
            except BackendError as error:
                if state != f"{_CLEARING}{number}":
                    raise
                raise WriteOutcomeUnknownError(
                    f"the clear has begun, and whoever uses the board next finishes it: {error}"
                ) from error
            if state == f"{_CLEARING}{number}":
                return
        raise BackendUnavailableError("other processes clear the board again and again; this call cleared nothing.")

    def _finish_clear(self, generation: str, state: str) -> None:
        """Remove the players of all shards that a clear has not come to, if that is the board's state."""
        if state.startswith(_CLEARING):
            number = int(state.removeprefix(_CLEARING))
            self._ask_all([shard.clear(number) for shard in self._requests.shards])
            if self._change(generation, state, READY) in ("", "deleting"):  # it made shards anew after that
                self._ask_all([shard.delete() for shard in self._requests.shards])

    def _delete(self) -> None:
        state = self._change(self._generation, "", "deleting")
        try:
            self._finish_delete(self._generation)
        except BackendError as error:
            if not state:  # it was gone
                raise
            raise WriteOutcomeUnknownError(
                f"the board is being deleted, and whoever deletes or opens it next finishes that: {error}"
            ) from error

    def _finish_delete(self, generation: str) -> None:
        self._ask_all([shard.delete() for shard in self._requests.shards])
        copied = self._ask_manifest(self._manifest.copied(), self._manifest.far_slot)
        if copied == generation:  # else it is that of a board that was made since
            self._ask_manifest(self._manifest.copy(None), self._manifest.far_slot)
        self._change(generation, "deleting", "")

    def _change(self, generation: str, state: str, following: str) -> str:
        changed: str = self._ask_manifest(self._manifest.transition(generation, state, following))
        return changed

    def _state(self) -> str:
        return self._ask_manifest(self._manifest.state(self._generation))

    def _ask_manifest(self, request: Request[T], slot: int | None = None) -> T:
        single = Single(self._manifest.slot if slot is None else slot, request)
        (answer,) = self._cluster.carry([single], None, self._terms).answers()
        return answer  # type: ignore[no-any-return]  # what the request parses

    def _ask_all(self, requests: Sequence[Request[T]]) -> list[T]:
        """Bring a request to each shard; raises the first error, once all have answered or failed."""
        single = [Single(slot, request) for slot, request in zip(self._requests.slots, requests, strict=True)]
        return self._carry(single).answers()

    def _carry(self, single: Sequence[Single], several: Several | None = None, *, live: bool = True) -> Outcomes:
        """Bring requests to primaries, or reads to replicas where the board reads from these and `live` is false."""
        if self._replicas is None:
            return self._cluster.carry(single, several, self._terms)
        if live:
            return self._replicas.carry_live(single, several, self._terms)
        return self._replicas.carry(single, several, self._terms)

    # ------------------------------------------------------------------ writes

    def _write_to_shards(self, single: Sequence[Single], *, ticketed: bool = False) -> list[Any]:
        """Bring writes to shards, and return their outcomes.

        A clear that was cut half-way is finished before they count as done; that none is under way, a ticket has told.
        """
        if ticketed:
            return self._carry(single).single
        asked = Single(self._manifest.slot, self._manifest.state(self._generation))
        *outcomes, state = self._carry([*single, asked]).single
        if isinstance(state, str):
            try:
                self._finish_clear(self._generation, state)
            except BackendError as error:
                unknown = WriteOutcomeUnknownError(f"the write was applied, and a clear may remove it: {error}")
                unknown.__cause__ = error
                outcomes = [outcome if isinstance(outcome, Exception) else unknown for outcome in outcomes]
        return outcomes

    def _take_ticket(self, updates: int, above: int) -> int:
        for _ in range(_TURNS):
            ticket = self._ask_manifest(self._manifest.ticket(self._generation, updates, above))
            if ticket.state == READY:
                return ticket.number
            if not ticket.state.startswith(_CLEARING):
                raise BoardMismatchError(
                    f"{self._cluster.address}: the board {self._name!r} is being deleted; nothing was applied."
                )
            self._finish_clear(self._generation, ticket.state)
        raise BackendUnavailableError("other processes clear the board again and again; nothing was applied.")

    # ------------------------------------------------------------------ reads

    def _read(self, plan: Callable[[], Plan[T]], rank_of: Callable[[T], int | None] = no_rank) -> T:
        """Run a read; one of a single moment until two looks in a row have met the same state of all its shards.

        `rank_of` tells the rank of the player that an answer is about, for the bounds of a partial one.
        """
        value, seen = self._read_once(plan, looks=COLLECTS if self._at_once else 0)
        if version_wanted():
            note_version(NO_VERSION if seen.missing else self._get_changes(None, 0).version)
        if seen.missing:
            self._note_partial(rank_of(value), seen)
        elif self._replicas is not None or self._partial or partial_wanted():
            answered(Answer("replica", seen.age) if seen.age else LIVE)
        return value

    @property
    def _at_once(self) -> bool:
        """Whether reads are to be of one moment of all shards."""
        return self._consistent or consistent_wanted()

    def _read_once(self, plan: Callable[[], Plan[T]], *, whole: bool = False, looks: int = 0) -> tuple[T, Seen]:
        live = whole or looks > 0 or live_wanted() or self._replicas is None  # replicas are not of one moment
        for turn in range(_TURNS):
            seen = Seen(whole=whole, live=live or turn > 0, looks=looks)
            try:
                value = self._run(plan(), seen)
            except ClearFoundError as found:
                if not seen.live:  # on its way to replicas
                    continue
                state = self._state()
                self._finish_clear(self._generation, state)
                if turn and state == READY:  # a failover has lost a part of that clear
                    self._ask_all([shard.clear(found.args[0]) for shard in self._requests.shards])
                continue
            except MomentPassedError:
                seen.look_again()
                looks = seen.looks
                continue
            shards = list(chain.from_iterable(seen.states))
            if len(shards) == len(set(shards)) == self.shards:
                self._players = seen.players()
            return value, seen
        raise BackendUnavailableError("other processes clear the board again and again.")

    def _note_partial(self, lowest: int | None, seen: Seen) -> None:
        """Note which shards an answer is without, and how far a rank can be off by what they held when last seen."""
        unseen = None if self._players is None else max(0, self._players - seen.players())
        highest = None if lowest is None or unseen is None else lowest + unseen
        coverage = Coverage(self.shards - len(seen.missing), tuple(sorted(seen.missing)), lowest, highest)
        answered(Answer("partial", seen.age, coverage))

    # ------------------------------------------------------------------ running plans

    def _run(self, plan: Plan[T], seen: Seen) -> T:
        """Bring what a plan asks to the shards until it returns; an error after a write says that it was applied."""
        applied, run = False, Running(plan)
        while run.ask is not None:
            writes = bool(run.ask.single) and any(request.writes for request in run.ask.single.values())
            begins = run.ask.joint is not None and run.ask.joint.begins
            if begins:
                seen.begin()
            answers = self._answer(run.ask, seen, applied=applied or writes, writes=writes)
            applied |= writes
            if begins and seen.looks:
                answers = self._of_one_moment(run.ask, seen, answers)
            run.proceed(answers)
        return run.result

    def _of_one_moment(self, ask: Ask, seen: Seen, answers: Answers) -> Answers:
        """Return answers for which two looks in a row at the shards met one state; every other one is at versions."""
        while True:
            states = self._run(self._reads.states(frozenset(chain.from_iterable(seen.states))), Seen())
            if not seen.agrees_with(states):
                seen.look_again()
                seen.begin()
                answers = self._answer(ask, seen, applied=False, writes=False)
            if seen.agrees_with(states):
                seen.moment = states
                return answers

    def _answer(self, ask: Ask, seen: Seen, *, applied: bool, writes: bool) -> Answers:
        slots = self._requests.slots
        single = [Single(slots[shard], request) for shard, request in ask.single.items()]
        if untold := writes and not self._strict:  # the ticket of a strict one has told whether a clear is under way
            single.append(Single(self._manifest.slot, self._manifest.state(self._generation)))
        outcomes = self._carry(single, self._several(ask.joint, seen.silent), live=writes or seen.live)
        seen.age = max(seen.age, outcomes.age)
        state = outcomes.single.pop() if untold else READY
        answers = dict(zip(ask.single, outcomes.single, strict=True))
        if answers and not writes:
            lost = {shard: each for shard, each in answers.items() if isinstance(each, BackendError)}
            self._admit_missing(lost, applied=applied, partial=False)
        outcomes.answers()
        if isinstance(state, str) and state != READY:
            self._finish_clear_of_others(state)
        if outcomes.missing:
            partial = not seen.whole and (self._partial or partial_wanted())
            partial = partial and not (ask.joint and ask.joint.with_neighbours)
            missing = {shard: seen.missing[shard] for shard in seen.silent} | outcomes.missing
            self._admit_missing(missing, applied=applied, partial=partial)
        if outcomes.missing or seen.silent:
            seen.note_missing(outcomes.missing, answers)
        for value in outcomes.values if writes else (answers, *outcomes.values):
            seen.note(value)
        if len(seen.cleared) > 1:
            if not applied:
                raise ClearFoundError(max(seen.cleared))
            self._finish_clear_of_others(None)
        return Answers(answers, outcomes.values)

    def _finish_clear_of_others(self, state: str | None) -> None:
        """Finish a clear that a write has met, after which it counts as done."""
        try:
            self._finish_clear(self._generation, self._state() if state is None else state)
        except BackendError as error:
            raise RankUnknownError(f"the update was applied, and a clear may remove it: {error}") from error

    def _several(self, joint: Joint | None, silent: Collection[int]) -> Several | None:
        """Return what is asked of several shards, but for those that this read has not heard of when it asked before.

        An answer that must not lack them is asked of these as well.
        """
        if joint is None:
            return None
        shards = frozenset(joint.shards).difference(silent) if silent and not joint.with_neighbours else joint.shards
        return Several(self._requests.slots, shards, joint.make, joint.with_neighbours) if shards else None

    def _admit_missing(self, missing: Mapping[int, BackendError], *, applied: bool, partial: bool) -> None:
        """Raise if there are any, unless an answer without them is permitted; one without all of them never is."""
        if not missing:
            return
        first = next(iter(missing.values()))
        lost = next((error for error in missing.values() if isinstance(error, BoardMismatchError)), None)
        text = (
            f"{self.shards - len(missing)} of {self.shards} shards answered within {self._terms.read_timeout:g} s "
            f"(read_timeout); missing: {', '.join(map(str, sorted(missing)))}. The first of them: {first}"
        )
        if applied:
            raise RankUnknownError(f"the update was applied, but its rank is not known: {text}") from first
        if lost is not None:
            raise lost
        if partial and len(missing) < self.shards:
            return
        raise ShardsMissingError(text, self.shards - len(missing), self.shards, tuple(sorted(missing))) from first

    # ------------------------------------------------------------------ the rest

    def _fence(self, moved_to: str | None) -> None:
        """Fence the manifest, or lift its fence, which decides, and then do the same with the shards.

        Where a lifting was cut half-way, some shards still refuse writes: lifting the fence that they name, expecting
        it, finishes that and cannot lift another one.
        """
        self._ask_manifest(self._manifest.mark(self._generation, moved_to))
        try:
            self._finish_clear(self._generation, self._state())
            self._ask_all([shard.fence(moved_to) for shard in self._requests.shards])
        except (BackendUnavailableError, BackendReadOnlyError) as error:
            raise WriteOutcomeUnknownError(
                f"the fence was set or lifted in the board's manifest, but not in all shards: call it again. {error}"
            ) from error

    def _fenced(self) -> str | None:
        return self._ask_manifest(self._manifest.marked())

    def _ping(self) -> None:
        slots, shards = self._requests.slots, self._requests.shards
        single = [Single(slot, shard.ping()) for slot, shard in zip(slots, shards, strict=True)]
        for outcome in self._carry(single).single:
            if isinstance(outcome, Exception) and not isinstance(outcome, BackendReadOnlyError):
                raise outcome  # a node that cannot save refuses PING along with writes: it answers

    def _close(self) -> None:
        if self._replicas is not None:
            self._replicas.leave()
        self._cluster.leave(self)

    def _storage(self) -> str:
        return self._cluster.version

    def _place(self) -> str:
        return str(self._cluster.address)
