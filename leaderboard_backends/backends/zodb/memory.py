"""The storage of `zodb+memory://`: ZODB's own in-memory one, which packs itself and survives interrupts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from BTrees.OOBTree import OOBTree, OOBucket
from ZODB.MappingStorage import MappingStorage
from ZODB.serialize import referencesf
from ZODB.utils import z64

from ...forks import guard

_NOTHING: Callable[[bytes], None] = lambda _: None  # noqa: E731 - ZODB's default is the same


class MemoryStorage(MappingStorage):  # type: ignore[misc]  # ZODB ships no types
    """A MappingStorage that drops old records once they are most of what it holds, and undoes half a commit.

    A commit that an interrupt (Ctrl-C) cuts in two leaves some of its records behind; `_pending` tells which.
    """

    _stored = 0
    _data: dict[bytes, Any]
    _tdata: dict[bytes, bytes]
    _transaction: Any
    _pending: tuple[bytes, bytes, dict[bytes, bytes]] | None = None

    def __init__(self) -> None:
        super().__init__()
        guard(self._lock)

    def tpc_finish(self, transaction: Any, func: Callable[[bytes], None] = _NOTHING) -> bytes:
        """Finish a transaction, wholly or, where an interrupt comes, not at all."""
        with self._lock:
            self._pending = self._ltid, self._tid, self._tdata
            self._stored += len(self._tdata)
            try:
                tid: bytes = super().tpc_finish(transaction, func)
            except BaseException:
                self._undo()
                raise
            self._pending = None
            if self._stored > 10_000 + 4 * len(self):
                self.pack(0.0, referencesf)
            return tid

    def tpc_abort(self, transaction: Any) -> None:
        """Leave a transaction, and undo what an interrupt left of it."""
        with self._lock:
            self._undo()
            super().tpc_abort(transaction)

    def recover(self) -> None:
        """Undo what an interrupt left of a commit, and free its lock. No other commit may be under way."""
        with self._lock:
            self._undo()
            self._transaction = None
            if self._commit_lock.locked():
                self._commit_lock.release()

    def pack(self, _time: float, referencesf: Callable[[bytes], Any], gc: bool = True) -> None:  # noqa: FBT001, FBT002 - ZODB's
        """Drop every record that is not current, or that nothing refers to any more, in one step. O(records)."""
        del gc
        with self._lock:
            data: dict[bytes, Any] = {}
            waiting = [z64] if z64 in self._data else []
            while waiting:
                oid = waiting.pop()
                if oid not in data:
                    tid, record = self._data[oid].items()[-1]
                    data[oid] = OOBucket({tid: record})
                    waiting.extend(referencesf(record))
            last = OOBTree({self._ltid: None})  # from which the next transaction's id is counted on
            self.__dict__.update(_data=data, _transactions=last, _stored=0)

    def _undo(self) -> None:
        if self._pending is not None:
            self._ltid, tid, stored = self._pending
            for oid in stored:
                versions = self._data.get(oid)
                if versions is not None:
                    versions.pop(tid, None)
                    if not versions:
                        del self._data[oid]
            self._pending = None
