"""`leaderboard conformance`: run the conformance kit on each target, and print, write and return the verdicts."""

from __future__ import annotations

import contextlib
import shlex
import sys
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from ..comparison.report.terminal import PlainConsole
from ..config import open_leaderboard
from ..errors import ConfigurationError, LeaderboardError
from ..location import Location, place_of
from ..protocol import LeaderboardBackend
from ..testing.documents import to_markdown
from ..testing.honesty import HonestKit
from ..testing.limit import limited
from ..testing.opening import is_url, load_target, unfit, url_factory
from ..testing.report import Report, Step, Test, to_json
from ..testing.runner import run_kit, versions
from ..testing.servers import ServerNotFoundError, ServerStartError
from ..testing.subject import PARTS, BoardFactory, unique_name
from ..testing.trials import Trial, trial_place, trial_places
from .options import OutputPath, Seconds, WholeRange
from .progress import TestBar
from .supervision import Listen, supervised
from .verdicts import print_report, print_verdicts

SHOWN_FAILURES: Final = 5
REACHABLE: Final = 60.0
"""Seconds in which a storage must answer."""
IN_PART: Final = 3
"""The exit code where all that was asked for passed, and that was not the whole kit."""
LEAST_PLAYERS: Final = 5000
"""The fewest players that the kit lets a large board have."""
NARROWEST: Final = 80
JSON_FILE: Final = "conformance.json"
MARKDOWN_FILE: Final = "conformance.md"


@click.command("conformance", short_help="Test whether backends meet the contract.")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same random programs.")
@click.option("--examples", type=click.IntRange(1, 100_000), help="Random programs per order and keep.  [default: 60]")
@click.option(
    "--players",
    type=WholeRange(LEAST_PLAYERS),
    help=f"Players on large boards, at least {LEAST_PLAYERS}; with fewer than the default the verdict is only "
    "partial.  [default: 100000]",
)
@click.option("--thorough", is_flag=True, help="Longer runs, and fault tests on temporary files and servers.")
@click.option(
    "--part", "parts", multiple=True, type=click.Choice(PARTS), help="Run only this part of the kit; repeatable."
)
@click.option("--asyncio", "through_asyncio", is_flag=True, help="Open boards with open_async_leaderboard.")
@click.option(
    "--time-limit",
    type=Seconds(0, min_open=True),
    metavar="SECONDS",
    help="Fail a test that takes longer than this; after three of those the rest is not run.  "
    "[default: 180, or as your class sets it; five times that with --thorough]",
)
@click.option(
    "--failures",
    type=WholeRange(0),
    default=SHOWN_FAILURES,
    show_default=True,
    help="How many failures to print in full.",
)
@click.option(
    "--out", type=OutputPath(file_okay=False, path_type=Path), help=f"Folder for {JSON_FILE} and {MARKDOWN_FILE}."
)
def conformance(
    targets: tuple[str, ...],
    seed: int,
    examples: int | None,
    players: int | None,
    parts: tuple[str, ...],
    failures: int,
    out: Path | None,
    time_limit: float | None,
    *,
    thorough: bool,
    through_asyncio: bool,
) -> None:
    """Run every test of the contract on each TARGET, and report whether it conforms.

    A TARGET is the URL of a storage (redis://host:6379/0); module:name of your own class or function that takes name,
    order and keep and returns a board, or of your subclass of BackendConformance, FileFaults or ServerFaults; or a
    temporary storage made for the run: naive, memory, journal (a folder), redis, "redis (unix socket)" and
    "redis (appendfsync always)" (real servers), fakeredis, zodb (a file), zodb+memory, zeo (a real server), and the
    scheme of a plug-in.
    Without TARGET, all of these temporary storages are tested.

    Each target runs in a process of its own: a test that crashes or hangs that process has failed, and the remaining
    tests and targets still run.

    At a URL, the kit creates boards with names of its own (kit-…), clears them and touches no other board. Exits with
    code 1 if a target does not conform or a test could not be run, and with 3 if all tests passed but only a part of
    the kit was run.
    """
    asked = _Asked(seed, examples, players, parts, thorough, time_limit, through_asyncio)
    sys.exit(_judge(targets or tuple(trial_places()), asked, failures, out))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of every target."""

    seed: int
    examples: int | None
    players: int | None
    parts: tuple[str, ...]
    thorough: bool
    time_limit: float | None
    through_asyncio: bool

    def open_board(self, url: str, **options: Any) -> LeaderboardBackend:
        """Open a board by its URL, as it was asked."""
        if not self.through_asyncio:
            return open_leaderboard(url, **options)
        from ..testing.asynchronous import open_blocking  # noqa: PLC0415 - asyncio takes its time to import

        return open_blocking(url, **options)

    @property
    def opening_limit(self) -> float:
        """Seconds in which a target must be imported, and its storage answer."""
        return min(REACHABLE, self.time_limit or REACHABLE)

    def command(self, reports: list[Report]) -> str:
        """Return the command that makes these reports again."""
        chosen = [argument for part in self.parts for argument in ("--part", part)]
        given = {"--examples": self.examples, "--players": self.players, "--time-limit": self.time_limit}
        numbers = [word for name, number in given.items() if number is not None for word in (name, str(number))]
        flags = [*(["--thorough"] if self.thorough else []), *(["--asyncio"] if self.through_asyncio else [])]
        options = [*flags, "--seed", str(self.seed), *numbers, *chosen]
        return shlex.join(["leaderboard", "conformance", *options, *(report.subject for report in reports)])


def _judge(targets: tuple[str, ...], asked: _Asked, failures: int, out: Path | None) -> int:
    """Judge one target after the other, tell of each when it is through, and return the exit code."""
    console = PlainConsole()
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    if out is not None:
        out = _prepared(out)
    reports: list[Report] = []
    for target in dict.fromkeys(targets):
        report = _judged(target, asked)
        print_report(console, report, failures)
        reports.append(report)
        if out is not None:  # after each target, so that an interrupted run keeps what is finished
            _write(out, reports, asked.command(reports))
    if len(reports) > 1:
        print_verdicts(console, reports)
    return _exit_code(reports)


def _prepared(out: Path) -> Path:
    """Fail before the run, not after it, where the folder cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (JSON_FILE, MARKDOWN_FILE):
            with (out / name).open("a", encoding="utf-8") as file:
                new = file.tell() == 0
            if new:
                (out / name).unlink()
    except OSError as error:
        raise click.ClickException(f"--out {out} cannot be written: {error.strerror}.") from error
    return out.resolve()


