"""What a forked child makes anew: locks that a thread of its parent held, and work that no thread here will end.

A thread that the child does not have may have been anywhere when the process was forked. Whatever keeps a lock, or a
note of who is at work, says here how it begins anew; the child does that before anything else runs in it.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakValueDictionary


class Forkable(Protocol):
    """Something that a forked child can go on with."""

    def begin_anew(self) -> None:
        """Make locks anew, and forget what other threads were at; called in the child, by its only thread."""
        ...


_known: WeakValueDictionary[int, Forkable] = WeakValueDictionary()


def survive_forks(one: Forkable) -> None:
    """Have a forked child make it anew, as long as it lives; call it once it is made."""
    _known[id(one)] = one


def _begin_anew() -> None:
    for reference in _known.valuerefs():
        one = reference()
        if one is not None:
            one.begin_anew()


if hasattr(os, "register_at_fork"):  # where there is no fork, there is nothing to survive
    os.register_at_fork(after_in_child=_begin_anew)
