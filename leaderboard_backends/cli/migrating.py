"""`leaderboard migrate`: move a board that is written meanwhile to another storage, one command a step, and back."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Final

import click

from ..config import Opening
from ..errors import ConfigurationError, LeaderboardError
from ..migration import Migration, Progress
from ..migration.record import Record, open_record
from ..migration.steering import Notes, order_step, progress_document, run_step
from ..migration.target import FEED, is_shared, target_of
from ..model import visible
from ..numerals import duration, whole
from .boards import boards_of, describe_board, keeping
from .options import FiniteRange
from .streams import foreign_output_to_stderr

SHORT_HELP: Final = "Move a live board to another storage, step by step, and back."
SCHEMA_VERSION: Final = 1
TELL_EVERY: Final = 10.0
"""Seconds between two lines of progress where stderr is no terminal."""
TELL_ON_TERMINAL: Final = 1.0
DIFFERENT: Final = 3
"""The exit code where the other board serves, but is not the same as the one that served, or could not be compared."""


@click.group("migrate", short_help=SHORT_HELP)
def migrate() -> None:
    """Move a live board to the board that its table [boards.NAME.migration] names: to = "URL".

    The steps are plan, start, cut-over, perhaps roll-back, and finish. Each may be repeated, and killed at any moment;
    status says where the migration is. The fences of both boards alone decide which one serves.

    Boards that the app opens with that table follow by themselves. If one of the boards is in the memory of a process,
    or in a file that one process has open, that process does the work, and these commands tell it what to do.
    """


def _step(name: str, *options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what makes a function the command of a step."""

    def decorate(function: Any) -> Any:
        for option in (
            *reversed(options),
            click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text."),
            click.option(
                "--config",
                "path",
                type=click.Path(dir_okay=False, path_type=Path),
                metavar="FILE",
                required=True,
                help="The boards (TOML).",
            ),
            click.argument("board", metavar="BOARD"),
        ):
            function = option(function)
        return migrate.command(name)(function)

    return decorate


_RATE: Final = click.option(
    "--rate", type=FiniteRange(0, min_open=True), metavar="N", help="Copy at most N players per second."
)
_VERIFY: Final = click.option(
    "--verify/--no-verify", default=True, help="Compare both boards in full before and after.  [default: verify]"
)


@_step("plan")
def plan(board: str, path: Path, *, as_json: bool) -> None:
    """Print what the migration of BOARD would do, and what prevents it.

    No player is written; but opening makes an empty board at the target, and has both keep a feed of their changes.

    Exits with code 1 if there is a problem.
    """
    _run(board, path, "plan", as_json=as_json)


@_step(
    "start",
    click.option("--until-caught-up", is_flag=True, help="End once the target equals the source; run start to go on."),
    _RATE,
)
def start(board: str, path: Path, *, as_json: bool, until_caught_up: bool, rate: float | None) -> None:
    """Copy BOARD to its target while it is written, then apply its changes to the target until Ctrl-C.

    It reports how far behind the target is. Run it again after an interruption: it compares what is there, and writes
    what differs. After a cut-over it applies the target's changes to the source, so that a roll-back loses nothing.
    """
    _run(board, path, "start", as_json=as_json, rate=rate, until_caught_up=until_caught_up)


@_step("status")
def status(board: str, path: Path, *, as_json: bool) -> None:
    """Print whether the source or the target of BOARD serves, and how far behind the other one is."""
    _run(board, path, "status", as_json=as_json)


@_step("cut-over", _VERIFY)
def cut_over(board: str, path: Path, *, as_json: bool, verify: bool) -> None:
    """Have the target of BOARD serve.

    Compares both boards in full while they are written, then stops all writers for a moment, brings the last changes
    over, compares what changed since, and opens the target. If anything differs, the source serves on. If it is killed
    in the pause, run it again to go on, or roll-back to return. Prints how long the pause was.

    Exits with code 3 if the target serves, but the boards differ afterwards, or could not be compared.
    """
    _run(board, path, "cut-over", as_json=as_json, verify=verify)


@_step("roll-back", _VERIFY)
def roll_back(board: str, path: Path, *, as_json: bool, verify: bool) -> None:
    """Have the source of BOARD serve again, with all that was written to the target: a cut-over the other way.

    Exits with code 3 if the source serves, but the boards differ afterwards, or could not be compared.
    """
    _run(board, path, "roll-back", as_json=as_json, verify=verify)


