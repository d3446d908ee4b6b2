"""Reads of a board object from replicas, each with the proof of how old it can be; for a primary and for a cluster.

A replica reports the versions of what it read with its answer, from the same atomic step, and they prove how old the
answer can be (`freshness`). The primaries' own versions come with each write, and are asked for each quarter of
`max_staleness` by the process, however many board objects it has. An answer counts if it is at most `max_staleness`
old, of the primaries' history, and has all that this process wrote or showed before. Where none does, the caller asks
the primaries, and another replica is tried next time; one that does not answer is left alone for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from os import getpid
from threading import RLock
from time import monotonic, sleep
from typing import Any, Final, NamedTuple
from weakref import WeakValueDictionary

from redis.exceptions import NoScriptError

from ...changes import Version
from ...errors import BackendUnavailableError, LeaderboardError, WriteOutcomeUnknownError
from ...forks import guard, survive_forks
from ...freshness import BoardFreshness, Known, is_behind
from .address import Address, Node
from .requests import Request, Versioned
from .server import Server, exchange, shared_server

REST: Final = 1.0
"""Seconds for which a server that failed is left alone, twice as long each time up to `LONGEST_REST`."""
LONGEST_REST: Final = 30.0
MAX_STALENESS: Final = 1.0
REPLICATION_DELAY: Final = 0.0005
DELAYS: Final = 4
"""How often a replica that is behind is asked, that many seconds apart: replication takes a fraction of one."""


class Question(NamedTuple):
    """A read that one replica can answer."""

    replicas: Sequence[Node]
    """Those that have all of it."""
    shards: Sequence[int]
    request: Request[Versioned[Any]]


class Found(NamedTuple):
    """A replica's answer, and how old it is at most, in seconds."""

    value: Any
    age: float


class Resting:
    """Who failed lately, and is to be left alone for a while."""

    def __init__(self) -> None:
        self._until: Final[dict[object, tuple[float, float]]] = {}

    def __contains__(self, who: object) -> bool:
        return self._until.get(who, (0.0, 0.0))[0] > monotonic()

    def add(self, who: object) -> None:
        """Leave someone alone, twice as long as last time."""
        pause = min(LONGEST_REST, 2 * self._until.get(who, (0.0, REST / 2))[1])
        self._until[who] = monotonic() + pause, pause

    def discard(self, who: object) -> None:
        """Take note that someone answers."""
        self._until.pop(who, None)


