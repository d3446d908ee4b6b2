"""Whether each rule of validation refuses, or flags, an update or a read made to break it, and a good update passes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from inspect import isawaitable
from math import inf, isfinite, nextafter
from secrets import token_hex
from time import time
from typing import Any, Final, NamedTuple, TypeAlias

from ..errors import InvalidScoreError, LeaderboardError, UpdateRefusedError
from ..hardening.validation import Flag
from ..hardening.validation.settings import READ_RULES, UPDATE_RULES, check_settings
from ..hardening.validation.settings import Settings as Rules
from ..model import MAX_TEXT_BYTES, Score
from ..numerals import whole
from ..protocol import LeaderboardBackend
from ..wrapper import achieved
from .finding import Finding, failed, not_applicable, passed, together, warning
from .subject import Subject
from .traffic import Traffic

LAYER: Final = "validation"
SCORE_RULES: Final = ("score_min", "score_max", "max_change")
MARGIN: Final = 60.0
"""Seconds beyond a rule of time: more than a drill takes, and than clocks jump."""
LONGEST_LIST: Final = 100_000
"""Ids that are asked for at most, to break `max_ids`."""

ACTIONS: Final = {
    "max_player_id_bytes": "text_action",
    "max_username_bytes": "text_action",
    "require_achieved_at": "time_action",
    "max_ahead": "time_action",
    "max_age": "time_action",
    "player_exists": "player_action",
    "score_min": "score_action",
    "score_max": "score_action",
    "max_change": "change_action",
}
"""The setting that says what becomes of an update that breaks a rule."""


class Attempt(NamedTuple):
    """An update of a player of its own; `moment` is when its score was achieved, `None` where it does not say."""

    player_id: str
    username: str
    score: Score
    moment: float | None


class Drill:
    """A scratch board with the rules alone, whose flags are seen here and by nobody of the app."""

    def __init__(self, subject: Subject, rules: Rules) -> None:
        self.rules: Final = rules
        self.flags: Final[list[Flag]] = []
        self.traffic: Final = Traffic(subject.settings(LAYER) or {}, 1)
        self.nobody: Final = f"{token_hex(16)}-preflight"[: rules.max_player_id_bytes or MAX_TEXT_BYTES]
        changed: dict[str, Any] = {"on_flag": self.flags.append}
        if rules.player_exists is not None:
            changed["player_exists"] = self._exists
        self.board: Final[LeaderboardBackend] = subject.scratch.open(only={LAYER}, changed={LAYER: changed})
        self.descending: Final = self.board.order == "descending"
        self._players = 0

    def _exists(self, player_id: str) -> bool:
        """Ask the app of the player whom nobody has made; the drill's own players are taken as known."""
        exists = self.rules.player_exists
        if exists is None or player_id != self.nobody:
            return True
        found: Any = exists(player_id)
        answer: bool = asyncio.run(_outcome(found)) if isawaitable(found) else found
        return answer

    def new_player(self) -> str:
        """Return a player who has no score yet."""
        self._players += 1
        return self.traffic.player_id(self._players)

    @property
    def start(self) -> Score:
        """The allowed score that is nearest to 0, where a new player starts."""
        low, high = self.rules.score_min, self.rules.score_max
        score = 0 if low is None else max(0, low)
        return score if high is None else min(score, high)

    def good(self, player_id: str) -> Attempt:
        """Return an update that keeps every rule."""
        return Attempt(player_id, self.traffic.username(0), self.start, time())

    def send(self, attempt: Attempt) -> None:
        """Make an update; raises what the board raises."""
        player_id, username, score, moment = attempt
        if moment is None:
            self.board.update_score(player_id, username, score)
            return
        with achieved(moment):
            self.board.update_score(player_id, username, score)


async def _outcome(found: Awaitable[Any]) -> Any:
    return await found


def check_validation(subject: Subject) -> Finding:
    """Break every rule that is on, one after the other."""
    settings = subject.settings(LAYER)
    table = f"[{subject.table}.{LAYER}]"
    advice = f"Set score_min, score_max and max_change in {table}."
    if settings is None:
        return warning("validation is off", advice)
    rules = check_settings(settings, awaits=True)  # as the app may open the board in an event loop
    drill = Drill(subject, rules)
    on = [rule for rule in (*UPDATE_RULES, *READ_RULES) if _is_on(getattr(rules, rule))]
    findings = [_good_passes(drill), *(_try(drill, rule) for rule in on)]
    if not any(rule in on for rule in SCORE_RULES):
        findings.append(warning("no rule limits a score or its change", advice))
    return _summary(findings)


def _is_on(setting: object) -> bool:
    """Whether a rule is on; a bound of 0 is."""
    return setting is not None and setting is not False


def _summary(findings: list[Finding]) -> Finding:
    """Return all findings as one, the rules that hold by name."""
    held = [finding.figure for finding in findings if finding.status == "passed"]
    others = [finding for finding in findings if finding.status != "passed"]
    return together([passed(f"works: {', '.join(held)}" if held else ""), *others])


def _good_passes(drill: Drill) -> Finding:
    try:
        drill.send(drill.good(drill.new_player()))
    except UpdateRefusedError as error:
        return failed(f"a valid first update is refused: {error}", f"Relax {error.rule}: no new player can join.")
    if drill.flags:
        return failed(f"a valid first update is flagged by {drill.flags[0].rule}", "Relax that rule.")
    return passed("a valid update passes")