def _exit_code(reports: list[Report]) -> int:
    if all(report.good for report in reports):
        return 0
    return IN_PART if all(report.good or report.verdict == "PASSED IN PART" for report in reports) else 1


def _judged(target: str, asked: _Asked) -> Report:
    """Judge a target in a process of its own."""
    blank = Report(_shown(target), asked.seed, asked.thorough, versions())

    def work(tell: Listen, done: Collection[Test]) -> Report:
        return _run(target, asked, tell, done)

    with TestBar(blank.subject) as bar:
        return supervised(work, blank, bar.hear)


def _run(target: str, asked: _Asked, tell: Listen, done: Collection[Test]) -> Report:
    shown = _shown(target)
    try:
        tell(Step("opening its storage", asked.opening_limit))
        with _subject(target, asked) as (subject, trial):
            tell(Step("collecting its tests", REACHABLE))
            return run_kit(
                subject,
                name=shown,
                seed=asked.seed,
                examples=asked.examples,
                players=asked.players,
                parts=asked.parts,
                thorough=asked.thorough,
                trial=trial,
                time_limit=asked.time_limit,
                open_board=asked.open_board,
                progress=tell,
                begin=tell,
                done=done,
            )
    except (LeaderboardError, ServerNotFoundError, ServerStartError) as error:
        problem = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - an author's code may raise anything, SystemExit too
        problem = f"{type(error).__name__}: {error}"
    return Report(shown, asked.seed, asked.thorough, versions(), problem=" ".join(problem.split()))


@contextlib.contextmanager
def _subject(target: str, asked: _Asked) -> Iterator[tuple[BoardFactory | type[HonestKit], Trial | None]]:
    """Give what a target names to the kit; a place that is made for the run is gone afterwards."""
    seconds = asked.opening_limit
    if not is_url(target) and ":" not in target:
        place = trial_place(target)
        with tempfile.TemporaryDirectory(prefix="leaderboard-kit-") as folder, place.open(Path(folder)) as trial:
            yield _reachable(url_factory(trial.url, asked.open_board), seconds), trial
    elif is_url(target):
        yield _reachable(url_factory(target, asked.open_board), seconds), None
    else:
        with limited(seconds, "importing the target"):
            found = load_target(target)
        if isinstance(found, type) and issubclass(found, HonestKit):
            yield found, None
        else:
            yield _reachable(found, seconds), None


def _reachable(make: BoardFactory, seconds: float) -> BoardFactory:
    """Open a board once, so that a storage out of reach is one line and not a thousand failures."""
    with limited(seconds, "opening a board"):
        board = make(unique_name(), order="descending", keep="last")
        if problem := unfit(board):
            raise ConfigurationError(problem)
        with board:
            board.ping()
    return make


def _write(out: Path, reports: list[Report], command: str) -> None:
    (out / JSON_FILE).write_text(to_json(reports), encoding="utf-8")
    (out / MARKDOWN_FILE).write_text(to_markdown(reports, command), encoding="utf-8")


def _shown(target: str) -> str:
    """Return a URL, or what may be meant as one, without its password and its query; anything else as it is."""
    if not is_url(target):
        return place_of(target) if "@" in target else target
    try:
        return Location.parse(target)[0].shown
    except ConfigurationError:
        return target.partition("://")[0] + "://…"
