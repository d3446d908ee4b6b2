"""The comparison as a whole: draw the traces, run each cell in a process of its own in random order, put it together.

Ctrl-C, or whatever else ends it, stops the worker and the server of the cell in work and keeps what is finished.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Final, Protocol

import msgspec

from ..errors import LeaderboardError
from ..testing.servers import ServerNotFoundError, ServerStartError
from .machine import folder_on_disk, load_average, machine, versions
from .measures import METHODS
from .redaction import redact
from .result import SCHEMA_VERSION, Cell, Comparison, Job, Settings, TraceFacts
from .targets import Place, Target
from .trace import draw_trace, encode_trace, trace_facts

WORKER: Final = (sys.executable, "-m", f"{__package__}.worker")

CLEAR_TIMEOUT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: targets and sizes, steps for each operation, seconds for each operation of a cell."""

    targets: Sequence[Target]
    players: Sequence[int]
    steps: dict[str, int]
    seed: int
    time_limit: float
    give_up_after: float | None = None
    """Seconds after which a worker is ended; chosen by size and time limit where `None`."""

    def settings(self) -> Settings:
        """Return what the result tells of the plan."""
        labels = [target.label for target in self.targets]
        return Settings(labels, list(self.players), self.seed, dict(self.steps), self.time_limit)

    def cells(self) -> list[tuple[Target, int]]:
        """Return every target at every size, in the random order of the seed."""
        cells = [(target, players) for players in self.players for target in self.targets]
        Random(f"order {self.seed}").shuffle(cells)  # noqa: S311 - nothing here is a secret
        return cells

    def patience(self, players: int) -> float:
        """Return the seconds after which a worker is ended: far above what a working one needs."""
        if self.give_up_after is not None:
            return self.give_up_after
        return 60 + 2 * self.time_limit * len(self.steps) + players / 1000


class Watcher(Protocol):
    """Is told how the comparison goes on."""

    def begins(self, label: str, players: int) -> None:
        """Say that a cell begins."""

    def ends(self, cell: Cell) -> None:
        """Say that a cell has ended."""


def effort(players: int) -> float:
    """Return about how long a cell of this size takes, in a unit of its own, for a progress bar."""
    return 1 + players / 30_000


def compare(plan: Plan, watcher: Watcher) -> Comparison:
    """Run the plan; returns what is finished, `finished` being false, where Ctrl-C ended it."""
    begun, started, load_before = datetime.now(UTC), perf_counter(), load_average()
    cells: list[Cell] = []
    traces: list[TraceFacts] = []
    finished, parent = False, folder_on_disk()
    try:
        with tempfile.TemporaryDirectory(prefix="leaderboard-compare-", dir=parent) as folder:
            paths = {players: Path(folder) / f"trace-{players}" for players in plan.players}
            traces.extend(_draw(plan, players, path) for players, path in paths.items())
            for target, players in plan.cells():
                watcher.begins(target.label, players)
                cells.append(_run_cell(plan, target, players, paths[players], Path(folder)))
                watcher.ends(cells[-1])
        finished = True
    except KeyboardInterrupt:
        pass
    return Comparison(
        schema_version=SCHEMA_VERSION,
        started=begun.isoformat(timespec="seconds"),
        seconds=round(perf_counter() - started, 1),
        finished=finished,
        versions=versions(),
        machine=machine(load_before, load_average(), parent),
        settings=plan.settings(),
        traces=traces,
        methods=METHODS,
        cells=_in_order(plan, cells),
    )


def _in_order(plan: Plan, cells: Sequence[Cell]) -> list[Cell]:
    """Return a cell for everything planned, by size and target; those not reached say so."""
    done = {(cell.backend, cell.players): cell for cell in cells}
    return [
        done.get((target.label, players), Cell(target.label, players, "not run", "interrupted before it was finished"))
        for players in plan.players
        for target in plan.targets
    ]


def _draw(plan: Plan, players: int, path: Path) -> TraceFacts:
    trace = draw_trace(players, plan.seed, plan.steps)
    stored = encode_trace(trace)
    path.write_bytes(stored)
    return trace_facts(trace, stored)


def _run_cell(plan: Plan, target: Target, players: int, trace: Path, folder: Path) -> Cell:
    """Run one cell on a fresh place; whatever keeps it from running becomes its reason."""
    started = perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        try:
            with target.open(Path(directory)) as place:
                cell = _run_worker(place, _job(plan, place, players, trace))
        except (LeaderboardError, ServerNotFoundError, ServerStartError, OSError) as error:
            cell = Cell("", players, "unavailable", redact(" ".join(str(error).split()), ""))
    return msgspec.structs.replace(
        cell, backend=target.label, players=players, seconds=round(perf_counter() - started, 2)
    )


def _job(plan: Plan, place: Place, players: int, trace: Path) -> Job:
    return Job(
        target=place.target,
        board=place.board,
        trace_path=str(trace),
        time_limit=plan.time_limit,
        give_up_after=plan.patience(players),
        shared_place=place.shared,
        server_url=place.server_url,
        server_pid=place.server_pid,
        data_path=str(place.data_path) if place.data_path else None,
    )


def _run_worker(place: Place, job: Job) -> Cell:
    """Run a worker to its end, or end it; a user's storage is cleared of a board that it left behind."""
    clean = False
    try:
        with _worker() as process:
            out, err = process.communicate(msgspec.json.encode(job), timeout=job.give_up_after)
        cell = _read_cell(out, err, process.returncode)
        clean = process.returncode == 0
    except subprocess.TimeoutExpired:
        cell = Cell("", 0, "timed out", f"no result after {job.give_up_after:g} s; the process was ended")
    finally:
        if place.shared and not clean:
            _clear(job)
    return msgspec.structs.replace(cell, reason=redact(cell.reason, place.target))


@contextmanager
def _worker() -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker that Ctrl-C does not reach, as this process decides; it is gone when the context ends."""
    process = subprocess.Popen(  # noqa: S603 - our own module
        WORKER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _read_cell(out: bytes, err: bytes, code: int) -> Cell:
    try:
        return msgspec.json.decode(out, type=Cell)
    except msgspec.MsgspecError:
        last = err.decode(errors="replace").strip().splitlines()[-1:]
        said = f": {last[0]}" if last else ""
        return Cell("", 0, "failed", f"its process ended with code {code} and no result{said}")


def _clear(job: Job) -> None:
    """Clear the board of a worker that was ended, in a process that is ended in its turn if it hangs."""
    with _worker() as process:
        try:
            process.communicate(
                msgspec.json.encode(msgspec.structs.replace(job, clear_only=True)), timeout=CLEAR_TIMEOUT
            )
        except subprocess.TimeoutExpired:
            return
