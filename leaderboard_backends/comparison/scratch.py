"""The folder of a comparison's files: deleted with the comparison, or after a kill -9 by the next comparison."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "leaderboard-compare-"
LOCK: Final = "in-use"
"""A file that is locked for as long as the process that made the folder runs."""


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Make a folder for as long as the context lasts, and remove those whose process is gone. Raises `OSError`."""
    _remove_abandoned(parent)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True) as name:
        new = Path(name, f"{LOCK}.new")
        with new.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            new.rename(new.with_name(LOCK))  # locked before it can be seen
            yield Path(name)


def _remove_abandoned(parent: Path) -> None:
    """Remove folders of this user that no process has locked; what cannot be removed stays."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if folder.stat().st_uid == os.getuid() and _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    with (folder / LOCK).open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
