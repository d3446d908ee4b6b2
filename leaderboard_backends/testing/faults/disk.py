"""Faults of disks: full ones, and the ends of files as a crash of the machine may leave them.

A full disk is a limit on the size of files, which works everywhere, and a small disk, where one may be mounted.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final

_NEW_MOUNTS: Final = 0x00020000
"""`CLONE_NEWNS` of Linux."""
_NEW_USER: Final = 0x10000000
"""`CLONE_NEWUSER`."""
_PRIVATE: Final = 0x4000 | 1 << 18
"""`MS_REC | MS_PRIVATE`."""


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Let this process write no file beyond a size; what it tries then is an error, and no signal."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def largest(directory: Path) -> int:
    """Return the size of the largest file in a folder, 0 where there is none."""
    return max((path.stat().st_size for path in directory.rglob("*") if path.is_file()), default=0)


def mount_small_disk(place: Path) -> bool:
    """Mount a file system of 16 MiB in memory at a folder, for this process alone; whether the system lets it.

    The process must have one thread. It gets mounts of its own, which end with it; where it is not root, it becomes the
    root of a user namespace of its own first. Only Linux has these.
    """
    try:
        system = ctypes.CDLL(None, use_errno=True)
        _unshare(system)
        _check(system.mount(b"none", b"/", None, _PRIVATE, None))
        _check(system.mount(b"small-disk", os.fsencode(place), b"tmpfs", 0, b"size=16m"))
    except (AttributeError, OSError):
        return False
    return True


def _unshare(system: ctypes.CDLL) -> None:
    if system.unshare(_NEW_MOUNTS) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    _check(system.unshare(_NEW_MOUNTS | _NEW_USER))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextmanager
def room_left(disk: Path, room: int) -> Iterator[None]:
    """Fill a disk with another file, up to so many bytes, while this lasts."""
    ballast = disk / "ballast"
    state = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, state.f_bavail * state.f_frsize - room))
    try:
        yield
    finally:
        ballast.unlink()


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
