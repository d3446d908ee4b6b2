"""The order of a board in memory, with each change in the log before anybody sees it.

A write computes what it will change, appends that to the log, and then changes the memory, all under the board's lock;
so a write that the disk refuses has changed nothing. What is logged is the state after the change, as `keep` belongs to
the object that writes. Where an exception comes between the two, or cuts a write in two, the next call mends the memory
as `memory://` does, and then writes a snapshot: memory and disk agree again. A signal handler can raise an error of any
class, so log and folder return what the disk refused, rather than raise it. A batch that is a large part of the board
is not logged: it is followed by a snapshot before it is acknowledged.
"""

from __future__ import annotations

import logging
import struct
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, NoReturn, TypeVar

from ...changes import Change, check_expected
from ...errors import (
    BackendError,
    BackendUnavailableError,
    BoardMismatchError,
    LeaderboardError,
    WriteOutcomeUnknownError,
)
from ...files import not_applied
from ...model import Keep, Order, Score, is_better
from ..memory.board import _MASK, MemoryLeaderboard, _State
from ..memory.chunks import Chunks, Rows
from .contents import Contents
from .folder import Folder
from .records import Note, Record, frame, player_frame
from .snapshot import RESTORE, BoardState, Collecting

Value = TypeVar("Value")

_ODD: Final = (ArithmeticError, LookupError, TypeError, ValueError, struct.error)
"""What reading a file raises whose checksums are right, and whose content is not a board's."""
_log: Final = logging.getLogger(__name__)
LARGE_BATCH: Final = 1000
"""Updates from which a batch may be followed by a snapshot, in place of a record each."""
_LARGE_SHARE: Final = 8
"""It must be 1/8 of the board, too."""


