"""The file: opening it with a clear refusal, keeping it whole when the disk is full, letting go of it after a fork."""

from __future__ import annotations

import contextlib
import errno
import gc
import logging
import os
import stat
from pathlib import Path
from pickle import PickleError
from struct import error as StructError  # noqa: N812 - an exception's name
from typing import Any, Final
from weakref import ref

from zc.lockfile import LockError
from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.format import CorruptedError
from ZODB.POSException import POSKeyError
from ZODB.utils import z64

from ...errors import BackendUnavailableError, BoardMismatchError, LeaderboardError
from ...files import NO_ROOM, check_place, not_applied, read_only
from .readers import ReadFiles
from .torn import cut_zeroed_end, last_is_zeroed

_log: Final = logging.getLogger(__name__)

_MAGIC = b"FS30"
"""How a FileStorage file begins, since ZODB 5."""
_BESIDE = (".lock", ".tmp", ".index")
"""The endings of the files that it keeps beside its own."""


class BoardFile(FileStorage):  # type: ignore[misc]  # ZODB ships no types
    """A FileStorage that can be mended after a failed write, and be left alone after a fork."""

    _file: Any
    _tfile: Any
    unsure = False
    """Whether the last commit failed after its data may have reached the disk."""

    def __init__(self, path: str) -> None:
        try:
            super().__init__(path, pack_keep_old=False)
            self._files = ReadFiles(self._file_name, ref(self))
            self._file.flush()
            os.fsync(self._file.fileno())  # what a killed process left unsynced: the next commit is then alone in that
        except BaseException:
            self.discard()
            raise

    def finished(self) -> bytes:
        """Return the id of the last transaction that is complete, without waiting for one that syncs to the disk.

        For telling whether a snapshot is still the newest: the id changes last, after the data, the sync and every
        connection's invalidations. Not for making a snapshot: a connection that is made meanwhile would miss the
        invalidations of the transaction that is about to complete; ZODB's own `lastTransaction` waits for it.
        """
        return self._ltid  # type: ignore[no-any-return]  # ZODB ships no types

    def is_in_place(self) -> bool:
        """Whether the path still names the file that is open; asked twice, as a pack puts another one there."""
        return self._is_same() or self._is_same()

    def _is_same(self) -> bool:
        try:
            opened = os.fstat(self._file.fileno())
            let_go = stat.S_ISCHR(opened.st_mode)  # the null device: an interrupt cut `_let_go`
            return let_go or os.path.samestat(opened, Path(self._file_name).stat())
        except ValueError:  # it is closed, as for a moment in a pack
            return True
        except OSError:
            return False

    def require_place(self) -> None:
        """Raise `OSError` where the path names another file than the one that is open, or none."""
        if not self.is_in_place():
            raise OSError(errno.ESTALE, "the file was moved, removed or replaced")

    def mend(self) -> None:
        """Drop what a failed commit left in buffers and behind the last transaction.

        Raises `OSError`, also where the path names another file than the one that is open: that is not to be cut.
        """
        with self._files.write_lock(), self._lock:
            self.require_place()
            for file in (self._file, self._tfile):
                _let_go(file)
            os.truncate(self._file_name, self._pos)
            self._file = Path(self._file_name).open("r+b")  # noqa: SIM115 - closed with the storage
            self._tfile = Path(f"{self._file_name}.tmp").open("w+b")  # noqa: SIM115 - as above
            self._tfmt._file = self._tfile  # noqa: SLF001 - the formatter reads the same file
            self._files.empty()

    @staticmethod
    def packer(storage: BoardFile, *options: Any) -> Any:
        """Write the packed file, and have it on the disk before it takes the place of the old one. Raises `OSError`.

        What was put in the place of the open file is neither packed nor replaced.
        """
        storage.require_place()
        packed = FileStorage.packer(storage, *options)
        if packed is not None:
            try:
                _sync(f"{storage._file_name}.pack")
                storage.require_place()
            except BaseException:
                storage._commit_lock.release()
                raise
        return packed

    def discard(self) -> None:
        """Close all files, whatever state they are in, and write nothing any more."""
        self._let_go_of_data()
        if lock := self.__dict__.get("_lock_file"):
            with contextlib.suppress(ValueError):  # a close that an interrupt cut in two
                lock.close()

    def abandon(self) -> None:
        """Close the files in a forked child, where they, and their locks, are still those of the parent."""
        self._let_go_of_data()
        lock = self.__dict__.get("_lock_file")
        file = lock and lock._fp  # noqa: SLF001 - the lock's own close() would release the parent's lock
        if file:
            file.close()

    def _let_go_of_data(self) -> None:
        for name in ("_file", "_tfile"):
            if (file := self.__dict__.get(name)) is not None:
                _let_go(file)
        if pool := self.__dict__.get("_files"):
            pool.close()

    def _finish(self, tid: bytes, user: bytes, description: bytes, extension: bytes) -> None:
        self.unsure = True
        super()._finish(tid, user, description, extension)
        self.unsure = False

    def _save_index(self) -> None:
        """Save the index of positions, unless a commit broke off while it entered its own: the next opening scans.

        So it does where the disk refuses the index: what is open, or packed, is whole without it.
        """
        if self.unsure:
            return
        try:
            super()._save_index()
        except OSError as error:
            _log.warning("%s: its index cannot be saved (%s): the next opening scans the file.", self._file_name, error)
            self._clear_index()  # it may be that of the file before a pack
            with contextlib.suppress(OSError):
                Path(f"{self._file_name}.index.index_tmp").unlink()  # what was written of it takes room


