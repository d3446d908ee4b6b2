"""The steps of a migration by their names, here or in the process that holds one of the boards.

A board in the memory of a process, or in a file that one process has open, moves inside that process: `Agent` is a
thread there, which carries out what the record orders and notes what came of it. `order_step` gives such an order from
another process. An order that was begun when the process ended is carried out again: steps may be repeated.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from secrets import token_hex
from threading import Event, Thread
from time import monotonic
from typing import Any, Final

from ..errors import BackendUnavailableError, BoardMismatchError, BoardMovedError, LeaderboardError
from ..wrapper import start_thread
from .fences import State
from .holding import GONE, Holder
from .moving import Migration
from .pair import Progress
from .planning import MigrationPlan
from .record import Part, Record
from .switching import Switched
from .verifying import Verification

logger = logging.getLogger("leaderboard_backends")

STEPS: Final = ("plan", "start", "status", "cut-over", "roll-back", "finish")
LOOK_EVERY: Final = 0.2
"""Seconds between two looks at the order."""
NOTE_EVERY: Final = 1.0
"""Seconds between two notes of the progress."""
ANSWER: Final = 15.0
"""Seconds within which an order must be seen to be carried out."""


def run_step(
    migration: Migration, step: str, options: Mapping[str, Any], stop: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """Carry out a step, and return what came of it as a document. Raises what the step raises."""
    if step == "plan":
        return plan_document(migration.plan())
    if step == "start":
        caught_up = bool(options.get("until_caught_up"))
        return state_document(migration, migration.start(stop=stop, until_caught_up=caught_up))
    if step == "cut-over":
        return switch_document(migration.cut_over(verify=bool(options.get("verify", True))))
    if step == "roll-back":
        return switch_document(migration.roll_back(verify=bool(options.get("verify", True))))
    if step == "finish":
        return state_document(migration, migration.finish(delete=bool(options.get("delete"))))
    return state_document(migration, migration.state())


def plan_document(plan: MigrationPlan) -> dict[str, Any]:
    """Return a plan as a document."""
    return {**plan._asdict(), "problems": list(plan.problems), "notes": list(plan.notes)}


def state_document(migration: Migration, state: State) -> dict[str, Any]:
    """Return which board serves, and how many players both have, as a document."""
    return {
        "serves": state.serves,
        "truth": state.truth,
        "phase": "finished" if state.finished and state.serves else phase_of(state, live=migration.live),
        "players": {"source": len(migration.source), "target": len(migration.target)},
    }


def phase_of(state: State, *, live: bool) -> str:
    """Return in words where a migration is."""
    if state.serves is None:
        return f"in the pause of a {'cut-over' if state.truth == 'source' else 'roll-back'}"
    if state.serves == "target":
        return "cut over"
    return "copying" if state.begun else "not started" if live else "at rest"


def switch_document(switched: Switched) -> dict[str, Any]:
    """Return a cut-over or a roll-back as a document."""
    return {
        "serves": switched.serves,
        "pause_seconds": switched.pause and round(switched.pause, 3),
        "verified_before": _verified(switched.before),
        "compared_in_pause": switched.compared,
        "verified_after": _verified(switched.after),
        "problem_after": switched.problem,
    }


def _verified(found: Verification | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "players": found.players_a,
        "equal": found.equal,
        "settled": found.settled,
        "seconds": round(found.seconds, 3),
    }


def progress_document(progress: Progress) -> dict[str, Any]:
    """Return a progress as a document."""
    behind = progress.behind
    return {
        "doing": progress.doing,
        "players_done": progress.players,
        "versions_behind": behind and behind.versions,
        "seconds_behind": behind and round(behind.seconds, 3),
    }


class Notes:
    """Notes progress in a record, now and then; a record that fails stops nothing."""

    def __init__(self, record: Record | None, step: str) -> None:
        self._record: Final = record
        self._step: Final = step
        self._noted = False
        self._due = 0.0

    def hear(self, progress: Progress) -> None:
        """Note a progress, unless one was noted just before."""
        if monotonic() >= self._due:
            self._due = monotonic() + NOTE_EVERY
            self.note("running", progress_document(progress))

    def note(self, outcome: str, document: Mapping[str, Any]) -> None:
        """Note what came of a step, unless the record is gone: `finish` deletes it, and a note would make it anew."""
        if self._record is not None:
            with suppress(LeaderboardError):
                if self._noted and not self._record.read("progress"):
                    return
                self._record.write("progress", {"step": self._step, "outcome": outcome, "at": time.time(), **document})
                self._noted = True

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Note that a step within this context failed, or was interrupted."""
        try:
            yield
        except LeaderboardError as error:
            self.note("failed", {"error": str(error)})
            raise
        except KeyboardInterrupt:
            self.note("interrupted", {})
            raise


