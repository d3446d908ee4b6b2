"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex


def is_stream(path: Path) -> bool:
    """Whether something is there that is neither a file nor a folder: a device, a pipe, a socket."""
    return path.exists() and not (path.is_file() or path.is_dir())


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file under another name beside it, and put it in place once it is on the disk; text is UTF-8.

    Makes the folder. A reader sees the old content or the new one, and nothing is left behind where it fails. A link
    stays a link, to a file with the new content. A device or a pipe stays what it is, and is written to. Raises
    `OSError`.
    """
    target = path.resolve()
    stored = content.encode() if isinstance(content, str) else content
    if is_stream(target):
        target.write_bytes(stored)
        return
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
