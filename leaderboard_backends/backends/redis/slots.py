"""Which node of a cluster has which slot, as far as is known, without input or output.

CLUSTER SLOTS carries no number that would tell old from new; so the node that MOVED names counts more than the map,
until the next one.

Source: https://valkey.io/commands/cluster-slots/.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from random import sample
from time import monotonic
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar
from weakref import ref

from ...errors import BackendUnavailableError
from .address import CONNECT_TIMEOUT, Address, ClusterAddress, Node
from .failures import GREETING, reply_word
from .requests import Request, pack

_MOST_HOMES: Final = 1000
"""How many lists of slots are remembered with the nodes that have them: boards are followed in any combination."""


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


class NodeCarrier(Protocol):
    """What carries requests to one node: its address, and who keeps its connections open."""

    address: Final[Address]  # type: ignore[misc]  # it is set once
    version: str

    def hold(self, owner: object) -> None:
        """Keep connections open for as long as an owner lives and does not leave."""


Server = TypeVar("Server", bound=NodeCarrier)


class Topology(ABC, Generic[Server]):
    """Which node has which slot, as far as is known, and what carries requests to each node."""

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
        self._servers: Final[dict[Node, Server]] = {}
        self._owners: Final[set[ref[object]]] = set()

    @abstractmethod
    def _make(self, address: Address) -> Server:
        """Return what carries requests to the node at an address."""

    def hold(self, owner: object) -> None:
        """Keep connections for as long as an owner lives and does not `leave`."""
        self._owners.add(ref(owner, self._owners.discard))
        for server in list(self._servers.values()):
            server.hold(self)

    def server(self, node: Node) -> Server:
        """Return what carries requests to a node."""
        if (server := self._servers.get(node)) is None:
            server = self._make(self.address.at(*node))
            server.version = self.version or "a node"
            server = self._servers.setdefault(node, server)
            server.hold(self)
        return server

    def server_of(self, slot: int) -> Server | None:
        """Return what carries requests to the node that has a slot, as far as is known; `None` where no node has."""
        if (server := self._by_slot.get(slot)) is None:
            node = self._map.primary(slot)
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
        """Take down what a node said of a slot."""
        self._by_slot[slot] = self.server(node)
        self._homes = {}

    def _is_due(self, every: float) -> bool:
        """Whether the map was last read at least so many seconds ago."""
        return monotonic() - self._refreshed >= every

    def _to_be_asked(self, *first: Node) -> list[tuple[Node, float]]:
        """Return who can tell the map of slots, in the order in which they are asked, and how many seconds each has.

        Where no map is known yet, all are asked again, in more time: being connected to may take the first alone.
        """
        known = self._map.primaries()
        seeds = [Node(*node) for node in self.address.nodes]
        nodes = dict.fromkeys((*first, *sample(known, len(known)), *sample(seeds, len(seeds))))
        patience = (CONNECT_TIMEOUT,) if known else (CONNECT_TIMEOUT, self.address.socket_timeout)
        return [(node, seconds) for seconds in patience for node in nodes]

    def _take_map(self, found: Any) -> bool:
        """Use what a node told as the map of slots; returns whether it is one."""
        if not isinstance(found, SlotMap) or not found.ranges:
            return False
        self._map, self._by_slot, self._homes, self._replicas = found, {}, {}, found.replicas()
        return True

    def _no_map(self, outcomes: Mapping[Server, Any]) -> BackendUnavailableError:
        """Return the error that says that no node told a map."""
        problems = [
            f"{server.address}: {str(getattr(found, '__cause__', None) or found).rstrip('.')}."
            for server, found in outcomes.items()
        ]
        causes = [getattr(found, "__cause__", None) for found in outcomes.values()]
        remedy = "check the hosts, the password, and that the cluster is up"
        if any(isinstance(cause, Exception) and reply_word(cause) == "NOPERM" for cause in causes):
            remedy = f"allow this user +cluster|slots {GREETING}"
        return BackendUnavailableError(
            f"no node of {self.address} tells which node has which slots: {remedy}. {' '.join(problems)}"
        )


def slots_request(asked: Node) -> Request[SlotMap]:
    """Answers the map of slots, as a node tells it."""
    return Request(pack((b"CLUSTER", b"SLOTS")), partial(_slot_map, asked=asked), "")


def _slot_map(reply: Any, asked: Node) -> SlotMap:
    """Return the map of a reply of CLUSTER SLOTS; a node that does not know its own address is the one asked."""
    ranges = []
    for first, last, *nodes in reply:
        found = tuple(Node((each[0] or b"").decode().strip("?") or asked.host, int(each[1])) for each in nodes)
        ranges.append(SlotRange(int(first), int(last), found))
    return SlotMap(tuple(sorted(ranges)))
