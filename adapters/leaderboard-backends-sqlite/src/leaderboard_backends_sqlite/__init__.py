"""`sqlite:///path/board.db?board=NAME`: boards in an SQLite file."""

from .board import SQLiteLeaderboard

__all__ = ["SQLiteLeaderboard"]
