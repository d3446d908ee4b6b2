"""The names of all that is measured, in one place for the metrics, the alerting rules and the dashboard."""

from __future__ import annotations

from typing import Final, Literal

CALL_DURATION: Final = "leaderboard_call_duration_seconds"
"""A histogram: how long calls took, those that failed included, those that were refused not."""
UPDATES: Final = "leaderboard_updates_total"
"""A counter: scores that were updated; a batch counts each of its own."""
ERRORS: Final = "leaderboard_errors_total"
"""A counter: errors by kind, and by whose fault they are."""
DEGRADED_ANSWERS: Final = "leaderboard_degraded_answers_total"
"""A counter: queries that were not answered live, by source; `cached` are the cache hits, `replica` reads of copies."""
RULE_VIOLATIONS: Final = "leaderboard_rule_violations_total"
"""A counter: updates and queries that validation or the rate limit refused, flagged or let pass uncounted, by rule."""
PLAYERS: Final = "leaderboard_players"
"""A gauge: players on the board, as read when the metrics were collected, or the last number that was read."""
UP: Final = "leaderboard_up"
"""A gauge: 1 where the storage told the number of players in time, else 0."""

SOURCES: Final = ("replica", "cached", "stale", "approximate", "partial")
"""How answers come about that are not live."""

BOARD_LABELS: Final = ("board", "backend")
"""What all metrics are labelled by: the board's name, and the class of the innermost board."""

CallKind = Literal["update", "query"]

CALL_OF: Final[dict[str, CallKind]] = {
    **dict.fromkeys(("update_score", "increment_score", "update_scores", "remove_player", "clear"), "update"),
    **dict.fromkeys(("get_score", "get_rank", "get_entry", "get_entries", "get_percentile"), "query"),
    **dict.fromkeys(("get_top_n", "get_range", "get_around", "get_by_score", "count_by_score"), "query"),
    **dict.fromkeys(("len", "iterate"), "query"),
}
"""Whether an operation is an update or a query.

`in` is a `get_score`; `iterate` is the time to the first entry, as the rest goes at the reader's pace. `ping` is
neither: it asks after the storage, and `leaderboard_up` is its metric.
"""

BULK: Final = ("clear", "iterate", "update_scores")
"""Operations that take as long as their input or the board is long: in no percentile that an alert watches."""

CALLER: Final = "caller"
"""The fault of an error that refuses what was asked, by a rule of the contract, of validation or of a limit, and of one
that an iterable of the caller's raised."""
STORAGE: Final = "storage"
"""The fault of any other error."""

BUCKETS: Final = (
    *(1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4),
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
"""Upper bounds of the histogram in seconds, from a board in memory to a timeout; two are the default thresholds."""
