"""A good file of one board, which a test breaks in one place, and what the checks say of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from leaderboard_backends.cli.preflight import one_server_holds
from leaderboard_backends.config import describe_file
from leaderboard_backends.preflight.expectations import read_expectations
from leaderboard_backends.preflight.finding import Finding, Status
from leaderboard_backends.preflight.run import run_checks
from leaderboard_backends.preflight.scratch import Scratch
from leaderboard_backends.preflight.subject import Subject

SECONDS = 0.1
DOCUMENTS = {"disaster_recovery": "recovery.md", "runbook": "runbook.md", "api": "api.md"}

Document = dict[str, Any]


def good(url: str, **expected: Any) -> Document:
    """Return a file's content with which everything is as it should be, for a small load."""
    return {
        "boards": {
            "weekly": {
                "url": url,
                "monitoring": {"alerts": True, "update_rate": 50},
                "rate_limit": {"updates_a_minute": 20},
                "validation": {"score_min": 0, "score_max": 1_000_000, "max_change": 50_000},
                "degradation": {"cache_top": 100},
            }
        },
        "preflight": {
            "weekly": {
                "expected_updates": 100,
                "expected_reads": 100,
                "expected_players": 6000,
                "workers": 1,
                "update_latency": 2,  # a machine that does other work is no broken board
                "top_latency": 2,
                "rank_latency": 2,
                "dashboard": "dashboard.json",
                **DOCUMENTS,
                **expected,
            }
        },
    }


def changed(document: Document, **tables: Any) -> Document:
    """Return a file's content with other tables of the board: `rate_limit={...}`; `None` takes one out."""
    board = {name: table for name, table in {**document["boards"]["weekly"], **tables}.items() if table is not None}
    return {**document, "boards": {"weekly": board}}


def write(folder: Path, document: Document) -> Path:
    """Write the file of the boards, and the documents that it names, which are all there is to them."""
    for name in DOCUMENTS.values():
        (folder / name).write_text("Do this first.\n", encoding="utf-8")
    (folder / "dashboard.json").write_text('{"expr": "leaderboard_call_duration_seconds"}\n', encoding="utf-8")
    path = folder / "boards.toml"
    path.write_text("".join(_lines(document, ())), encoding="utf-8")
    return path


def _lines(table: Mapping[str, Any], names: tuple[str, ...]) -> Iterable[str]:
    if names:
        yield f"[{'.'.join(names)}]\n"
    for name, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{name} = {json.dumps(value)}\n"
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*names, name))


def findings(
    folder: Path, document: Document, seconds: float = SECONDS, progress: Callable[[str], object] = str
) -> dict[str, Finding]:
    """Run the whole list on the one board, and return what each check found."""
    path = write(folder, document)
    openings = describe_file(path)
    report = run_checks(
        next(iter(openings)), openings, read_expectations(path, openings), seconds, progress, one_server_holds
    )
    return {line.check: line.finding for line in report.lines}


def of_status(found: Mapping[str, Finding], status: Status) -> dict[str, str]:
    """Return the checks of a status with their figures."""
    return {name: finding.figure for name, finding in found.items() if finding.status == status}


class Opened:
    """A subject under a single check; leaving it takes its scratch boards away."""

    def __init__(self, folder: Path, document: Document, seconds: float = SECONDS) -> None:
        path = write(folder, document)
        openings = describe_file(path)
        name = next(iter(openings))
        self.scratch = Scratch(openings[name])
        self.subject = Subject(name, openings, read_expectations(path, openings)[name], self.scratch, seconds)

    def __enter__(self) -> Subject:
        return self.subject

    def __exit__(self, *_: object) -> None:
        self.scratch.__exit__(None, None, None)
