"""The parameters of a query, and what a query must be to be taken at all."""

from __future__ import annotations

import math
import re
from typing import Annotated, Final
from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import Query
from pydantic import BeforeValidator, SkipValidation, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from .models import DEFAULT_RADIUS, MOST_ENTRIES, MOST_RADIUS, PlayerId
from .problems import UNREADABLE, ProblemError

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,400}")
_INFINITE: Final = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)

_MOST_BYTES: Final = 2**13
_MOST_NAMES: Final = 16

_BOUND: Final = {"type": "number", "description": "An end of a score range, inclusive."}


def read_number(text: object) -> int | float:
    """Return the number of a text, a whole one as `int`; whether it is an allowed score is the board's to say.

    Raises `ValueError` for what is no number, and for one too large for a double: it is not infinite.
    """
    if not isinstance(text, str):
        raise TypeError("must be a number")
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if math.isnan(number) or (math.isinf(number) and not _INFINITE.fullmatch(text)):
        raise ValueError("must be a finite number, or inf or -inf for an open end")
    return number


_Bound = Annotated[int | float, SkipValidation, BeforeValidator(read_number), WithJsonSchema(_BOUND)]

Player = Annotated[PlayerId, Query(description="The player's id: 1 to 128 bytes in UTF-8, percent-encoded.")]
N = Annotated[int, Query(ge=0, le=MOST_ENTRIES, description="Most entries to return.", examples=[10])]
Radius = Annotated[
    int,
    Query(ge=0, le=MOST_RADIUS, description="How many neighbours on each side.", examples=[DEFAULT_RADIUS]),
]
FirstRank = Annotated[int, Query(ge=1, le=2**53, description="The first rank; 1 is the best.", examples=[1])]
LastRank = Annotated[int, Query(ge=1, le=2**53, description="The last rank, inclusive.", examples=[10])]
Low = Annotated[_Bound | SkipJsonSchema[None], Query(description="The lowest score; without it, the end is open.")]
High = Annotated[_Bound | SkipJsonSchema[None], Query(description="The highest score; without it, the end is open.")]


def check_length(query: bytes) -> None:
    """Refuse a query that is long to read; raises `ProblemError`."""
    if len(query) > _MOST_BYTES or query.count(b"&") >= _MOST_NAMES:
        raise ProblemError(UNREADABLE, f"a query has at most {_MOST_BYTES} bytes and {_MOST_NAMES} parameters.")


def check_query(query: bytes) -> None:
    """Refuse a query that could be taken for another one than was meant; raises `ProblemError`.

    Bytes that are no UTF-8 would turn into a replacement character, and so into another player's id; of a name that is
    given twice, one value would be dropped.
    """
    if not query:
        return
    try:
        unquote_to_bytes(query.replace(b"+", b" ")).decode()
    except UnicodeDecodeError as error:
        raise ProblemError(UNREADABLE, "the query is not UTF-8, percent-encoded.") from error
    names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)]
    if not query.isascii():
        raise ProblemError(UNREADABLE, "the query has bytes that are not percent-encoded: encode them.")
    if len(set(names)) < len(names):
        raise ProblemError(UNREADABLE, "a parameter is given twice: give each once.")
