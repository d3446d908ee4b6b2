"""What a worker is asked, and what it answers."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..schema import BackendFacts, Figures, Status

Task = Literal["service", "throughput", "response", "program", "facts", "clear", "crash", "return"]
"""The modes; `facts` opens a board and reports what it is; `clear` deletes what a terminated worker left behind;
`crash` and `return` are the two sides of crash recovery: the process that will be killed, and the one that checks what
is left.
"""


class Where(msgspec.Struct, frozen=True):
    """Where a job's board is. It may hold a password, so it travels through a pipe and is written nowhere."""

    target: str
    """A URL, or `module:callable`."""
    board: str
    shared: bool = False
    """Whether the storage is the user's own: the board is then cleared afterwards."""
    server_pids: list[int] = []
    """The processes of its servers; empty where they are not known, or where there are none."""
    copies: int = 1
    """How many of the servers have the whole board."""
    data_path: str | None = None
    """The folder whose growth is the bytes on disk; `None` where the board's own files are."""


class Job(msgspec.Struct, frozen=True):
    """What one worker does."""

    task: Task
    where: Where
    give_up_after: float
    """Seconds after which the worker is ended."""
    label: str = ""
    trace_path: str = ""
    answers_path: str = ""
    time_limit: float = 2.0
    """Seconds for the writes of a run, and for each kind of read."""
    clients: list[int] = []
    batches: list[int] = []
    rates: list[float] = []
    seconds: float = 1.0
    """Of each phase of a throughput or response run, of each operation of a program."""
    program: str = ""
    distribution: str = ""
    """That the program comes with."""
    players: int = 0
    seed: int = 1


class Answer(msgspec.Struct, frozen=True):
    """What a worker returns."""

    status: Status
    reason: str = ""
    figures: Figures | None = None
    facts: BackendFacts | None = None
    cores_elsewhere: float | None = None
    notes: list[str] = []
