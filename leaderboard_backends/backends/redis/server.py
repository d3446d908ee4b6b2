"""One server, shared by all boards of the process at an equal address, and what carries their requests to it.

Nothing here ever repeats a write that may have been applied. Before a request is sent, any failure is
`BackendUnavailableError`. From the first byte on, a lost connection or a time-out leaves a write's outcome unknown, and
says so. A connection on which anything went wrong, an interrupt included, is closed, so that no later call reads a
reply that was not meant for it. Where the server is lost, or answers as one does that is no longer (or not yet) to be
used, all connections made before go with it: the next call finds whatever the address means by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import inf
from operator import attrgetter
from threading import RLock
from time import monotonic
from typing import Any, Final, TypeVar, cast
from weakref import WeakValueDictionary, ref

from redis import Connection, SSLConnection, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from ...errors import BackendError, BackendUnavailableError, LeaderboardError
from ...forks import guard, survive_forks
from .address import Address
from .carriers import Carrier
from .failures import error_within, is_of_another_time, not_connected, refused, unanswered
from .pool import Connection as Wire
from .pool import ConnectionPool, Lease
from .requests import Request

T = TypeVar("T")

_REPLIES: Final = (ResponseError, AuthenticationError, BusyLoadingError)
"""What redis-py raises for an error reply: the server did answer."""

_SHORTEST: Final = 0.001
"""Seconds for which a reply is waited for at least: one that is there already is read."""

_over_tcp: Final[Callable[..., Wire]] = Connection
_over_tls: Final[Callable[..., Wire]] = SSLConnection
_over_unix_socket: Final[Callable[..., Wire]] = cast("Any", UnixDomainSocketConnection)


class Server(Carrier):
    """Carries requests to one server over one pool of connections."""

    def __init__(self, address: Address, connect: Callable[[], Wire] | None = None, *, keeps: bool = False) -> None:
        super().__init__(address)
        self._keeps: Final = keeps
        """Whether connections stay open where no board uses them."""
        self.failed = 0.0
        """When the last exchange failed here, by `monotonic`; 0 where it did not fail."""
        self._connect: Final = connect or (lambda: make_connection(address))
        self._pool: Final = ConnectionPool(self._connect, address.max_connections, address.pool_timeout)
        survive_forks(self._pool.abandon)
        self._owners: Final[set[ref[object]]] = set()

    def carry(self, request: Request[T]) -> T:
        """Bring a request to the server and return its answer.

        One round trip; one more where the server has forgotten the script.
        """
        try:
            reply = self._exchange(request)
        except NoScriptError as error:
            if request.script is None:
                raise refused(error, self.address, request) from error
            return self.carry(request.reloaded(request.script))
        return request.answer(reply)

    @cached_property
    def for_feeds(self) -> Server:
        """The same server over other connections, which wait for changes while those of the boards are free."""
        return Server(self.address, self._connect, keeps=True)

    # ------------------------------------------------------------------ boards

    def hold(self, owner: object) -> None:
        """Keep connections open for as long as an owner lives and does not `leave`."""
        self._owners.add(ref(owner, self._owners.discard))

    def leave(self, owner: object) -> None:
        """Close the connections once nobody uses them."""
        self._owners.discard(ref(owner))
        if not self._owners:
            self.close()

    def close(self) -> None:
        """Close the connections; a later call makes them anew."""
        self._pool.renew()
        if "for_feeds" in vars(self):
            self.for_feeds.close()

    # ------------------------------------------------------------------ one exchange

    def _exchange(self, request: Request[Any]) -> Any:
        lease, connection = self._take(request)
        replies: list[Any] = []
        try:
            connection.send_packed_command((request.packed,), check_health=False)
            while len(replies) < request.replies:
                replies.append(connection.read_response())
            reply = replies if request.takes_all else replies[-1]
            if request.replies > 1 and (problem := error_within(reply)):
                raise problem
        except _REPLIES as error:
            self._keep_after(error, lease, request.replies - len(replies) - 1)
            if isinstance(error, NoScriptError):
                raise
            raise refused(error, self.address, request) from error
        except (RedisError, OSError) as error:
            raise self._lost(error, request) from error
        else:
            if self._owners or self._keeps:
                self._pool.give(lease)
            return reply
        finally:
            self._pool.drop(lease)

    def _lost(self, error: Exception, request: Request[Any]) -> BackendError:
        self.failed = monotonic()
        self._pool.renew()
        explain = unanswered if self.version else not_connected  # before it said what it is, nobody reached it
        return explain(error, self.address, request)

    def _keep_after(self, error: RedisError, lease: Lease, outstanding: int) -> None:
        """Keep a connection on which an error reply came, unless more is outstanding or the server is another now."""
        if is_of_another_time(error):
            self._pool.renew()
        elif outstanding <= 0 and isinstance(error, ResponseError):
            self._pool.give(lease)

    def _take(self, request: Request[Any], within: float = inf) -> tuple[Lease, Wire]:
        try:
            return self._pool.take(within)
        except LeaderboardError:
            raise
        except (RedisError, OSError, ValueError) as error:  # ValueError: what ssl raises for a bad certificate file
            self._pool.renew()
            raise not_connected(error, self.address, request) from error


class Exchange:
    """Requests that go to one server together, each with an outcome of its own: its answer, or what went wrong.

    What is refused, lost or not sent is a `BackendError`, a script that the server has forgotten a `NoScriptError`. An
    exception of another kind, such as an interrupt, goes through, and the connection with it.
    """

    __slots__ = ("_deadline", "_lease", "_requests", "_server", "_wire", "outcomes")

    def __init__(self, server: Server, requests: Sequence[Request[Any]], deadline: float) -> None:
        self._server: Final = server
        self._requests: Final = requests
        self._deadline: Final = inf if any(request.writes for request in requests) else deadline
        """Until when reads are waited for, as a moment of `monotonic`."""
        self._lease = Lease()
        self._wire: Wire | None = None
        self.outcomes: Final[list[Any]] = []

    def send(self, others: int) -> None:
        """Send all requests at once; reads wait for a connection so that as much time is left for so many others.

        A server that failed last time is not asked where the others have taken all the time: connecting takes more.
        """
        within = (self._deadline - monotonic()) / (1 + others)
        if within <= 0 and self._server.failed:
            text = f"{self._server.address} did not answer last time, and this read had no time left for it: check it."
            self.outcomes.extend([BackendUnavailableError(text)] * len(self._requests))
            return
        try:
            self._lease, self._wire = self._server._take(self._requests[0], within)  # noqa: SLF001 - of this module
            self._wire.send_packed_command((b"".join(each.packed for each in self._requests),), check_health=False)
        except (RedisError, OSError) as error:
            self._lose(error)
        except LeaderboardError as error:  # nothing was sent
            self._server.failed = monotonic()
            self.outcomes.extend([error] * len(self._requests))

    def receive(self) -> None:
        """Read the replies."""
        if self.outcomes:  # it could not be sent
            return
        try:
            for request in self._requests[len(self.outcomes) :]:
                self.outcomes.append(self._read(request, self._deadline))
        except (RedisError, OSError) as error:
            self._lose(error)
        else:
            self._server.failed = 0.0
            self._server._pool.give(self._lease)  # noqa: SLF001 - of this module

    def end(self) -> None:
        """Close the connection, if anything is outstanding on it."""
        self._server._pool.drop(self._lease)  # noqa: SLF001 - of this module

    def _read(self, request: Request[Any], deadline: float) -> Any:
        replies: list[Any] = []
        problem: RedisError | None = None
        # redis-py disconnects where a reply says LOADING; but those after it tell that nothing else was applied either.
        wire: Any = self._wire
        options: dict[str, Any] = {"disconnect_on_error": False}
        if request.waits:
            options["timeout"] = self._server.address.socket_timeout + request.waits
        for _ in range(request.replies):
            if deadline < inf:
                options["timeout"] = max(_SHORTEST, deadline - monotonic())
            try:
                replies.append(wire.read_response(**options))
            except _REPLIES as error:
                replies.append(error)
                problem = problem or error
        if problem is None and request.replies > 1:
            problem = error_within(replies[-1])
        if isinstance(problem, NoScriptError):
            return problem
        if problem is not None:
            if is_of_another_time(problem) or isinstance(problem, AuthenticationError):
                self._server._pool.renew()  # noqa: SLF001 - of this module
            refusal = refused(problem, self._server.address, request)
            refusal.__cause__ = problem
            return refusal
        try:
            return request.answer(replies if request.takes_all else replies[-1])
        except LeaderboardError as error:
            return error

    def _lose(self, error: Exception) -> None:
        """Note for each request without an outcome that it was sent, perhaps, and not answered."""
        self.end()
        for request in self._requests[len(self.outcomes) :]:
            lost = self._server._lost(error, request)  # noqa: SLF001 - of this module
            lost.__cause__ = error
            self.outcomes.append(lost)


_order: Final = attrgetter("failed", "address.host", "address.port")


def exchange(parts: Mapping[Server, Sequence[Request[Any]]], deadline: float) -> dict[Server, list[Any]]:
    """Send requests to several servers, then read all replies; returns the outcomes of each server's requests.

    In the order of their addresses, as a thread that has a connection to one waits for one to the next; those that
    failed last time come last, so that connecting to them takes no time of the others, and of them those first that
    were tried longest ago. Reads to a server that none of the writes goes to are given up at a moment of `monotonic`.
    """
    exchanges = {server: Exchange(server, parts[server], deadline) for server in sorted(parts, key=_order)}
    try:
        for number, each in enumerate(exchanges.values(), 1):
            each.send(len(exchanges) - number)
        for each in exchanges.values():
            each.receive()
        return {server: each.outcomes for server, each in exchanges.items()}
    finally:
        for each in exchanges.values():
            each.end()


# ---------------------------------------------------------------------- the servers of this process

_servers: Final[WeakValueDictionary[Address, Any]] = WeakValueDictionary()
_lock: Final = guard(RLock())


def shared_server(address: Any, make: Callable[[Any], T]) -> T:
    """Return the one server, or the one cluster, of an equal address in this process; `make` makes the first one."""
    with _lock:
        found: T | None = _servers.get(address)
        if found is None:
            found = _servers[address] = make(address)
        return found


def make_connection(address: Address) -> Wire:
    """Return an unconnected connection of redis-py that tries everything once."""
    options: dict[str, Any] = {
        "db": str(address.db) if address.db else 0,  # no number is sent: see `requests.Argument`
        "username": address.username,
        "password": address.password,
        "client_name": address.client_name,
        "socket_timeout": address.socket_timeout,
        "socket_connect_timeout": address.connect_timeout,
        "protocol": 2,
        "driver_info": None,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
    }
    if address.unix_socket is not None:
        return _over_unix_socket(path=address.unix_socket, **options)
    options |= {"host": address.host, "port": address.port}
    if not address.tls:
        return _over_tcp(**options)
    options |= {
        "ssl_ca_certs": address.ssl_ca_certs,
        "ssl_certfile": address.ssl_certfile,
        "ssl_keyfile": address.ssl_keyfile,
        "ssl_cert_reqs": address.ssl_cert_reqs,
        "ssl_check_hostname": address.ssl_check_hostname,
    }
    return _over_tls(**options)
