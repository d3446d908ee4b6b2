"""A table migration: whether the board can move where it leads, while it is written, and back; nothing is opened."""

from __future__ import annotations

from collections.abc import Iterator

from ..config import Opening
from ..errors import ConfigurationError
from ..migration.target import is_shared, target_of
from .contradictions import READ_TIMEOUT, check_read_timeout
from .finding import Finding, failed, not_applicable, passed, together, warning
from .kinds import promises_of
from .subject import Subject


def check_migration(subject: Subject) -> Finding:
    """Look at what both backends declare."""
    try:
        target = target_of(subject.opening)
    except ConfigurationError as error:
        return failed(str(error), "Correct the table, or remove it.")
    if target is None:
        return not_applicable("the board does not move: it has no table migration")
    return together([*_judged(subject.opening, target), *_not_opened(subject)])


def _judged(source: Opening, target: Opening) -> Iterator[Finding]:
    one, two = promises_of(source), promises_of(target)
    yield passed(f"moves to {target.place}")
    if not (one.feed and one.fence and two.fence and two.fence_pass):
        yield warning(
            "it moves at rest only: the source needs feed and fence, the target fence and fence_pass",
            "Stop all writers before leaderboard migrate start, until the cut-over.",
        )
    elif not (one.fence_pass and two.feed):
        yield warning("there is no roll-back", "Keep the source until you are sure of the target.")
    if one.shared and not two.shared:
        yield warning(
            "several processes can share the source, and not the target",
            "Have one process serve the board before the cut-over.",
        )
    if not (is_shared(source) or is_shared(target)):
        yield warning(
            "no other process can reach either board, so leaderboard migrate cannot",
            "Move the board inside its process, by board.migration().",
        )


def _not_opened(subject: Subject) -> Iterator[Finding]:
    """Yield why the app could not open the board with this table, which scratch boards leave out."""
    if READ_TIMEOUT not in (subject.settings("degradation") or {}):
        return
    try:
        check_read_timeout("degradation", subject.opening)
    except ConfigurationError as error:
        yield failed(f"degradation: {error}", f"Correct [{subject.table}.degradation].")
