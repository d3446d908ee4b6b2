"""ZODB."""

from .board import ZODBLeaderboard, ZODBMemoryLeaderboard

__all__ = ["ZODBLeaderboard", "ZODBMemoryLeaderboard"]
