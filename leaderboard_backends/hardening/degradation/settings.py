"""The settings of degradation: their names, how they are read, what they are for, and what holds without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...location import Option, boolean, integer, seconds

FAILURES: Final = 5
RETRY_AFTER: Final = 1.0
STALE_ENTRIES: Final = 10_000
STALE_FOR: Final = 300.0
CACHE_SECONDS: Final = 1.0
BAND_SECONDS: Final = 10.0

OPTIONS: Final[Mapping[str, Option]] = {
    "read_only": Option(boolean, "whether writes are refused; board.read_only switches it (false)"),
    "failures": Option(integer(0), "calls in a row without answer after which the storage is left alone; 0 is off (5)"),
    "retry_after": Option(seconds, "seconds after which one call tries the storage again (1)"),
    "read_timeout": Option(seconds, "seconds that a read may take; needs a backend with time-outs (off)"),
    "stale_entries": Option(
        integer(0), "entries of earlier answers that are remembered, of each kind; 0 is off (10000)"
    ),
    "stale_for": Option(seconds, "seconds that an earlier answer may be old (300)"),
    "cache_top": Option(integer(0), "players from the top that are served from memory; 0 is off (0)"),
    "cache_seconds": Option(seconds, "seconds that they may be old (1)"),
    "live_top": Option(integer(0), "players from the top that are read live where no more are asked for (0)"),
    "band_seconds": Option(seconds, "seconds that the bounds of rank_band may be old (10)"),
}
