"""One server of an asyncio program, shared by all boards of an event loop at an equal address: the asyncio carrier.

All tasks share one connection. What they ask for stands in one line; each turn of the event loop sends all of it by one
write, and replies come in the order of the requests. Updates and increments that stand in the line together are made by
one script call, at most `MOST_TOGETHER`, in the order in which they were asked for. Nobody waits for company: what has
gathered while the loop was busy goes.

Nothing is ever sent twice, but for a script that the server did not know. From the moment a request is handed to the
socket, a lost connection leaves a write's outcome unknown, and says so; what still stands in the line was not sent, and
goes over the next connection. A caller that is cancelled leaves its place: before it is sent, the request is dropped;
after that, its reply is read and dropped. A reply that does not come in time retires the connection: whatever it still
owes is read there, by those who asked for it, and everything after that goes over a new one.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from functools import cache, partial
from typing import Any, Final, TypeVar, cast
from weakref import WeakValueDictionary, ref

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import (
    NoScriptError,
    RedisError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from ...errors import BackendError, BackendUnavailableError
from ...forks import survive_forks
from .address import Address
from .async_carriers import AsyncCarrier
from .async_waiting import Place, Sent, elements_of, hand_over, taken_from
from .async_wire import Wire, connect
from .failures import error_within, is_of_another_time, not_connected, refused, unanswered
from .requests import BoardRequests, Call, Request, parsed

T = TypeVar("T")

MOST_SENT: Final = 1000
"""Requests that may be without a reply on one connection; others wait in the line."""
MOST_WAITING: Final = 20_000
"""Requests that may stand in the line."""
LONG_REPLY: Final = 2000
"""Elements of a reply, two per row, up to which it is parsed in the event loop."""


class AsyncServer(AsyncCarrier):
    """Carries requests to one server over one connection; belongs to the event loop in which it was made."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.loop: Final = asyncio.get_running_loop()
        self._line: Final[deque[Place]] = deque()
        self._wire: Wire | None = None
        self._retired: Final[set[Wire]] = set()
        self._connecting: asyncio.Task[None] | None = None
        self._owners: Final[set[ref[object]]] = set()
        self._awake = False
        """Whether the line is looked at in the next turn of the loop."""
        self._was_alone = False
        """Whether nobody else stood in the line last time: a task that is alone does not wait for the next turn."""
        self._clock: asyncio.TimerHandle | None = None
        self._forked = False
        self.context: Final = Context()
        """The context of what is done for all, which is no task's own."""
        survive_forks(self._inherit)

    async def carry(self, request: Request[T]) -> T:
        """Bring a request to the server and return its answer; one round trip.

        A long reply is parsed in a thread, as that takes about 2 µs per row.
        """
        wire = self.free_wire()
        reply = await (self._join(request).future if wire is None else self.send(request, wire))
        return await self.answer_of(request, reply)

    async def answer_of(self, request: Request[T], reply: Any) -> T:
        """Parse a reply, a long one in a thread."""
        if isinstance(reply, list) and elements_of(reply) > LONG_REPLY:
            return await in_parsing_thread(request.answer, reply)
        return request.answer(reply)

    async def carry_call(self, board: BoardRequests, call: Call[T]) -> T:
        """Make an update or an increment of a board, together with those in the line, and return its answer."""
        place = self._join(None, board, call)
        reply = await place.future
        if isinstance(reply, RedisError):
            raise refused(reply, self.address, place.whole()) from reply
        return parsed(call.parse, reply, board.key)

    # ------------------------------------------------------------------ boards

    def hold(self, owner: object) -> None:
        """Keep the connection open for as long as an owner lives and does not `leave`."""
        self._owners.add(ref(owner, self._forget))

    async def leave(self, owner: object) -> None:
        """Close the connection once no board uses it."""
        self._owners.discard(ref(owner))
        if self._owners or self._forked or self.loop.is_closed():
            return
        if asyncio.get_running_loop() is not self.loop:
            self.loop.call_soon_threadsafe(self._rest_all)
            return
        wires = self._wires()
        self._rest_all()
        for wire in wires:
            if wire.is_closing():  # others are still in use: by calls, or by a board that was opened meanwhile
                await wire.lost

    async def close(self) -> None:
        """Close the connection; a later call makes it anew."""
        for wire in self._wires():
            self._retire(wire)
            if wire.is_closing():
                await wire.lost

    def _forget(self, owner: ref[object]) -> None:
        """Take note that a board was dropped without closing it, in whichever thread that shows."""
        self._owners.discard(owner)
        if not (self._owners or self._forked or self.loop.is_closed()):
            self.loop.call_soon_threadsafe(self._rest_all)

    def _wires(self) -> list[Wire]:
        return [*self._retired, *([self._wire] if self._wire else [])]

    def _rest_all(self) -> None:
        for wire in self._wires():
            self.rest(wire)

    def rest(self, wire: Wire) -> None:
        """Close a connection that nobody needs any more: a retired one, or the last board's."""
        used = self._owners or self._line
        if used and wire is self._wire:
            return
        unused = wire in self._retired or wire is self._wire
        if unused and wire.is_idle():
            self._retired.discard(wire)
            if wire is self._wire:
                self._wire = None
            wire.close()

    def _inherit(self) -> None:
        """Take note, in a forked child, that the connection is the parent's."""
        self._forked = True

    # ------------------------------------------------------------------ the line

    def join(self, requests: Sequence[Request[Any]]) -> list[Place]:
        """Put requests that are sent together in the line."""
        now = self.loop.time()
        places = [Place(self.loop.create_future(), now, request) for request in requests]
        if (wire := self.free_wire()) is not None:
            wire.send([Sent(place.whole(), (place,)) for place in places])
            self._keep_time()
        else:
            self._check_line()
            self._line.extend(places)
            self.wake()
        return places

    def send(self, request: Request[Any], wire: Wire) -> asyncio.Future[Any]:
        """Send a request at once, over the `free_wire`; returns what will have its reply."""
        future: asyncio.Future[Any] = self.loop.create_future()
        wire.send_one(Sent(request, (Place(future, 0.0, request),)))
        if self._clock is None:
            self._keep_time()
        return future

    def give_up(self, places: Iterable[Place], error: RedisError) -> None:
        """Wait no longer for replies to reads; what comes later goes over another connection, if this one owes any."""
        late = [place for place in places if not place.future.done()]
        for place in late:
            place.future.set_exception(self._lost(error, place.whole()))
        if late and self._wire is not None and self._wire.sent:
            self._retire(self._wire)

    def _join(
        self, request: Request[Any] | None, board: BoardRequests | None = None, call: Call[Any] | None = None
    ) -> Place:
        self._check_line()
        place = Place(self.loop.create_future(), self.loop.time(), request, board, call)
        self._line.append(place)
        if not self._awake:
            self.wake()
        return place

    def check_loop(self) -> None:
        """Raise `BackendUnavailableError` in another event loop than that of the connection, and in a forked child."""
        if asyncio.get_running_loop() is not self.loop or self._forked:
            raise self._of_another_loop()

    def _check_line(self) -> None:
        self.check_loop()
        if len(self._line) >= MOST_WAITING:
            raise BackendUnavailableError(
                f"{MOST_WAITING:,} requests to {self.address} wait to be sent already; nothing was sent. Make fewer "
                "calls at once, for example with asyncio.Semaphore, or repeat this one later."
            )

    def free_wire(self) -> Wire | None:
        """Return the connection where a lone task's request goes at once; `None` where it stands in the line."""
        wire = self._wire
        if not self._was_alone or wire is None or self._line or wire.sent or self._forked:
            return None
        if asyncio.get_running_loop() is not self.loop or wire.is_stale() or not self._may_send(wire):
            return None
        return wire

    def _of_another_loop(self) -> BackendUnavailableError:
        if self._forked:
            return BackendUnavailableError(
                f"the board at {self.address} was opened before this process was forked, and its connection is the "
                "parent's: open boards after the fork. Nothing was sent."
            )
        return BackendUnavailableError(
            f"the board at {self.address} was opened in another event loop: open one in each loop that uses it "
            "(open_async_leaderboard), and close it there. Nothing was sent."
        )

    def wake(self) -> None:
        """Send what stands in the line, once the tasks that can run now have had their turn."""
        if not self._awake:
            self._awake = True
            self.loop.call_soon(self._send, context=self.context)

    def _send(self) -> None:
        self._awake = False
        wire = self._wire
        if wire is not None and wire.is_stale():
            self._retire(wire)
            wire = None
        if wire is None:
            self._connect_for_line()
        elif self._may_send(wire) and (sent := self._take(MOST_SENT - len(wire.sent))):
            self._was_alone = len(sent) == 1 and len(sent[0].places) == 1
            wire.send(sent)
            if self._line and not wire.is_full:
                self.wake()
        elif not wire.sent:
            self.rest(wire)
        self._keep_time()

    def _may_send(self, wire: Wire) -> bool:
        """Whether more can go over the connection now; whoever says no wakes the line later."""
        return not wire.is_full

    def _take(self, most: int) -> list[Sent]:
        """Take requests from the line; calls of one board become one, where no other write of it stands between."""
        return taken_from(self._line, most)

    def answered(self, sent: Sent, wire: Wire) -> None:
        """Hand the replies to a request to those who wait for it."""
        request, replies = sent.request, sent.replies
        if request.replies == 1:
            reply = replies[0]
            if len(sent.places) == 1 and not isinstance(reply, RedisError):
                if not (future := sent.places[0].future).done():
                    future.set_result(replies if request.takes_all else reply)
                if self._line:
                    self.wake()
                return
            problem = reply if isinstance(reply, RedisError) else None
        else:
            is_transaction = sent.places[0].board is None
            problem = error_within(replies) or (error_within(replies[-1]) if is_transaction else None)
        if problem is None:
            hand_over(sent, replies if request.takes_all else replies[-1])
        elif isinstance(problem, NoScriptError) and request.script is not None:
            self._send_again(sent, request.reloaded(request.script), wire)
        else:
            if is_of_another_time(problem):
                self._retire(wire)
            error = problem
            sent.fail(lambda: _caused(refused(error, self.address, request), error))
        if self._line:
            self.wake()

    def _send_again(self, sent: Sent, request: Request[Any], wire: Wire) -> None:
        """Send a script to a server that does not know it, with the call that it refused, which did nothing."""
        if wire.is_stale():
            sent.fail(partial(self._lost, RedisConnectionError("Connection closed by server."), request))
        elif not all(place.future.done() for place in sent.places):
            wire.send([Sent(request, sent.places)])
            self._keep_time()

    # ------------------------------------------------------------------ time

    def _keep_time(self) -> None:
        """See to it that what takes too long is noticed."""
        if self._clock is not None and not self._line:
            return
        waited_for = [next((each for each in wire.sent if not each.is_over), None) for wire in self._wires()]
        ends = [each.deadline for each in waited_for if each is not None]
        if self._line and self._connecting is None:
            ends.append(self._line[0].asked + self.address.pool_timeout)
        if ends:
            ends.append(self.loop.time() + self.address.socket_timeout)  # that of a reply that is asked for now
        if ends and (self._clock is None or min(ends) < self._clock.when()):
            if self._clock is not None:
                self._clock.cancel()
            self._clock = self.loop.call_at(min(ends), self._look, context=self.context)

    def _look(self) -> None:
        """Tell those who have waited for too long, and use no connection any more that owes a reply for as long."""
        self._clock = None
        now = self.loop.time()
        for wire in self._wires():
            late = [each for each in wire.sent if each.deadline <= now and not each.is_over]
            if (deadline := wire.heard_of_reply() + self.address.socket_timeout) > now:  # a long one is on its way
                for each in late:
                    each.deadline = deadline
                continue
            for each in late:
                each.fail(partial(self._lost, RedisTimeoutError("no reply in time"), each.request))
            if late:
                self._retire(wire)
        self._refuse_late(now - self.address.pool_timeout)
        if self._line:
            self.wake()
        self._keep_time()

    def _refuse_late(self, before: float) -> None:
        while self._line and self._line[0].asked <= before and self._connecting is None:
            place = self._line.popleft()
            if not place.future.done():
                place.future.set_exception(BackendUnavailableError(self._why_late()))

    def _why_late(self) -> str:
        """Return what those are told who stood in the line for `pool_timeout`."""
        return (
            f"{self.address} was busy with {MOST_SENT:,} other requests of this process for "
            f"{self.address.pool_timeout:g} s (pool_timeout); nothing was sent. Make fewer calls at once."
        )

    # ------------------------------------------------------------------ connections

    def _retire(self, wire: Wire) -> None:
        """Send nothing more over a connection; it is closed once nobody waits for a reply there."""
        if wire is self._wire:
            self._wire = None
            self._retired.add(wire)
        self.rest(wire)

    def drop(self, wire: Wire, error: Exception) -> None:
        """Close a connection that is lost: what was sent and not answered is unknown."""
        self._retired.discard(wire)
        if wire is self._wire:
            self._wire = None
        while wire.sent:
            sent = wire.sent.popleft()
            reason = error_within(sent.replies) or error  # what it said before the end, perhaps
            sent.fail(partial(self._lost, reason, sent.request))
        wire.close()
        if self._line:
            self.wake()

    def _lost(self, error: Exception, request: Request[Any]) -> BackendError:
        explain = unanswered if self.version else not_connected  # before it said what it is, nobody reached it
        return _caused(explain(error, self.address, request), error)

    def _connect_for_line(self) -> None:
        while self._line and self._line[0].future.done():
            self._line.popleft()
        if self._line and self._connecting is None:
            self._connecting = self.loop.create_task(self._connect(), context=Context())

    async def _connect(self) -> None:
        """Connect, and greet the server; whoever stands in the line is told if that fails, and nothing was sent."""
        try:
            self._wire = await self._new_wire()
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            line, problem = [*self._line], error
            self._line.clear()
            for place in line:
                if not place.future.done():
                    place.future.set_exception(self._unreached(problem, place))
        finally:
            self._connecting = None
        self._send()
        if self._wire is not None:
            self.rest(self._wire)

    async def _new_wire(self) -> Wire:
        return await connect(self, self.address)

    def _unreached(self, problem: Exception, place: Place) -> BackendError:
        if isinstance(problem, BackendUnavailableError):
            return BackendUnavailableError(str(problem))
        return _caused(not_connected(problem, self.address, place.whole()), problem)


