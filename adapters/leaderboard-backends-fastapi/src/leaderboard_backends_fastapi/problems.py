"""Every error as an HTTP status and a body of RFC 9457 (`application/problem+json`).

The table `KINDS` has a row for each error of the library's tree; an error that is not in it answers as its nearest
ancestor. What the caller did wrong is told in full. What is wrong behind the server is told by kind alone, as its text
may name hosts and paths; the text goes to the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from json import dumps
from math import ceil
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from leaderboard_backends import (
    BackendError,
    BackendFullError,
    BackendReadOnlyError,
    BackendUnavailableError,
    BoardMismatchError,
    BoardMovedError,
    ChangesLostError,
    ConfigurationError,
    InvalidArgumentError,
    InvalidArgumentTypeError,
    InvalidNameError,
    InvalidPlayerError,
    InvalidScoreError,
    InvalidValueError,
    LeaderboardClosedError,
    LeaderboardError,
    MissingExtraError,
    PluginError,
    RankUnknownError,
    RateLimitExceededError,
    ScoreLimitError,
    ShardsMissingError,
    StaleReplicaError,
    UnknownOptionError,
    UnknownSchemeError,
    UnsupportedOperationError,
    UpdateRefusedError,
    WriteConflictError,
    WriteOutcomeUnknownError,
)

MEDIA_TYPE: Final = "application/problem+json"
URN: Final = "urn:problem-type:leaderboard:"

_MOST_ERRORS: Final = 10
_LONGEST_PLACE: Final = 100
_log = logging.getLogger("leaderboard_backends_fastapi")


def on_one_line(record: logging.LogRecord) -> bool:
    """Escape what is no printable character in a line of the log: texts in it may come from anywhere. A filter."""
    record.msg, record.args = escaped(record.getMessage()), ()
    return True


def escaped(text: str) -> str:
    """Return a text with line breaks, escapes and the like written as Python does."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


_log.addFilter(on_one_line)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem (RFC 9457): its name, its HTTP status, and what may be told of it."""

    status: int
    name: str
    title: str
    detail: str = ""
    """What to tell; empty where the error's own text is told."""
    retry_after: int | None = None
    """Whole seconds after which to try again, where trying again makes sense."""

    @property
    def type(self) -> str:
        """The URI that names the kind."""
        return URN + self.name


_UNAVAILABLE: Final = "The storage cannot serve now. Nothing was applied; it is safe to try again."
_CONFIGURATION: Final = "The server is misconfigured; its log says how."