class ReplicaReads:
    """The replicas that one board object reads from; `make` makes what carries requests to one."""

    def __init__(self, address: Address, freshness: BoardFreshness, make: Callable[[Address], Server] = Server) -> None:
        self.freshness: Final = freshness
        self._address: Final = address
        self._make: Final = make
        self._servers: Final[dict[Node, Server]] = {}
        self._resting: Final = Resting()
        self._inherit()
        survive_forks(self._inherit)

    def _inherit(self) -> None:
        """Begin with another replica than other processes do, forked ones included."""
        self._turn = getpid()

    def ask(self, questions: Sequence[Question], deadline: float = inf) -> list[Found | None]:
        """Return what replicas answer, all asked at once until a moment of `monotonic`; `None` where that is of no use.

        One round trip; some more where a replica is a moment behind, or has forgotten a script.
        """
        found: list[Found | None] = [None] * len(questions)
        chosen = [(place, self._replica(question.replicas)) for place, question in enumerate(questions)]
        left = [(place, node) for place, node in chosen if node is not None]
        for attempt in range(DELAYS):
            if not left or (attempt and monotonic() > deadline):
                break
            if attempt:
                sleep(REPLICATION_DELAY)
            before, behind = self.freshness.known(), []
            outcomes = self._exchange([(node, questions[place].request) for place, node in left], deadline)
            self._note([node for _, node in left], outcomes)
            for (place, node), outcome in zip(left, outcomes, strict=True):
                if isinstance(outcome, Versioned):
                    found[place] = self._proven(outcome, questions[place].shards, before)
                    if found[place] is None and lacks_something(outcome.versions, questions[place].shards, before):
                        behind.append((place, node))
            left = behind
        if None in found:
            self._turn += 1
        return found

    def keep_marks(self, ask: Callable[[], Mapping[int, Version]]) -> None:
        """Ask the primaries for their versions, by shards, if that is due."""
        if not self.freshness.is_due():
            return
        began = monotonic()
        with suppress(BackendUnavailableError):  # whether a replica is fresh enough all the same, shows
            self.freshness.learn(ask(), began, shown=False)
        self.freshness.note_asked()  # so that one that does not answer is not asked by each read

    def can_ask(self, replicas: Sequence[Node]) -> bool:
        """Whether one of the replicas has not failed lately."""
        return self._replica(replicas) is not None

    def leave(self) -> None:
        """Use the replicas no more."""
        for server in list(self._servers.values()):  # a call that is under way may add one
            server.leave(self)

    def _proven(self, outcome: Versioned[Any], shards: Sequence[int], before: list[Known]) -> Found | None:
        """Return an answer, if its versions prove that it can be shown."""
        if len(outcome.versions) < len(shards):
            return None
        age = self.freshness.age(outcome.versions, before)
        if age > self.freshness.max_staleness:
            return None
        self.freshness.show(outcome.versions)
        return Found(outcome.value, age)

    def _note(self, nodes: Sequence[Node], outcomes: Sequence[Any]) -> None:
        """Leave those alone that did not answer."""
        failed = set()
        for node, outcome in zip(nodes, outcomes, strict=True):
            if isinstance(outcome, BackendUnavailableError):
                failed.add(node)
            else:
                self._resting.discard(node)
        for node in failed:
            self._resting.add(node)

    def _exchange(self, asked: Sequence[tuple[Node, Request[Any]]], deadline: float) -> list[Any]:
        """Return what came of each request; scripts that a replica has forgotten are sent with one more."""
        if len(asked) == 1 and deadline == inf:  # the whole of a board on one primary: that takes a tenth less time
            ((node, request),) = asked
            return [self._outcome(self._server(node), request)]
        parts: dict[Server, list[Request[Any]]] = {}
        for node, request in asked:
            parts.setdefault(self._server(node), []).append(request)
        found = {server: iter(outcomes) for server, outcomes in exchange(parts, deadline).items()}
        outcomes = [next(found[self._server(node)]) for node, _ in asked]
        again = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, NoScriptError)]
        scripts = {place: script for place in again if (script := asked[place][1].script) is not None}
        if scripts:
            repeated = [(asked[place][0], asked[place][1].reloaded(script)) for place, script in scripts.items()]
            for place, outcome in zip(scripts, self._exchange(repeated, deadline), strict=True):
                outcomes[place] = outcome
        return outcomes

    def _outcome(self, server: Server, request: Request[Any]) -> Any:
        """Return the answer of a server, or what is wrong."""
        try:
            return server.carry(request)
        except LeaderboardError as error:
            return error

    def _replica(self, replicas: Sequence[Node]) -> Node | None:
        nodes = [node for node in replicas if node not in self._resting]
        return nodes[self._turn % len(nodes)] if nodes else None

    def _server(self, node: Node) -> Server:
        if (server := self._servers.get(node)) is None:
            at_most = self.freshness.max_staleness
            address = self._address.at(
                *node,
                socket_timeout=min(self._address.socket_timeout, at_most),
                connect_timeout=min(self._address.connect_timeout, at_most),
            )
            server = shared_server(address, self._make)
            server.hold(self)
            self._servers[node] = server
        return server


def lacks_something(versions: Mapping[int, Version], shards: Sequence[int], before: list[Known]) -> bool:
    """Whether an answer lacks what was shown before, or a shard, which may be on their way."""
    return len(versions) < len(shards) or any(is_behind(versions[shard], before[shard]) for shard in shards)


def may_be_applied(error: BaseException) -> bool:
    """Whether a write that ended with this error may have been applied."""
    return not isinstance(error, LeaderboardError) or isinstance(error, WriteOutcomeUnknownError)


_known: Final[WeakValueDictionary[tuple[Address, str, float], BoardFreshness]] = WeakValueDictionary()
_lock: Final = guard(RLock())


def shared_freshness(address: Address, key: str, shards: int, max_staleness: float) -> BoardFreshness:
    """Return what this process knows of the board of a key: its objects see what any of them has written."""
    with _lock:
        name = address, key, max_staleness
        if (freshness := _known.get(name)) is None:
            freshness = _known[name] = BoardFreshness(shards, max_staleness)
        return freshness