@_step(
    "finish",
    click.option("--delete", is_flag=True, help="Remove the players of the board that does not serve."),
)
def finish(board: str, path: Path, *, as_json: bool, delete: bool) -> None:
    """End the migration of BOARD: the board that serves goes on alone; the other one stays fenced.

    Then give the app the URL of the board that serves, and remove the table.
    """
    _run(board, path, "finish", as_json=as_json, delete=delete)


# ---------------------------------------------------------------------- running a step


def _run(board: str, path: Path, step: str, *, as_json: bool, rate: float | None = None, **options: Any) -> None:
    tell = _Teller()
    with foreign_output_to_stderr():
        source, target = _find(board, path)
        if is_shared(source) and is_shared(target):
            document = _here(source, target, step, options, rate, tell)
        else:
            document = _there(source, target, step, options, rate, tell)
    heading = {"source": source.place, "target": target.place}
    document = {"schema_version": SCHEMA_VERSION, "board": board, "step": step, **heading, **document}
    click.echo(json.dumps(document, indent=2) if as_json else visible("\n".join(_text(document))))
    after = document.get("verified_after")
    doubtful = document.get("problem_after") or (after and not after["equal"])
    sys.exit(1 if document.get("problems") else DIFFERENT if doubtful else 0)


def _find(board: str, path: Path) -> tuple[Opening, Opening]:
    """Return the descriptions of both boards, with feeds. Raises `ConfigurationError`."""
    source = describe_board(board, path)
    target = target_of(source)
    if target is None:
        raise ConfigurationError(
            f'{path} has no table [boards.{board}.migration]: add it, with to = "URL" of the board to move to.'
        )
    _require_own(target, board, path)
    feed = source.layers["migration"].get("feed", FEED)
    if "feed" in source.backend.options:
        source = replace(source, options={"feed": feed, **source.options})
    return _bare(source), _bare(target)


def _require_own(target: Opening, board: str, path: Path) -> None:
    """Raise `ConfigurationError` where another board of the file is at the target, or moves there, too."""
    place = target.location.url, target.board
    for name, found in boards_of(path).items():
        if name == board or not isinstance(found, Opening):
            continue
        taken = [found]
        with suppress(ConfigurationError):  # of the other board: its own steps say so
            taken += filter(None, [target_of(found)])
        if place in [(opening.location.url, opening.board) for opening in taken]:
            raise ConfigurationError(f"{target.place} is the storage of {name}, too: give {board} another one.")


def _bare(opening: Opening) -> Opening:
    """Return a board's description for a migration: the storage itself, which takes worse scores, too."""
    live = {"read_from": "primary"} if "read_from" in opening.backend.options else {}
    return replace(keeping(opening, "last"), options={**opening.options, **live}, layers={})


def _here(
    source: Opening, target: Opening, step: str, options: Mapping[str, Any], rate: float | None, tell: _Teller
) -> dict[str, Any]:
    """Carry out a step in this process."""
    with source.open() as one, target.open() as other, _record(target, step, Migration(one, other)) as record:
        notes = Notes(None if step == "status" else record, step)

        def hear(progress: Progress) -> None:
            tell.hear(progress_document(progress))
            notes.hear(progress)

        moves = Migration(one, other, places=(source.place, target.place), rate=rate, hear=hear)
        with notes.ending():
            document = run_step(moves, step, options)
        if step == "status":
            document["last"] = record.read("progress") if record else {}
        elif step == "finish" and record:
            record.delete()
        else:
            notes.note("done", document)
    return document


@contextmanager
def _record(target: Opening, step: str, moves: Migration) -> Iterator[Record | None]:
    """Open the record; a plan makes none, nor does a look before the start and after the end."""
    if step == "plan" or (step == "status" and not _is_under_way(moves)):
        yield None
        return
    record = open_record(target)
    try:
        yield record
    finally:
        record.close()


def _is_under_way(moves: Migration) -> bool:
    state = moves.state()
    return not state.finished and (state.begun or not moves.live)


