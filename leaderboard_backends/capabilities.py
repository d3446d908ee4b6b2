"""What a backend guarantees (`Capabilities`), and where a board keeps its data as configured (`StorageInfo`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

Home: TypeAlias = Literal["process", "files", "server", "not known"]
"""Where data lives: in the memory of the process that opens the board, in files of its machine, or in a server."""

Consistency: TypeAlias = Literal["linearizable", "per player", "eventual"]
"""What a board's operations show of each other.

`linearizable`: each operation happens at one moment between its call and its return. `per player`: each operation on
one player does; the order is total and the same for every reader; within a tie, an update that ended before another one
began ranks first; and an operation on several players joins states that each of them had during the call. A batch is as
many operations as it has updates. `eventual`: a read may return an older state.
"""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend guarantees; the conformance kit tests what is declared, and that the rest is refused."""

    durable: bool
    """An acknowledged update survives a crash of the process that made it."""
    shared: bool
    """Several processes may write to one board, each through its own board object."""
    consistency: Consistency = "linearizable"
    """What a read sees of the updates that were acknowledged before it began."""
    survives: str = "nothing"
    """The worst failure after which acknowledged updates are still there, in words."""
    unsupported: frozenset[str] = frozenset()
    """Public operations that raise `UnsupportedOperationError`."""
    lives_in: Home = "not known"
    """Where the data lives; a board's own `storage_info` says more."""
    feed: bool = False
    """The board has a version, and keeps a change feed if it is opened with the option `feed`."""
    limits: bool = False
    """The storage checks the limits that `score_limits.within` sets, in the same atomic step as the write."""
    fence: bool = False
    """The board can be fenced: every write through any open object is then refused."""
    fence_pass: bool = False
    """A write can pass a fence whose text it knows (`passing_fence`)."""


Amount: TypeAlias = Literal["nothing", "all but the last second", "everything", "other", "not known"]
"""How many of the acknowledged updates are still there after a failure; `other` is explained in words."""


class Kept(NamedTuple):
    """Which acknowledged updates survive a failure."""

    amount: Amount = "not known"
    detail: str = ""
    """In words: the setting that it follows from, or what `other` means."""
    declared: bool = False
    """Whether the user declared it, because the storage does not report it."""


NOT_KNOWN: Final = Kept()


@dataclass(frozen=True, slots=True)
class StorageInfo:
    """Where the data of a board is, and what survives which failure with the current settings."""

    kind: Home = "not known"
    files: tuple[Path, ...] = ()
    """The files that hold the data, those beside them (a log) included; they need not exist yet."""
    server: str = ""
    """The server's address, as a URL without user, password and options; empty where there is none."""
    server_pid: int | None = None
    """The server's process id on its own machine, if the server reports it."""
    server_run: str = ""
    """An id of this run of the server, different from that of every other run, if the server reports one."""
    encrypted: bool | None = None
    """Whether what is sent to the server is encrypted; `None` where there is no server, or it is not known."""
    used_bytes: int | None = None
    """The memory that the server uses for all its data, as the server counts it."""
    busy: bool = False
    """Whether the server still works in the background on what it was sent, such as writing a log anew."""
    process_crash: Kept = NOT_KNOWN
    """What a crash of a process that uses the board leaves."""
    server_crash: Kept = NOT_KNOWN
    """What a crash of the server leaves; without a server, what a crash of the process that uses the board leaves."""
    machine_crash: Kept = NOT_KNOWN
    """What a power cut of the machine that holds the data leaves."""


IN_PROCESS: Final = StorageInfo(
    "process", process_crash=Kept("nothing"), server_crash=Kept("nothing"), machine_crash=Kept("nothing")
)
"""A board in the memory of its process."""
