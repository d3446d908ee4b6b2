"""A cluster, shared by all boards of the process at an equal address: requests go to the nodes that have their slots.

Nothing here relies on redis-py's cluster client, which repeats writes: `routing` says what is sent where, and again.
The map of slots is read anew when a node shows that it has changed: by one caller at a time, first from the node that
MOVED names, and not more often than every `REFRESH_EVERY` seconds; others go on with what they have.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import RLock
from time import monotonic, sleep
from typing import Any, Final
from weakref import ref

from ...errors import BackendUnavailableError
from ...forks import guard
from .address import Address, ClusterAddress, Node
from .nodes import node_server
from .routing import REFRESH_EVERY, Outcomes, Routing, Several, Single, Terms
from .server import Server, exchange, shared_server
from .slots import SlotMap, Topology, slots_request

_TERMS: Final = Terms()


class Cluster(Topology[Server]):
    """Carries requests to the nodes of a cluster."""

    def __init__(self, address: ClusterAddress) -> None:
        super().__init__(address)
        self._lock: Final = guard(RLock())

    def _make(self, address: Address) -> Server:
        return node_server(address)

    def leave(self, owner: object) -> None:
        """Close the connections once nobody uses them."""
        self._owners.discard(ref(owner))
        for server in list(self._servers.values()):
            if not self._owners:  # else a board was opened meanwhile, which needs all that are left
                server.leave(self)

    def slot_map(self) -> SlotMap:
        """Return the map of slots; raises `BackendUnavailableError` where no node tells one."""
        if not self._map.ranges:
            with self._lock:
                if not self._map.ranges:
                    self._refresh()
        return self._map

    def refresh(self, *first: Node, every: float = REFRESH_EVERY) -> None:
        """Read the map of slots anew, if nobody does or did in so many seconds; asks the given nodes first."""
        if not self._is_due(every) or not self._lock.acquire(blocking=False):
            return
        try:
            if self._is_due(every):
                self._refresh(*first)
        except BackendUnavailableError:
            pass  # the next one tries again, with what is known
        finally:
            self._lock.release()

    def _refresh(self, *first: Node) -> None:
        outcomes: dict[Server, Any] = {}
        for node, patience in self._to_be_asked(*first):
            self._refreshed = monotonic()
            server = self.server(node)
            found = exchange({server: [slots_request(node)]}, monotonic() + patience)
            (outcomes[server],) = found[server]
            if self._take_map(outcomes[server]):
                return
        raise self._no_map(outcomes)

    def carry(self, single: Sequence[Single] = (), several: Several | None = None, terms: Terms = _TERMS) -> Outcomes:
        """Bring requests to the nodes that have their slots, all at once, and return what came of each.

        One round trip; more where slots have moved, or nodes have forgotten a script.
        """
        if not self._map.ranges:
            self.slot_map()
        routing = Routing(self, single, several, terms)
        while True:
            routing.take(exchange(routing.requests(), routing.end))
            if routing.moved:
                self.refresh(*routing.moved)
            if routing.is_over:
                return routing.outcomes
            if routing.pause:
                self.refresh()
                sleep(routing.pause)


def shared_cluster(address: ClusterAddress) -> Cluster:
    """Return the one object of an equal address in this process."""
    return shared_server(address, Cluster)
