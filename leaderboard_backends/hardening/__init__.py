"""What a board needs in production, as parts that are boards themselves, work on every backend and are off by default.

============== ======================= =============================================================================
part           class                   what it is for
============== ======================= =============================================================================
degradation    DegradableLeaderboard   answers while the storage is slow or down, and says how old the answer is
validation     ValidatedLeaderboard    refuses or reports updates that no honest player makes, and reads too large
rate_limit     RateLimitedLeaderboard  bounds the updates of a player and of a board
monitoring     MonitoredLeaderboard    measures all of it, and alerts
============== ======================= =============================================================================

That is their order too, from the inside out, whatever the order of the tables in a board's text: a stale answer is
validated, a refused update counts against the limit, and what the limit refuses is measured.

The arrows: a part imports from the contract alone (`errors`, `model`, `location`, `protocol`, `delegating`, `wrapper`)
and from this package, and knows no other part; `config` puts them together, and finds them by the names in `registry`.
What parts share is `counts` (what a part counted, which monitoring reads of whatever is inside), `reentrance` (calls in
the middle of another one of their thread) and, of the contract, `answers` (how an answer came about, and asking for a
live one) and `forks` (what a forked child makes anew). Each third-party library has one home: cachetools in
`validation`, limits in `rate_limiting`, pybreaker in `degradation`, prometheus-client and OpenTelemetry in
`observability`. The names below are imported when they are asked for, so that one part works without the libraries of
the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ..errors import MissingExtraError
from ..installing import install_extra
from ..wrapper import Answer, ask, last_answer, layer

if TYPE_CHECKING:
    from .async_monitoring import AsyncMonitoredLeaderboard
    from .degradation import DegradableLeaderboard
    from .degradation.async_board import AsyncDegradableLeaderboard
    from .monitoring import MonitoredLeaderboard
    from .rate_limiting import RateLimitedLeaderboard
    from .rate_limiting.async_board import AsyncRateLimitedLeaderboard
    from .validation import Flag, ValidatedLeaderboard
    from .validation.async_board import AsyncValidatedLeaderboard

__all__ = [
    "Answer",
    "AsyncDegradableLeaderboard",
    "AsyncMonitoredLeaderboard",
    "AsyncRateLimitedLeaderboard",
    "AsyncValidatedLeaderboard",
    "DegradableLeaderboard",
    "Flag",
    "MonitoredLeaderboard",
    "RateLimitedLeaderboard",
    "ValidatedLeaderboard",
    "ask",
    "last_answer",
    "layer",
]

_MODULES: Final = {
    "AsyncDegradableLeaderboard": "degradation.async_board",
    "AsyncMonitoredLeaderboard": "async_monitoring",
    "AsyncRateLimitedLeaderboard": "rate_limiting.async_board",
    "AsyncValidatedLeaderboard": "validation.async_board",
    "DegradableLeaderboard": "degradation",
    "Flag": "validation",
    "MonitoredLeaderboard": "monitoring",
    "RateLimitedLeaderboard": "rate_limiting",
    "ValidatedLeaderboard": "validation",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f".{_MODULES[name]}", __name__)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("leaderboard_backends"):
            raise
        raise MissingExtraError(
            f"{name} needs {error.name}, which is not installed: {install_extra('production')}"
        ) from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
