"""What becomes of a broken rule: it is counted, and the hook is told; the default hook writes a structured log line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from traceback import extract_tb
from typing import Final, NamedTuple

from ...model import Score, shorten
from ..counts import Counts
from .settings import READ_RULES, UPDATE_RULES, Action

_log: Final = logging.getLogger("leaderboard_backends.hardening")


class Flag(NamedTuple):
    """An update that breaks a rule. The texts in it are untrusted: escape them before they go anywhere."""

    player_id: str
    username: str
    old_score: Score | None
    """What stood before; `None` for a new player, and where it could not be read.

    For a rule of scores, exactly before the write; for one of texts, times or players, as it was read a moment earlier.
    """
    new_score: Score | None
    """What was asked for, or the sum of an increment; `None` where the sum could not be told."""
    rule: str
    """The setting that names the rule, such as `score_max`."""
    action: Action
    """`refuse`, and nothing was written, or `flag`, and the update was sent on, whatever the board made of it."""
    board: str
    achieved_at: float | None
    """When the score was achieved, in seconds since the epoch, if that was told."""


class RuleCounts(NamedTuple):
    """How many updates were flagged and refused, and how many reads were refused, by rule."""

    flagged: Counts
    refused: Counts


class Reports:
    """Counts what breaks a rule, and tells the hook of the updates among it."""

    def __init__(self, hook: Callable[[Flag], object] | None) -> None:
        self.counts: Final = RuleCounts(Counts(UPDATE_RULES), Counts(UPDATE_RULES + READ_RULES))
        self._hook = hook or log_flag

    def deliver(self, flags: Iterable[Flag]) -> None:
        """Tell the hook of each flag. What it raises is logged, and changes nothing for the update."""
        for flag in flags:
            try:
                self._hook(flag)
            except Exception as error:  # noqa: BLE001 - a foreign function may raise anything
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Log the error without its traceback, whose last line would hold untrusted text as it is."""
        last = extract_tb(error.__traceback__)[-1]
        _log.error(
            "the hook on_flag raised %s (%s) at %s:%s; the update is not affected.",
            type(error).__name__,
            shorten(str(error)),
            last.filename,
            last.lineno,
            extra={"event": "hook_failed"},
        )


def log_flag(flag: Flag) -> None:
    """Log a flag as a warning of the logger `leaderboard_backends.hardening`, with its values as fields of the record.

    Line breaks and other characters that do not print are escaped, in the text and in the fields, so that no player
    can write log lines.
    """
    _log.warning(
        "an update %s %s: board %s, player %s, username %s, score %s to %s",
        "was refused by" if flag.action == "refuse" else "breaks",
        flag.rule,
        flag.board,
        shorten(flag.player_id, 160),
        shorten(flag.username, 160),
        flag.old_score,
        flag.new_score,
        extra={
            "event": "update_refused" if flag.action == "refuse" else "update_flagged",
            **flag._asdict(),
            "player_id": _printable(flag.player_id),
            "username": _printable(flag.username),
        },
    )


def _printable(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