def _there(
    source: Opening, target: Opening, step: str, options: Mapping[str, Any], rate: float | None, tell: _Teller
) -> dict[str, Any]:
    """Have the process that holds one of the boards carry out a step."""
    beside = target if is_shared(target) else source
    if not is_shared(beside):
        raise ConfigurationError(
            "both boards are in a process or in files of its own, so that no other process can reach them: move the "
            "board inside it, by board.migration() of the board that it opened."
        )
    record = open_record(beside)
    try:
        if step == "status":
            last = record.read("progress")
            known: dict[str, Any] = {name: last[name] for name in ("serves", "phase", "players") if name in last}
            holder = record.read("holder").get("who", "")
            return {**known, "held_by": holder, "last": last, "following": record.read("following")}
        if step == "start" and not options.get("until_caught_up"):
            click.echo(
                "The process that holds the board goes on to follow; status says how far behind it is.", err=True
            )
        try:
            document = order_step(record, step, options, tell.hear, rate=rate)
        except KeyboardInterrupt:
            click.echo("The process that holds the board carries this out all the same; see status.", err=True)
            raise
        if step == "finish":
            with suppress(LeaderboardError):
                record.delete()
        return document
    finally:
        record.close()


# ---------------------------------------------------------------------- what is shown


class _Teller:
    """Tells on stderr what is being done, a line now and then."""

    def __init__(self) -> None:
        self._due = 0.0
        self._last = ""
        self._every = TELL_ON_TERMINAL if sys.stderr.isatty() else TELL_EVERY

    def hear(self, progress: Mapping[str, Any]) -> None:
        """Tell of a progress if it is time, or something else is done."""
        now, doing = monotonic(), str(progress.get("doing", ""))
        if doing and (doing != self._last or now >= self._due):
            self._last, self._due = doing, now + self._every
            click.echo(visible(_line(progress)), err=True)


def _line(progress: Mapping[str, Any]) -> str:
    parts = [str(progress["doing"]).removesuffix(".")]
    if progress.get("players_done"):
        parts.append(f"{whole(progress['players_done'])} players")
    if progress.get("seconds_behind") is not None:
        parts.append(f"{whole(progress['versions_behind'])} changes and {progress['seconds_behind']:.3f} s behind")
    return ", ".join(parts)


def _text(document: Mapping[str, Any]) -> Iterator[str]:
    for side in ("source", "target"):
        players = document.get("players")
        count = f", {whole(players[side])} players" if isinstance(players, Mapping) else ""
        serves = " (serves)" if document.get("serves") == side else ""
        yield f"{side}: {document[side]}{count}{serves}"
    if "phase" in document:
        yield f"Phase: {document['phase']}."
    if document.get("held_by"):
        yield f"Moved by {document['held_by']}, which has one of the boards in its memory."
    if "live" in document:
        yield from _plan(document)
    if "compared_in_pause" in document:
        yield from _switch(document)
    for name in ("last", "following"):
        if noted := document.get(name):
            yield from _noted(name, noted)


def _plan(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"Players: {whole(document['players'])}."
    yield f"The board can be moved {'while it is written' if document['live'] else 'at rest only'}."
    yield "It can be rolled back." if document["reversible"] else "There is no roll-back."
    yield from (f"Note: {note}" for note in document["notes"])
    yield from (f"Problem: {problem}" for problem in document["problems"])


def _switch(document: Mapping[str, Any]) -> Iterator[str]:
    if document["pause_seconds"] is not None:
        yield f"Writers waited {document['pause_seconds']:.3f} s."
    for name, when in (("verified_before", "before"), ("verified_after", "after")):
        found = document[name]
        if found:
            same = "both boards are the same, to the last tie" if found["equal"] else "the boards differ"
            yield f"Verified {when} it: {same} ({whole(found['players'])} players, {duration(found['seconds'])})."
    if document["problem_after"]:
        yield f"It was not verified afterwards: {document['problem_after']} Verify both boards by leaderboard verify."
    if document["compared_in_pause"]:
        yield f"Compared in the pause: {whole(document['compared_in_pause'])} players."


def _noted(name: str, last: Mapping[str, Any]) -> Iterator[str]:
    age = duration(max(0.0, time.time() - last["at"]))
    of = f"{last.get('step')}, " if name == "last" else ""
    yield f"{name.capitalize()}: {of}{last.get('outcome')}, {age} ago."
    if last.get("doing"):
        yield f"It was {_line(last)}."
    if last.get("error"):
        yield f"Problem: {' '.join(last['error'].split())}"
    if last.get("pause_seconds"):
        yield f"Writers waited {last['pause_seconds']:.3f} s."
