"""Where requests to a cluster go, and what came of them, without input or output: any carrier can do what this says.

Requests are sent once to the node that has their slot. What a node surely did not apply is sent again, to whichever
node has the slot by then, until a deadline: a slot that has moved (MOVED), is being moved key by key, or has no node
for the moment; a node that cannot be connected to, or is a replica now. So is a read whose reply is lost; a write is
not, ever.

Source: https://valkey.io/topics/cluster-spec/ (redirections).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from random import random
from time import monotonic
from typing import Any, Final, Generic, NamedTuple, TypeAlias, cast

from redis.exceptions import MovedError, NoScriptError, RedisError, ResponseError

from ...errors import BackendError, BackendUnavailableError, WriteOutcomeUnknownError
from .address import Node
from .failures import OF_SCRIPTS, refused, reply_word
from .requests import Request, pack
from .shard_requests import Read
from .slots import Server, Topology

REFRESH_EVERY: Final = 0.1
"""Seconds between two readings of the map of slots."""
_PAUSE: Final = 0.02
"""Seconds until what was refused is sent again; between that and twice that."""
_RELOADING: Final = 0.1
"""Seconds for a node to answer what it is given again with the scripts, where others took all the time."""

_AGAIN: Final = frozenset(
    {"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "MOVING", "LOADING", "MASTERDOWN", "READONLY", "NOREPLICAS"}
)
"""Error replies after which a request was surely not applied, and may be elsewhere."""
_AGAIN_IN_SCRIPTS: Final = ("non local key", "cluster is down")
"""The same of scripts that read: those that write look before they begin."""


class Terms(NamedTuple):
    """What a board asks of each of its calls."""

    read_timeout: float = 1.0
    """Seconds after which what was not answered is given up, and what was surely not applied is not sent again."""
    wait_replicas: int = 0
    """How many replicas must confirm a write."""
    wait_timeout: float = 1.0
    """Seconds that they may take, on top of those that the reply of the primary may take."""


class Single(NamedTuple):
    """A request to the shard of a slot."""

    slot: int
    request: Request[Any]


class Several(NamedTuple):
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


class Routing(Generic[Server]):
    """One call of a cluster: what is still to be answered, and what came of the rest.

    Until it `is_over`: send `requests()`, `take` their outcomes, read the map of slots anew where some have `moved`,
    and wait for `pause` seconds.
    """

    def __init__(
        self, cluster: Topology[Server], single: Sequence[Single], several: Several | None, terms: Terms
    ) -> None:
        self._cluster: Final = cluster
        self._terms: Final = terms
        self._slots: Final = [each.slot for each in single]
        self._several: Final = several
        self._left: dict[int, Request[Any]] = {place: each.request for place, each in enumerate(single)}
        self._shards: set[int] = set(several.shards) if several else set()
        self._sent: dict[Server, tuple[list[_What], list[Request[Any]]]] = {}
        self._homeless = False
        """Whether a slot has no node just now."""
        self._reloading: Final[set[_What]] = set()
        """What nodes do not know the scripts of: it is sent again even where others took all the time."""
        self._without_scripts: Final[set[Server]] = set()
        """The nodes that are sent the scripts with the next request to several shards."""
        self.end = monotonic() + terms.read_timeout
        self.outcomes: Final = Outcomes([None] * len(single), [], {})
        self.is_over = False
        self.moved: list[Node] = []
        self.pause = 0.0

    def requests(self) -> dict[Server, list[Request[Any]]]:
        """Return what is to be sent to each node now, several shards of one node in one request."""
        self._homeless, self._sent = False, {}
        for place, request in self._left.items():
            if (server := self._cluster.server_of(self._slots[place])) is not None:
                self._send(server, place, request)
            else:
                self.outcomes.single[place] = self._no_node(self._slots[place])
        if self._several is not None and self._shards:
            self._send_to_shards(self._several)
        if self._terms.wait_replicas:
            for _, requests in self._sent.values():
                self._add_wait(requests)
        return {server: requests for server, (_, requests) in self._sent.items()}

    def take(self, found: Mapping[Server, list[Any]]) -> None:
        """Note the outcomes of what was sent."""
        again = self._homeless
        self.moved = []
        self._reloading.clear()
        for server, (parts, requests) in self._sent.items():
            outcomes = found[server]
            if len(outcomes) > len(parts):
                outcomes = self._confirmed(requests, outcomes)
            for what, request, outcome in zip(parts, requests, outcomes, strict=False):  # the last one may be WAIT
                if isinstance(outcome, Exception):
                    again |= self._note_failure(what, request, outcome, server)
                elif isinstance(what, tuple):
                    again |= self._note_read(what, request, outcome, server)
                else:
                    self.outcomes.single[what] = outcome
                    del self._left[what]
        if monotonic() > self.end:
            self._leave_what_is_late()
        self.is_over = not (self._left or self._shards)
        self.pause = _PAUSE * (1 + random()) if again else 0.0  # noqa: S311 - so that not all clients ask at once

    def _leave_what_is_late(self) -> None:
        places = [what for what in self._reloading if isinstance(what, int)]
        shards = [what for what in self._reloading if isinstance(what, tuple)]
        self._left = {place: self._left[place] for place in places}
        self._shards.intersection_update(chain.from_iterable(shards))
        self.end = monotonic() + _RELOADING

    # ------------------------------------------------------------------ what is sent where

    def _send(self, server: Server, what: _What, request: Request[Any]) -> None:
        if (sent := self._sent.get(server)) is None:
            self._sent[server] = [what], [request]
        else:
            sent[0].append(what)
            sent[1].append(request)

    def _send_to_shards(self, several: Several) -> None:
        left = self._shards
        for server, shards in self._cluster.homes(several.slots).items():
            own = shards if left.issuperset(shards) else tuple(filter(left.__contains__, shards))
            if not own:
                continue
            if server is not None:
                request = several.make(shards if several.with_neighbours else own)
                if server in self._without_scripts and request.script is not None:
                    request = request.reloaded(request.script)
                self._send(server, own, request)
            else:
                self.outcomes.missing.update({shard: self._no_node(several.slots[shard]) for shard in own})

    def _no_node(self, slot: int) -> BackendUnavailableError:
        self._homeless = True
        return BackendUnavailableError(
            f"no node of {self._cluster.address} has slot {slot}: add the nodes that had it, or assign it to another "
            f"one (CLUSTER ADDSLOTS)."
        )

    def _add_wait(self, requests: list[Request[Any]]) -> None:
        """Let WAIT follow the requests for one server if replicas are to confirm a write."""
        if any(request.writes for request in requests):
            requests.append(_confirmation(self._terms.wait_replicas, self._terms.wait_timeout, requests[0].key))

    def _confirmed(self, requests: Sequence[Request[Any]], outcomes: list[Any]) -> list[Any]:
        """Return the outcomes without that of WAIT; of writes that it does not confirm, that they are not."""
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
            for request, answer in zip(requests, answers, strict=False)
        ]

    # ------------------------------------------------------------------ what came of it

    def _note_failure(self, what: _What, request: Request[Any], outcome: Any, server: Server) -> bool:
        """Note what went wrong; returns whether to wait before what is left is sent again."""
        if isinstance(outcome, NoScriptError):
            forgotten, outcome = outcome, refused(outcome, server.address, request)
            outcome.__cause__ = forgotten
            if request.script is not None:
                self._reloading.add(what)
        if isinstance(what, tuple):
            return self._note_unread(what, outcome, server)
        self.outcomes.single[what] = outcome
        if what in self._reloading and request.script is not None:
            self._left[what] = request.reloaded(request.script)
            return False
        if self._follow(outcome, self._slots[what], server):
            return False
        if _is_elsewhere(outcome):
            return True
        del self._left[what]
        return False

    def _note_unread(self, shards: tuple[int, ...], outcome: Any, server: Server) -> bool:
        self.outcomes.missing.update(dict.fromkeys(shards, outcome))
        if shards in self._reloading:
            self._without_scripts.add(server)
            return False
        if self._follow(outcome, cast("Several", self._several).slots[shards[0]], server):
            return False
        again = _is_elsewhere(outcome)
        self._shards.difference_update(() if again else shards)
        return again

    def _note_read(self, shards: tuple[int, ...], request: Request[Any], read: Read[Any], server: Server) -> bool:
        missing = self.outcomes.missing
        self.outcomes.values.append(read.value)
        self._shards.difference_update(shards)
        if not (missing or read.problems):
            return False
        for shard in shards:
            missing.pop(shard, None)
        for shard, text in read.problems.items():
            problem = ResponseError(text.decode(errors="replace"))
            missing[shard] = refused(problem, server.address, request)
            missing[shard].__cause__ = problem
            if reply_word(problem) not in OF_SCRIPTS:
                self._shards.add(shard)
        return not self._shards.isdisjoint(shards)

    def _follow(self, outcome: Any, slot: int, server: Server) -> bool:
        """Take down where a slot is, if that is the outcome."""
        moved = outcome.__cause__ if isinstance(outcome, BackendError) else None
        if not isinstance(moved, MovedError):
            return False
        host = str(moved.host).strip("?")  # a node may have no name, as in CLUSTER SLOTS
        node = Node(host or server.address.host, moved.port)
        self._cluster.note_moved(slot, node)
        self.moved.append(node)
        return True


_What: TypeAlias = int | tuple[int, ...]
"""The place of a single request, or the shards of a request to several."""


_WAIT: Final = b"*3\r\n$4\r\nWAIT\r\n"


def _confirmation(replicas: int, timeout: float, key: str) -> Request[int]:
    texts = (str(replicas), str(max(1, round(timeout * 1000))))
    return Request(pack((b"WAIT", *texts)), int, key, writes=True, waits=timeout)


def is_confirmation(request: Request[Any]) -> bool:
    """Whether a request asks how many replicas have all writes before it."""
    return request.packed.startswith(_WAIT)


def _is_elsewhere(outcome: Any) -> bool:
    """Whether something was surely not applied and may be elsewhere, or later; or was only read."""
    if not isinstance(outcome, BackendError) or isinstance(outcome, WriteOutcomeUnknownError):
        return False
    cause = outcome.__cause__
    if isinstance(cause, ResponseError):
        return reply_word(cause) in _AGAIN or any(words in str(cause) for words in _AGAIN_IN_SCRIPTS)
    return isinstance(cause, RedisError | OSError)
