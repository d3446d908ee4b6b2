"""The settings of validation. Each rule has the name of its setting, which errors, flags and counts bear too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from ...errors import ConfigurationError
from ...location import Option, boolean, check_options, function, hook, integer, number, one_of, or_off, seconds
from ...model import MAX_TEXT_BYTES, Score

Action = Literal["refuse", "flag"]
"""What happens to an update that breaks a rule: it is refused, or applied and reported."""

UPDATE_RULES: Final = (
    "max_player_id_bytes",
    "max_username_bytes",
    "require_achieved_at",
    "max_ahead",
    "max_age",
    "player_exists",
    "score_min",
    "score_max",
    "max_change",
)
"""The rules of updates, in the order in which they are checked: those that ask nobody first."""

READ_RULES: Final = ("max_n", "max_radius", "max_ids", "max_span", "max_limit")
"""The rules of reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Checked settings; `None` is off."""

    score_min: Score | None = None
    score_max: Score | None = None
    score_action: Action = "refuse"
    max_change: Score | None = None
    first_score: Literal["counted", "exempt"] | None = None
    change_action: Action = "refuse"
    max_age: float | None = None
    max_ahead: float | None = 5
    require_achieved_at: bool = False
    time_action: Action = "refuse"
    player_exists: Callable[[str], bool] | None = None
    known_seconds: float = 300
    unknown_seconds: float = 10
    max_cached_players: int = 100_000
    player_action: Action = "refuse"
    max_player_id_bytes: int | None = None
    max_username_bytes: int | None = None
    text_action: Action = "refuse"
    max_n: int | None = None
    max_radius: int | None = None
    max_ids: int | None = None
    max_span: int | None = None
    max_limit: int | None = None
    on_flag: Callable[..., object] | None = None

    def __post_init__(self) -> None:
        if self.score_min is not None and self.score_max is not None and self.score_min > self.score_max:
            raise ConfigurationError(
                f"score_min {self.score_min!r} of validation is above score_max {self.score_max!r}: no score is "
                "between them. Swap them."
            )

    def __str__(self) -> str:
        """Return what is on, for `repr`: all that is not as by default, and the tolerance for clocks."""
        values = ((field, getattr(self, field.name)) for field in fields(self))
        return ", ".join(
            f"{field.name}={_shown(value)}"
            for field, value in values
            if value is not None and (value != field.default or field.name == "max_ahead")
        )


def _shown(value: object) -> str:
    if callable(value):
        return f"{getattr(value, '__module__', '?')}:{getattr(value, '__qualname__', type(value).__name__)}"
    return str(value)


def check_settings(given: Mapping[str, Any], *, awaits: bool = False) -> Settings:
    """Return checked settings, with coroutine functions where the board `awaits` them.

    Raises a `ConfigurationError` that names the key and what is allowed.
    """
    checked = check_options("validation", OPTIONS, given)
    if not awaits:
        check_options("validation", {name: Option(or_off(function), "") for name in HOOKS}, _only(HOOKS, checked))
    return Settings(**checked)


def _only(names: Iterable[str], given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name) is not None}


HOOKS: Final = ("player_exists", "on_flag")
"""The settings that are functions of the app."""

_action: Final = one_of("refuse", "flag")
_bound: Final = or_off(integer(0))

OPTIONS: Final[Mapping[str, Option]] = {
    "score_min": Option(or_off(number()), "lowest allowed score, also as the result of an increment (no limit)"),
    "score_max": Option(or_off(number()), "highest allowed score, also as the result of an increment (no limit)"),
    "score_action": Option(_action, "refuse or flag updates that break score_min or score_max (refuse)"),
    "max_change": Option(or_off(number(0)), "largest change of a score per update, up or down (no limit)"),
    "first_score": Option(
        one_of("counted", "exempt"),
        "whether max_change applies to a new player's first score, counted from 0, or exempts it (counted on a "
        "descending board, exempt on an ascending one)",
    ),
    "change_action": Option(_action, "refuse or flag updates that break max_change (refuse)"),
    "max_age": Option(or_off(seconds), "largest age of a score, in seconds since it was achieved (no limit)"),
    "max_ahead": Option(
        or_off(number(0)), "most seconds that the time of a score may be ahead of the app's clock; false: no limit (5)"
    ),
    "require_achieved_at": Option(
        boolean, "whether an update must give the time at which its score was achieved (false)"
    ),
    "time_action": Option(_action, "refuse or flag updates that break a rule about that time (refuse)"),
    "player_exists": Option(
        or_off(hook),
        "a function, or module:function, that takes a player id and returns whether the player exists (none)",
    ),
    "known_seconds": Option(seconds, "seconds to remember that a player exists (300)"),
    "unknown_seconds": Option(seconds, "seconds to remember that a player does not exist (10)"),
    "max_cached_players": Option(integer(1), "most players to remember, of each kind (100000)"),
    "player_action": Option(_action, "refuse or flag updates of players who do not exist (refuse)"),
    "max_player_id_bytes": Option(or_off(integer(1, MAX_TEXT_BYTES)), "most bytes of a player id in UTF-8 (128)"),
    "max_username_bytes": Option(or_off(integer(0, MAX_TEXT_BYTES)), "most bytes of a username in UTF-8 (128)"),
    "text_action": Option(_action, "refuse or flag texts that are too long (refuse)"),
    "max_n": Option(_bound, "largest n of get_top_n (no limit)"),
    "max_radius": Option(_bound, "largest radius of get_around (no limit)"),
    "max_ids": Option(_bound, "most players per call of get_entries (no limit)"),
    "max_span": Option(_bound, "most ranks per call of get_range (no limit)"),
    "max_limit": Option(_bound, "largest limit of get_by_score; a call without a limit exceeds it (no limit)"),
    "on_flag": Option(
        or_off(hook),
        "a function, or module:function, that is called with a Flag for each update that breaks a rule (it is logged)",
    ),
}
