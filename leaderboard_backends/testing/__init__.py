"""The conformance kit, the model that it compares with, and real servers to test on.

The author of a backend writes this and runs pytest:

    from leaderboard_backends.testing import BackendConformance

    class TestMyBoard(BackendConformance):
        def make(self, **options):
            return MyBoard(**options)

`AsyncConformance` tests what only asynchronous boards have. For a backend that keeps data in files or on a server,
there are also `FileFaults` and `ServerFaults`: see `faults`.

Importing this package costs nothing and needs nothing; these classes need the extra `tools`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conformance import AsyncConformance, BackendConformance
    from .faults import FileFaults, ServerFaults

__all__ = ["AsyncConformance", "BackendConformance", "FileFaults", "ServerFaults"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._loading import load_kit  # noqa: PLC0415 - the oracle and the servers must import without pytest

    return load_kit(name)
