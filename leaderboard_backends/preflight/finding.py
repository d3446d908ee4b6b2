"""What a check answers: a status, the figure that it rests on, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from .subject import Subject

Status: TypeAlias = Literal["passed", "not applicable", "warning", "failed"]

STATUSES: Final[tuple[Status, ...]] = ("not applicable", "passed", "warning", "failed")
"""From the one that says least to the one that decides."""


class Finding(NamedTuple):
    """A status, the figure, and what to do where something is to be done."""

    status: Status
    figure: str
    todo: str = ""


class Check(NamedTuple):
    """One check: its name, the line of the study's list that it is for, and what runs it."""

    name: str
    line: str
    run: Callable[[Subject], Finding]
    needs_board: bool = True
    """Whether it asks the storage, so that there is nothing to check where that does not answer."""


class Line(NamedTuple):
    """A check that was run, and the seconds that it took."""

    check: str
    line: str
    finding: Finding
    seconds: float


class Report(NamedTuple):
    """A board's run: its name in the file, where it is, and a line a check."""

    board: str
    place: str
    lines: Sequence[Line]

    @property
    def failed(self) -> bool:
        """Whether a check failed."""
        return any(line.finding.status == "failed" for line in self.lines)


def passed(figure: str) -> Finding:
    """Return that all is well."""
    return Finding("passed", figure)


def not_applicable(reason: str) -> Finding:
    """Return that there is nothing to check, and why."""
    return Finding("not applicable", reason)


def warning(figure: str, todo: str) -> Finding:
    """Return that something is to be looked at, and what."""
    return Finding("warning", figure, todo)


def failed(figure: str, todo: str) -> Finding:
    """Return that something must be put right, and how."""
    return Finding("failed", figure, todo)


def together(findings: Iterable[Finding]) -> Finding:
    """Return several findings as one of the worst status: all figures, and what to do of all. There must be one."""
    found = list(findings)
    status = max((finding.status for finding in found), key=STATUSES.index)
    figures = dict.fromkeys(finding.figure for finding in found if finding.figure)
    todos = dict.fromkeys(finding.todo for finding in found if finding.todo)
    return Finding(status, "; ".join(figures), " ".join(todos))
