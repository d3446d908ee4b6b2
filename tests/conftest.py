"""What all tests run under."""

from __future__ import annotations

import gc
import signal

# A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that; tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Keep thousands of collected tests out of every collection of garbage, here and in forked children."""
    gc.collect()
    gc.freeze()
