"""How problems are described in OpenAPI: one schema, and a description and an example of each status."""

from __future__ import annotations

from typing import Any, Final

from leaderboard_backends import (
    BackendFullError,
    BackendUnavailableError,
    ConfigurationError,
    InvalidScoreError,
    RateLimitExceededError,
    UnsupportedOperationError,
    WriteOutcomeUnknownError,
)

from . import problems
from .problems import KINDS

_SCHEMA: Final = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The kind of the problem, for programs."},
        "title": {"type": "string", "description": "The kind, for people."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was given, what is allowed, and what to do."},
        "rule": {"type": "string", "description": "The validation rule that refused."},
        "retry_after": {"type": "integer", "description": "Seconds to wait, a whole number."},
        "applied": {
            "type": "integer",
            "description": "How many updates of the same call were applied before the error.",
        },
        "may_be_applied": {
            "type": "boolean",
            "description": "Whether the write may have been applied despite the error.",
        },
        "errors": {
            "type": "array",
            "description": "Every value that is not allowed, and why.",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
    },
}

_DESCRIPTIONS: Final = {
    400: "The query or the body cannot be read.",
    401: "A token is needed, or the one given is unknown.",
    403: "The token does not permit that.",
    404: "There is no such player, or no such board.",
    408: "The body did not arrive in time.",
    413: "The body is too long.",
    415: "The body must be JSON.",
    422: "A value is not allowed, or a rule refuses it. Nothing was applied.",
    429: "Too many updates. Nothing was applied.",
    500: "The server is misconfigured, or it failed.",
    501: "This backend does not support that.",
    503: "The storage cannot serve now. Nothing was applied; it is safe to try again.",
    504: "The write may or may not have been applied: read the player's entry before you repeat it.",
    507: "The storage is full. Nothing was applied.",
}

_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds to wait, a whole number.", "schema": {"type": "integer", "minimum": 1}}
}
_CHALLENGE: Final = {"WWW-Authenticate": {"description": "How to send a token.", "schema": {"type": "string"}}}


_EXAMPLES: Final = {
    400: (problems.UNREADABLE, "the query is not UTF-8, percent-encoded."),
    401: (problems.NO_TOKEN, "send it as 'Authorization: Bearer TOKEN'."),
    403: (problems.NOT_ALLOWED, "this token may only read."),
    404: (problems.UNKNOWN_PLAYER, "no player has the id 'u1'."),
    408: (problems.TOO_SLOW, "a body has 30 seconds to arrive."),
    413: (problems.TOO_LARGE, "a body has at most 1048576 bytes: send fewer updates at once."),
    415: (problems.NOT_JSON, "send the header 'Content-Type: application/json'."),
    422: (KINDS[InvalidScoreError], "score nan is not allowed: a score must be finite."),
    429: (KINDS[RateLimitExceededError], "player 'u1' has had 60 updates within a minute: wait 12 s."),
    500: (KINDS[ConfigurationError], ""),
    501: (KINDS[UnsupportedOperationError], "this board has no percentile."),
    503: (KINDS[BackendUnavailableError], ""),
    504: (KINDS[WriteOutcomeUnknownError], ""),
    507: (KINDS[BackendFullError], ""),
}
"""For each status, a kind that has it, and its detail where the kind has none of its own."""

_MEMBERS: Final[dict[int, dict[str, object]]] = {
    429: {"retry_after": 12},
    503: {"applied": 0, "may_be_applied": False},
    504: {"applied": 0, "may_be_applied": True},
    507: {"applied": 0, "may_be_applied": False},
}


def describe_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route for these statuses."""
    return {status: _describe(status) for status in statuses}


def _describe(status: int) -> dict[str, Any]:
    headers: dict[int, dict[str, Any]] = {401: _CHALLENGE, 403: _CHALLENGE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}
    kind, detail = _EXAMPLES[status]
    example = problems.body_of(kind, detail, **_MEMBERS.get(status, {}))
    return {
        "description": _DESCRIPTIONS[status],
        "content": {problems.MEDIA_TYPE: {"schema": dict(_SCHEMA), "example": example}},
        **({"headers": headers[status]} if status in headers else {}),
    }


def share_problems(document: dict[str, Any]) -> None:
    """Put what describes each problem into the document's components once, in place of a copy for each route.

    A router can only describe its routes, so that it has to repeat itself; an app can share.
    """
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _SCHEMA
    shared = components.setdefault("responses", {})
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        for status, response in operation["responses"].items():
            if problems.MEDIA_TYPE in response.get("content", {}):
                response["content"][problems.MEDIA_TYPE]["schema"] = {"$ref": "#/components/schemas/Problem"}
                shared[f"Problem{status}"] = response
                operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}
