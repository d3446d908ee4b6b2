"""`leaderboard copy`: copy a board at rest to another storage, or say beforehand what that would take."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import Any, Final, NamedTuple

import click

from ..config import Opening
from ..migration import (
    CopyPlan,
    CopyResult,
    TargetLimits,
    Verification,
    copy_board,
    plan_copy,
    verify_boards,
)
from ..migration.streams import BoardStream
from ..model import visible
from ..numerals import duration, size, whole
from ..preflight.scratch import Scratch
from ..protocol import PAGE_SIZE, LeaderboardBackend
from .boards import CONFIG, find_boards, limits_of, open_storages, place_of
from .options import FiniteRange
from .progress import PlayerBar, saying_how_far
from .streams import foreign_output_to_stderr

SHORT_HELP: Final = "Copy a board at rest to another storage, ties included."
SCHEMA_VERSION: Final = 1
SAMPLE: Final = 10_000
"""Players that a dry run copies to a scratch board, if there are as many, to measure how long all would take."""


@click.command("copy", short_help=SHORT_HELP)
@click.argument("source", metavar="SOURCE")
@click.argument("target", metavar="TARGET")
@CONFIG
@click.option("--resume", is_flag=True, help="Continue a copy that was interrupted; TARGET may have players then.")
@click.option(
    "--rate", type=FiniteRange(0, min_open=True), metavar="N", help="Copy and verify at most N players per second."
)
@click.option("--dry-run", is_flag=True, help="Print what prevents the copy and how long it takes; copy nothing.")
@click.option(
    "--verify/--no-verify", "verified", default=True, help="Compare both boards at the end.  [default: verify]"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def copy(
    source: str,
    target: str,
    path: Path | None,
    rate: float | None,
    *,
    resume: bool,
    dry_run: bool,
    verified: bool,
    as_json: bool,
) -> None:
    """Copy all players of the board SOURCE to the board TARGET, in the same order to the last tie.

    Both are URLs, or names of boards in the file given by --config. Nobody should write to SOURCE meanwhile; where the
    storage can tell that somebody did, the copy stops. Whatever stops it, even kill -9, --resume compares what TARGET
    has with SOURCE and continues. Parts around a board (rate limit, validation, cache) are left out; players who break
    a limit of TARGET's validation stop the copy.

    --dry-run opens both boards, which makes an empty one where there is none, and measures the time on a scratch board
    (preflight-…) beside TARGET, which is deleted afterwards.

    Exits with code 1 if the copy cannot begin, stops, or is not the same at the end.
    """
    one, other = find_boards(source, target, path)
    run = _Run(one, other, resume=resume, rate=rate)
    with foreign_output_to_stderr():
        document = run.dry() if dry_run else run.copy(verified=verified)
    click.echo(json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=2) if as_json else _text(document))
    sys.exit(1 if document["problems"] else 0)


class _Cost(NamedTuple):
    """What one player takes, as measured on a sample."""

    copying: float
    """Seconds."""
    verifying: float
    """Seconds."""
    size: float | None
    """Bytes in the memory of the target's server; `None` where there is none, or it does not say."""


