"""The result of a check: a status, the figure behind it, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from .subject import Subject

Status: TypeAlias = Literal["passed", "not applicable", "warning", "failed"]

STATUSES: Final[tuple[Status, ...]] = ("not applicable", "passed", "warning", "failed")
"""From the least to the most severe."""


class Finding(NamedTuple):
    """A status, the figure behind it, and what to do; `todo` is empty if nothing is."""

    status: Status
    figure: str
    todo: str = ""


class Check(NamedTuple):
    """One check: its name, the line of the checklist that it covers, and the function that runs it."""

    name: str
    line: str
    run: Callable[[Subject], Finding]
    needs_board: bool = True
    """Whether it needs the storage, so that it is not run if that does not answer."""


class Line(NamedTuple):
    """The result of one check, and how many seconds it took."""

    check: str
    line: str
    finding: Finding
    seconds: float


class Report(NamedTuple):
    """The results of one board: its name in the file, the URL of its storage, and one line per check."""

    board: str
    place: str
    lines: Sequence[Line]

    @property
    def failed(self) -> bool:
        """Whether a check failed."""
        return any(line.finding.status == "failed" for line in self.lines)


def passed(figure: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding("passed", figure)


def not_applicable(reason: str) -> Finding:
    """Return that there is nothing to check, with the reason."""
    return Finding("not applicable", reason)


def warning(figure: str, todo: str) -> Finding:
    """Return that somebody should look at something, and at what."""
    return Finding("warning", figure, todo)


def failed(figure: str, todo: str) -> Finding:
    """Return that something must be fixed, and how."""
    return Finding("failed", figure, todo)


def together(findings: Iterable[Finding]) -> Finding:
    """Merge one or more findings into one with the worst status, all figures and all remedies."""
    found = list(findings)
    status = max((finding.status for finding in found), key=STATUSES.index)
    figures = dict.fromkeys(finding.figure for finding in found if finding.figure)
    todos = dict.fromkeys(finding.todo for finding in found if finding.todo)
    return Finding(status, "; ".join(figures), " ".join(todos))
