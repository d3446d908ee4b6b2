"""Groups of real servers for tests and comparisons, all on 127.0.0.1 and ended with the process that uses them.

    with EmbeddedSentinel(replicas=2) as group:
        board = open_leaderboard(group.url, board="weekly", **group.options)
        group.primary.kill()

    with EmbeddedCluster(primaries=3, replicas=1) as cluster:
        board = open_leaderboard(cluster.url, board="weekly")
        cluster.owner(0).kill()

Each server is an `EmbeddedServer`, to be stopped, killed, frozen and started again like any other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_urlsafe
from time import monotonic, sleep
from types import TracebackType
from typing import Any, ClassVar, Final, NamedTuple, Self, TypeVar

from ..backends.redis.address import Address, SentinelAddress
from ..backends.redis.parsing import pairs_of
from ..backends.redis.requests import Argument, Request, pack
from ..backends.redis.sentinels import Sentinels
from ..backends.redis.server import Server
from ..backends.redis.status import Member, members_of
from ..errors import BackendUnavailableError
from .servers import START_TIMEOUT, EmbeddedServer, ServerStartError, free_port

S = TypeVar("S", bound=EmbeddedServer)

_LOOK_AGAIN: Final = 0.05
_HOST: Final = "127.0.0.1"


class _Group(ABC):
    """Servers with one password that are started together, and stopped by `close` or with the context."""

    def __init__(self, settings: Mapping[str, str], executable: Path | None) -> None:
        self._password: Final = token_urlsafe(24)
        self._settings: Final = {
            "requirepass": self._password,
            "masterauth": self._password,
            "repl-diskless-sync-delay": "0",
            **settings,
        }
        self._executable: Final = executable
        self._stack: Final = ExitStack()
        self._is_started = False

    @property
    @abstractmethod
    def url(self) -> str:
        """Where boards are opened, with the password of the servers."""

    @property
    def options(self) -> dict[str, str]:
        """The options that a board needs beside the URL."""
        return {}

    # ------------------------------------------------------------------ life

    def start(self) -> Self:
        """Start all servers, and return once each knows of the others. Raises `ServerStartError`."""
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise
        self._is_started = True
        return self

    def wait(self, what: str, is_so: Callable[[], bool], timeout: float = START_TIMEOUT) -> None:
        """Wait until something is so of the group. Raises `ServerStartError` after `timeout` seconds.

        What raises `BackendUnavailableError` is not so yet.
        """
        end = monotonic() + timeout
        problem: BackendUnavailableError | None = None
        while True:
            try:
                if is_so():
                    return
            except BackendUnavailableError as error:
                problem = error
            if monotonic() > end:
                raise ServerStartError(f"the servers of a group did not {what} within {timeout:g} s.") from problem
            sleep(_LOOK_AGAIN)  # they tell nobody; bounded above

    def wait_for_replicas(self) -> None:
        """Wait until each replica is in step with its present primary, and all nodes of a cluster agree.

        Raises `ServerStartError`.
        """
        self.wait("follow their primary", self._is_in_step)

    def close(self) -> None:
        """Stop all servers and remove their directories."""
        self._is_started = False
        self._stack.close()

    def __enter__(self) -> Self:
        return self if self._is_started else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _start_all(self) -> None:
        """Start the servers by `_start`, and wait until they know of each other."""

    @abstractmethod
    def _is_in_step(self) -> bool:
        """Whether what `wait_for_replicas` waits for is so."""

    def _start(self, servers: list[S], kind: type[S], settings: Mapping[str, str]) -> S:
        """Start a server, which is among `servers` until the group is closed."""
        server = kind(settings, tcp=True, executable=self._executable)
        self._stack.callback(server.close)  # before it runs: an interrupt may come as soon as it does
        server.start()
        servers.append(server)
        self._stack.callback(servers.remove, server)
        return server


def _ask(server: EmbeddedServer, *commands: tuple[Argument, ...]) -> list[Any]:
    """Return a server's replies. Raises `BackendUnavailableError` where it does not answer, or refuses a command."""
    address = Address(_HOST, server.port, password=server.password, socket_timeout=START_TIMEOUT)
    packed = b"".join(map(pack, commands))
    request: Request[list[Any]] = Request(packed, list, "", replies=len(commands), takes_all=True)
    return Server(address).carry(request)


