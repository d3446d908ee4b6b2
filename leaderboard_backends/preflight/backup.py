"""Back up a board's entries to a file and restore them, ties included; and the check that does so.

The file is text, one JSON array per line: first the format, the order and the number of players, then each player's id,
name and score, best first. In a tie, whoever reached the score first comes first, so that loading the entries in this
order gives the same ranks on every backend.
"""

from __future__ import annotations

import json
import tempfile
from itertools import zip_longest
from pathlib import Path
from time import perf_counter
from typing import Final, TextIO

from ..errors import ConfigurationError
from ..model import Entry, Update, shorten
from ..numerals import elapsed, size, whole
from ..protocol import LeaderboardBackend
from ..wrapper import layers
from .finding import Finding, failed, passed
from .subject import Subject

FORMAT: Final = "leaderboard-entries-1"


def write_entries(board: LeaderboardBackend, path: Path) -> int:
    """Write all entries of a board to a new file, best first, and return how many. O(players), all in memory.

    Exact only if nobody writes to the board meanwhile. Raises `OSError` (`FileExistsError` if the file exists), and
    what the board raises.
    """
    entries = list(board)
    with path.open("x", encoding="utf-8") as file:
        _write(file, [FORMAT, board.order, len(entries)])
        for entry in entries:
            _write(file, [entry.player_id, entry.username, entry.score])
    return len(entries)


def restore_entries(path: Path, board: LeaderboardBackend) -> int:
    """Load the entries of a file into an empty board, and return how many. O(players * log(players)), all in memory.

    Raises `ConfigurationError`, before anything is written, if the board is not empty, or if the file has another
    format, is incomplete or is of a board of the other order; and what the board raises.
    """
    if len(board):
        raise ConfigurationError(f"the board {board.name!r} is not empty: restore into a new board.")
    return board.update_scores(_read(path, board))


def _write(file: TextIO, record: list[object]) -> None:
    file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _read(path: Path, board: LeaderboardBackend) -> list[Update]:
    try:
        with path.open(encoding="utf-8") as file:
            kind, *head = json.loads(next(file, ""))
            rows = [json.loads(line) for line in file if kind == FORMAT]
        order, players = head if kind == FORMAT else ("", 0)
        entries: list[Update] = [(player_id, username, score) for player_id, username, score in rows]
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{path} is not a backup of a board's entries, or it is damaged: {error}.") from error
    if kind != FORMAT:
        if isinstance(kind, str) and kind.startswith(FORMAT.rpartition("-")[0]):
            raise ConfigurationError(
                f"{path} has the format {shorten(kind)}, and this version reads {FORMAT!r}: restore it with the "
                "version of leaderboard-backends that wrote it, and copy that board (leaderboard copy)."
            )
        raise ConfigurationError(f"{path} is not a backup of a board's entries: it begins with {shorten(kind)}.")
    if len(entries) != players:
        raise ConfigurationError(f"{path} is incomplete: it has {len(entries)} of {shorten(players)} players.")
    if order != board.order:
        raise ConfigurationError(
            f"{path} is a backup of a board with order {order}; {board.name!r} has order {board.order}."
        )
    return entries


# ---------------------------------------------------------------------- the drill


def check_backup(subject: Subject) -> Finding:
    """Write the scratch board's entries to a file, load them into another scratch board, and compare all of them."""
    *_, storage = layers(subject.stack)
    with tempfile.TemporaryDirectory(prefix="preflight-") as folder:
        path = Path(folder) / "entries"
        started = perf_counter()
        players = write_entries(storage, path)
        written = perf_counter() - started
        restored = subject.scratch.bare()
        started = perf_counter()
        restore_entries(path, restored)
        took = perf_counter() - started
        bytes_ = path.stat().st_size
    if difference := _difference(storage, restored):
        return failed(difference, "Report this as a bug of the backend, and do not rely on its backups.")
    return passed(
        f"{whole(players)} players, {whole(_tied(restored))} of them in ties, {size(bytes_)}: written in "
        f"{elapsed(written)}, restored in {elapsed(took)}, identical, ties included"
    )


def _difference(board: LeaderboardBackend, restored: LeaderboardBackend) -> str:
    """Return the first difference in words; empty where there is none."""
    for rank, (entry, found) in enumerate(zip_longest(board, restored), 1):
        if entry != found:
            return f"rank {rank} was {entry}, and is {found} after the restore"
    return ""


def _tied(board: LeaderboardBackend) -> int:
    """Return how many players share their score with another."""
    tied, before = 0, None
    first: Entry | None = None
    for entry in board:
        if before is not None and entry.score == before.score:
            tied += 1 + (first is before)
        else:
            first = entry
        before = entry
    return tied
