"""The programs that the study's claims are about."""

from leaderboard_backends.comparison.study import PROGRAMS

__all__ = ["PROGRAMS"]
