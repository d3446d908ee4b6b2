"""Faults on real servers and real files: what a board loses, doubles or tears when they happen in the middle of writes.

They stand beside the conformance kit, for backends that keep data outside the process. An author writes one of::

    from leaderboard_backends.testing import FileFaults, ServerFaults

    class TestMyFileFaults(FileFaults):
        def make_in(self, directory, **options):
            return MyBoard(directory / "board.db", **options)

    class TestMyServerFaults(ServerFaults):
        def start_server(self, directory):
            return MyServer(directory).start()

        def make_at(self, port, **options):
            return MyBoard("127.0.0.1", port, timeout=self.reply_timeout, **options)

Importing this package costs nothing and needs nothing; the two classes need the extra `tools`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .files import FileFaults
    from .server import ServerFaults

__all__ = ["FileFaults", "ServerFaults"]

_MODULES: Final = {"FileFaults": "files", "ServerFaults": "server"}
_ASSERTING: Final = ("foundation", "judging", "callers", "files", "server")


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _show_values()
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def _show_values() -> None:
    """Have failing asserts of the fault tests show their values in any repo."""
    modules = [f"{__name__}.{module}" for module in _ASSERTING]
    import_module("pytest").register_assert_rewrite(*(module for module in modules if module not in sys.modules))