def _try(drill: Drill, rule: str) -> Finding:
    """Break one rule."""
    if rule in READS:
        most = getattr(drill.rules, rule)
        return _try_read(rule, lambda: READS[rule](drill.board, most + 1), most)
    attempt = BREAKING[rule](drill)
    if attempt is None:
        return not_applicable(f"{rule} cannot be tested: other rules refuse every update that breaks it")
    drill.flags.clear()
    refused = _refused_by(lambda: drill.send(attempt))
    action = getattr(drill.rules, ACTIONS[rule])
    seen = any((flag.rule, flag.action) == (rule, action) for flag in drill.flags)
    if seen and (refused == rule or action == "flag"):
        return passed(f"{rule} {'refuses' if action == 'refuse' else 'flags'}")
    return _not_held(rule, refused)


def _not_held(rule: str, refused: str | None) -> Finding:
    if rule == "player_exists":
        return failed(
            "player_exists returns True for a random player id",
            "Let it return False for players that the app does not know.",
        )
    if refused:
        return warning(f"{rule}: {refused} refuses such updates first", f"Check whether {rule} is still needed.")
    return failed(f"{rule}: an update that breaks it passed", "Report this as a bug of validation.")


def _try_read(rule: str, read: Callable[[], object], most: int) -> Finding:
    if rule == "max_ids" and most >= LONGEST_LIST:
        return not_applicable(f"{rule} is {whole(most)}: too many ids to test")
    if _refused_by(read) == rule:
        return passed(f"{rule} refuses")
    return failed(f"{rule} did not refuse a read of {whole(most + 1)}", "Report this as a bug of validation.")


def _refused_by(call: Callable[[], object]) -> str | None:
    """Return the rule that refuses a call; `None` where it passes."""
    try:
        call()
    except UpdateRefusedError as error:
        return error.rule
    return None


# ---------------------------------------------------------------------- what breaks each rule

Breaking: TypeAlias = Callable[[Drill], Attempt | None]
"""Makes an update that breaks a rule, of a player of its own; `None` where nothing does."""


def _long_id(drill: Drill) -> Attempt | None:
    size = _or(drill.rules.max_player_id_bytes, MAX_TEXT_BYTES)
    return None if size >= MAX_TEXT_BYTES else drill.good("x" * (size + 1))


def _long_name(drill: Drill) -> Attempt | None:
    size = _or(drill.rules.max_username_bytes, MAX_TEXT_BYTES)
    good = drill.good(drill.new_player())
    return None if size >= MAX_TEXT_BYTES else good._replace(username="x" * (size + 1))


def _undated(drill: Drill) -> Attempt:
    return drill.good(drill.new_player())._replace(moment=None)


def _of_the_future(drill: Drill) -> Attempt:
    return drill.good(drill.new_player())._replace(moment=time() + _or(drill.rules.max_ahead, 0) + MARGIN)


def _of_the_past(drill: Drill) -> Attempt:
    return drill.good(drill.new_player())._replace(moment=time() - _or(drill.rules.max_age, 0) - MARGIN)


def _of_nobody(drill: Drill) -> Attempt:
    return drill.good(drill.nobody)


def _too_low(drill: Drill) -> Attempt | None:
    return _with_score(drill.good(drill.new_player()), _beyond(_or(drill.rules.score_min, 0), -1))


def _too_high(drill: Drill) -> Attempt | None:
    return _with_score(drill.good(drill.new_player()), _beyond(_or(drill.rules.score_max, 0), 1))


def _jump(drill: Drill) -> Attempt | None:
    """Change a standing score by too much, towards the better side where only that counts."""
    good = drill.good(drill.new_player())
    with suppress(LeaderboardError):
        drill.send(good)
    low, high = _or(drill.rules.score_min, -inf), _or(drill.rules.score_max, inf)
    most = _or(drill.rules.max_change, 0)
    better = 1 if drill.descending else -1
    sides = (better,) if drill.board.keep == "best" else (better, -better)
    scores = (_beyond(good.score + side * most, side) for side in sides)
    return next((good._replace(score=score) for score in scores if score is not None and low <= score <= high), None)


def _with_score(attempt: Attempt, score: Score | None) -> Attempt | None:
    return None if score is None else attempt._replace(score=score)


def _beyond(bound: Score, side: int) -> Score | None:
    """Return a score just beyond another, `None` where there is none."""
    try:
        beyond = bound + side
        if beyond == bound or (isinstance(beyond, int) and abs(beyond) > 2**53):
            beyond = nextafter(float(bound), side * inf)
    except (OverflowError, InvalidScoreError):
        return None
    return beyond if isfinite(beyond) else None


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


BREAKING: Final[dict[str, Breaking]] = {
    "max_player_id_bytes": _long_id,
    "max_username_bytes": _long_name,
    "require_achieved_at": _undated,
    "max_ahead": _of_the_future,
    "max_age": _of_the_past,
    "player_exists": _of_nobody,
    "score_min": _too_low,
    "score_max": _too_high,
    "max_change": _jump,
}
"""By rule."""

READS: Final[dict[str, Callable[[LeaderboardBackend, int], object]]] = {
    "max_n": lambda board, most: board.get_top_n(most),
    "max_radius": lambda board, most: board.get_around("preflight", most),
    "max_ids": lambda board, most: board.get_entries(["preflight"] * most),
    "max_span": lambda board, most: board.get_range(1, most),
    "max_limit": lambda board, most: board.get_by_score(-inf, inf, most),
}
"""What asks for so many, by rule."""