KINDS: Final[Mapping[type[LeaderboardError], Kind]] = {
    LeaderboardError: Kind(500, "error", "The board failed", "The server's log says why."),
    InvalidValueError: Kind(422, "invalid-value", "A value is not allowed"),
    InvalidScoreError: Kind(422, "invalid-score", "A score is not allowed"),
    InvalidPlayerError: Kind(422, "invalid-player", "A player id is not allowed"),
    InvalidNameError: Kind(422, "invalid-name", "A name is not allowed"),
    InvalidArgumentError: Kind(422, "invalid-argument", "A parameter is not allowed"),
    InvalidArgumentTypeError: Kind(422, "invalid-argument-type", "A parameter is of the wrong type"),
    UpdateRefusedError: Kind(422, "update-refused", "A rule refused this"),
    ScoreLimitError: Kind(422, "score-limit", "A score limit refused this"),
    RateLimitExceededError: Kind(429, "rate-limit-exceeded", "Too many updates"),
    LeaderboardClosedError: Kind(503, "closed", "The server is stopping", "The board was closed.", 2),
    UnsupportedOperationError: Kind(501, "unsupported-operation", "This backend does not support that"),
    BackendError: Kind(503, "backend-error", "The storage failed", "The storage failed. Nothing was applied."),
    BackendUnavailableError: Kind(503, "backend-unavailable", "The storage cannot be reached", _UNAVAILABLE, 2),
    ShardsMissingError: Kind(
        503, "shards-missing", "A part of the board does not answer", "A part of the storage did not answer in time.", 2
    ),
    BackendReadOnlyError: Kind(
        503,
        "backend-read-only",
        "The board does not accept writes",
        "The board is read-only now. Nothing was applied.",
        30,
    ),
    BackendFullError: Kind(
        507, "backend-full", "The storage is full", "The storage has no room left. Nothing was applied."
    ),
    WriteConflictError: Kind(
        503, "write-conflict", "Conflicting writes", "Nothing was applied; it is safe to try again.", 1
    ),
    WriteOutcomeUnknownError: Kind(
        504,
        "write-outcome-unknown",
        "The write may or may not have been applied",
        "The storage stopped answering after the write was sent: it may or may not have been applied. Read the "
        "player's entry before you repeat it; a repeated increment could count twice.",
    ),
    RankUnknownError: Kind(
        504,
        "rank-unknown",
        "The write was applied, its rank is not known",
        "The write was applied, but a part of the storage that its rank depends on did not answer. Do not "
        "repeat it: a repeated increment could count twice.",
    ),
    BoardMovedError: Kind(
        503,
        "board-moved",
        "The board has moved",
        "The board does not accept writes here any more. Nothing was applied.",
    ),
    ChangesLostError: Kind(
        503,
        "changes-lost",
        "Changes are not available any more",
        "The requested changes are not available any more: read the whole board again.",
    ),
    StaleReplicaError: Kind(
        503,
        "stale-replica",
        "The copy of the board is too old",
        "The copy of the board that answers reads is too old or is being loaded: try again.",
    ),
    BoardMismatchError: Kind(500, "board-mismatch", "The storage holds other data", _CONFIGURATION),
    ConfigurationError: Kind(500, "configuration", "The server is misconfigured", _CONFIGURATION),
    UnknownSchemeError: Kind(500, "unknown-scheme", "The server is misconfigured", _CONFIGURATION),
    UnknownOptionError: Kind(500, "unknown-option", "The server is misconfigured", _CONFIGURATION),
    MissingExtraError: Kind(500, "missing-extra", "The server is misconfigured", _CONFIGURATION),
    PluginError: Kind(500, "plugin", "The server is misconfigured", _CONFIGURATION),
}
"""What each error of the tree becomes."""

INVALID_REQUEST: Final = Kind(422, "invalid-request", "The request is not valid")
UNREADABLE: Final = Kind(400, "unreadable", "The request cannot be read")
AMBIGUOUS_LENGTH: Final = Kind(400, "ambiguous-length", "The request has two lengths")
WRONG_HOST: Final = Kind(421, "wrong-host", "The request is meant for another server")
NO_TOKEN: Final = Kind(401, "no-token", "A token is needed")
NOT_ALLOWED: Final = Kind(403, "not-allowed", "This token does not permit that")
UNKNOWN_PLAYER: Final = Kind(404, "unknown-player", "The board has no such player")
UNKNOWN_BOARD: Final = Kind(404, "unknown-board", "There is no such board")
NOT_MONITORED: Final = Kind(404, "not-monitored", "There are no metrics")
TOO_SLOW: Final = Kind(408, "too-slow", "The body did not arrive in time")
TOO_LARGE: Final = Kind(413, "too-large", "The body is too long")
NOT_JSON: Final = Kind(415, "not-json", "The body must be JSON")
TOO_MANY_VIEWERS: Final = Kind(503, "too-many-viewers", "Too many viewers", retry_after=15)
BUG: Final = Kind(500, "bug", "The server failed", "This is a bug; the server's log has its traceback.")


class ProblemError(Exception):
    """A request that cannot be answered, for a reason that is no error of the board."""

    def __init__(self, kind: Kind, detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or kind.detail)
        self.kind = kind
        self.headers = headers or {}


