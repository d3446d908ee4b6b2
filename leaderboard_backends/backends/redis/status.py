"""The status of a cluster and of one board on it: nodes, slots, shards, problems, and what to do about each.

Reads alone: a board that is not there is not made. The nodes are those that CLUSTER NODES lists. Each is asked for INFO
and for the slots that it moves: key by key (CLUSTER NODES) or as a whole (CLUSTER GETSLOTMIGRATIONS, Valkey 9). The
shards are asked for their players. The URL's user needs `+info +cluster` beside what boards need.

Cost: five round trips, each to all nodes at once. A node that does not answer costs `read_timeout` in each of them.

Sources: https://valkey.io/commands/cluster-nodes/ and https://valkey.io/commands/cluster-getslotmigrations/.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean, median
from time import monotonic
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ...errors import BackendError, ConfigurationError
from ...location import Location
from ...model import Order
from .address import ClusterAddress, Node, address_of
from .board import DEFAULT_PREFIX
from .failures import OF_SCRIPTS
from .handshake import information_fields, version_of
from .parsing import pairs_of
from .requests import Request, pack
from .routing import Several, Single, Terms
from .scripts import board_kind
from .server import exchange
from .shard_requests import READY, SLOTS, Manifest, ManifestRequests, ShardedRequests, check_manifest
from .topology import Cluster

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


class Member(NamedTuple):
    """A node of a cluster, as one of the nodes knows it."""

    node: Node
    id: str
    primary: str
    """The id of the primary that it replicates; `-` for a primary."""
    epoch: int
    """That of its configuration: of two primaries with the same slot, the higher one counts."""
    slots: tuple[range, ...]
    is_up: bool
    """Whether it is connected, and not suspected to have failed."""
    moving: tuple[tuple[int, str, str], ...]
    """The slots that it moves key by key, told by itself and its replicas alone: slot, `>` (to) or `<` (from), whom."""


_MOVING: Final = re.compile(r"\[(\d+)-([<>])-(\w+)\]")


def members_of(nodes: str, host: str = "", known: Collection[Node] = ()) -> Iterator[Member]:
    """Yield the nodes of a reply to CLUSTER NODES, but for those that are not known by id yet.

    A node that does not know its own host is at the one given. One that has a name is reached by it where the map of
    slots, whose nodes are `known`, has it by name.
    """
    for line in nodes.splitlines():
        node_id, address, flags, primary, _, _, epoch, link, *slots = line.split()
        states = {*flags.split(",")}
        if states & {"handshake", "noaddr"}:
            continue
        place, name, *_ = *address.split(","), ""
        own, _, port = place.partition("@")[0].rpartition(":")
        named = Node(name, int(port))
        bounds = [slot.partition("-") for slot in slots if not slot.startswith("[")]
        yield Member(
            node=named if named in known else Node(own or host, int(port)),
            id=node_id,
            primary=primary,
            epoch=int(epoch),
            slots=tuple(range(int(first), int(last or first) + 1) for first, _, last in bounds),
            is_up=link == "connected" and not states & {"fail", "fail?"},
            moving=tuple((int(found[1]), found[2], found[3]) for slot in slots if (found := _MOVING.fullmatch(slot))),
        )


# ---------------------------------------------------------------------- asking


def status_at(location: Location, name: str, options: Mapping[str, Any]) -> ClusterStatus:
    """Return the status of the cluster that a board's URL and checked options name, and of the board.

    Raises `ConfigurationError` for a URL of something else, `BackendUnavailableError` where no node answers.
    """
    with _cluster_at(location, options) as cluster:
        timeout = options.get("read_timeout", Terms().read_timeout)
        return _Asking(cluster, name, options.get("prefix", DEFAULT_PREFIX), Terms(timeout)).status()


def primaries_at(location: Location, options: Mapping[str, Any]) -> list[Node]:
    """Return the primaries that have slots; raises as `status_at`."""
    with _cluster_at(location, options) as cluster:
        return cluster.slot_map().primaries()


@contextmanager
def _cluster_at(location: Location, options: Mapping[str, Any]) -> Iterator[Cluster]:
    address = address_of(location, options) if location.scheme.endswith("+cluster") else None
    if not isinstance(address, ClusterAddress):
        raise ConfigurationError(f"{location} is no cluster: write redis+cluster://HOST1:6379,HOST2:6379/?board=NAME.")
    cluster = Cluster(address)
    try:
        yield cluster
    finally:
        cluster.leave(cluster)  # closes its connections, as no board holds it


class _Reply(NamedTuple):
    """What one node said: of itself, of the slots that it moves key by key, of those that it moves as a whole."""

    information: Mapping[str, str]
    nodes: str
    migrations: Sequence[Mapping[str, str]]
    problem: str


_NODES: Final[Request[str]] = Request(pack((b"CLUSTER", b"NODES")), bytes.decode, "")
_INFO: Final = Request(pack((b"INFO",)), information_fields, "")
_MIGRATIONS: Final = Request(
    pack((b"CLUSTER", b"GETSLOTMIGRATIONS")), lambda reply: [pairs_of(job) for job in reply], ""
)
_KINDS: Final[Mapping[str, Order]] = {
    board_kind("descending", shard=True): "descending",
    board_kind("ascending", shard=True): "ascending",
}


class _Asking:
    """One look at a cluster."""

    def __init__(self, cluster: Cluster, name: str, prefix: str, terms: Terms) -> None:
        self._cluster: Final = cluster
        self._names: Final = name, prefix
        self._terms: Final = terms

    def status(self) -> ClusterStatus:
        members = self._members()
        asked = self._ask([member.node for member in members], _INFO, _NODES, _MIGRATIONS)
        replies = {member.id: _reply(asked[member.node]) for member in members}
        owners = {slot: member.id for member in members for part in member.slots for slot in part}
        shards: list[tuple[int, int]] = []
        try:
            board, shards = self._board()
            problems = [*_of_board(board, *self._names)]
        except BackendError as error:
            board, problems = None, [Problem("board", f"the manifest of the board: {error}", "Mend that first.")]
        nodes = _nodes(members, replies, [(owners.get(slot, ""), players) for slot, players in shards])
        moves = _moves(members, replies.values())
        unassigned = _ranges(slot for slot in range(SLOTS) if slot not in owners)
        load = [node.players for node in nodes if node.slots]
        imbalance = max(load) / fmean(load) if any(load) else None
        problems = [*_of_nodes(nodes), *_of_slots(unassigned, moves), *problems]
        return ClusterStatus(str(self._cluster.address), nodes, moves, unassigned, board, imbalance, problems)

    def _members(self) -> list[Member]:
        """Return the nodes, as the one knows them that has heard of the latest configuration."""
        known = {node for part in self._cluster.slot_map().ranges for node in part.nodes}
        found = {node: reply for node, (reply,) in self._ask(known, _NODES).items()}
        reports = [[*members_of(text, node.host, known)] for node, text in found.items() if isinstance(text, str)]
        if not reports:
            raise next(iter(found.values()))
        return max(reports, key=lambda members: max(member.epoch for member in members))

    def _ask(self, nodes: Iterable[Node], *requests: Request[Any]) -> dict[Node, list[Any]]:
        servers = {node: self._cluster.server(node) for node in nodes}
        found = exchange(dict.fromkeys(servers.values(), requests), monotonic() + self._terms.read_timeout)
        return {node: found[server] for node, server in servers.items()}

    def _board(self) -> tuple[BoardStatus | None, list[tuple[int, int]]]:
        """Return the board, and slot and players of each of its shards. Raises where the manifest cannot be read."""
        name, prefix = self._names
        if (found := self._manifest(ManifestRequests(name, "descending", "last", prefix))) is None:
            return None, []
        order, manifest = found
        requests = ShardedRequests(name, order, "last", prefix, manifest)

        def make(shards: Sequence[int]) -> Request[Any]:
            return requests.window(shards, None, 0, 0, None)

        outcomes = self._cluster.carry((), Several(requests.slots, range(manifest.shards), make), self._terms)
        counts = {shard: part.state.players for parts in outcomes.values for shard, part in parts.items()}
        players, per_shard = counts.values(), dict[str, float]()
        if counts:
            per_shard = {"least": min(players), "median": median(players), "most": max(players)}
        board = BoardStatus(
            name=name,
            order=order,
            shards=manifest.shards,
            ties=manifest.ties,
            state=manifest.state,
            players=sum(players),
            per_shard=per_shard,
            missing={shard: str(error) for shard, error in sorted(outcomes.missing.items())},
        )
        return board, [(slot, counts.get(shard, 0)) for shard, slot in enumerate(requests.slots)]

    def _manifest(self, requests: ManifestRequests) -> tuple[Order, Manifest] | None:
        """Return the board's order and manifest; `None` where there is no board."""
        (found,) = self._cluster.carry([Single(requests.slot, requests.described())], None, self._terms).answers()
        if found is None:
            return None
        kind, manifest = found
        if kind not in _KINDS:
            raise OF_SCRIPTS["MISMATCH"](kind, self._cluster.address)
        check_manifest(manifest)
        return _KINDS[kind], manifest


