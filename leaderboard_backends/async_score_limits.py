# generated from leaderboard_backends/score_limits.py
# by tools/async_faces.py: change that file, then run `make faces`
"""Limits that a write must keep, checked by the storage itself in the atomic step that writes.

Whether a sum stays under a cap, or a change is small enough, depends on the score that stands in the moment of the
write. Whoever reads it first and writes then is late where others write too. So `validation` tells the storage what it
would check (`within`), and a backend whose `capabilities.limits` is true checks it where it has the standing score:
`limits_wanted()` returns the limits of the write in work, and `ScoreLimits.check` raises before anything is written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .score_limits import Parameters, ScoreLimits, Value, _limits


async def within(
    limits: ScoreLimits,
    write: Callable[Parameters, Awaitable[Value]],
    *arguments: Parameters.args,
    **options: Parameters.kwargs,
) -> Value:
    """Return what a write of a board returns: `within(limits, board.increment_score, "ada", "Ada", 5)`.

    Raises `ScoreLimitError` where it breaks the limits, or those of a `within` around it, which hold as well. The
    board's `capabilities.limits` must be true.
    """
    outer = _limits.get()
    try:  # the value is set inside, and set back: an interrupt between a set and its `try` would leave it for good
        _limits.set(limits if outer is None else limits.combined(outer))
        return await write(*arguments, **options)
    finally:
        _limits.set(outer)