def _let_go(file: Any) -> None:
    """Close a file so that nothing left in its buffer reaches the disk: it flushes into the null device."""
    if not file.closed:
        null = os.open(os.devnull, os.O_RDWR)
        try:
            os.dup2(null, file.fileno(), inheritable=False)
        finally:
            os.close(null)
        file.close()


def open_file(path: str, *, create: bool) -> BoardFile:
    """Open, or create, the file of some boards, for this process alone.

    Raises `ConfigurationError` (a directory), `BackendUnavailableError` (missing, locked, damaged),
    `BackendReadOnlyError` (not writable), `BackendFullError` and `BoardMismatchError` (not such a file). What a crash
    left half written at the file's end was never acknowledged; it is moved to a file `.tr0` beside it.
    """
    try:
        return _open(path, create=create)
    except LeaderboardError:
        raise
    except LockError as error:
        raise BackendUnavailableError(
            f"{path} is open in another process (its lock is {path}.lock): a ZODB file serves one process at a time. "
            f"Close it there, or serve it to several processes by ZEO (runzeo -a ADDRESS -f {path}): its boards are "
            "zeo://HOST:PORT?board=NAME, or zeo:///PATH/zeo.sock?board=NAME. Boards in RelStorage are "
            "zodb+config:///PATH/zodb.conf?board=NAME."
        ) from error
    except PermissionError as error:
        raise read_only(path, _BESIDE) from error
    except OSError as error:
        if error.errno in NO_ROOM:
            raise not_applied(path, error) from error
        raise BackendUnavailableError(f"{path} cannot be opened: {error.strerror or error}.") from error
    except Exception as error:
        # The scan of a damaged file may raise anything: its own errors, and those of numbers and texts that are none.
        raise damaged(path, error) from error


DAMAGE: Final = (
    *(CorruptedError, PickleError, POSKeyError, StructError, EOFError),
    *(AttributeError, TypeError, ValueError, LookupError, ArithmeticError, ImportError, AssertionError),
    SystemError,  # what the next call raises after C code of BTrees met a record that it could not load
)
"""What a damaged record raises: ZODB's own errors, a pickle's, and those of objects that are none of a board's."""


def damaged(path: str, error: Exception) -> BackendUnavailableError:
    """Return the error for a file whose records cannot be read."""
    return BackendUnavailableError(
        f"{path} is damaged ({type(error).__name__}: {error}). Nothing was applied. Restore a backup, or recover what "
        f"is readable with python -m ZODB.fsrecover {path} NEW-FILE."
    )


def _open(path: str, *, create: bool) -> BoardFile:
    _finish_broken_pack(path)
    existed = _check_place(path, create=create)
    storage = _open_without_zeros(path)
    size = storage._pos  # noqa: SLF001 - where the last whole transaction ends
    if existed and ((storage.lastTransaction() == z64 and size > len(_MAGIC)) or size < existed):
        # The scan took the last transaction's id from the damaged end; without that end it finds the right one.
        storage.close()
        storage = _open_without_zeros(path)
    if not existed:
        try:
            _sync(Path(path).parent)
        except BaseException:
            storage.discard()
            raise
    return storage


def _open_without_zeros(path: str) -> BoardFile:
    """Open a file; one whose last transaction is in part zeros is opened without it, if nothing else is wrong."""
    try:
        try:
            storage = BoardFile(path)
        except LockError:  # perhaps of an opening in this process that an interrupt cut short, and that nobody has
            gc.collect()
            storage = BoardFile(path)
    except (LockError, OSError):
        raise
    except Exception:
        if not cut_zeroed_end(path):
            raise
        return BoardFile(path)
    try:
        if not last_is_zeroed(path, storage._pos):  # noqa: SLF001 - where it ends
            return storage
    except BaseException:
        storage.discard()
        raise
    storage.discard()
    cut_zeroed_end(path)
    return BoardFile(path)


def _check_place(path: str, *, create: bool) -> int:
    """Return the size of the file, 0 where it is yet to be made."""
    if not check_place(path, create=create, beside=_BESIDE):
        return 0
    with Path(path).open("rb") as file:
        beginning = file.read(len(_MAGIC))
    if beginning and beginning != _MAGIC:
        raise BoardMismatchError(f"{path} is not a ZODB file: it begins with {beginning!r}. Name another file.")
    return Path(path).stat().st_size


def _finish_broken_pack(path: str) -> None:
    """Put the file back where a crash hit `pack` between its two renames: the old one is whole."""
    old = f"{path}.old"
    if not os.path.lexists(path) and os.path.isfile(old) and os.path.isfile(f"{path}.pack"):  # noqa: PTH113 - never raise
        with contextlib.suppress(FileNotFoundError):
            Path(old).rename(path)


def _sync(path: str | Path) -> None:
    """Have a file, or the names in a folder, survive a power loss."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
