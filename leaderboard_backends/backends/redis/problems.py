"""What the status of a cluster consists of, and what is wrong in it, each with what to do; without input or output.

`status` asks the nodes, and makes these values of what they say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ...model import Order
from .manifest import READY

LATE: Final = 10
"""Seconds without a word from its primary after which a replica counts as cut off."""

About: TypeAlias = Literal["node", "slots", "move", "failover", "replica", "version", "balance", "board", "shards"]
"""What a problem is about; `failover` is a primary that no replica could replace."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what to do."""

    about: About
    text: str
    todo: str


@dataclass(frozen=True, slots=True)
class Move:
    """Slots, as ranges, on their way from one node to another: as a whole (`atomic`), or key by key."""

    slots: str
    source: str
    target: str
    atomic: bool


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node, as it describes itself, and what it has of the board."""

    place: str
    """Host and port."""
    id: str
    version: str
    """What it is, for example `Valkey 9.1.2`; empty where it does not answer."""
    replicates: str | None
    """The place of the primary that it is a replica of; `None` for a primary."""
    slots: int
    shards: int
    players: int
    replicas: int
    """How many replicas follow it; of one that does not answer, how many of its replicas do."""
    behind: int | None
    """How many bytes of its primary's writes a replica lacks; `None` for a primary, and where that is not known."""
    silent: int | None
    """Seconds since a replica heard from its primary; `None` for a primary, and where it has no connection to it."""
    problem: str
    """Why it does not answer; empty where it does."""


@dataclass(frozen=True, slots=True)
class BoardStatus:
    """One board, as its manifest and its shards describe it."""

    name: str
    order: Order
    shards: int
    ties: str
    state: str
    players: int
    per_shard: Mapping[str, float]
    """The `least`, `median` and `most` players of one shard; empty where no shard answers."""
    missing: Mapping[int, str]
    """The shards that do not answer, each with the reason."""


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What was found."""

    address: str
    nodes: Sequence[NodeStatus]
    """Each primary, followed by its replicas."""
    moves: Sequence[Move]
    unassigned: str
    """The slots that no node has, as ranges."""
    board: BoardStatus | None
    """`None` where there is none, or its manifest cannot be read."""
    imbalance: float | None
    """Players of the fullest primary, relative to the mean of all that have slots."""
    problems: Sequence[Problem]


def ranges(numbers: Iterable[int]) -> str:
    """Return ascending numbers as ranges: `0-99 341`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def of_nodes(nodes: Sequence[NodeStatus]) -> Iterator[Problem]:
    """Yield what is wrong with nodes: those that are down, cut off, alone, uneven, or of different versions."""
    down = {node.place for node in nodes if node.problem}
    for node in nodes:
        kind = "primary" if node.replicates is None else "replica"
        if node.problem:
            yield Problem(
                "node",
                f"{node.place} ({kind}, {node.slots:,} slots): {node.problem}",
                "Start it again. If it has slots and no replica takes over by itself, send CLUSTER FAILOVER TAKEOVER "
                "to one. Take out a node that is gone for good by CLUSTER FORGET on all others.",
            )
        elif kind == "replica" and node.replicates not in down and (node.silent is None or node.silent > LATE):
            since = "is not connected to" if node.silent is None else f"has for {node.silent} s heard nothing from"
            yield Problem(
                "replica",
                f"{node.place} {since} its primary {node.replicates}",
                "Wait if it is just loading; else look at its log and at the network between the two.",
            )
        elif kind == "primary" and not node.slots:
            yield Problem(
                "balance",
                f"the primary {node.place} has no slots, so it takes no load",
                f"Move slots to it (its id is {node.id}), or make it a replica (CLUSTER REPLICATE).",
            )
    if alone := [node.place for node in nodes if node.slots and not node.replicas]:
        yield Problem(
            "failover",
            f"no replica follows {', '.join(alone)}: no failover is possible",
            "Add an empty node for each, and send it CLUSTER REPLICATE with the id of the primary.",
        )
    versions = Counter(node.version for node in nodes if node.version)
    if len(versions) > 1:
        found = ", ".join(f"{version} on {number}" for version, number in versions.most_common())
        yield Problem("version", f"the nodes' versions differ: {found}", "Finish the upgrade.")
    by_shards = sorted((node for node in nodes if node.slots), key=lambda node: node.shards)
    if by_shards and (most := by_shards[-1]).shards - (least := by_shards[0]).shards > 1:
        yield Problem(
            "balance",
            f"shards are uneven: {most.shards} on {most.place}, {least.shards} on {least.place}",
            f"Move slots until all primaries have as many: CLUSTER MIGRATESLOTS SLOTSRANGE FIRST LAST NODE {least.id} "
            f"on {most.place} (Valkey 9), or valkey-cli or redis-cli --cluster rebalance HOST:PORT.",
        )


def of_slots(unassigned: str, moves: Sequence[Move]) -> Iterator[Problem]:
    """Yield what is wrong with slots: those that nobody has, and those on their way key by key."""
    if unassigned:
        yield Problem(
            "slots",
            f"no node has the slots {unassigned}",
            "Bring back the node that had them. If it is gone for good, so is its data: assign them to other primaries "
            "(CLUSTER ADDSLOTSRANGE), and load the board again.",
        )
    for move in moves:
        if not move.atomic:
            yield Problem(
                "move",
                f"the slots {move.slots} are being moved key by key from {move.source} to {move.target}: shards there "
                "take no writes",
                "Wait for the end; a move that was cut half-way is ended by valkey-cli or redis-cli --cluster fix "
                "HOST:PORT. Valkey 9 moves slots as a whole (CLUSTER MIGRATESLOTS), which stops nobody.",
            )


def of_board(board: BoardStatus | None, name: str, prefix: str) -> Iterator[Problem]:
    """Yield what is wrong with a board: it is not there, in the middle of a step, or without some shards."""
    if board is None:
        yield Problem(
            "board",
            f"there is no board {name!r} with the prefix {prefix!r}",
            "Correct board or prefix in the URL. Opening a board makes it; one that was there is lost.",
        )
        return
    if board.state != READY:
        yield Problem(
            "board",
            f"the state of the board is {board.state!r}: that is under way, or was cut half-way",
            "Open the board, and read from it: whoever finds such a state finishes it.",
        )
    if board.missing:
        first, reason = next(iter(board.missing.items()))
        yield Problem(
            "shards",
            f"{len(board.missing)} of {board.shards} shards do not answer: {ranges(board.missing)}. Shard {first}: "
            f"{reason}",
            "Mend that. Until then, updates of their players fail, and so do reads unless the board is partial.",
        )
