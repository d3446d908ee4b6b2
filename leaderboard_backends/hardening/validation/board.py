"""`ValidatedLeaderboard`: a board that refuses, or reports, updates that break a rule, and refuses large reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any, Final, NoReturn, cast

from ...answers import ask_live
from ...errors import LeaderboardError, ScoreLimitError, UpdateRefusedError
from ...model import Entry, Score, add_scores, shorten
from ...protocol import PAGE_SIZE, LeaderboardBackend
from ...score_limits import within
from ...wrapper import Wrapper, achieved_at, hook_of
from .cases import Case, Steps
from .players import KnownPlayers
from .reports import Flag, Reports, RuleCounts
from .rules import Rule, change_rules, range_rules, request_rules, storage_limits
from .settings import OPTIONS, Settings, check_settings
from .stripes import Stripes

MOST_BYTES: Final = 4
"""Of a character in UTF-8."""


class ValidatedLeaderboard(Wrapper):
    """Holds updates, increments and each step of a batch to the same rules, and reads to bounds.

    With no settings it refuses only scores that were achieved in the future (`achieved_at`). A refused update, or
    batch, raises `UpdateRefusedError`, whose `rule` is the setting, before anything is written; a flagged one is
    applied. `on_flag` is called for both, once the update is done and outside all locks, so that it may call the board,
    for example to remove the player.

    What the rules mean:

    - `score_min` and `score_max` hold for each score given and for the sum of each increment, on a `keep="best"` board
      also where that score would be ignored.
    - `max_change` limits how far one update changes the stored score: with `keep="best"`, a score that is not better
      changes nothing. A new player's first score counts as a change from 0, where increments start too, so that a new
      account is no way around the rule. On an ascending board, where 0 is the best of scores, a first score is exempt.
      `first_score` overrides both.
    - `achieved_at` of a batch is the time of each of its updates.

    Where the board's `capabilities.limits` is true, the storage checks the rules that refuse by a sum or a change, in
    the atomic step that writes: they hold for the writers of all processes, and cost no read. Where it is false, and
    for rules that only flag, the stored score is read first, in one more read of the board: for each update and
    increment with `max_change`, and for each increment with `score_min` or `score_max`. Between that read and the
    write, no other thread changes the same player through this object: updates of one player wait for each other, as
    do 1 in 64 of the others. Other processes and other board objects can change the player, so such a rule is exact
    only for a single writing process.

    A batch is checked as a whole before any of it is sent and, where the storage can, again as it is written: if other
    writers have made it break a rule meanwhile, it raises `ScoreLimitError`. Answers from memory decide nothing: where
    the storage does not answer, the update raises `BackendUnavailableError`, as it does where `player_exists` raises.

    Reading is bounded by `max_n`, `max_radius`, `max_ids`, `max_span` and `max_limit`; iterating the board is not, as
    it reads a page at a time. `counts` has the flags and refusals by rule. `clock` returns seconds since the epoch.

    A read beyond its bound raises `UpdateRefusedError`, too. A call by a finalizer or a signal handler in the middle of
    another one of its thread may raise `BackendUnavailableError`. Making one raises `ConfigurationError` for settings
    that contradict each other. Beside that read and `player_exists`, O(1) per update, no round trip.
    """

    position = 200
    options = OPTIONS

    def __init__(self, inner: LeaderboardBackend, *, clock: Callable[[], float] = time.time, **settings: Any) -> None:
        super().__init__(inner)
        checked = check_settings(settings)
        self._rules: Final = checked
        players = None if checked.player_exists is None else KnownPlayers(checked.player_exists, checked)
        self._requests: Final = tuple(request_rules(checked, clock, players.check if players else None))
        self._untimed: Final = tuple(rule for rule in self._requests if rule.name not in ("max_ahead", "max_age"))
        """For updates that give no time of their achievement."""
        self._ranges: Final = tuple(range_rules(checked))
        self._scores: Final = (*self._ranges, *change_rules(checked, self.order, self.keep))
        exact = inner.capabilities.limits
        self._limits: Final = storage_limits(checked, self.order) if exact else None
        self._update_limits: Final = self._limits if self._limits and self._limits.max_change < inf else None
        self._judges_change: Final = checked.max_change is not None
        self._reads_old: Final = self._judges_change and not (exact and checked.change_action == "refuse")
        self._reads_sum: Final = bool(self._ranges) and not (exact and checked.score_action == "refuse")
        self._locks: Final = Stripes() if self._reads_old or self._reads_sum else None
        """`None` where no rule reads the stored score first."""
        self._reports: Final = Reports(checked.on_flag)
        self._take_bounds(checked)
        self._update_inside = hook_of(inner.update_score)
        if self._update_limits is not None:
            self._update_inside = partial(cast("Any", within), self._update_limits, self._update_inside)
        self._increment_inside = hook_of(inner.increment_score)
        if self._limits is not None:
            self._increment_inside = partial(cast("Any", within), self._limits, self._increment_inside)

    def _take_bounds(self, checked: Settings) -> None:
        self._max_n = _or_infinite(checked.max_n)
        self._max_radius = _or_infinite(checked.max_radius)
        self._max_ids = _or_infinite(checked.max_ids)
        self._max_span = _or_infinite(checked.max_span)
        self._max_limit = _or_infinite(checked.max_limit)
        self._max_change = _or_infinite(checked.max_change)
        of_texts = all(rule.name in ("max_player_id_bytes", "max_username_bytes") for rule in self._untimed)
        self._short_id = _or_infinite(checked.max_player_id_bytes) / MOST_BYTES if of_texts else -1
        self._short_name = _or_infinite(checked.max_username_bytes) / MOST_BYTES if of_texts else -1
        """The characters up to which texts break no rule for sure; none where a rule looks at something else."""
        self._lowest = -inf if checked.score_min is None else checked.score_min
        self._highest = _or_infinite(checked.score_max)

    @property
    def counts(self) -> RuleCounts:
        """How many updates were flagged and refused, and how many reads were refused, by rule; for monitoring."""
        return self._reports.counts

    @property
    def max_n(self) -> int | None:
        """The largest n of `get_top_n`, `None` without a limit."""
        return self._rules.max_n

    def _settings(self) -> str:
        return str(self._rules)

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        flags: list[Flag] = []
        try:
            if len(username) > self._short_name or len(player_id) > self._short_id or achieved_at() is not None:
                self._judge_request(Case(player_id, username, score, flags))
            if self._locks is None:
                if not self._lowest <= score <= self._highest:
                    self._judge_against(Case(player_id, username, score, flags), None)
                return self._update_inside(player_id, username, score)
            with self._locks.of(player_id):
                old = self._standing(player_id) if self._reads_old else None
                if not self._is_fine(score, None if old is None else score - old):
                    self._judge_against(Case(player_id, username, score, flags), old)
                return self._update_inside(player_id, username, score)
        except ScoreLimitError as error:
            self._explain(error, Case(player_id, username, score, flags))
        finally:
            if flags:
                self._reports.deliver(flags)

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        flags: list[Flag] = []
        try:
            if len(username) > self._short_name or len(player_id) > self._short_id or achieved_at() is not None:
                self._judge_request(Case(player_id, username, delta, flags, delta))
            if self._locks is None:
                return self._increment_inside(player_id, username, delta)
            with self._locks.of(player_id):
                if self._reads_sum or (self._reads_old and abs(delta) > self._max_change):
                    old = self._standing(player_id)
                    if not self._is_fine(add_scores(old or 0, delta), delta):
                        self._judge_against(Case(player_id, username, delta, flags, delta), old)
                return self._increment_inside(player_id, username, delta)
        except ScoreLimitError as error:
            self._explain(error, Case(player_id, username, delta, flags, delta))
        finally:
            if flags:
                self._reports.deliver(flags)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        flags: list[Flag] = []
        try:
            if requests := self._untimed if achieved_at() is None else self._requests:
                self._walk(updates, None, flags, partial(self._judge, requests))
            if self._locks is None:
                self._judge_and_send(updates, flags)
            else:
                players = (player_id for player_id, _, _ in updates)
                self._locks.holding(players, partial(self._judge_and_send, updates, flags))
        except ScoreLimitError as error:  # what others wrote since the batch was judged: the bounds need no such look
            error.rule = "max_change"
            self.counts.refused.add(error.rule)
            raise
        finally:
            if flags:
                self._reports.deliver(flags)

    def _judge_and_send(self, updates: Sequence[tuple[str, str, Score]], flags: list[Flag]) -> None:
        if self._scores:
            self._walk(updates, self._standing_of(updates), flags, self._judge_score)
        if self._update_limits is None:
            self._inner.update_scores(updates)
        else:
            within(self._update_limits, self._inner.update_scores, updates)

    def _remove_player(self, player_id: str) -> bool:
        if self._locks is None:
            return self._inner.remove_player(player_id)
        with self._locks.of(player_id):
            return self._inner.remove_player(player_id)

    def _clear(self) -> None:
        if self._locks is None:
            self._inner.clear()
        else:
            self._locks.holding(None, self._inner.clear)

    # ------------------------------------------------------------------ judging updates

    def _walk(
        self,
        updates: Sequence[tuple[str, str, Score]],
        found: Mapping[str, Score] | None,
        flags: list[Flag],
        judge: Callable[[Case], None],
    ) -> None:
        """Judge each update of a batch by what stands after those before it."""
        steps = Steps(self.order, self.keep, found)
        for position, (player_id, username, score) in enumerate(updates):
            judge(Case(player_id, username, score, flags, position=position, steps=steps))
            steps.store(player_id, score)

    def _judge_request(self, case: Case) -> None:
        """Judge an update by the rules that need no score."""
        self._judge(self._untimed if achieved_at() is None else self._requests, case)

    def _is_fine(self, score: Score, change: Score | None) -> bool:
        """Whether a score breaks no rule for sure, without the words for one that might; `None` is no known change."""
        if not self._lowest <= score <= self._highest:
            return False
        return not self._reads_old or (change is not None and abs(change) <= self._max_change)

    def _judge_score(self, case: Case) -> None:
        if self._judges_change:
            self._read(case)
        self._judge(self._scores, case)

    def _judge_against(self, case: Case, old: Score | None) -> None:
        if self._reads_old or case.delta is not None:
            case.take(old)
        self._judge(self._scores if case.known else self._ranges, case)

    def _explain(self, error: ScoreLimitError, case: Case) -> NoReturn:
        """Refuse what the storage refused, in the words of the rule, by the score that stood in that moment."""
        case.take(error.standing)
        self._judge(self._scores, case)
        raise error

    def _judge(self, rules: Sequence[Rule], case: Case) -> None:
        for rule in rules:
            if problem := rule.check(case):
                self._find(rule, problem, case)

    def _find(self, rule: Rule, problem: str, case: Case) -> None:
        """Flag an update, or refuse it."""
        if not case.known:
            self._try_to_read(case)
        name, action = rule.name, rule.action
        case.flags.append(
            Flag(case.player_id, case.username, case.old, case.outcome, name, action, self.name, achieved_at())
        )
        if action == "flag":
            self.counts.flagged.add(name)
            return
        self.counts.refused.add(name)
        where = "" if case.position is None else f"update {case.position}: "
        raise UpdateRefusedError(f"{where}{problem} Nothing was written.", name)

    # ------------------------------------------------------------------ what stands

    def _standing(self, player_id: str) -> Score | None:
        return ask_live(self._inner.get_score, player_id)

    def _read(self, case: Case) -> None:
        """Look up what stands; raises what reading raises, and `InvalidScoreError` as `Case.take` does."""
        steps, player_id = case.steps, case.player_id
        old = self._standing(player_id) if steps is None or steps.needs(player_id) else None
        case.take(old if steps is None else steps.score(player_id, old))

    def _try_to_read(self, case: Case) -> None:
        """Look up what stands for the flag; a board that cannot tell does not change the verdict."""
        try:
            self._read(case)
        except LeaderboardError:
            return

    def _standing_of(self, updates: Sequence[tuple[str, str, Score]]) -> Mapping[str, Score] | None:
        """Return the scores of the players of a batch, read in pages, where a rule needs all of them."""
        if not self._judges_change:
            return None
        players = list(dict.fromkeys(player_id for player_id, _, _ in updates))
        standing: dict[str, Score] = {}
        for start in range(0, len(players), PAGE_SIZE):
            found = ask_live(self._inner.get_entries, players[start : start + PAGE_SIZE])
            standing.update((entry.player_id, entry.score) for entry in found if entry is not None)
        return standing

    # ------------------------------------------------------------------ reads

    def _get_top_n(self, n: int) -> list[Entry]:
        if n > self._max_n:
            self._refuse_read("max_n", "n", n)
        return self._inner.get_top_n(n)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        if radius > self._max_radius:
            self._refuse_read("max_radius", "radius", radius)
        return self._inner.get_around(player_id, radius)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        if len(player_ids) > self._max_ids:
            self._refuse_read("max_ids", "the number of player_ids", len(player_ids))
        return self._inner.get_entries(player_ids)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        if last_rank - first_rank + 1 > self._max_span:
            self._refuse_read("max_span", "the number of ranks", last_rank - first_rank + 1)
        return self._inner.get_range(first_rank, last_rank)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        if (inf if limit is None else limit) > self._max_limit:
            self._refuse_read("max_limit", "limit", limit)
        return self._inner.get_by_score(low, high, limit)

    def _refuse_read(self, rule: str, name: str, value: int | None) -> None:
        self.counts.refused.add(rule)
        most, given = getattr(self._rules, rule), shorten(value)
        raise UpdateRefusedError(f"{name} {given} is above {rule} {most}: ask for at most {most}, in pages.", rule)


def _or_infinite(bound: float | None) -> float:
    return inf if bound is None else bound
