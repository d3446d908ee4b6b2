"""The steps of a trace, shared out to clients phase by phase.

Only one client writes a given player, and all may read it, so that the final state is known however the calls
interleave. Each phase continues the trace where the phase before it ended, so that no update repeats a score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Final

from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from .clients import Call, PacedCall

UPDATE: Final = "update"


class Supply:
    """The steps of a trace, handed out phase by phase."""

    def __init__(self, trace: Trace, phases: int = 1) -> None:
        self.trace = trace
        self._size = max(1, len(trace.steps) // phases)
        self._next = 0
        self._methods = [OPERATIONS[name].method for name in trace.operations]

    def take(self, clients: int, steps: int | None = None) -> list[list[int]]:
        """Return the positions of the next phase, or of so many steps, by client: a player's are all one client's."""
        size = self._size if steps is None else steps
        positions = range(self._next, min(self._next + size, len(self.trace.steps)))
        self._next += size
        return share_out([self._player(position) for position in positions], positions, clients)

    def updates(self) -> list[int]:
        """Return the positions of the next phase's plain updates."""
        return [
            position for position in self.take(1)[0] if self.trace.operations[self.trace.steps[position][0]] == UPDATE
        ]

    def calls(self, positions: Sequence[int]) -> list[Call]:
        """Return what a client does."""
        steps = self.trace.steps
        return [(self._methods[steps[position][0]], steps[position][1]) for position in positions]

    def paced(self, positions: Sequence[int]) -> list[PacedCall]:
        """Return what a client does at a rate."""
        gaps = self.trace.gaps
        return [(*call, gaps[position]) for call, position in zip(self.calls(positions), positions, strict=True)]

    def _player(self, position: int) -> object:
        """Return the player of a step; a step without a player counts as a player of its own."""
        arguments = self.trace.steps[position][1]
        first = arguments[0] if arguments else None
        return first if isinstance(first, str) else position


def share_out(owners: Sequence[object], positions: Sequence[int], clients: int) -> list[list[int]]:
    """Assign each player's positions to one client, in order, so that all clients have about as many.

    The player with the most is assigned first, to the client with the fewest (longest processing time first, R. Graham
    1969).
    """
    loads = [(0, client) for client in range(clients)]
    of: dict[object, int] = {}
    for owner, count in Counter(owners).most_common():
        load, client = heappop(loads)
        of[owner] = client
        heappush(loads, (load + count, client))
    parts: list[list[int]] = [[] for _ in range(clients)]
    for owner, position in zip(owners, positions, strict=True):
        parts[of[owner]].append(position)
    return parts
