"""The storage of `zodb+memory://`: ZODB's own in-memory one, which packs itself."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import Any

from ZODB.MappingStorage import MappingStorage
from ZODB.serialize import referencesf

_NOTHING: Callable[[bytes], None] = lambda _: None  # noqa: E731 - ZODB's default is the same


class MemoryStorage(MappingStorage):  # type: ignore[misc]  # ZODB ships no types
    """A MappingStorage keeps every old record; this one drops them when they are most of what it holds."""

    _stored = 0

    def tpc_finish(self, transaction: Any, func: Callable[[bytes], None] = _NOTHING) -> bytes:
        """Finish a transaction, and pack once the old records outnumber the current ones four to one."""
        self._stored += len(self._tdata)
        tid: bytes = super().tpc_finish(transaction, func)
        if self._stored > 10_000 + 4 * len(self):
            self._stored = 0
            self.pack(time(), referencesf)
        return tid
