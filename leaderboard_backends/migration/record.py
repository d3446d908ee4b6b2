"""`Record`: what a migration notes of itself, in a small board beside one of its boards.

Which board serves, the fences say; the record is for people (progress, the last verification, the pause), and for the
orders of the command line to a process that holds one of the boards. Any storage can keep it: a document is a text in
pieces, each the username of a player of the record's board, written by one batch. The text is a JSON array: the number
of the format, and the document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final, Literal, TypeAlias

from ..config import Opening
from ..errors import BoardMismatchError
from ..model import MAX_TEXT_BYTES
from ..protocol import LeaderboardBackend

Part: TypeAlias = Literal["progress", "following", "order", "holder"]

FORMAT: Final = 1
_PIECES: Final = 40
"""Pieces of a document: some 5 KB."""
_LONGEST_NAME: Final = 64
_ENDING: Final = ".migration"


def record_name(board: str) -> str:
    """Return the name of the record's board of a board."""
    name = f"{board}{_ENDING}"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = blake2b(board.encode(), digest_size=8).hexdigest()
    return f"{board[: _LONGEST_NAME - len(_ENDING) - len(digest) - 1]}.{digest}{_ENDING}"


def open_record(beside: Opening) -> Record:
    """Open the record beside a board; made where there is none."""
    options = {name: value for name, value in beside.options.items() if name != "feed"}
    if "shards" in beside.backend.options:
        options["shards"] = 1  # so that a batch is one atomic step
    opening = replace(beside, name=record_name(beside.board), keep="last", options=options, layers={})
    return Record(opening.open())


class Record:
    """Four documents. Closing it closes its board.

    `progress` is of whoever carries out a step, `following` of what follows after it, `order` of the command line,
    `holder` of the process that has one of the boards in its memory.
    """

    def __init__(self, board: LeaderboardBackend) -> None:
        self.board: Final = board

    def write(self, part: Part, document: Mapping[str, Any]) -> None:
        """Store a document, cut where it is too long for a text of 5 KB. One batch; raises what the board raises."""
        text = json.dumps([FORMAT, document])
        if len(text) > _PIECES * MAX_TEXT_BYTES:
            text = json.dumps([FORMAT, {name: _shortened(value) for name, value in document.items()}])
        pieces = [text[start : start + MAX_TEXT_BYTES] for start in range(0, _PIECES * MAX_TEXT_BYTES, MAX_TEXT_BYTES)]
        self.board.update_scores([(player, piece, 0) for player, piece in zip(_players(part), pieces, strict=True)])

    def read(self, part: Part) -> dict[str, Any]:
        """Return a document; empty where there is none. One call.

        Raises `BoardMismatchError` for one of another format, and what the board raises.
        """
        entries = self.board.get_entries(_players(part))
        text = "".join(entry.username for entry in entries if entry is not None)
        document: dict[str, Any]
        try:
            number, document = json.loads(text) if text else (FORMAT, {})
        except (ValueError, TypeError):
            number, document = None, {}
        if number != FORMAT:
            found = f"has format {number}" if isinstance(number, int) else "was not written by this version"
            raise BoardMismatchError(
                f"the record of the migration, the board {self.board.name!r}, {found}, and this version reads format "
                f"{FORMAT}: run the app and `leaderboard migrate` with the same version of leaderboard-backends, the "
                "one that began the migration. Which board serves, the fences of the two boards say, not the record."
            )
        return document

    def delete(self) -> None:
        """Remove the record and its board."""
        self.board.delete()

    def close(self) -> None:
        """Close the record's board."""
        self.board.close()


def _players(part: Part) -> list[str]:
    return [f"{part}.{number:02}" for number in range(_PIECES)]


def _shortened(value: Any) -> Any:
    return value if len(json.dumps(value)) <= MAX_TEXT_BYTES else f"{str(value)[:MAX_TEXT_BYTES]}…"