def _caused(error: BackendError, cause: Exception) -> BackendError:
    error.__cause__ = cause
    return error


async def in_parsing_thread(call: Callable[..., T], *arguments: Any) -> T:
    """Return what a call returns that takes long and waits for nothing, made in a thread, if one can be started."""
    try:
        parsing = asyncio.get_running_loop().run_in_executor(_parsing(), call, *arguments)
    except RuntimeError:
        _parsing.cache_clear()  # with the call, which stands in the executor's line all the same
        return call(*arguments)
    return await parsing


@cache
def _parsing() -> ThreadPoolExecutor:
    """Return the one thread of this process that parses long replies, which is no part of any loop's executor."""
    return ThreadPoolExecutor(1, thread_name_prefix="leaderboard-parsing")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_parsing.cache_clear)


# ---------------------------------------------------------------------- the servers of this process

_servers: Final[WeakValueDictionary[tuple[int, Address], Any]] = WeakValueDictionary()
"""By event loop, which its servers keep alive, so that its number is its own."""


def shared_async_server(address: Any, make: Callable[[Any], T]) -> T:
    """Return the one server, or cluster, of an equal address in the running event loop; `make` makes the first one."""
    loop = asyncio.get_running_loop()
    key = (id(loop), address)
    found: Any = _servers.get(key)
    if found is None or found.loop is not loop:
        found = _servers[key] = make(address)
    return cast("T", found)
