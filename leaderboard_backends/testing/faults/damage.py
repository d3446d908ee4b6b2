"""Damage to the ends of files that a killed process left, as a crash of the machine may do it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random


def content(directory: Path) -> dict[str, tuple[int, int, str]]:
    """Return all files of a folder: inode, size and a digest of the content."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {
        str(path.relative_to(directory)): (path.stat().st_ino, path.stat().st_size, _digest(path)) for path in paths
    }


def _digest(path: Path, size: int | None = None) -> str:
    return sha256(path.read_bytes()[:size]).hexdigest()


def appended(directory: Path, earlier: dict[str, tuple[int, int, str]]) -> dict[str, int]:
    """Return the files that only grew at their end, and by how many bytes; others were replaced or rewritten."""
    grown = {}
    for name, (inode, size, digest) in earlier.items():
        path = directory / name
        if not path.is_file() or path.stat().st_ino != inode:
            continue
        if path.stat().st_size > size and _digest(path, size) == digest:
            grown[name] = path.stat().st_size - size
    return grown


def tears(grown: dict[str, int], chance: Random, count: int) -> Iterator[tuple[str, int]]:
    """Return, for each file that grew, how much of its end to damage: from one byte to all that it grew by."""
    for name, tail in grown.items():
        lengths = {length for length in (1, 8, tail // 2, tail - 1, tail) if 0 < length <= tail}
        while len(lengths) < min(count, tail):
            lengths.add(chance.randint(1, tail))
        yield from ((name, length) for length in sorted(lengths))


def tear(path: Path, length: int, *, zeros: bool) -> None:
    """Cut off the end of a file, or have zeros in its place."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size - length)
        if zeros:
            file.truncate(size)
