"""How problems are described in OpenAPI: one schema, and a description of each status."""

from __future__ import annotations

from typing import Any, Final

from .problems import MEDIA_TYPE

_SCHEMA: Final = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The kind of the problem, for programs."},
        "title": {"type": "string", "description": "The kind, for people."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was given, what is allowed, what to do."},
        "rule": {"type": "string", "description": "The rule of validation that refuses."},
        "retry_after": {"type": "integer", "description": "Whole seconds to wait."},
        "applied": {"type": "integer", "description": "How many updates of the same call were applied before it."},
        "may_be_applied": {"type": "boolean", "description": "Whether the write may have been applied all the same."},
        "errors": {
            "type": "array",
            "description": "Each value that is not allowed, and why.",
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
    403: "The token may not do that.",
    404: "There is no such player, or no such board.",
    408: "The body did not arrive in time.",
    413: "The body is too long.",
    415: "The body must be JSON.",
    422: "A value is not allowed, or a rule refuses it. Nothing was applied.",
    429: "Too many updates. Nothing was applied.",
    500: "The server is not set up right, or failed.",
    501: "This backend cannot do that.",
    503: "The storage cannot serve now. Nothing was applied; it is safe to try again.",
    504: "The write may have been applied, or not: never repeat it blindly.",
    507: "The storage is full. Nothing was applied.",
}

_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Whole seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
}
_CHALLENGE: Final = {"WWW-Authenticate": {"description": "How to give a token.", "schema": {"type": "string"}}}


def describe_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route for these statuses."""
    headers: dict[int, dict[str, Any]] = {401: _CHALLENGE, 403: _CHALLENGE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": dict(_SCHEMA)}},
            **({"headers": headers[status]} if status in headers else {}),
        }
        for status in statuses
    }


def share_schema(document: dict[str, Any]) -> None:
    """Put the schema of a problem into the document's components once, in place of a copy for each status.

    A router can only describe its routes, so that it has to repeat the schema; an app can share it.
    """
    document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _SCHEMA
    operations = (operation for path in document["paths"].values() for operation in path.values())
    for response in (response for operation in operations for response in operation["responses"].values()):
        if MEDIA_TYPE in response.get("content", {}):
            response["content"][MEDIA_TYPE] = {"schema": {"$ref": "#/components/schemas/Problem"}}
