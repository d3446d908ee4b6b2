"""`RateLimitedLeaderboard`: bounds the updates of a player in any minute and of a board in any second.

`settings` has the options, `memory` the moving windows of this process, `shared` those of several processes in a Redis
or Valkey, `outage` what happens while that is down, `windows` how updates are charged, `board` the wrapper.
"""

from __future__ import annotations

from .board import RateLimitedLeaderboard
from .memory import MemoryWindows

__all__ = ["MemoryWindows", "RateLimitedLeaderboard"]
