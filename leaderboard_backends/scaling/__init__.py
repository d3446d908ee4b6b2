"""What lets a board outgrow one process or one machine, as parts that are boards themselves and are off by default.

======= ======================= ==================================================================================
part    class                   what it is for
======= ======================= ==================================================================================
replica ReplicatedLeaderboard   answers reads from a copy in the app's memory, at most `max_staleness` seconds old
======= ======================= ==================================================================================

It is the innermost part: what is around it (degradation, validation, …) sees a board whose reads are quick and may be
some milliseconds old. `async_replica.AsyncReplicatedLeaderboard` is the part of asyncio programs. Read replicas on
servers are an option of `redis+sentinel://` and `redis+cluster://`.
"""

from .replica import ReplicatedLeaderboard

__all__ = ["ReplicatedLeaderboard"]
