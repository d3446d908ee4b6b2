"""The settings of degradation: their names, how they are read, what they are for, and what holds without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...location import Option, boolean, integer, seconds, timeout

FAILURES: Final = 5
RETRY_AFTER: Final = 1.0
STALE_ENTRIES: Final = 10_000
STALE_FOR: Final = 300.0
CACHE_SECONDS: Final = 1.0
BAND_SECONDS: Final = 10.0

OPTIONS: Final[Mapping[str, Option]] = {
    "read_only": Option(boolean, "whether writes are refused; board.read_only switches it while the app runs (false)"),
    "failures": Option(
        integer(0), "failed calls in a row after which no calls are sent to the storage for a while; 0 is off (5)"
    ),
    "retry_after": Option(seconds, "seconds until one call tries the storage again (1)"),
    "read_timeout": Option(timeout, "most seconds that a read may take; needs a backend with timeouts (off)"),
    "stale_entries": Option(integer(0), "entries of earlier answers kept in memory, of each kind; 0 is off (10000)"),
    "stale_for": Option(seconds, "largest age of an earlier answer, in seconds (300)"),
    "cache_top": Option(integer(0), "number of top players served from memory; 0 is off (0)"),
    "cache_seconds": Option(seconds, "largest age of that cached top, in seconds (1)"),
    "live_top": Option(integer(0), "top queries for at most this many players are always read live (0)"),
    "band_seconds": Option(seconds, "largest age of the bounds of rank_band, in seconds (10)"),
}
