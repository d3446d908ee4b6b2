"""What all tests run under."""

from __future__ import annotations

import signal

# A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that; tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)