class JournaledOrder(MemoryLeaderboard):
    """The players of a board in memory, and the folder that has them too."""

    def __init__(self, folder: Folder, name: str, *, order: Order, keep: Keep) -> None:
        self._folder: Final = folder  # before a fork can ask for it
        self._ended: Callable[[], LeaderboardError] | None = None
        """Why no call is answered any more."""
        self._collecting: Collecting | None = None
        """What is collected for a snapshot now."""
        self._framed = False
        """Whether the log has the changes that are made now."""
        super().__init__(name, order=order, keep=keep)
        self._logs = True
        try:
            self._open()
        except OSError as error:
            raise not_applied(folder.path, error) from error
        except _ODD as error:
            raise BackendUnavailableError(
                f"{folder.path} has data that no board writes ({type(error).__name__}: {error}). Nothing was changed. "
                f"{RESTORE}"
            ) from error

    def _open(self) -> None:
        found = self._folder.load()
        if found.state is None:
            self._rewrite()
        else:
            self._restore(found, found.state)

    # ------------------------------------------------------------------ restoring

    def _restore(self, found: Contents, state: BoardState) -> None:
        if state.order != self._order:
            raise BoardMismatchError(
                f"the board {self.name!r} at {self._folder.path} is {state.order}, not {self._order}: open it with "
                f"order={state.order!r}, or give the new board another name."
            )
        changes, ((keys, ids, names),) = self._changes, state.rows
        key_of = dict(zip(ids, keys, strict=True))
        chunks = Chunks(keys, ids, names, self._longest)
        self._take(_State(key_of, chunks, state.number, state.base, state.whole))
        changes.history = state.history
        if state.feed:
            changes.kept = deque(state.kept, state.feed)
        moved_to = self._replay(found.records(), state.moved_to)
        changes.moved_to = moved_to or None  # now: what passed the fence was done again, too
        players = sum(len(keys) for keys, _, _ in self._chunks.rows())
        if players != len(self._key_of) or changes.number != found.number:
            raise ValueError("a player twice, or a change that changes nothing")
        self._under_way = None
        self._folder.go_on(found)
        self._begin(clean=not found.lossy)

    def _replay(self, found: Iterator[Record], moved_to: str | None) -> str | None:
        """Do again what the log says; returns where the board moved."""
        logs, best_only, self._logs, self._best_only = self._logs, self._best_only, False, False
        updates: list[tuple[str, str, Score]] = []
        for record in found:
            if isinstance(record, Note):
                moved_to = record.text if record.kind == "fence" else moved_to
                self._changes.history = record.text if record.kind == "history" else self._changes.history
            elif record.player_id is not None and record.score is not None:
                updates.append((record.player_id, record.username, record.score))
            else:
                self._replay_updates(updates)
                if record.player_id is None:
                    super()._remove_all()
                else:
                    super()._remove(record.player_id)
        self._replay_updates(updates)
        self._logs, self._best_only = logs, best_only
        return moved_to

    def _replay_updates(self, updates: list[tuple[str, str, Score]]) -> None:
        if len(updates) * _LARGE_SHARE >= len(self._key_of):
            self._sort_in(updates)
        else:
            for update in updates:
                self._move(*update)
        updates.clear()

    def _state(self, rows: Sequence[Rows] | None = None) -> BoardState:
        """Return all that the board holds, with its lists as they are, which the next write changes."""
        changes = self._changes
        kept = changes.kept
        return BoardState(
            self._order,
            changes.history,
            changes.number,
            self._base,
            self._whole,
            changes.moved_to,
            0 if kept is None else kept.maxlen or 0,
            self._chunks.rows() if rows is None else rows,
            () if kept is None else list(kept),
        )

    # ------------------------------------------------------------------ writes: first the log

    def _log_change(self, number: int, player_id: str, username: str, key: int, score: Score) -> None:
        old, reached, folder = self._key_of.get(player_id), number, self._folder
        if key == old:
            if self._chunks.username(key) == username:
                return
            reached, score = self._base + (key & _MASK), self._score(key)
        if self._collecting is not None:
            self._preserve(old, key)
        if self._framed:
            return
        refusal = folder.rewrite(self._state()) if folder.stale or folder.log.unsure else None
        if refusal is None:
            refusal = folder.log.append(player_frame(number, reached, player_id, username, score))
        if refusal is not None:
            self._under_way = None
            raise refusal
        if folder.log.end > folder.attention:
            self._attend()

    def _apply(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._changes.check_fence()
        self._check_all_limits(updates)
        self._get_ready(len(updates))
        if len(updates) >= LARGE_BATCH and len(updates) * _LARGE_SHARE >= len(self._key_of):
            self._apply_and_rewrite(updates)
        elif effects := list(self._effects(updates)):
            self._log_then(effects, lambda: self._move_all(updates))

    def _move_all(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._framed = True
        try:
            for update in updates:
                self._move(*update)
        finally:
            self._framed = False

    def _preserve(self, *keys: int | None) -> None:
        """Have the snapshot that is collected now copy the chunks of these keys, which are about to change."""
        for key in keys:
            if key is not None and self._collecting is not None:
                self._collecting.preserve(self._chunks.rows_at(key))

    def _apply_and_rewrite(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        """Apply a batch, and write a snapshot; where that fails, the board is as it was before."""
        changes, folder = self._changes, self._folder
        before, kept = self._now(), None if changes.kept is None else changes.kept.copy()
        folder.stale = True  # as in `_log_then`
        try:
            if self._key_of or not self._load(updates):
                self._sort_in(updates)
            refusal = folder.rewrite(self._state())
            if refusal is not None:
                self._take(before)
                changes.kept = kept
                folder.stale = isinstance(refusal, WriteOutcomeUnknownError)  # the disk may have the batch
                self._under_way = None
        except BaseException:
            self._note_interrupt()
            raise
        if refusal is not None:
            raise refusal

    def _effects(self, updates: Sequence[tuple[str, str, Score]]) -> Iterator[Change]:
        """Yield what a batch changes, one update after the other."""
        number, seen = self._changes.number, dict[str, Change]()
        for player_id, username, score in updates:
            before, stands = seen.get(player_id) or self._change_of(player_id), False
            if before is not None and before.score is not None:
                worse = self._best_only and not is_better(score, before.score, self._order)
                stands = worse or score == before.score
            if before is None or not stands:
                change = Change(number + 1, player_id, username, score, number + 1)
            elif before.username != username:
                change = before._replace(number=number + 1, username=username)
            else:
                continue
            number += 1
            seen[player_id] = change
            yield change

    def _change_of(self, player_id: str) -> Change | None:
        key = self._key_of.get(player_id)
        if key is None:
            return None
        return Change(0, player_id, self._chunks.username(key), self._score(key), self._base + (key & _MASK))

    def _remove(self, player_id: str) -> bool:
        self._changes.check_fence()
        self._get_ready(1)
        if player_id not in self._key_of:
            return False
        self._preserve(self._key_of[player_id])
        return self._log_then([Change(self._changes.number + 1, player_id)], partial(super()._remove, player_id))

    def _remove_all(self) -> None:
        self._changes.check_fence()
        self._get_ready(1)
        if self._key_of:
            self._log_then([Change(self._changes.number + 1, None)], super()._remove_all)

    def _fence(self, moved_to: str | None) -> None:
        self._alone(self._set_fence, moved_to)

    def _set_fence(self, moved_to: str | None) -> None:
        changes = self._changes
        check_expected(changes.moved_to, moved_to)
        self._get_ready(0)
        if moved_to != changes.moved_to:
            self._log_then([Note(changes.number, "fence", moved_to or "")], lambda: changes.fence(moved_to))

    # ------------------------------------------------------------------ log and memory

    def _get_ready(self, changes: int) -> None:
        """See that so many changes can be logged."""
        if self._changes.number + changes - self._base > self._last_number:
            self._renumber()
        if self._folder.stale or self._folder.log.unsure:
            self._rewrite()

    def _log_then(self, records: Sequence[Record], step: Callable[[], Value]) -> Value:
        """Append the frame of a write, and do what it says."""
        folder = self._folder
        folder.stale = True  # until both are done: a second interrupt may come before the first one is noted
        try:
            refusal = folder.log.append(frame(records))
            if refusal is None:
                if folder.log.end > folder.attention:
                    self._attend()
                done = step()
            folder.stale = False
        except BaseException:
            self._note_interrupt()
            raise
        if refusal is not None:
            raise refusal
        return done

    def _note_interrupt(self) -> None:
        """Have the next call make log and memory agree, as an interrupt may have come between the two."""
        self._folder.stale = True
        if self._under_way is None:
            self._under_way = self._now()

    def _now(self) -> _State:
        return _State(self._key_of, self._chunks, self._changes.number, self._base, self._whole)

    def _rewrite(self) -> None:
        refusal = self._folder.rewrite(self._state())
        if refusal is not None:
            raise refusal

    def _renumber(self) -> None:
        self._folder.stale = True
        super()._renumber()
        self._rewrite()

    def _mend(self) -> None:
        self._folder.stale = True
        super()._mend()
        try:
            self._rewrite()
        except BackendError:
            _log.warning("%s: what an interrupted write did is not on the disk yet.", self._folder.path, exc_info=True)

    def _set_feed(self, feed: int) -> None:
        changes = self._changes
        kept = changes.kept
        if feed != (0 if kept is None else kept.maxlen):
            changes.kept = deque(kept or (), feed) if feed else None
            try:
                self._rewrite()
            except BaseException:
                changes.kept = kept
                raise

    @abstractmethod
    def _begin(self, *, clean: bool) -> None:
        """Go on with a board that was restored; `clean` is whether it must have all that somebody was told of."""

    @abstractmethod
    def _attend(self) -> None:
        """See to what is to be done in the background, now that the log asks for it."""

    # ------------------------------------------------------------------ end

    def _refuse_inside(self) -> NoReturn:
        if self._ended is not None:
            raise self._ended()
        super()._refuse_inside()

    def _end(self, why: Callable[[], LeaderboardError]) -> None:
        """Answer no call any more; each raises this error."""
        self._ended = why
        self._inside = True