def _in_step(replication: bytes) -> int:
    """Return how many replicas are in step with a server, by its INFO."""
    return replication.count(b"state=online")


# ---------------------------------------------------------------------- Sentinel


class _Sentinel(EmbeddedServer):
    """A Sentinel, which keeps what it learned in a configuration file of its own."""

    _ready: ClassVar[str] = "Sentinel ID is"

    def _arguments(self, port: int) -> list[str]:
        file = self.socket_path.with_name("sentinel.conf")
        if not (self._port and file.exists()):  # one that is started again has learned more
            file.write_text(self._configuration(port))  # in a folder that only this user may enter
        return [str(file), "--sentinel"]

    def _input(self, port: int) -> str:
        del port
        return ""


class EmbeddedSentinel(_Group):
    """A primary, its replicas, and the Sentinels that watch them and promote a replica when the primary fails.

    `down_after` is how many seconds a server must be silent to be taken for down; a failover takes that and one or two
    seconds more. `settings` are those of the primary and of the replicas. Starting takes some seconds, until all know
    of each other; it raises `ServerNotFoundError` or `ServerStartError`.
    """

    def __init__(
        self,
        *,
        replicas: int = 2,
        sentinels: int = 3,
        service: str = "board",
        down_after: float = 1.0,
        settings: Mapping[str, str] = {},
        executable: Path | None = None,
    ) -> None:
        super().__init__(settings, executable)
        self.service: Final = service
        self._counts: Final = replicas, sentinels
        self._down_after: Final = down_after
        self.servers: Final[list[EmbeddedServer]] = []
        """The primary and the replicas, the one that was the primary at the start first."""
        self.sentinels: Final[list[EmbeddedServer]] = []

    # ------------------------------------------------------------------ where it is

    @property
    def url(self) -> str:
        """The service as a URL, with the password of its servers; that of the Sentinels is in `options`."""
        hosts = ",".join(f"{_HOST}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://:{self._password}@{hosts}/{self.service}/0"

    @property
    def options(self) -> dict[str, str]:
        """The options that a board needs beside the URL."""
        return {"sentinel_password": self._password}

    def address(self, *sentinels: EmbeddedServer) -> SentinelAddress:
        """Return the address of the service by these Sentinels, or by all."""
        nodes = tuple((_HOST, sentinel.port) for sentinel in sentinels or self.sentinels)
        return SentinelAddress(sentinels=nodes, service=self.service, sentinel_password=self._password)

    @property
    def primary(self) -> EmbeddedServer:
        """The server that the Sentinels name as the primary now. Raises `BackendUnavailableError` where none does."""
        port = Sentinels(self.address()).primary(all_of_them=True).node.port
        return next(server for server in self.servers if server.port == port)

    @property
    def replicas(self) -> list[EmbeddedServer]:
        """The servers that are not the primary now."""
        primary = self.primary
        return [server for server in self.servers if server is not primary]

    # ------------------------------------------------------------------ life

    def _start_all(self) -> None:
        replicas, sentinels = self._counts
        first = self._start(self.servers, EmbeddedServer, self._settings)
        for _ in range(replicas):
            self._start(self.servers, EmbeddedServer, {**self._settings, "replicaof": f"{_HOST} {first.port}"})
        # A Sentinel looks for replicas when it starts, and then not before 10 seconds have passed.
        self.wait("replicate", lambda: self._following(first) == replicas)
        for _ in range(sentinels):
            self._start(self.sentinels, _Sentinel, self._watching(first.port))
        self.wait("know of each other", self._all_know_of_each_other)

    def _is_in_step(self) -> bool:
        return self._following(self.primary) == self._counts[0]

    def _following(self, server: EmbeddedServer) -> int:
        (replication,) = _ask(server, ("INFO", "replication"))
        return _in_step(replication)

    def _watching(self, port: int) -> dict[str, str]:
        own = {
            "monitor": f"{_HOST} {port} {self._counts[1] // 2 + 1}",
            "auth-pass": self._password,
            "down-after-milliseconds": f"{self._down_after * 1000:.0f}",
            "failover-timeout": f"{3000 * self._down_after:.0f}",
        }
        lines = {f"sentinel {name}": f"{self.service} {value}" for name, value in own.items()}
        return {**lines, "sentinel sentinel-pass": self._password, "requirepass": self._password}

    def _all_know_of_each_other(self) -> bool:
        replicas, sentinels = self._counts
        asked = [Sentinels(self.address(sentinel)) for sentinel in self.sentinels]
        return all(len(one.replicas()) == replicas and one.others() == sentinels - 1 for one in asked)


# ---------------------------------------------------------------------- cluster

_SLOTS: Final = 16384
_KEYS_AT_ONCE: Final = 100
_ATOMIC_SINCE: Final = 9
"""The first major version of Valkey that moves slots as a whole; Redis 7 and Valkey 8 move them key by key."""


class ClusterNode(EmbeddedServer):
    """A node of a cluster: its id, and what it knows of the others, are in its directory, and outlive a restart."""

    bus_port = 0
    """The port of 127.0.0.1 at which the other nodes reach it; known once started."""

    def _configuration(self, port: int) -> str:
        if not self._port:  # a node that is started again keeps both ports: the others look for it there
            self.bus_port = free_port()
        return f"{super()._configuration(port)}cluster-enabled yes\ncluster-port {self.bus_port}\n"


class _Report(NamedTuple):
    """What a node knows of its cluster."""

    is_up: bool
    """Whether it takes the cluster for one that serves all slots."""
    members: dict[int, Member]
    """All nodes, itself included, by their ports, without the moves that only one of them tells."""
    in_step: int
    """How many replicas are in step with it."""


class EmbeddedCluster(_Group):
    """Primaries that share all slots evenly, with replicas that take over where one of them fails.

    `replicas` is their number for each primary, and `node_timeout` how many seconds a node must be silent to be taken
    for failed; a failover takes that and about a second more. `settings` are those of all nodes. Without persistence
    (`{"appendonly": "yes"}`), a primary that is killed and started again before its failover has lost its keys.
    Roles change by failover alone: no replica moves to another primary by itself
    (`cluster-allow-replica-migration no`). Starting takes some seconds; it raises `ServerNotFoundError` or
    `ServerStartError`.
    """

    def __init__(
        self,
        *,
        primaries: int = 3,
        replicas: int = 1,
        node_timeout: float = 1.0,
        settings: Mapping[str, str] = {},
        executable: Path | None = None,
    ) -> None:
        own = {
            "cluster-announce-ip": _HOST,
            "cluster-node-timeout": f"{node_timeout * 1000:.0f}",
            "cluster-allow-replica-migration": "no",
        }
        super().__init__({**own, **settings}, executable)
        self._counts: Final = primaries, replicas
        self.nodes: Final[list[ClusterNode]] = []
        """All nodes: those that were the primaries at the start, their replicas, and what was added, in this order."""

    # ------------------------------------------------------------------ who is what

    @property
    def url(self) -> str:
        """The cluster as a URL with all its nodes and their password."""
        hosts = ",".join(f"{_HOST}:{node.port}" for node in self.nodes)
        return f"redis+cluster://:{self._password}@{hosts}/"

    @property
    def primaries(self) -> list[ClusterNode]:
        """The nodes that own slots now, in the order of their first slots; a failed one until it is replaced.

        Asked of the nodes, as all that follows. Raises `BackendUnavailableError` where none answers.
        """
        owners = sorted((member.slots[0].start, port) for port, member in self._members().items() if member.slots)
        return [self._at(port) for _, port in owners]

    def replicas_of(self, primary: EmbeddedServer) -> list[ClusterNode]:
        """Return the nodes that replicate a primary now. Raises `BackendUnavailableError` where no node answers."""
        members = self._members()
        primary_id = members[primary.port].id
        return [self._at(port) for port, member in members.items() if member.primary == primary_id]

    def owner(self, slot: int) -> ClusterNode:
        """Return the primary of a slot now. Raises `BackendUnavailableError` where no node answers."""
        members = self._members()
        return self._at(next(port for port, member in members.items() if any(slot in slots for slots in member.slots)))

    def _at(self, port: int) -> ClusterNode:
        return next(node for node in self.nodes if node.port == port)

    def _members(self) -> dict[int, Member]:
        """Return all nodes by their ports, as the node knows them that has heard of the latest configuration."""
        found = []
        for node in self.nodes:
            if node.is_serving:
                with suppress(BackendUnavailableError):
                    found.append(_report(node).members)
        if not found:
            raise BackendUnavailableError("no node of the cluster answers: start one.")
        return max(found, key=lambda members: max(member.epoch for member in members.values()))

    # ------------------------------------------------------------------ life

    def add_node(self, replica_of: EmbeddedServer | None = None) -> ClusterNode:
        """Start another node, a primary without slots or a replica, and return it once all know of it.

        Raises `ServerStartError`.
        """
        node = self._join()
        self.wait("know of each other", self._all_know_of_each_other)
        if replica_of is not None:
            _ask(node, ("CLUSTER", "REPLICATE", _id_of(replica_of)))
        self.wait_for_replicas()
        return node

    def _start_all(self) -> None:
        primaries, replicas = self._counts
        for number in range(primaries * (1 + replicas)):
            # Only a node that knows no other lets its epoch be set; all distinct, they need no resolution of conflicts.
            commands: list[tuple[Argument, ...]] = [("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))]
            if number < primaries:
                first, end = (bound * _SLOTS // primaries for bound in (number, number + 1))
                commands.append(("CLUSTER", "ADDSLOTSRANGE", str(first), str(end - 1)))
            self._join(*commands)
        self.wait("know of each other", self._all_know_of_each_other)
        for number, node in enumerate(self.nodes[primaries:]):
            _ask(node, ("CLUSTER", "REPLICATE", _id_of(self.nodes[number % primaries])))
        self.wait_for_replicas()

    def _join(self, *commands: tuple[Argument, ...]) -> ClusterNode:
        """Start a node, send it commands, and have it meet all others: gossip alone would take longer."""
        others = [("CLUSTER", "MEET", _HOST, str(node.port), str(node.bus_port)) for node in self.nodes]
        node = self._start(self.nodes, ClusterNode, self._settings)
        _ask(node, *commands, *others)
        return node

    def _all_know_of_each_other(self) -> bool:
        ports = {node.port for node in self.nodes}
        return all({*_report(node).members} == ports for node in self.nodes)

    def _is_in_step(self) -> bool:
        """Whether all nodes agree that all are up and serve all slots, and each replica is in step."""
        reports = [_report(node) for node in self.nodes]
        members = reports[0].members
        known = members.values()
        return (
            {*members} == {node.port for node in self.nodes}
            and all(report.is_up and report.members == members for report in reports)
            and all(member.is_up for member in known)
            and sum(len(slots) for member in known for slots in member.slots) == _SLOTS
            and sum(report.in_step for report in reports) == sum(member.primary != "-" for member in known)
        )

    # ------------------------------------------------------------------ moving slots

    def move_slots(
        self, first: int, last: int, source: ClusterNode, target: ClusterNode, *, atomic: bool = True
    ) -> None:
        """Move the slots `first` to `last` from one primary to another, and return once all nodes know.

        The server moves them as a whole where it can (Valkey 9), and key by key elsewhere, or with `atomic=False`.
        Raises `ServerStartError` where it fails or takes too long.
        """
        name, _, number = source.version.partition(" ")
        if atomic and name == "Valkey" and int(number.partition(".")[0]) >= _ATOMIC_SINCE:
            self._migrate(first, last, source, target)
            self._wait_for_owner(first, target)
        else:
            with self.moving_slots(first, last, source, target):
                pass

    @contextmanager
    def moving_slots(
        self, first: int, last: int, source: ClusterNode, target: ClusterNode, keys: int = 0
    ) -> Iterator[None]:
        """Stop half-way in a move key by key: in the context, up to `keys` keys of each slot are at the target.

        Leaving it moves the others, and returns once all nodes know the new owner. Raises `ServerStartError` where that
        takes too long.
        """
        slots = range(first, last + 1)
        _set_slots(target, slots, "IMPORTING", _id_of(source))
        _set_slots(source, slots, "MIGRATING", _id_of(target))
        try:
            if keys:
                _move_keys(slots, source, target, keys)
            yield
        finally:
            while _move_keys(slots, source, target, _KEYS_AT_ONCE):
                pass
            members = self._members()
            others = [self._at(port) for port, member in members.items() if member.primary == "-" and member.is_up]
            for node in dict.fromkeys((target, source, *others)):  # the target first: nobody may be sent to and fro
                _set_slots(node, slots, "NODE", _id_of(target))
            self._wait_for_owner(first, target)

    def _migrate(self, first: int, last: int, source: ClusterNode, target: ClusterNode) -> None:
        """Have the source move slots as a whole, and wait until it has."""
        before = {job["name"] for job in _migrations(source)}
        _ask(source, ("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", str(first), str(last), "NODE", _id_of(target)))

        def has_ended() -> bool:
            (job,) = [job for job in _migrations(source) if job["name"] not in before]
            if job["state"] in ("failed", "cancelled"):
                raise ServerStartError(f"slots {first} to {last} did not move: {job['message']}")
            return job["state"] == "success"

        self.wait("move the slots", has_ended)

    def _wait_for_owner(self, slot: int, owner: ClusterNode) -> None:
        self.wait("agree on the slots", lambda: self._is_in_step() and self.owner(slot) is owner)


def _report(node: ClusterNode) -> _Report:
    """Return what a node knows of its cluster. Raises `BackendUnavailableError`."""
    state, nodes, replication = _ask(node, ("CLUSTER", "INFO"), ("CLUSTER", "NODES"), ("INFO", "replication"))
    members = {member.node.port: member._replace(moving=()) for member in members_of(nodes.decode(), _HOST)}
    return _Report(b"cluster_state:ok" in state, members, _in_step(replication))


def _id_of(node: EmbeddedServer) -> bytes:
    (node_id,) = _ask(node, ("CLUSTER", "MYID"))
    return bytes(node_id)


def _migrations(node: ClusterNode) -> list[dict[str, str]]:
    """Return the moves of whole slots that a node took part in, with their states."""
    (jobs,) = _ask(node, ("CLUSTER", "GETSLOTMIGRATIONS"))
    return [pairs_of(job) for job in jobs]


def _set_slots(node: ClusterNode, slots: range, state: str, other: bytes) -> None:
    _ask(node, *(("CLUSTER", "SETSLOT", str(slot), state, other) for slot in slots))


def _move_keys(slots: range, source: ClusterNode, target: ClusterNode, count: int) -> int:
    """Move up to `count` keys of each slot, and return how many there were."""
    found = _ask(source, *(("CLUSTER", "GETKEYSINSLOT", str(slot), str(count)) for slot in slots))
    to = ("MIGRATE", _HOST, str(target.port), "", "0", f"{START_TIMEOUT * 1000:.0f}", "AUTH", target.password, "KEYS")
    if moves := [(*to, *keys) for keys in found if keys]:
        _ask(source, *moves)
    return sum(map(len, found))
