"""An answer of a board as JSON, with how it came about in its header."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any, Final, TypeVar

from pydantic_core import to_json
from starlette.responses import Response

from leaderboard_backends import Entry
from leaderboard_backends.wrapper import LIVE, Answer, answered, last_answer

Value = TypeVar("Value")

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

_HEADERS: Final = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
_NAME: Final = HEADER.lower().encode()
_LIVE: Final = (_NAME, b"live")


class Reply(Response):
    """A value as JSON, with how it came about in its header."""

    def __init__(self, content: object, answer: Answer | None = None) -> None:
        self.status_code = 200
        self.background = None
        self.body = to_json(content)
        self.raw_headers = [(b"content-length", str(len(self.body)).encode()), *_HEADERS]
        if answer is not None:
            self.raw_headers.append(_LIVE if answer is LIVE else (_NAME, _told(answer)))


def _told(answer: Answer) -> bytes:
    return (answer.source if answer.source == "live" else f"{answer.source}; age={answer.age:.1f}").encode()


def fields_of(entry: Entry) -> dict[str, Any]:
    """Return an entry as an object of JSON."""
    rank, player_id, username, score = entry
    return {"rank": rank, "player_id": player_id, "username": username, "score": score}


def reply_entries(entries: Iterable[Entry | None], answer: Answer) -> Response:
    """Return entries as JSON, `null` for those that are none."""
    return Reply({"entries": [None if entry is None else fields_of(entry) for entry in entries]}, answer)


async def ask(read: Awaitable[Value]) -> tuple[Value, Answer]:
    """Return what a read returns, and how that answer came about."""
    answered(LIVE)
    return await read, last_answer()