def _reply(outcomes: Sequence[Any]) -> _Reply:
    """Return a node's replies; one that knows no CLUSTER GETSLOTMIGRATIONS moves nothing as a whole."""
    information, nodes, migrations = (None if isinstance(each, BackendError) else each for each in outcomes)
    problem = next((str(each) for each in outcomes[:2] if isinstance(each, BackendError)), "")
    return _Reply(information or {}, nodes or "", migrations or (), problem)


# ---------------------------------------------------------------------- what it means


def _nodes(
    members: Sequence[Member], replies: Mapping[str, _Reply], shards: Sequence[tuple[str, int]]
) -> list[NodeStatus]:
    """Return the nodes, each primary before its replicas; `shards` has the owner's id and the players of each."""
    by_id = {member.id: member for member in members}
    number = Counter(owner for owner, _ in shards)
    down = {member.id for member in members if replies[member.id].problem}
    following = Counter(
        member.primary
        for member in members
        if member.id not in down and (member.primary in down or _follows(replies[member.id]))
    )

    def order(member: Member) -> tuple[int, str, bool]:
        primary = by_id.get(member.primary, member)
        return min((part.start for part in primary.slots), default=SLOTS), primary.id, primary is not member

    def status(member: Member) -> NodeStatus:
        reply, primary = replies[member.id], by_id.get(member.primary)
        silent = reply.information.get("master_last_io_seconds_ago", "")
        return NodeStatus(
            place=str(member.node),
            id=member.id,
            version="" if reply.problem else version_of(reply.information),
            replicates=str(primary.node) if primary else None if member.primary == "-" else member.primary,
            slots=sum(map(len, member.slots)),
            shards=number[member.id],
            players=sum(players for owner, players in shards if owner == member.id),
            replicas=following[member.id],
            behind=_behind(reply, replies[primary.id]) if primary else None,
            silent=int(silent) if _follows(reply) else None,
            problem=reply.problem or ("" if member.is_up else "other nodes do not reach it"),
        )

    return [status(member) for member in sorted(members, key=order)]


