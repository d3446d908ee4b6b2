"""An answer of a board as JSON, with how it came about in its header."""

from __future__ import annotations

from typing import Final

from starlette.responses import JSONResponse, Response

from leaderboard_backends.wrapper import Answer

HEADER: Final = "Leaderboard-Answer"

DESCRIBED: Final = {
    HEADER: {
        "description": "Where the answer comes from: live, replica or cached (not older than configured), stale (the "
        "storage did not answer), approximate or partial (a part of it did not answer); and its age in seconds if it "
        "is not live.",
        "schema": {
            "type": "string",
            "pattern": r"^(live|(replica|cached|stale|approximate|partial); age=[0-9]+\.[0-9])$",
        },
        "example": "cached; age=0.4",
    }
}


def reply(content: object, answer: Answer | None = None) -> Response:
    """Return a value as JSON, with how it came about in its header."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if answer is not None:
        headers[HEADER] = answer.source if answer.source == "live" else f"{answer.source}; age={answer.age:.1f}"
    return JSONResponse(content, headers=headers)