class Agent:
    """A thread that carries out the orders of a record. Both are opened by the thread.

    `make` returns the migration, by the options `hear` and `rate`. What has begun is followed after each step, whatever
    came of that. `holder` is the claim of this process, where one of the boards is in its memory. Raises
    `BackendUnavailableError` where the process may have no more threads.
    """

    def __init__(
        self,
        name: str,
        open_record: Callable[[], Record],
        make: Callable[..., Migration],
        holder: Holder | None = None,
    ) -> None:
        self._open_record: Final = open_record
        self._make: Final = make
        self._holder: Final = holder
        self._closed: Final = Event()
        self._thread: Final = Thread(target=self._run, name=f"leaderboard-migration-{name}", daemon=True)
        start_thread(self._thread)

    def close(self) -> None:
        """Carry out nothing any more; a start in work ends."""
        if self._thread.is_alive():  # not in a forked child, where it may have been inside the event
            self._closed.set()
            self._thread.join(5)
        if self._holder is not None:
            self._holder.close()

    def _run(self) -> None:
        """Serve until `close`, or until the migration is finished."""
        problem = ""
        while not self._closed.is_set():
            try:
                record = self._open_record()
                problem = ""
                try:
                    self._serve(record)
                finally:
                    record.close()
            except LeaderboardError as error:
                if not problem:
                    logger.warning("the record of a migration cannot be read: %s", error)
                problem = str(error)
            except Exception:
                logger.exception("a migration failed")
            self._closed.wait(1.0)

    def _serve(self, record: Record) -> None:
        done = record.read("progress")
        while not self._closed.is_set():
            if self._is_displaced():
                self._closed.set()
                return
            order = record.read("order")
            if order and (order["id"] != done.get("id") or done["outcome"] == "running"):
                done = self._carry_out(record, order)
                if order["step"] == "finish" and done["outcome"] == "done":
                    self._closed.set()
            elif order and order["follows"]:
                self._follow(record, order)
            self._closed.wait(LOOK_EVERY)

    def _carry_out(self, record: Record, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out an order, and return what was noted of it."""
        options = {**order.get("options", {}), **({"until_caught_up": True} if order["step"] == "start" else {})}
        try:
            migration = self._make(hear=self._noting(record, order), rate=order.get("rate"))
            self._require_own(migration, record, order["step"])
            document = run_step(
                migration, order["step"], options, lambda: self._closed.is_set() or self._is_displaced()
            )
            outcome = "done"
        except LeaderboardError as error:
            document, outcome = {"error": str(error)}, "failed"
        if order["step"] == "finish" and outcome == "done" and self._holder is not None:
            self._holder.close()  # before the record is deleted
        noted = {**_head(order), "outcome": outcome, **document}
        record.write("progress", noted)
        return noted

    def _is_displaced(self) -> bool:
        """Whether another process has taken over, which then alone carries out what is ordered."""
        return self._holder is not None and bool(self._holder.displaced)

    def _require_own(self, migration: Migration, record: Record, step: str) -> None:
        """Note with which board a migration begins. Raises `BoardMismatchError` where that board is gone."""
        holder = self._holder
        if holder is None or step not in ("start", "cut-over", "roll-back"):
            return
        state = migration.state()
        if holder.is_stranger and state.begun and state.truth == holder.side:
            raise BoardMismatchError(GONE)
        if step == "start":
            holder.begin(record)

    def _follow(self, record: Record, order: dict[str, Any]) -> None:
        """Follow what has begun, until there is another order; a failure is noted, and tried again."""
        due, ordered = 0.0, False

        def stop() -> bool:
            nonlocal due, ordered
            if monotonic() >= due and not ordered:
                due = monotonic() + LOOK_EVERY
                with suppress(LeaderboardError):
                    ordered = record.read("order").get("id") != order.get("id")
            return ordered or self._closed.is_set() or self._is_displaced()

        try:
            migration = self._make(hear=self._noting(record, order, "following"), rate=order.get("rate"))
            if migration.state().begun:  # else the step was refused
                self._require_own(migration, record, "start")
                migration.start(stop=stop)
        except LeaderboardError as error:
            with suppress(LeaderboardError):
                record.write("following", {**_head(order), "outcome": "failed", "error": str(error)})
            self._closed.wait(1.0)

    def _noting(self, record: Record, order: dict[str, Any], part: Part = "progress") -> Callable[[Progress], object]:
        due = 0.0

        def hear(progress: Progress) -> None:
            nonlocal due
            if monotonic() >= due:
                due = monotonic() + NOTE_EVERY
                with suppress(LeaderboardError):
                    record.write(part, {**_head(order), "outcome": "running", **progress_document(progress)})

        return hear


def _head(order: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": order.get("id"), "step": order.get("step"), "at": time.time()}


def order_step(
    record: Record,
    step: str,
    options: Mapping[str, Any],
    hear: Callable[[Mapping[str, Any]], object] = lambda _: None,
    *,
    rate: float | None = None,
) -> dict[str, Any]:
    """Order a step of the process that holds one of the boards, and return what came of it.

    `hear` is told of the progress. Raises `BackendUnavailableError` where no process takes the order up,
    `BoardMovedError` where another command orders something else meanwhile, and `LeaderboardError` with the text of
    what the step raised.
    """
    follows = step != "finish" and (step != "plan" or record.read("order").get("follows", False))
    order = {"id": token_hex(8), "step": step, "options": dict(options), "follows": follows, "rate": rate}
    record.write("order", order)
    seen, before = monotonic(), None
    while True:
        latest = record.read("order")  # before what was noted of it
        noted, following = record.read("progress"), record.read("following")
        if before != (before := (noted, following)):  # the process is there, perhaps with another order in work
            seen = monotonic()
        if noted.get("id") == order["id"]:
            seen = monotonic()
            if noted["outcome"] == "failed":
                raise LeaderboardError(noted["error"])
            if noted["outcome"] == "done":
                return {name: value for name, value in noted.items() if name not in ("id", "step", "outcome", "at")}
            hear(noted)
        elif latest.get("id") != order["id"]:
            raise BoardMovedError(
                f"another command ({latest.get('step', 'finish')}) was given meanwhile, so that the outcome of this "
                f"one ({step}) is not known: leaderboard migrate status says where the migration is."
            )
        elif monotonic() - seen > ANSWER:
            raise BackendUnavailableError(
                f"no process of the app took up this command ({step}) within {ANSWER:g} s: check that the app runs "
                "with this board's migration table, and has not finished the migration. Then it carries this out."
            )
        time.sleep(LOOK_EVERY)
