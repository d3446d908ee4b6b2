"""A cluster, shared by all boards of the process at an equal address: which node has which slot, and who is asked what.

Nothing here relies on redis-py's cluster client, which repeats writes. Requests are sent once to the node that has
their slot. What a node surely did not apply is sent again, to whichever node has the slot by then, until a deadline: a
slot that has moved (MOVED), is being moved key by key, or has no node for the moment; a node that cannot be connected
to, or is a replica now. So is a read whose reply is lost; a write is not, ever.

The map of slots is read anew when a node shows that it has changed: by one thread at a time, first from the node that
MOVED names, and not more often than every `REFRESH_EVERY` seconds; others go on with what they have. CLUSTER SLOTS
carries no number that would tell old from new; so the node that MOVED names counts more than the map, until the next
one.

Sources: https://valkey.io/topics/cluster-spec/ (redirections) and https://valkey.io/commands/cluster-slots/.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from random import random, sample
from threading import RLock
from time import monotonic, sleep
from typing import Any, Final, NamedTuple, TypeAlias, cast
from weakref import WeakValueDictionary, ref

from redis.exceptions import MovedError, NoScriptError, RedisError, ResponseError

from ...errors import BackendError, BackendUnavailableError, WriteOutcomeUnknownError
from ...forks import guard
from .address import Address, ClusterAddress, Node
from .failures import OF_SCRIPTS, refused, reply_word
from .pool import Connection as Wire
from .requests import Request, pack
from .server import Server, exchange, make_connection
from .shard_requests import Read

REFRESH_EVERY: Final = 0.1
"""Seconds between two readings of the map of slots."""
CONNECT_TIMEOUT: Final = 0.5
"""Seconds in which a node must be connected to, and tell its map: others can be asked."""
_MOST_HOMES: Final = 1000
"""How many lists of slots are remembered with the nodes that have them: boards are followed in any combination."""
_READONLY: Final = pack((b"READONLY",))
_PAUSE: Final = 0.02
"""Seconds until what was refused is sent again; between that and twice that."""

_AGAIN: Final = frozenset(
    {"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "MOVING", "LOADING", "MASTERDOWN", "READONLY", "NOREPLICAS"}
)
"""Error replies after which a request was surely not applied, and may be elsewhere."""
_AGAIN_IN_SCRIPTS: Final = ("non local key", "cluster is down")
"""The same of scripts that read: those that write look before they begin."""


class SlotRange(NamedTuple):
    """Which nodes have the slots from `first` to `last`: the primary, then its replicas."""

    first: int
    last: int
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class SlotMap:
    """Which node has which slot, as one node told it."""

    ranges: tuple[SlotRange, ...] = ()

    def primary(self, slot: int) -> Node | None:
        """Return the primary that has a slot; `None` where no node has."""
        at = bisect_right(self.ranges, slot, key=lambda each: each.first) - 1
        return self.ranges[at].nodes[0] if at >= 0 and slot <= self.ranges[at].last else None

    def primaries(self) -> list[Node]:
        """Return all primaries that have slots."""
        return list(self.replicas())

    def replicas(self) -> dict[Node, tuple[Node, ...]]:
        """Return the replicas of each primary."""
        return {nodes[0]: nodes[1:] for _, _, nodes in self.ranges}


class Terms(NamedTuple):
    """What a board asks of each of its calls."""

    read_timeout: float = 1.0
    """Seconds after which what was not answered is given up, and what was surely not applied is not sent again."""
    wait_replicas: int = 0
    """How many replicas must confirm a write."""
    wait_timeout: float = 1.0


_TERMS: Final = Terms()


class Single(NamedTuple):
    """A request to the shard of a slot."""

    slot: int
    request: Request[Any]


@dataclass(frozen=True, slots=True)
class Several:
    """A question to several shards of a board, whose shards have these slots.

    `make` makes the request for those of them that one node has, or for all shards that the node has.
    """

    slots: tuple[int, ...]
    shards: Collection[int]
    make: Callable[[Sequence[int]], Request[Read[Any]]]
    with_neighbours: bool = False


class Outcomes(NamedTuple):
    """What came of it."""

    single: list[Any]
    """The answer or the error of each single request."""
    values: list[Any]
    """What nodes answered for several shards."""
    missing: dict[int, BackendError]
    """What is wrong with each shard of which no node answered anything."""
    age: float = 0.0
    """How old at most what replicas answered is, in seconds; 0 where the primaries answered all."""

    def answers(self) -> list[Any]:
        """Return the answers of the single requests; raises the first error among them."""
        for outcome in self.single:
            if isinstance(outcome, Exception):
                raise outcome
        return self.single


class _NodeWire:
    """A connection to a node that is made within a short time, whatever time a reply may take later.

    With `reads_replica`, the node answers reads of its primary's slots, too.
    """

    def __init__(self, address: Address, *, reads_replica: bool = False) -> None:
        self._wire: Final = cast(
            "Any",
            make_connection(
                address.at(
                    address.host,
                    address.port,
                    connect_timeout=min(CONNECT_TIMEOUT, address.connect_timeout),
                    socket_timeout=min(CONNECT_TIMEOUT, address.socket_timeout),
                )
            ),
        )
        self._timeout: Final = address.socket_timeout
        self._reads_replica: Final = reads_replica
        self.disconnect: Final[Callable[[], None]] = self._wire.disconnect
        self.can_read: Final[Callable[[float], bool]] = self._wire.can_read
        self.send_packed_command: Final[Callable[..., None]] = self._wire.send_packed_command
        self.read_response: Final[Callable[..., Any]] = self._wire.read_response

    def connect(self) -> None:
        """Connect and greet the node."""
        self._wire.connect()
        if self._reads_replica:
            self._wire.send_packed_command((_READONLY,), check_health=False)
            self._wire.read_response()
        self._wire.update_current_socket_timeout(self._timeout)


class Cluster:
    """Carries requests to the nodes of a cluster."""

    def __init__(self, address: ClusterAddress) -> None:
        self.address: Final = address
        self.version = ""
        """What the nodes are, for example `Valkey 9.1.2`; known once a board was opened."""
        self._map = SlotMap()
        self._by_slot: dict[int, Server] = {}
        """Who has single slots: by the map, or as nodes have said since it was read."""
        self._homes: dict[tuple[int, ...], dict[Server | None, tuple[int, ...]]] = {}
        self._replicas: dict[Node, tuple[Node, ...]] = {}
        self._refreshed = -inf
        self._lock: Final = guard(RLock())
        self._servers: Final[dict[Node, Server]] = {}
        self._owners: Final[set[ref[object]]] = set()

    # ------------------------------------------------------------------ boards

    def hold(self, owner: object) -> None:
        """Keep connections for as long as an owner lives and does not `leave`."""
        self._owners.add(ref(owner, self._owners.discard))

    def leave(self, owner: object) -> None:
        """Close the connections once nobody uses them."""
        self._owners.discard(ref(owner))
        if not self._owners:
            for server in list(self._servers.values()):
                server.close()

    # ------------------------------------------------------------------ nodes

    def slot_map(self) -> SlotMap:
        """Return the map of slots; raises `BackendUnavailableError` where no node tells one."""
        if not self._map.ranges:
            with self._lock:
                if not self._map.ranges:
                    self._refresh(())
        return self._map

    def server(self, node: Node) -> Server:
        """Return what carries requests to a node."""
        if (server := self._servers.get(node)) is None:
            address = self.address.at(*node)
            server = Server(address, lambda: cast("Wire", _NodeWire(address)), keeps=True)
            server.version = self.version or "a node"
            server = self._servers.setdefault(node, server)
        return server

    def refresh(self, *first: Node, every: float = REFRESH_EVERY) -> None:
        """Read the map of slots anew, if nobody does or did in so many seconds; asks the given nodes first."""
        if monotonic() - self._refreshed < every or not self._lock.acquire(blocking=False):
            return
        try:
            if monotonic() - self._refreshed >= every:
                self._refresh(first)
        except BackendUnavailableError:
            pass  # the next one tries again, with what is known
        finally:
            self._lock.release()

    def _refresh(self, first: Iterable[Node]) -> None:
        known = self._map.primaries()
        seeds = [Node(*node) for node in self.address.nodes]
        problems: list[str] = []
        for node in dict.fromkeys((*first, *sample(known, len(known)), *sample(seeds, len(seeds)))):
            self._refreshed = monotonic()
            server = self.server(node)
            request: Request[SlotMap] = Request(pack((b"CLUSTER", b"SLOTS")), partial(_slot_map, asked=node), "")
            (found,) = exchange({server: [request]}, monotonic() + CONNECT_TIMEOUT)[server]
            if isinstance(found, SlotMap) and found.ranges:
                self._map, self._by_slot, self._homes, self._replicas = found, {}, {}, found.replicas()
                return
            problem = str(getattr(found, "__cause__", None) or found).rstrip(".")
            problems.append(f"{server.address}: {problem}.")
        raise BackendUnavailableError(
            f"no node of {self.address} tells which node has which slots: check the hosts, the password, and that the "
            f"cluster is up. {' '.join(problems)}"
        )

    def server_of(self, slot: int) -> Server | None:
        """Return what carries requests to the node that has a slot, as far as is known; `None` where no node has."""
        if (server := self._by_slot.get(slot)) is None:
            node = self.slot_map().primary(slot)
            if node is not None:
                server = self._by_slot[slot] = self.server(node)
        return server

    def replicas_of(self, primary: Server | None) -> tuple[Node, ...]:
        """Return the replicas of a node, as far as is known; none of one that became a primary since."""
        return () if primary is None else self._replicas.get(Node(primary.address.host, primary.address.port), ())

    def homes(self, slots: tuple[int, ...]) -> dict[Server | None, tuple[int, ...]]:
        """Return which places of a list of slots each node has, as far as is known; `None` has those that none has."""
        if (homes := self._homes.get(slots)) is None:
            by_server: dict[Server | None, list[int]] = {}
            known = self._homes  # another one where the map changes meanwhile
            if len(known) >= _MOST_HOMES:
                known.clear()
            for place, slot in enumerate(slots):
                by_server.setdefault(self.server_of(slot), []).append(place)
            homes = known[slots] = {server: tuple(places) for server, places in by_server.items()}
        return homes

    def note_moved(self, slot: int, node: Node) -> None:
        """Take down what a node said of a slot, and read the map anew from the node that has it now."""
        self._by_slot[slot] = self.server(node)
        self._homes = {}
        self.refresh(node)

    def carry(self, single: Sequence[Single] = (), several: Several | None = None, terms: Terms = _TERMS) -> Outcomes:
        """Bring requests to the nodes that have their slots, all at once, and return what came of each.

        One round trip; more where slots have moved, or nodes have forgotten a script.
        """
        return _Carrying(self, single, several, terms).run()


class _Carrying:
    """One call of `Cluster.carry`: what is still to be answered, and what came of the rest."""

    def __init__(self, cluster: Cluster, single: Sequence[Single], several: Several | None, terms: Terms) -> None:
        self._cluster: Final = cluster
        self._terms: Final = terms
        self._slots: Final = [each.slot for each in single]
        self._several: Final = several
        self._left: dict[int, Request[Any]] = {place: each.request for place, each in enumerate(single)}
        self._shards: set[int] = set(several.shards) if several else set()
        self._outcomes: Final = Outcomes([None] * len(single), [], {})
        self._end: Final = monotonic() + terms.read_timeout
        self._homeless = False
        """Whether a slot has no node just now."""
        self._reloaded: Final[set[int]] = set()
        """The requests whose scripts a node has forgotten: they are sent again even where others took all the time."""

    def run(self) -> Outcomes:
        """Send what is left until it is answered, or the deadline has passed."""
        while True:
            pause = False
            self._reloaded.clear()
            sent = self._by_server()
            found = exchange({server: self._with_wait(parts) for server, parts in sent.items()}, self._end)
            for server, parts in sent.items():
                outcomes = self._confirmed([request for _, request in parts], found[server])
                for (what, request), outcome in zip(parts, outcomes, strict=True):
                    pause |= self._take(what, request, outcome, server)
            if not (self._left or self._shards):
                return self._outcomes
            if monotonic() > self._end:
                if not self._reloaded:
                    return self._outcomes
                self._left = {place: self._left[place] for place in self._reloaded}
                self._shards.clear()
            if pause or self._homeless:
                self._cluster.refresh()
                sleep(_PAUSE * (1 + random()))  # noqa: S311 - so that many clients do not ask at the same time

    # ------------------------------------------------------------------ what is sent where

    def _by_server(self) -> dict[Server, list[tuple[_What, Request[Any]]]]:
        """Return what is left by the server that is to be asked, several shards of one server in one request."""
        self._homeless = False
        sent: dict[Server, list[tuple[_What, Request[Any]]]] = {}
        for place, request in self._left.items():
            if (server := self._cluster.server_of(self._slots[place])) is not None:
                sent.setdefault(server, []).append((place, request))
            else:
                self._outcomes.single[place] = self._no_node(self._slots[place])
        if self._several is not None and self._shards:
            self._add_shards(self._several, sent)
        return sent

    def _add_shards(self, several: Several, sent: dict[Server, list[tuple[_What, Request[Any]]]]) -> None:
        for server, shards in self._cluster.homes(several.slots).items():
            if not (own := tuple(shard for shard in shards if shard in self._shards)):
                continue
            if server is not None:
                request = several.make(shards if several.with_neighbours else own)
                sent.setdefault(server, []).append((own, request))
            else:
                self._outcomes.missing.update({shard: self._no_node(several.slots[shard]) for shard in own})

    def _no_node(self, slot: int) -> BackendUnavailableError:
        self._homeless = True
        return BackendUnavailableError(
            f"no node of {self._cluster.address} has slot {slot}: add the nodes that had it, or assign it to another "
            f"one (CLUSTER ADDSLOTS)."
        )

    def _with_wait(self, parts: Sequence[tuple[_What, Request[Any]]]) -> list[Request[Any]]:
        """Return the requests for one server, with WAIT as the last one if replicas are to confirm a write."""
        requests = [request for _, request in parts]
        _, replicas, timeout = self._terms
        if replicas and any(request.writes for request in requests):
            texts = (str(replicas), str(max(1, round(timeout * 1000))))
            requests.append(Request(pack((b"WAIT", *texts)), int, requests[0].key, writes=True))
        return requests

    def _confirmed(self, requests: Sequence[Request[Any]], outcomes: list[Any]) -> list[Any]:
        """Return the outcomes without that of WAIT; of writes that it does not confirm, that they are not."""
        if len(outcomes) == len(requests):
            return outcomes
        *answers, confirmed = outcomes
        wanted = self._terms.wait_replicas
        if isinstance(confirmed, int) and confirmed >= wanted:
            return answers
        by = f"{confirmed} of {wanted} replicas" if isinstance(confirmed, int) else f"no replica ({confirmed})"
        unconfirmed = WriteOutcomeUnknownError(
            f"the write was applied by the primary, and confirmed by {by} within {self._terms.wait_timeout:g} s "
            "(wait_timeout): a failover may lose it. Read the player's entry before you repeat it."
        )
        return [
            unconfirmed if request.writes and not isinstance(answer, Exception) else answer
            for request, answer in zip(requests, answers, strict=True)
        ]

    # ------------------------------------------------------------------ what came of it

    def _take(self, what: _What, request: Request[Any], outcome: Any, server: Server) -> bool:
        """Note an outcome; returns whether to wait before what is left is sent again."""
        if isinstance(what, tuple):
            return self._take_several(what, request, outcome, server)
        if isinstance(outcome, NoScriptError):
            self._outcomes.single[what] = refused(outcome, server.address, request)
            if request.script is not None:
                self._left[what] = request.reloaded(request.script)
                self._reloaded.add(what)
                return False
        else:
            self._outcomes.single[what] = outcome
            if self._follow(outcome, self._slots[what], server):
                return False
            if _is_elsewhere(outcome):
                return True
        del self._left[what]
        return False

    def _take_several(self, shards: tuple[int, ...], request: Request[Any], outcome: Any, server: Server) -> bool:
        if isinstance(outcome, NoScriptError) and request.script is not None:
            (outcome,) = exchange({server: [request.reloaded(request.script)]}, self._end)[server]
        if not isinstance(outcome, Read):
            self._outcomes.missing.update(dict.fromkeys(shards, outcome))
            if self._follow(outcome, cast("Several", self._several).slots[shards[0]], server):
                return False
            again = _is_elsewhere(outcome)
            self._shards.difference_update(() if again else shards)
            return again
        self._outcomes.values.append(outcome.value)
        self._shards.difference_update(shards)
        for shard in shards if self._outcomes.missing else ():
            self._outcomes.missing.pop(shard, None)
        for shard, text in outcome.problems.items():
            problem = ResponseError(text.decode(errors="replace"))
            self._outcomes.missing[shard] = refused(problem, server.address, request)
            self._outcomes.missing[shard].__cause__ = problem
            if reply_word(problem) not in OF_SCRIPTS:
                self._shards.add(shard)
        return not self._shards.isdisjoint(shards)

    def _follow(self, outcome: Any, slot: int, server: Server) -> bool:
        """Take down where a slot is, if that is the outcome."""
        moved = outcome.__cause__ if isinstance(outcome, BackendError) else None
        if not isinstance(moved, MovedError):
            return False
        self._cluster.note_moved(slot, Node(moved.host or server.address.host, moved.port))
        return True


_What: TypeAlias = int | tuple[int, ...]
"""The place of a single request, or the shards of a request to several."""


def _is_elsewhere(outcome: Any) -> bool:
    """Whether something was surely not applied and may be elsewhere, or later; or was only read."""
    if not isinstance(outcome, BackendError) or isinstance(outcome, WriteOutcomeUnknownError):
        return False
    cause = outcome.__cause__
    if isinstance(cause, ResponseError):
        return reply_word(cause) in _AGAIN or any(words in str(cause) for words in _AGAIN_IN_SCRIPTS)
    return isinstance(cause, RedisError | OSError)


def _slot_map(reply: Any, asked: Node) -> SlotMap:
    """Return the map of a reply of CLUSTER SLOTS; a node that does not know its own address is the one asked."""
    ranges = []
    for first, last, *nodes in reply:
        found = tuple(Node((each[0] or b"").decode().strip("?") or asked.host, int(each[1])) for each in nodes)
        ranges.append(SlotRange(int(first), int(last), found))
    return SlotMap(tuple(sorted(ranges)))


def replica_server(address: Address) -> Server:
    """Return what carries reads to a replica of a primary."""
    server = Server(address, lambda: cast("Wire", _NodeWire(address, reads_replica=True)))
    server.version = "a replica"
    return server


_clusters: Final[WeakValueDictionary[ClusterAddress, Cluster]] = WeakValueDictionary()
_lock: Final = guard(RLock())


def shared_cluster(address: ClusterAddress) -> Cluster:
    """Return the one object of an equal address in this process."""
    with _lock:
        cluster = _clusters.get(address)
        if cluster is None:
            cluster = _clusters[address] = Cluster(address)
        return cluster