def kind_of(error: LeaderboardError) -> Kind:
    """Return what an error becomes: its own row of `KINDS`, or that of its nearest ancestor."""
    return next(KINDS[each] for each in type(error).__mro__ if each in KINDS)


def body_of(kind: Kind, detail: str = "", **members: Any) -> dict[str, Any]:
    """Return the body for a kind of problem, with further members."""
    return {"type": kind.type, "title": kind.title, "status": kind.status, "detail": detail or kind.detail, **members}


def problem(kind: Kind, detail: str = "", headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """Return the answer for a kind of problem; `members` are added to its body."""
    seconds = members.get("retry_after", kind.retry_after)
    told = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    if seconds is not None:
        told["Retry-After"] = str(seconds)
    body = dumps(body_of(kind, detail, **members))
    return Response(body, kind.status, told, MEDIA_TYPE)  # ASCII, as a text may hold a lone surrogate


def answer_error(error: ProblemError | RequestValidationError | LeaderboardError) -> Response:
    """Return the answer for an error that a route catches; what is wrong behind the server goes to the log."""
    if isinstance(error, ProblemError):
        return problem(error.kind, str(error), error.headers)
    if isinstance(error, RequestValidationError):
        return _invalid_request(error.errors())
    kind = kind_of(error)
    if kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _tell_log(kind, error)
    return problem(kind, _detail(kind, error), **_members(error))


def _tell_log(kind: Kind, error: LeaderboardError) -> None:
    level = logging.ERROR if kind.status == HTTPStatus.INTERNAL_SERVER_ERROR else logging.WARNING
    _log.log(level, "%s, answered %d: %s", type(error).__name__, kind.status, error)


def _detail(kind: Kind, error: LeaderboardError) -> str:
    outcomes = getattr(error, "outcomes", None)
    if kind.detail and outcomes is not None:  # of a board over shards, of which some failed
        applied, refused, unknown = map(len, outcomes)
        return (
            f"Of the updates of this call, {applied} were applied, {refused} were not, and {unknown} may have been: a "
            "part of the storage did not answer, or refused."
        )
    told = kind.detail or str(error)
    applied = getattr(error, "applied", 0) if outcomes is None else 0
    return f"{told} The first {applied} updates of this call were applied." if applied else told


def _members(error: LeaderboardError) -> dict[str, Any]:
    """Return what a program may want to know of an error, beside its kind."""
    members: dict[str, Any] = {}
    if isinstance(error, UpdateRefusedError) and error.rule:
        members["rule"] = error.rule
    if isinstance(error, RateLimitExceededError):
        members["retry_after"] = whole_seconds(error.retry_after)
    outcomes, applied = getattr(error, "outcomes", None), getattr(error, "applied", 0)
    if isinstance(error, BackendError) or applied or outcomes is not None:  # a score limit can meet a batch half way
        members["applied"] = applied if outcomes is None else len(outcomes.applied)
        unknown = outcomes is not None and bool(outcomes.unknown)
        members["may_be_applied"] = unknown or isinstance(error, WriteOutcomeUnknownError)
    return members


def whole_seconds(seconds: float) -> int:
    """Return seconds to wait as HTTP has them: whole, rounded up, at least 1; 60 where nobody knows."""
    return max(1, ceil(seconds)) if 0 <= seconds < float("inf") else 60


def _invalid_request(found: Iterable[Mapping[str, Any]]) -> Response:
    errors = [{"where": _place(each["loc"]), "problem": str(each["msg"])} for each in found]
    told = "; ".join(f"{each['where']}: {each['problem']}" for each in errors[:_MOST_ERRORS])
    more = f"; and {len(errors) - _MOST_ERRORS} more" if len(errors) > _MOST_ERRORS else ""
    return problem(INVALID_REQUEST, f"{told}{more}", errors=errors[:_MOST_ERRORS])


def _place(path: Iterable[object]) -> str:
    return ".".join(str(step)[:_LONGEST_PLACE] for step in path)
