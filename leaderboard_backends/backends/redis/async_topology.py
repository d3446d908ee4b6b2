# generated from leaderboard_backends/backends/redis/topology.py
# by tools/async_faces.py: change that file, then run `make faces`
"""A cluster, shared by all boards of an event loop at an equal address: requests go to the nodes that have their slots.

Nothing here relies on redis-py's cluster client, which repeats writes: `routing` says what is sent where, and again.
The map of slots is read anew when a node shows that it has changed: by one caller at a time, first from the node that
MOVED names, and not more often than every `REFRESH_EVERY` seconds; others go on with what they have.
"""

from __future__ import annotations

from asyncio import Lock, get_running_loop, sleep
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final
from weakref import ref

from ...errors import BackendUnavailableError
from .address import Address, ClusterAddress, Node
from .async_nodes import exchange, node_server
from .async_server import AsyncServer, shared_async_server
from .routing import REFRESH_EVERY, Outcomes, Routing, Several, Single, Terms
from .slots import SlotMap, Topology, slots_request

_TERMS: Final = Terms()


class AsyncCluster(Topology[AsyncServer]):
    """Carries requests to the nodes of a cluster."""

    def __init__(self, address: ClusterAddress) -> None:
        super().__init__(address)
        self._lock: Final = Lock()
        self.loop: Final = get_running_loop()

    def _make(self, address: Address) -> AsyncServer:
        return node_server(address)

    async def leave(self, owner: object) -> None:
        """Close the connections once nobody uses them."""
        self._owners.discard(ref(owner))
        for server in list(self._servers.values()):
            if not self._owners:  # else a board was opened meanwhile, which needs all that are left
                await server.leave(self)

    async def slot_map(self) -> SlotMap:
        """Return the map of slots; raises `BackendUnavailableError` where no node tells one."""
        if not self._map.ranges:
            async with self._lock:
                if not self._map.ranges:
                    await self._refresh()
        return self._map

    async def refresh(self, *first: Node, every: float = REFRESH_EVERY) -> None:
        """Read the map of slots anew, if nobody does or did in so many seconds; asks the given nodes first."""
        if not self._is_due(every) or self._lock.locked():
            return
        await self._lock.acquire()
        try:
            if self._is_due(every):
                await self._refresh(*first)
        except BackendUnavailableError:
            pass  # the next one tries again, with what is known
        finally:
            self._lock.release()

    async def _refresh(self, *first: Node) -> None:
        outcomes: dict[AsyncServer, Any] = {}
        for node, patience in self._to_be_asked(*first):
            self._refreshed = monotonic()
            server = self.server(node)
            found = await exchange({server: [slots_request(node)]}, monotonic() + patience)
            (outcomes[server],) = found[server]
            if self._take_map(outcomes[server]):
                return
        raise self._no_map(outcomes)

    async def carry(
        self, single: Sequence[Single] = (), several: Several | None = None, terms: Terms = _TERMS
    ) -> Outcomes:
        """Bring requests to the nodes that have their slots, all at once, and return what came of each.

        One round trip; more where slots have moved, or nodes have forgotten a script.
        """
        if not self._map.ranges:
            await self.slot_map()
        routing = Routing(self, single, several, terms)
        while True:
            routing.take(await exchange(routing.requests(), routing.end))
            if routing.moved:
                await self.refresh(*routing.moved)
            if routing.is_over:
                return routing.outcomes
            if routing.pause:
                await self.refresh()
                await sleep(routing.pause)


def shared_async_cluster(address: ClusterAddress) -> AsyncCluster:
    """Return the one object of an equal address in the running event loop."""
    return shared_async_server(address, AsyncCluster)
