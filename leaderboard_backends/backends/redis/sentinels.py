"""What the Sentinels of a service say: which server is its primary, and which are its replicas."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from math import inf
from os import getpid
from threading import RLock
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar

from ...errors import BackendError, BackendUnavailableError
from ...forks import guard
from .address import Node, SentinelAddress
from .failures import GREETING, reply_word
from .parsing import pairs_of
from .replicas import REST, Resting
from .requests import Request, pack
from .server import Server

T = TypeVar("T")

CHECK_EVERY: Final = 0.2
"""Seconds after which a call asks a Sentinel whether the primary still is one, and after which a reply is late."""


REMEDY: Final = (
    "check the hosts, their password (the option sentinel_password), and that they watch that service "
    "(sentinel monitor)"
)
ALLOW: Final = (
    "allow this user +sentinel|master +sentinel|get-master-addr-by-name +sentinel|replicas +sentinel|sentinels "
    f"{GREETING}"
)
"""What a user of the Sentinels needs, in the words of ACL SETUSER."""


class Primary(NamedTuple):
    """Which server is the primary, and since which configuration epoch."""

    epoch: int
    node: Node


class Sentinels:
    """What the Sentinels of one service say: which server is the primary, and which are its replicas."""

    def __init__(self, address: SentinelAddress) -> None:
        self.address: Final = address
        self._servers: Final = [Server(address.sentinel(*node)) for node in address.sentinels]
        for server in self._servers:
            server.hold(self)
        self._turns: Final = count(getpid())
        self._resting: Final = Resting()
        self._lock: Final = guard(RLock())
        self._known: Primary | None = None
        self._checked = -inf
        self._confirmed = -inf
        self._replicas: list[Node] = []
        self._listed = -inf

    def primary(self, *, all_of_them: bool = False) -> Primary:
        """Return the primary, as one Sentinel or all of them say; the last known one where none answers.

        Raises `BackendUnavailableError`.
        """
        try:
            return self._check(all_of_them=all_of_them)
        except BackendUnavailableError:
            if (known := self._known) is None:
                raise
            return known

    def has_moved(self, since: Primary, *, all_of_them: bool = False) -> bool:
        """Whether there is another primary since; asks a Sentinel if nobody did lately, or all of them."""
        if all_of_them or self.is_due():
            self._checked = monotonic()
            with suppress(BackendUnavailableError):
                self._check(all_of_them=all_of_them)
            self._checked = monotonic()  # after a long check come calls, not the next check
        known = self._known
        return known is not None and known != since

    def is_due(self) -> bool:
        """Whether nobody asked lately."""
        return monotonic() - self._checked > CHECK_EVERY

    def unconfirmed(self) -> float:
        """Return for how many seconds no Sentinel has confirmed the primary; 0 while one did lately."""
        seconds = monotonic() - self._confirmed
        return seconds if seconds > 2 * CHECK_EVERY + REST else 0.0

    def replicas(self) -> list[Node]:
        """Return the replicas that a Sentinel reaches, or those of last time where none answers; asked each second."""
        if monotonic() - self._listed > REST:
            self._listed = monotonic()
            with suppress(BackendUnavailableError):
                self._replicas = self._ask(self._request(_replicas, "REPLICAS"))[0]
        return self._replicas

    def others(self) -> int:
        """Return how many other Sentinels one of these knows of."""
        return self._ask(self._request(lambda replies: len(replies[0]), "SENTINELS"))[0]

    def close(self) -> None:
        """Close the connections; a later call makes them anew."""
        for server in self._servers:
            server.close()

    def _check(self, *, all_of_them: bool = False) -> Primary:
        """Ask the next Sentinel, or all; another primary of no later epoch counts only where most of them report it."""
        began, before = monotonic(), self._known
        request = self._request(_primary, "MASTER", "GET-MASTER-ADDR-BY-NAME")
        found = self._ask(request, all_of_them=all_of_them)
        if before and max(found) != before and max(found).epoch <= before.epoch:
            found = self._ask(request, all_of_them=True)
        newest = max(found)
        with self._lock:
            known, most = self._known, len(found) > len(self._servers) // 2
            # It was removed and is watched anew: so most of them say; if by the same epoch, all that answer.
            anew = before and before == known and most and (newest.epoch < before.epoch or len({*found}) == 1)
            if known is None or newest.epoch > known.epoch or anew:
                known = self._known = newest
            self._checked = self._confirmed = began
        return known

    def _request(self, parse: Callable[[Any], T], *questions: str) -> Request[T]:
        service = self.address.service
        packed = b"".join(pack((b"SENTINEL", question, service)) for question in questions)
        return Request(packed, parse, service, replies=len(questions), takes_all=True)

    def _ask(self, request: Request[T], *, all_of_them: bool = False) -> list[T]:
        """Return the first answer, or all that there are. Those that failed lately are asked last."""
        start = next(self._turns) % len(self._servers)
        in_turn = self._servers[start:] + self._servers[:start]
        found: list[T] = []
        problems = []
        remedy = REMEDY
        for server in sorted(in_turn, key=self._resting.__contains__):
            if found and (not all_of_them or server in self._resting):
                break
            try:
                found.append(server.carry(request))
                self._resting.discard(server)
            except BackendError as error:
                self._resting.add(server)
                cause = error.__cause__ or error
                if isinstance(cause, Exception) and reply_word(cause) == "NOPERM":
                    remedy = ALLOW
                problems.append(f"{server.address}: {str(cause).rstrip('.')}.")
        if found:
            return found
        raise BackendUnavailableError(
            f"no Sentinel of {self.address} names the servers of the service {self.address.service!r}: {remedy}. "
            f"{' '.join(problems)}"
        )


def _primary(replies: Any) -> Primary:
    """Return the primary of two replies: the epoch, and then the address, which is never older."""
    state, address = replies
    host, port = address
    return Primary(int(pairs_of(state)["config-epoch"]), Node(host.decode(), int(port)))


def _replicas(replies: Any) -> list[Node]:
    states = map(pairs_of, replies[0])
    return [Node(state["ip"], int(state["port"])) for state in states if not _GONE & {*state["flags"].split(",")}]


_GONE: Final = {"s_down", "o_down", "disconnected"}
