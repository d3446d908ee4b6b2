"""What the fences of two boards say of a migration between them: which board serves, and who may write to the other.

Nothing else decides it. Each fence of a migration names a kind and a token: whoever is to write to a board that does
not serve fences it anew with a token of its own, expecting the fence that it saw. So of two processes the later one
goes on, and one that was frozen finds its writes, and its opening of a board, refused.

==================  ==================  ==========================================================
source              target              which board serves
==================  ==================  ==========================================================
open                open                the source: nothing has begun
open                a fence             the source: the target follows it
paused              follows             none, in the pause of a cut-over; the source has all writes
a fence             open                the target: the source follows it
follows             paused              none, in the pause of a roll-back; the target has all writes
==================  ==================  ==========================================================

`begins` is the first fence of a target, until its process has seen that the source is open. Where it is not, the first
start was late, and the target has all writes. `finished` ends a migration: the board is not to be served again.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from secrets import token_hex
from typing import Final, Literal, NamedTuple, TypeAlias

from ..errors import BoardMismatchError, BoardMovedError
from ..model import MAX_MOVED_TO
from ..protocol import LeaderboardBackend

LEASE: Final = 0.2
"""Seconds for which a board that an app has open is read without asking for its fence. A cut-over waits them out."""
LEASE_MARGIN: Final = 0.05
"""Seconds more that a cut-over waits: clocks do not run at quite the same rate."""

Kind: TypeAlias = Literal["begins", "follows", "paused", "finished"]
Owner: TypeAlias = Literal["start", "switch", "nobody"]
Side: TypeAlias = Literal["source", "target"]

_FENCE: Final = re.compile(
    r".* \[migration: (?P<kind>begins|follows|paused|finished), (?P<owner>start|switch|nobody) \w+\]"
)
_USER: Final = re.compile(r"//[^/?#@\s]*@")
_ROOM: Final = 60
"""Characters of a fence's text beside the place."""


class MigrationFence(NamedTuple):
    """A fence that a migration put up."""

    text: str
    kind: Kind
    owner: Owner
    """Who writes through it: a `start`, a `cut_over` or `roll_back` (`switch`), or nobody any more."""


class State(NamedTuple):
    """Which board serves: what the two fences say together."""

    serves: Side | None
    """The board that takes writes; `None` in the pause of a cut-over or roll-back."""
    truth: Side
    """The board that has all writes."""
    source: MigrationFence | None
    target: MigrationFence | None

    @property
    def begun(self) -> bool:
        """Whether there is a fence."""
        return self.source is not None or self.target is not None

    @property
    def finished(self) -> bool:
        """Whether the board that does not serve is to serve no more."""
        return any(fence.kind == "finished" for fence in (self.source, self.target) if fence)

    def fence_of(self, side: Side) -> MigrationFence | None:
        """Return the fence of a board."""
        return self.source if side == "source" else self.target


def other(side: Side) -> Side:
    """Return the other one."""
    return "target" if side == "source" else "source"


def make_fence(place: str, kind: Kind, owner: Owner) -> MigrationFence:
    """Return a new fence, for a board whose players are at `place` (without a password)."""
    public = _USER.sub("//", place)  # even that a password was left out looks like one
    text = f"{public[: MAX_MOVED_TO - _ROOM]} [migration: {kind}, {owner} {token_hex(4)}]"
    return MigrationFence(text, kind, owner)


def parse_fence(text: str | None, side: Side) -> MigrationFence | None:
    """Return the fence of a text, `None` for none. Raises `BoardMismatchError` for one that no migration put up."""
    if text is None:
        return None
    if (found := _FENCE.fullmatch(text)) is None:
        raise BoardMismatchError(
            f"the {side} is fenced, and not by a migration: it has moved to {text}. Lift that fence first "
            "(board.lift_fence()), if it is not needed any more."
        )
    return MigrationFence(text, found["kind"], found["owner"])  # type: ignore[arg-type]  # as the pattern says


def read_state(source: LeaderboardBackend, target: LeaderboardBackend) -> State:
    """Return the state of a migration. Two or three round trips; raises `BoardMismatchError`."""
    for _ in range(100):
        before, at_target = fence_of(source), fence_of(target)
        if fence_of(source) == before:
            return _state(parse_fence(before, "source"), parse_fence(at_target, "target"))
    raise BoardMismatchError("the fence of the source keeps changing: several commands are running.")


def _state(source: MigrationFence | None, target: MigrationFence | None) -> State:
    if source is None:
        return State("source", "source", source, target)
    if target is None:
        return State("target", "target", source, target)
    if target.kind in ("begins", "paused") and (target.kind == "begins" or source.kind != "paused"):
        return State(None, "target", source, target)
    if source.kind == "paused" and target.kind != "paused":
        return State(None, "source", source, target)
    raise BoardMismatchError(
        f"the fences of both boards do not say which one has all writes (source: {source.text}, target: "
        f"{target.text}): lift that of the board that served last."
    )


def state_or(error: BoardMovedError, source: LeaderboardBackend, target: LeaderboardBackend) -> State:
    """Return the state of the migration; raises the error where the fence is none of a migration."""
    try:
        return read_state(source, target)
    except BoardMismatchError:
        raise error from None


def fence_of(board: LeaderboardBackend) -> str | None:
    """Return the text of a board's fence, `None` where it takes writes or cannot be fenced. One round trip."""
    return board.fenced() if board.capabilities.fence else None


def finish_lifting(board: LeaderboardBackend, fence: str) -> None:
    """Lift a fence that a shard still has although the board takes writes: its lifting was cut half-way."""
    try:
        with board.passing_fence(fence):
            board.lift_fence()
    except BoardMovedError:
        return


def expecting(board: LeaderboardBackend, fence: MigrationFence | None) -> AbstractContextManager[None]:
    """Return a context in which the board's fence is changed, and written through, only if it is this one.

    Of a plug-in that lets no write pass a fence, the fence is changed whatever it is.
    """
    if not board.capabilities.fence_pass:
        return nullcontext()
    return board.passing_fence(None if fence is None else fence.text)
