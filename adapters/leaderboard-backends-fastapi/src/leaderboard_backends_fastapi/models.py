"""What requests and answers look like, for the OpenAPI description.

The shape of a body is checked here. Its values are not: they reach the board as they came, and the contract's own rules
judge them, so that 10^400, `true` or `"12"` is refused for the same reason, in the same words, as anywhere else.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    SkipValidation,
    WithJsonSchema,
    model_validator,
)

MOST_ENTRIES: Final = 1000
"""The most entries of one answer."""

MOST_UPDATES: Final = 1000
"""The most updates of one request, which most backends apply as one batch."""

MOST_NAMES: Final = 32
"""The most names of an object in a body: of more, which only a mistake or an attack has, not each one is reported."""

MOST_RADIUS: Final = (MOST_ENTRIES - 1) // 2

DEFAULT_ENTRIES: Final = 100
DEFAULT_RADIUS: Final = 5

_PLAYER_ID: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": 128,
    "description": "The player's id: 1 to 128 bytes in UTF-8, compared as bytes, never normalised.",
    "examples": ["u1"],
}
_USERNAME: Final = {
    "type": "string",
    "maxLength": 128,
    "description": "The name to show: at most 128 bytes in UTF-8. The last one given is shown.",
    "examples": ["Ada"],
}
_NUMBER: Final = {
    "type": "number",
    "description": "A finite number. Whole numbers within ±2^53 are exact; larger whole numbers are refused.",
    "examples": [1500],
}


_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
"""A date-time of RFC 3339."""


def _written_out(value: object) -> object:
    """Refuse a number, in a text too, which could be seconds, milliseconds or a mistake."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return value
    raise ValueError("must be a string such as 2026-05-01T12:00:00Z")


PlayerId = Annotated[str, SkipValidation, WithJsonSchema(_PLAYER_ID)]
Username = Annotated[str, SkipValidation, WithJsonSchema(_USERNAME)]
Number = Annotated[int | float, SkipValidation, WithJsonSchema(_NUMBER)]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written_out),
    Field(description="When the score was achieved, with its time zone.", examples=["2026-05-01T12:00:00Z"]),
]


class Body(BaseModel):
    """A body of a request: what it does not know, it refuses, as it may be a misspelt name."""

    model_config = ConfigDict(extra="forbid")
    most_bytes: ClassVar[int] = 2**13
    """The longest body of this kind, where `Limits.body_bytes` is not lower still."""

    @model_validator(mode="before")
    @classmethod
    def _check_shape(cls, given: object) -> object:
        """Refuse an object of many names as a whole, as each costs more to report than to send."""
        if isinstance(given, dict) and len(given) > MOST_NAMES:
            raise ValueError(f"has {len(given)} names: the names are {', '.join(cls.model_fields)}")
        return given


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class Achievement(Body):
    """A player's score, to be stored."""

    player_id: PlayerId
    username: Username
    score: Number

    model_config = _example(player_id="u1", username="Ada", score=1500)


class Update(Achievement):
    """A player's score, to be stored."""

    achieved_at: Moment | None = None


class Increment(Body):
    """What to add to a player's score; an unknown player starts at 0."""

    player_id: PlayerId
    username: Username
    delta: Number
    achieved_at: Moment | None = None

    model_config = _example(player_id="u1", username="Ada", delta=25)


class Updates(Body):
    """Many scores, with the same end state as one by one in order."""

    most_bytes: ClassVar[int] = 2**40
    updates: Annotated[list[Achievement], FailFast(), Field(max_length=MOST_UPDATES)]
    achieved_at: Moment | None = None

    model_config = _example(updates=[{"player_id": "u1", "username": "Ada", "score": 1500}])


class Friends(Body):
    """The players that are asked for."""

    most_bytes: ClassVar[int] = 2**18
    player_ids: Annotated[list[PlayerId], Field(max_length=MOST_ENTRIES)]

    model_config = _example(player_ids=["u1", "u2"])


class Entry(BaseModel):
    """One line of a board: rank 1 is the best."""

    rank: Annotated[int, Field(ge=1, description="1 is the best.")]
    player_id: PlayerId
    username: Username
    score: Number

    model_config = _example(rank=1, player_id="u1", username="Ada", score=1500)


class Entries(BaseModel):
    """Lines of a board, best first."""

    entries: list[Entry]


class FriendEntries(BaseModel):
    """A line for each player asked for, in the order asked; null for an unknown one."""

    entries: list[Entry | None]


class Rank(BaseModel):
    """A player's rank."""

    rank: Annotated[int, Field(ge=1, description="1 is the best.", examples=[1])]


class Percentile(BaseModel):
    """How many percent of the players are no better than this one."""

    percentile: Annotated[float, Field(gt=0, le=100, description="100 for the best.", examples=[98.5])]


class Applied(BaseModel):
    """How many updates were applied."""

    updates: Annotated[int, Field(ge=0, examples=[2])]


class Removed(BaseModel):
    """Whether there was such a player."""

    removed: bool


class Count(BaseModel):
    """A number of players."""

    players: Annotated[int, Field(ge=0, examples=[1200])]


class Health(BaseModel):
    """That the server, or the storage behind it, answers."""

    status: Annotated[str, Field(examples=["ok"])]
