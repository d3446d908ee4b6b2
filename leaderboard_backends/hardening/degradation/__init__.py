"""Graceful degradation: a board that goes on answering while its storage is slow, down or under repair.

    board = open_leaderboard({"url": "redis://cache/0", "degradation": {"read_timeout": 0.05, "cache_top": 100}})

`board` is the wrapper, and how its parts work together; each idea has a module of its own, and knows no other:

=================== ==================================================================================================
breaker             a storage that does not answer is left alone for a while, then tried by one call
memory_of_answers   what was answered before, for when the storage does not answer
bounded_reads       a second board object for reads, whose storage has little time to answer
cached_top, top     the first entries from memory, given up when a write changes them
bands               approximate ranks: the band of a board that a player is in
single_flight       one thread works, others that need the same wait for it
=================== ==================================================================================================

How an answer came about, and how old it is, is told by `wrapper.last_answer()` and `wrapper.ask`.
"""

from .bands import RankBand
from .board import DegradableLeaderboard
from .breaker import Circuit

__all__ = ["Circuit", "DegradableLeaderboard", "RankBand"]
