"""`ValidatedLeaderboard`: refuses or reports the updates that no honest player makes, and refuses reads too large.

`settings` has the options, `rules` what each of them checks, `players` whether a player exists, `cases` one update
while it is checked, `reports` the hook and the counts, `stripes` the locks, `board` the wrapper.
"""

from __future__ import annotations

from .board import ValidatedLeaderboard
from .reports import Flag, RuleCounts, log_flag

__all__ = ["Flag", "RuleCounts", "ValidatedLeaderboard", "log_flag"]
