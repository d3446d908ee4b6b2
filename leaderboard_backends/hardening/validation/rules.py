"""The rules of updates: what each setting checks, and in which words it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any, NamedTuple, TypeAlias

from ...model import Keep, Order, Score, is_better, shorten
from ...score_limits import ScoreLimits
from ...wrapper import achieved_at
from .cases import Case
from .settings import Action, Settings

Check: TypeAlias = Callable[[Case], str]
"""Returns what is wrong with an update, and what to do; empty where nothing is."""
AnyCheck: TypeAlias = Callable[[Case], Any]
"""The same, or a coroutine function of an asynchronous board."""


class Rule(NamedTuple):
    """A rule that is on."""

    name: str
    action: Action
    check: AnyCheck


def request_rules(settings: Settings, clock: Callable[[], float], check_player: AnyCheck | None) -> Iterator[Rule]:
    """Yield the rules that need no score, the one that asks a function of the app last."""
    if settings.max_player_id_bytes is not None:
        yield Rule("max_player_id_bytes", settings.text_action, _long_player_id(settings.max_player_id_bytes))
    if settings.max_username_bytes is not None:
        yield Rule("max_username_bytes", settings.text_action, _long_username(settings.max_username_bytes))
    if settings.require_achieved_at:
        yield Rule("require_achieved_at", settings.time_action, _no_time)
    if settings.max_ahead is not None:
        yield Rule("max_ahead", settings.time_action, _ahead(settings.max_ahead, clock))
    if settings.max_age is not None:
        yield Rule("max_age", settings.time_action, _old(settings.max_age, clock))
    if check_player is not None:
        yield Rule("player_exists", settings.player_action, check_player)


def range_rules(settings: Settings) -> Iterator[Rule]:
    """Yield the rules of the score alone. They hold for each score given, also for one that the board would ignore."""
    if settings.score_min is not None:
        yield Rule("score_min", settings.score_action, _below(settings.score_min))
    if settings.score_max is not None:
        yield Rule("score_max", settings.score_action, _above(settings.score_max))


def change_rules(settings: Settings, order: Order, keep: Keep) -> Iterator[Rule]:
    """Yield the rule of the change, which needs the standing score."""
    if settings.max_change is not None:
        exempt = _exempts_first(settings, order)
        yield Rule("max_change", settings.change_action, _changed(settings.max_change, exempt, order, keep))


def storage_limits(settings: Settings, order: Order) -> ScoreLimits | None:
    """Return what a storage that can should check as it writes: the rules that refuse by a sum or a change."""
    limits = ScoreLimits(exempt_first=_exempts_first(settings, order))
    if settings.score_action == "refuse":
        lowest = -inf if settings.score_min is None else settings.score_min
        limits = limits._replace(lowest=lowest, highest=inf if settings.score_max is None else settings.score_max)
    if settings.change_action == "refuse" and settings.max_change is not None:
        limits = limits._replace(max_change=settings.max_change)
    return None if limits[:3] == (-inf, inf, inf) else limits


def _exempts_first(settings: Settings, order: Order) -> bool:
    return settings.first_score == "exempt" or (settings.first_score is None and order == "ascending")


# ------------------------------------------------------------------ texts


def _long_player_id(most: int) -> Check:
    def check(case: Case) -> str:
        return _too_long("player id", case.player_id, "max_player_id_bytes", most)

    return check


def _long_username(most: int) -> Check:
    def check(case: Case) -> str:
        return _too_long("username", case.username, "max_username_bytes", most)

    return check


def _too_long(kind: str, text: str, rule: str, most: int) -> str:
    size = len(text) if text.isascii() else len(text.encode())
    return "" if size <= most else f"{kind} {shorten(text)} has {size} bytes, above {rule} {most}: use a shorter one."


# ------------------------------------------------------------------ the achievement's time


def _no_time(case: Case) -> str:
    del case
    if achieved_at() is not None:
        return ""
    return "the update does not give the time at which its score was achieved (require_achieved_at): give achieved_at."


def _ahead(most: float, clock: Callable[[], float]) -> Check:
    def check(case: Case) -> str:
        del case
        moment = achieved_at()
        if moment is None or (ahead := moment - clock()) <= most:
            return ""
        return (
            f"the score was achieved {ahead:.3f} s in the future, above max_ahead {most:g} s: give the time at which "
            f"it was achieved, and set the clocks of both sides."
        )

    return check


def _old(most: float, clock: Callable[[], float]) -> Check:
    def check(case: Case) -> str:
        del case
        moment = achieved_at()
        if moment is None or (age := clock() - moment) <= most:
            return ""
        return (
            f"the score was achieved {age:.3f} s ago, above max_age {most:g} s: send scores sooner, or raise max_age."
        )

    return check


# ------------------------------------------------------------------ the player


# ------------------------------------------------------------------ the score


def _below(least: Score) -> Check:
    def check(case: Case) -> str:
        if case.new >= least:
            return ""
        return f"{_score(case)} is below score_min {least!r}: give a score within the range that is allowed."

    return check


def _above(most: Score) -> Check:
    def check(case: Case) -> str:
        if case.new <= most:
            return ""
        return f"{_score(case)} is above score_max {most!r}: give a score within the range that is allowed."

    return check


def _score(case: Case) -> str:
    if case.delta is None:
        return f"score {shorten(case.new)}"
    return f"the sum {shorten(case.old or 0)} + {shorten(case.delta)} = {shorten(case.new)}"


def _changed(most: Score, exempt: bool, order: Order, keep: Keep) -> Check:  # noqa: FBT001 - for this module
    def check(case: Case) -> str:
        old = case.old
        change = case.delta if case.delta is not None else case.new - (old or 0)
        if -most <= change <= most:
            return ""
        if old is None:
            return "" if exempt else _first(case, most)
        if keep == "best" and not is_better(case.new, old, order):
            return ""
        return (
            f"{_score(case)} changes the current score {shorten(old)} by {shorten(change)}, more than max_change "
            f"{most!r} per update: check where the score comes from."
        )

    return check


def _first(case: Case, most: Score) -> str:
    return (
        f"{_score(case)} is more than max_change {most!r} from 0, where a new player starts: check where the score "
        f'comes from, or set first_score to "exempt".'
    )
