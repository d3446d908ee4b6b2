"""The boards of a run: made where the configured board is, with the same settings, and gone when the run ends.

A board on a server gets a name of its own beside the configured one; it is deleted, with all of its keys. A
board in a file gets a file of its own in a folder beside the configured one, so that it is on the same disk; the folder
is removed. A board in memory is new each time it is opened. What a shared rate limit counted of scratch boards expires
by itself within a minute.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, Self

from ..config import Opening
from ..errors import BackendUnavailableError, LeaderboardError
from ..location import Location
from ..protocol import LeaderboardBackend
from ..wrapper import layers
from .kinds import promises_of

PREFIX: Final = "preflight-"
MAKES_NO_FILE: Final = "create"
"""The option by which a backend of files refuses to make a new one, as a scratch board must."""

LEFT: Final = "may be left on the storage"
CLEAR: Final = "Delete these boards once the storage answers: open_leaderboard(URL, board=NAME).delete()."

Settings = Mapping[str, Any]


@dataclass(slots=True)
class _Made:
    """A scratch board, from the moment before it is opened."""

    opening: Opening
    board: LeaderboardBackend | None = None
    refused: bool = False
    """Whether the storage refused to open it, so that nothing of it is there."""


class Scratch(AbstractContextManager["Scratch"]):
    """Opens scratch boards, and takes them all away at the end, also where a run is interrupted.

    `left` then names those that could not be deleted, each with the reason.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening: Final = opening
        self._boards: Final = ExitStack()
        self._folders: Final = ExitStack()
        self.opened = 0
        self.left: Final[list[str]] = []

    def folder(self) -> Path:
        """Make a folder on the disk of the configured file, for this run.

        Raises `BackendUnavailableError` where the configured file has no folder to be in.
        """
        beside = Path(self._opening.location.path).parent
        try:
            made = tempfile.TemporaryDirectory(prefix=PREFIX, dir=beside)
        except OSError as error:
            raise BackendUnavailableError(
                f"the folder {beside} of the board's file cannot be written: {error.strerror}. Create it, and give "
                "this user write permission."
            ) from error
        return Path(self._folders.enter_context(made))

    def open(
        self, only: Collection[str] | None = None, changed: Mapping[str, Settings] | None = None
    ) -> LeaderboardBackend:
        """Open a new board with all configured layers, or only some, and settings of them changed.

        Raises what opening raises.
        """
        chosen = {
            layer: {**settings, **(changed or {}).get(layer, {})}
            for layer, settings in self._opening.layers.items()
            if (only is None or layer in only) and layer != "migration"  # a scratch board moves nowhere
        }
        made = _Made(replace(self._place(), name=f"{PREFIX}{token_hex(6)}", layers=chosen))
        self._boards.callback(self._end, made)
        try:
            made.board = made.opening.open()
        except LeaderboardError:
            made.refused = True
            raise
        self.opened += 1
        return made.board

    def bare(self) -> LeaderboardBackend:
        """Open a new board without any layer."""
        return self.open(only=())

    def _place(self) -> Opening:
        """Return the configured board's description with a place for one more board."""
        opening = self._opening
        home = promises_of(opening).lives_in
        if home not in ("process", "files"):
            return opening
        folder = self.folder() if home == "files" else Path(tempfile.gettempdir())
        place = opening.backend.open_trial(opening.location.scheme, folder)
        if place is None:
            return opening
        location = Location.parse(self._folders.enter_context(place))[0]
        options = {name: value for name, value in opening.options.items() if name != MAKES_NO_FILE}
        return replace(opening, location=location, options=options)

    def _end(self, made: _Made) -> None:
        """Delete a board; also one whose opening was interrupted, or failed in one of its layers."""
        try:
            board = replace(made.opening, layers={}).open() if made.board is None else made.board
        except LeaderboardError as error:
            if not made.refused:
                self.left.append(f"{made.opening.name} ({error})")
            return
        *_, storage = layers(board)
        try:
            storage.delete()
        except LeaderboardError as error:
            self.left.append(f"{made.opening.name} ({error})")
        except BaseException:
            self.left.append(f"{made.opening.name} (interrupted)")
            raise
        finally:
            board.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._boards.close()
        finally:
            self._folders.close()
            if error is not None and self.left:
                error.add_note(f"{LEFT}: {'; '.join(self.left)}. {CLEAR}")
