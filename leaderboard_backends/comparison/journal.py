"""What a comparison keeps while it runs: a line of JSON for each finished run, so that nothing finished is ever lost.

The first line says what the journal is of; a comparison that goes on must agree with it. A last line that a crash cut
off is left out. The file is locked by the comparison that writes it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from ..errors import ConfigurationError, LeaderboardError
from .schema import BackendFacts, Run

SUFFIX: Final = ".journal"


class JournalError(LeaderboardError):
    """The journal cannot be written; the text says what to do."""


class Head(msgspec.Struct, frozen=True, tag="head"):
    """What a journal is of."""

    digest: str
    """Of everything that figures depend on: plan, backends, workloads, code, machine."""
    started: str
    told: dict[str, str]
    """The same as text, to say what differs."""
    salt: str = ""
    """Of the hashes of URLs in it."""


class Known(msgspec.Struct, frozen=True, tag="backend"):
    """A backend was opened, and judged by the kit."""

    facts: BackendFacts


class Finished(msgspec.Struct, frozen=True, tag="run"):
    """A run is over."""

    run: Run
    spent: float = 0.0
    """Seconds of the comparison so far, those of its earlier parts included."""


Line: TypeAlias = Head | Known | Finished


class Kept(NamedTuple):
    """What a journal holds."""

    head: Head
    backends: list[BackendFacts]
    runs: list[Run]
    spent: float
    """Seconds that it took."""


class Journal(AbstractContextManager["Journal"]):
    """An append-only file, locked from `begin` or `go_on` to `close`. Without a path, nothing is kept."""

    def __init__(self, path: Path | None, *, force: bool = False) -> None:
        self._path = path
        self._force = force
        self._lock: BufferedRandom | None = None

    def begin(self, head: Head) -> None:
        """Begin anew; only `force` replaces the journal of an interrupted comparison.

        Raises `ConfigurationError` where there is one, and `JournalError`, also where another comparison writes it.
        """
        if self._path is None:
            return
        with self._told():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._locked(self._path, "a+b")
            if file.seek(0, os.SEEK_END) and not self._force:
                raise ConfigurationError(
                    f"{self._path} keeps {len(read_journal(self._path).runs):,} finished runs of an interrupted "
                    f"comparison: --resume continues from them, --force discards them."
                )
            file.truncate(0)
        self.add(head)

    def go_on(self) -> Kept:
        """Return what the journal holds, and prepare it for more lines: an incomplete last line is removed.

        Raises `ConfigurationError` where there is none, or it is no journal, and `JournalError`.
        """
        path = self._path or Path(os.devnull)
        read_journal(path)
        with self._told():
            file = self._locked(path, "rb+")
            kept = read_journal(path)
            file.truncate(file.read().rfind(b"\n") + 1)
        return kept

    def _locked(self, path: Path, mode: Literal["a+b", "rb+"]) -> BufferedRandom:
        """Open and lock the file until this journal ends; a file that its owner removed meanwhile is opened anew."""
        self._lock = self._lock or path.open(mode)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise JournalError(
                f"{path} is in use by another comparison: wait until that ends, or choose another --out."
            ) from error
        if os.fstat(self._lock.fileno()).st_nlink:
            return self._lock
        self.close()
        return self._locked(path, mode)

    def add(self, line: Line) -> None:
        """Add a line, and see it on the disk. Raises `JournalError`; nothing of the line is then left."""
        if self._path is None:
            return
        with self._told(), self._path.open("ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            left = memoryview(msgspec.json.encode(line) + b"\n")
            try:
                while left:
                    left = left[file.write(left) or 0 :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the system says into what to do."""
        try:
            yield
        except OSError as error:
            raise JournalError(
                f"{self._path} cannot be written: {error.strerror or error}. It has all finished runs: free some "
                "space, and continue with --resume."
            ) from error

    def end(self) -> None:
        """Remove the file, as its content is in the result."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let another comparison have the file."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __exit__(self, *error: object) -> None:
        self.close()


def read_journal(path: Path) -> Kept:
    """Return what a journal holds. Raises `ConfigurationError` where there is none, or it is no journal."""
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n")
        lines = [msgspec.json.decode(line, type=Line) for line in whole.splitlines()]
    except OSError as error:
        raise ConfigurationError(
            f"there is nothing to resume: {path} cannot be read ({error.strerror}). Leave --resume out to start again."
        ) from error
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{path} is not a journal of a comparison: {error}.") from error
    if not lines or not isinstance(lines[0], Head):
        raise ConfigurationError(f"{path} is not a journal of a comparison. Leave --resume out to start again.")
    facts = {line.facts.label: line.facts for line in lines if isinstance(line, Known)}
    finished = [line for line in lines if isinstance(line, Finished)]
    spent = max((line.spent for line in finished), default=0.0)
    return Kept(lines[0], list(facts.values()), [line.run for line in finished], spent)
