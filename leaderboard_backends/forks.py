"""Forks: a child gets locks that are free, the state that they guard whole, and objects that know that they are there.

A forked child has the memory of its parent and one thread. A lock that another thread held stays locked there for ever,
and what that thread was changing stays half changed. So each lock that guards state of this process is made known by
`guard`: a fork waits until nobody holds it, and the child finds it free. Waiting ends after `PATIENCE` seconds in all;
`torn` then tells the child that some state may be half changed. Locks are taken in the order in which they were made:
a section that needs two of them at once takes the older one first.

What a lock alone does not mend, such as a note of who is at work, an object makes anew by `survive_forks`.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from itertools import count
from operator import methodcaller
from threading import get_ident
from time import monotonic
from types import MethodType
from typing import Any, Final, TypeVar, cast
from weakref import WeakValueDictionary

AnyLock = TypeVar("AnyLock", bound=Any)

PATIENCE: Final = 5.0
"""Seconds for which a fork waits for all locks together: far longer than one is held by anything but a bulk load."""


class ForkedBoardWarning(RuntimeWarning):
    """A board in the memory of a process is used in a forked child, which has its own separate copy."""


_numbers: Final = count()
_guarded: Final[WeakValueDictionary[int, Any]] = WeakValueDictionary()
_anew: Final[WeakValueDictionary[tuple[int, Callable[[Any], None]], Any]] = WeakValueDictionary()
"""The objects that begin anew, by a number and by what makes them. A `WeakMethod` complains as an interpreter ends."""
_held: Final[dict[int, list[Any]]] = {}
"""What the threads that fork just now have locked, by thread, the latest at the end; `None` comes before all."""
_late = False


def guard(lock: AnyLock) -> AnyLock:
    """Return a `Lock` or `RLock` for which forks wait from now on, and which is free in a forked child.

    The thread that forks has all of them for a while, in which a signal handler may call a board: only an `RLock` lets
    it in.
    """
    _guarded[next(_numbers)] = lock
    return lock


def survive_forks(begin_anew: Callable[[], None]) -> None:
    """Have a forked child call a method before anything else runs in it, as long as the method's object lives."""
    method = cast("MethodType", begin_anew)
    _anew[next(_numbers), method.__func__] = method.__self__


def torn() -> bool:
    """Whether this process was forked while a lock stayed held for longer than `PATIENCE`."""
    return _late


def _before() -> None:
    held: list[Any] = [None]
    _held[get_ident()] = held
    deadline = monotonic() + PATIENCE
    for reference in _guarded.valuerefs():
        lock = reference()
        if lock is not None:  # taken and noted in one step: an interrupt between the two would leave it held for ever
            held.extend(filter(methodcaller("acquire", timeout=max(0.0, deadline - monotonic())), (lock,)))


def _after_in_parent() -> None:
    if held := _held.get(get_ident()):  # empty where it is done: all of it is one step, as above
        deque(map(methodcaller("release"), iter(held.pop, None)), maxlen=0)


def _after_in_child() -> None:
    global _late  # noqa: PLW0603 - of this process
    held = set(map(id, _held.get(get_ident(), ())))  # nothing, where a program in C forks, and tells the child alone
    _held.clear()
    for lock in list(_guarded.values()):
        _late = _late or not (id(lock) in held or lock.acquire(blocking=False))  # a free one guards nothing torn
        lock._at_fork_reinit()  # noqa: SLF001 - as the standard library does; one not got has no owner to release it
    for (_, begin_anew), owner in list(_anew.items()):
        begin_anew(owner)


if hasattr(os, "register_at_fork"):  # where there is no fork, there is nothing to survive
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
    os.register_at_fork(after_in_parent=_after_in_parent)  # again: Ctrl-C during a fork ends the first one as it begins
