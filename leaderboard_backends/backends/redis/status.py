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
from statistics import fmean, median
from time import monotonic
from typing import Any, Final, NamedTuple

from ...errors import BackendError, ConfigurationError
from ...location import Location
from ...model import Order
from .address import ClusterAddress, Node, address_of
from .board import DEFAULT_PREFIX
from .failures import OF_SCRIPTS
from .handshake import information_fields, version_of
from .manifest import SLOTS, Manifest, ManifestRequests, check_manifest
from .parsing import pairs_of
from .problems import BoardStatus, ClusterStatus, Move, NodeStatus, Problem, of_board, of_nodes, of_slots, ranges
from .requests import Request, pack
from .routing import Several, Single, Terms
from .scripts import board_kind
from .server import exchange
from .shard_requests import ShardedRequests
from .topology import Cluster


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
        raise ConfigurationError(
            f"{location} is not the URL of a cluster: write redis+cluster://HOST1:6379,HOST2:6379/?board=NAME."
        )
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
            problems = [*of_board(board, *self._names)]
        except BackendError as error:
            board, problems = None, [Problem("board", f"the manifest of the board: {error}", "Mend that first.")]
        nodes = _nodes(members, replies, [(owners.get(slot, ""), players) for slot, players in shards])
        moves = _moves(members, replies.values())
        unassigned = ranges(slot for slot in range(SLOTS) if slot not in owners)
        load = [node.players for node in nodes if node.slots]
        imbalance = max(load) / fmean(load) if any(load) else None
        problems = [*of_nodes(nodes), *of_slots(unassigned, moves), *problems]
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
        several = Several(requests.slots, range(manifest.shards), requests.window(None, 0, 0, None))
        outcomes = self._cluster.carry((), several, self._terms)
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
    found = [(ranges(sorted(moving)), *ends, False) for ends, moving in slots.items()]
    found += [(job["slot_ranges"], job["source_node"], job["target_node"], True) for job in jobs.values()]
    return [Move(moving, places.get(a, a), places.get(b, b), atomic=atomic) for moving, a, b, atomic in found]