def _follows(reply: _Reply) -> bool:
    return reply.information.get("master_link_status") == "up"


def _behind(replica: _Reply, primary: _Reply) -> int | None:
    """Return how many bytes a replica lacks; the two were asked at once, not at one moment."""
    there, here = primary.information.get("master_repl_offset"), replica.information.get("slave_repl_offset")
    return max(0, int(there) - int(here)) if there and here else None


def _moves(members: Sequence[Member], replies: Iterable[_Reply]) -> list[Move]:
    """Return the moves under way, each told by both ends."""
    places = {member.id: str(member.node) for member in members}
    slots: dict[tuple[str, str], set[int]] = {}
    jobs: dict[str, Mapping[str, str]] = {}
    for reply in replies:
        jobs |= {job["name"]: job for job in reply.migrations if job["state"] not in ("success", "failed", "cancelled")}
        for member in members_of(reply.nodes):
            for slot, direction, other in member.moving if member.primary == "-" else ():  # replicas repeat it
                ends = (member.id, other) if direction == ">" else (other, member.id)
                slots.setdefault(ends, set()).add(slot)
    found = [(_ranges(sorted(moving)), *ends, False) for ends, moving in slots.items()]
    found += [(job["slot_ranges"], job["source_node"], job["target_node"], True) for job in jobs.values()]
    return [Move(moving, places.get(a, a), places.get(b, b), atomic=atomic) for moving, a, b, atomic in found]


def _ranges(numbers: Iterable[int]) -> str:
    """Return ascending numbers as ranges: `0-99 341`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


# ---------------------------------------------------------------------- problems


def _of_nodes(nodes: Sequence[NodeStatus]) -> Iterator[Problem]:
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


def _of_slots(unassigned: str, moves: Sequence[Move]) -> Iterator[Problem]:
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


def _of_board(board: BoardStatus | None, name: str, prefix: str) -> Iterator[Problem]:
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
            f"{len(board.missing)} of {board.shards} shards do not answer: {_ranges(board.missing)}. Shard {first}: "
            f"{reason}",
            "Mend that. Until then, updates of their players fail, and so do reads unless the board is partial.",
        )
