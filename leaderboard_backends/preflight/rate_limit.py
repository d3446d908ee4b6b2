"""Whether the rate limit works: the first excess update is refused for the right time, and other players are not."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from ..errors import RateLimitExceededError
from ..hardening.rate_limiting import RateLimitedLeaderboard
from ..numerals import whole
from ..protocol import LeaderboardBackend
from ..wrapper import layer
from .finding import Finding, failed, not_applicable, passed, together, warning
from .subject import Subject

DEFAULT: Final = 60
"""Updates per player and minute if no other number is set."""
MOST: Final = 6_000
"""Updates per player and minute (100 per second) above which a limit stops nobody; also the most that is tried."""
MINUTE: Final = 60.0
TOLERANCE: Final = 0.25
"""Seconds by which `retry_after` may miss the end of the window."""

GREEDY: Final = "preflight-greedy"
MODEST: Final = "preflight-modest"
LAYER: Final = "rate_limit"


def check_rate_limit(subject: Subject) -> Finding:
    """Use up the limit of a player, and of the board, where they are set."""
    settings = subject.settings(LAYER)
    table = f"[{subject.table}.{LAYER}]"
    if settings is None:
        return warning("no rate limit is set", f"Add {table} with updates_a_minute = {DEFAULT}.")
    of_player = settings.get("updates_a_minute", DEFAULT)
    of_board = settings.get("updates_a_second")
    if not of_player and not of_board:
        return failed("both limits are off", f"Set updates_a_minute in {table}, for example {DEFAULT}.")
    findings = [_player(subject, of_player) if of_player else _no_player_limit(table)]
    if of_board:
        findings.append(_board(subject, of_board))
    return together(findings)


def _no_player_limit(table: str) -> Finding:
    return warning(
        "updates_a_minute is off: one player alone can use up the board's limit",
        f"Set updates_a_minute in {table}, for example {DEFAULT}.",
    )


def _player(subject: Subject, amount: int) -> Finding:
    if amount > MOST:
        return failed(
            f"updates_a_minute is {whole(amount)}, {whole(amount / MINUTE)} per second and player: it stops nobody",
            f"Set what the busiest honest player needs, at most {whole(MOST)}, for example {DEFAULT}.",
        )
    board = subject.scratch.open(only={LAYER}, changed={LAYER: {"updates_a_second": None}})
    began = monotonic()
    if amount > 1:
        board.update_scores([(GREEDY, "", number) for number in range(1, amount)])
    board.update_score(GREEDY, "", amount)
    refused = _refusal(lambda: board.update_score(GREEDY, "", 0))
    took = monotonic() - began
    if refused is None:
        return _not_refused(board, f"update {amount + 1} of a player within {took:.1f} s")
    if not MINUTE - took - TOLERANCE <= refused.retry_after <= MINUTE + TOLERANCE:
        return _wrong_wait(refused.retry_after, MINUTE - took, MINUTE)
    if _refusal(lambda: board.update_score(MODEST, "", 1)) is not None:
        return failed("one player's updates use up the limit of another", "Report this as a bug of the rate limit.")
    return passed(
        f"update {amount + 1} of a player within a minute is refused for {refused.retry_after:.1f} s; other players "
        "are not"
    )


def _board(subject: Subject, amount: int) -> Finding:
    if amount > MOST:
        return not_applicable(f"updates_a_second is {whole(amount)}: too many updates to test")
    board = subject.scratch.open(only={LAYER}, changed={LAYER: {"updates_a_minute": None}})
    began = monotonic()
    board.update_scores([(f"preflight-{number}", "", number) for number in range(amount)])
    refused = _refusal(lambda: board.update_score(MODEST, "", 1))
    took = monotonic() - began
    if refused is not None:
        good = 0 < refused.retry_after <= 1 + TOLERANCE
        passes = passed(f"update {amount + 1} of the board within a second is refused")
        return passes if good else _wrong_wait(refused.retry_after, 1 - took, 1)
    if took >= 1:
        return not_applicable(
            f"updates_a_second is {whole(amount)}: the storage took {took:.1f} s for that many, so the limit was not "
            "reached"
        )
    return _not_refused(board, f"update {amount + 1} of the board within {took:.1f} s")


def _refusal(update: Callable[[], object]) -> RateLimitExceededError | None:
    try:
        update()
    except RateLimitExceededError as error:
        return error
    return None


def _not_refused(board: LeaderboardBackend, what: str) -> Finding:
    limited = layer(board, RateLimitedLeaderboard)
    if limited is not None and limited.storage_down:
        return failed(
            f"{what} was let through uncounted: the storage of the rate limit does not answer",
            'Start it, or set storage = "memory", so that each process counts on its own.',
        )
    return failed(f"{what} was not refused", "Report this as a bug of the rate limit.")


def _wrong_wait(told: float, low: float, high: float) -> Finding:
    return failed(
        f"retry_after is {told:.1f} s, but should be {max(low, 0):.1f} to {high:.0f} s",
        "Synchronize the clocks of the machines that share the limit, for example with NTP.",
    )
