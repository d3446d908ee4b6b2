"""Files that are there whole or not at all, and the folder of a comparison's files, which goes with the comparison."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from ..testing.lifetimes import Guard

PREFIX: Final = "leaderboard-compare-"


def is_stream(path: Path) -> bool:
    """Whether something is there that is neither a file nor a folder: a device, a pipe, a socket."""
    return path.exists() and not (path.is_file() or path.is_dir())


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file under another name beside it, and put it in place once it is on the disk; text is UTF-8.

    Makes the folder. A reader sees the old content or the new one, and nothing is left behind where it fails. A link
    stays a link, to a file with the new content. A device or a pipe stays what it is, and is written to. Raises
    `OSError`.
    """
    stored = content.encode() if isinstance(content, str) else content
    if is_stream(path):  # not what it resolves to: that of /dev/stdout may be the name of no file
        path.write_bytes(stored)
        return
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.{token_hex(4)}")
    try:
        with new.open("xb") as file:
            file.write(stored)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Make a folder for as long as the context lasts, or this process, however that ends. Raises `OSError`."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    with closing(Guard(folder)):
        yield folder