class _Run:
    """One run of the command."""

    def __init__(self, source: Opening, target: Opening, *, resume: bool, rate: float | None) -> None:
        self._source: Final = source
        self._target: Final = target
        self._resume: Final = resume
        self._rate: Final = rate
        self._limits: Final = limits_of(target)

    def _document(self, plan: CopyPlan) -> dict[str, Any]:
        return {
            "source": {"place": place_of(self._source), "players": plan.players},
            "target": {"place": place_of(self._target), "players": plan.present},
            "notes": list(plan.notes),
            "problems": list(plan.problems),
        }

    # ------------------------------------------------------------------ the copy

    def copy(self, *, verified: bool) -> dict[str, Any]:
        """Copy, verify, and return what was done."""
        with open_storages(self._source, self._target) as (source, target):
            plan = plan_copy(source, target, resume=self._resume)
            for note in plan.notes:
                click.echo(visible(f"Note: {note}"), err=True)
            with saying_how_far(PlayerBar("copy", plan.players), partial(_reached, plan=plan)) as bar:
                done = copy_board(
                    source, target, resume=self._resume, rate=self._rate, limits=self._limits, hear=bar.hear
                )
            found = self._verify(source, target, done) if verified else None
        document = self._document(plan)
        document["target"]["players"] = done.players
        document |= {"written": done.written, "seconds": round(done.seconds, 3), "verified": found and found.equal}
        if found is not None and not found.equal:
            document["problems"].append(
                f"the copy differs in {len(found.differences):,} players: leaderboard verify shows them."
            )
        return document

    def _verify(self, source: LeaderboardBackend, target: LeaderboardBackend, done: CopyResult) -> Verification:
        with PlayerBar("verify", done.players) as bar:
            return verify_boards(source, target, rate=self._rate, hear=bar.hear)

    # ------------------------------------------------------------------ the dry run

    def dry(self) -> dict[str, Any]:
        """Return what a copy would meet and take; nothing is written to the target."""
        with open_storages(self._source, self._target) as (source, target):
            plan = plan_copy(source, target, resume=self._resume)
            broken = _count_broken(source, plan.players, self._limits)
            sample, reading = _sampled(source)
        document = self._document(plan)
        document["problems"] += [
            f"{count:,} players break {rule} = {getattr(self._limits, rule)} of the target's validation."
            for rule, count in broken.items()
        ]
        if sample:
            left = max(0, plan.players - plan.present)
            cost = self._measure(sample, reading)
            least = 1 / self._rate if self._rate else 0.0
            document["seconds_to_copy"] = round(left * max(cost.copying, least), 3)
            document["seconds_to_verify"] = round(plan.players * max(cost.verifying, least), 3)
            document["bytes_of_server"] = None if cost.size is None else round(left * cost.size)
        return document

    def _measure(self, sample: list[tuple[str, str, Any]], reading: float) -> _Cost:
        """Measure what a player takes, on a scratch board beside the target."""
        scratch = Scratch(self._target)
        try:
            with scratch:
                board = scratch.bare()
                empty = board.storage_info().used_bytes
                began = monotonic()
                for start in range(0, len(sample), PAGE_SIZE):
                    board.update_scores(sample[start : start + PAGE_SIZE])
                writing = (monotonic() - began) / len(sample)
                full = board.storage_info().used_bytes
                _, reading_back = _sampled(board)
        finally:
            for left in scratch.left:
                click.echo(visible(f"The scratch board {left} may be left; delete it."), err=True)
        size = None if empty is None or full is None else max(0.0, (full - empty) / len(sample))
        return _Cost(reading + writing, reading + reading_back, size)


def _reached(done: int, plan: CopyPlan) -> str:
    """Return in words how far a copy came that something ended early."""
    of_all = f"of {whole(plan.players)} players"
    if done < plan.present:
        reached = f"The target had {whole(plan.present)} {of_all}, and {whole(done)} were compared"
    else:
        reached = f"The target has {whole(done) if done else 'at most the first batch'} {of_all}"
    return f"{reached}; continue with the same command and --resume."


def _count_broken(source: LeaderboardBackend, players: int, limits: TargetLimits) -> dict[str, int]:
    """Return how many players break each rule of the target, by its name; reads the whole board if there are any."""
    broken: dict[str, int] = {}
    if limits == TargetLimits():
        return broken
    stream = BoardStream(source)
    with PlayerBar("check limits", players) as bar:
        while entries := stream.take():
            for rule in chain.from_iterable(map(limits.broken_rules, entries)):
                broken[rule] = broken.get(rule, 0) + 1
            bar.hear(stream.read)
    return broken


def _sampled(board: LeaderboardBackend) -> tuple[list[tuple[str, str, Any]], float]:
    """Return the first players of a board, and how many seconds it took to read one."""
    stream = BoardStream(board)
    rows: list[tuple[str, str, Any]] = []
    began = monotonic()
    while len(rows) < SAMPLE and (entries := stream.take()):
        rows += [entry[1:] for entry in entries]
    return rows, (monotonic() - began) / max(1, len(rows))


# ---------------------------------------------------------------------- what is shown


def _text(document: dict[str, Any]) -> str:
    lines = []
    for name in ("source", "target"):
        board = document[name]
        lines.append(f"{name}: {board['place']}, {whole(board['players'])} players")
    if "written" in document:
        lines += _done(document)
    else:
        lines += [f"Note: {note}" for note in document["notes"]]
        lines += _expected(document)
    lines += [f"Problem: {problem}" for problem in document["problems"]]
    return visible("\n".join(lines))


def _done(document: dict[str, Any]) -> Iterator[str]:
    seconds, written = document["seconds"], document["written"]
    pace = f" ({whole(written / seconds)} per second)" if written and seconds else ""
    yield f"{whole(written)} players copied in {duration(seconds)}{pace}."
    if document["verified"]:
        yield "Verified: both boards are the same, to the last tie."


def _expected(document: dict[str, Any]) -> Iterator[str]:
    if "seconds_to_copy" in document:
        measured = min(SAMPLE, document["source"]["players"])
        yield (
            f"Time: about {duration(document['seconds_to_copy'])} to copy and "
            f"{duration(document['seconds_to_verify'])} to verify, as {measured:,} players took."
        )
        if document["bytes_of_server"]:
            yield f"Memory: about {size(document['bytes_of_server'])} in the target's server."
    yield "Nothing was copied." + ("" if document["problems"] else " The copy can begin.")
