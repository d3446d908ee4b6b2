"""`Pair`: the two boards of a migration, and how a fence of one is changed by whoever expects the one that is there."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple

from ..errors import BackendError, BackendUnavailableError, BoardMismatchError, WriteOutcomeUnknownError
from ..protocol import LeaderboardBackend
from .fences import Kind, MigrationFence, Owner, Side, State, expecting, make_fence, other, read_state
from .mirroring import Behind, Mirror
from .streams import Pause

LONGEST_REST: Final = 2.0
"""Seconds until a storage that failed is tried again; the first rest is a twentieth of it."""
OPENING: Final = 10.0
"""Seconds for which a fence is tried to be changed, where the storage does not answer."""
LIFE: Final = 60.0
"""Seconds after which a start goes on that waits for a cut-over or a roll-back of which nothing is seen any more."""


class Progress(NamedTuple):
    """What a step is doing."""

    doing: str
    """In words."""
    players: int = 0
    """How many were compared or written so far."""
    behind: Behind | None = None
    """How far the target is behind, while it follows."""


class Pair:
    """Two boards, their places in words (no passwords), and who is told what is being done.

    Raises `BoardMismatchError` where their orders differ.
    """

    def __init__(
        self,
        source: LeaderboardBackend,
        target: LeaderboardBackend,
        places: tuple[str, str] | None,
        rate: float | None,
        hear: Callable[[Progress], object],
        pause: Pause,
    ) -> None:
        if source.order != target.order:
            raise BoardMismatchError(
                f"the source is {source.order} and the target {target.order}: open both with the same order."
            )
        self.source: Final = source
        self.target: Final = target
        self.rate: Final = rate
        self.pause: Final = pause
        self._places: Final = places or (_place_of(source), _place_of(target))
        self._hear: Final = hear
        self._renewed: MigrationFence | None = None

    # ------------------------------------------------------------------ what there is

    @property
    def live(self) -> bool:
        """Whether the board can be moved while it is written."""
        one, two = self.source.capabilities, self.target.capabilities
        return one.feed and one.fence and two.fence and two.fence_pass

    @property
    def reversible(self) -> bool:
        """Whether changes can flow back after the cut-over."""
        return self.live and self.source.capabilities.fence_pass and self.target.capabilities.feed

    def why_not_live(self) -> str:
        """Return in words what the boards lack to be moved while they are written."""
        one, two = self.source.capabilities, self.target.capabilities
        lacks = [f"the source has no {name}" for name, has in (("feed", one.feed), ("fence", one.fence)) if not has]
        if not (two.fence and two.fence_pass):
            lacks.append("the target cannot be fenced against all but the migration")
        return " and ".join(lacks)

    def state(self) -> State:
        """Return which board serves. Raises `BoardMismatchError` where the fences do not say it."""
        return read_state(self.source, self.target)

    def board(self, side: Side) -> LeaderboardBackend:
        """Return one of the boards."""
        return self.source if side == "source" else self.target

    def place_beside(self, side: Side) -> str:
        """Return where the players of a fenced board are: at the other one."""
        return self._places[1 if side == "source" else 0]

    # ------------------------------------------------------------------ what is done

    def tell(self, doing: str, players: int = 0, behind: Behind | None = None) -> None:
        """Tell what is being done."""
        self._hear(Progress(doing, players, behind))

    def mirror(self, passive: Side, fence: MigrationFence) -> Mirror:
        """Return what makes a board that has this fence equal to the other one."""
        return Mirror(
            self.board(other(passive)),
            self.board(passive),
            fence.text,
            rate=self.rate,
            hear=lambda players: self.tell("copying", players),
            pause=self.pause,
        )

    def take_over(self, side: Side, seen: MigrationFence | None, kind: Kind, owner: Owner) -> MigrationFence:
        """Fence a board whose fence is the one that was seen. Raises `BoardMovedError` where it is another one."""
        return self.put(side, seen, make_fence(self.place_beside(side), kind, owner))

    def put(self, side: Side, seen: MigrationFence | None, fence: MigrationFence) -> MigrationFence:
        """Put up a fence, as `take_over`; where it is not known whether it is up, again, which does no harm."""

        def put() -> None:
            with expecting(self.board(side), seen):
                self.board(side).fence(fence.text)

        self.insist(put, WriteOutcomeUnknownError)
        return fence

    def lift(self, side: Side, fence: MigrationFence) -> None:
        """Lift the fence of a board, which serves then."""

        def lift() -> None:
            with expecting(self.board(side), fence):
                self.board(side).lift_fence()

        self.insist(lift, BackendUnavailableError, WriteOutcomeUnknownError)

    def insist(self, change: Callable[[], object], *failures: type[BackendError]) -> None:
        """Change a fence; after one of these failures again, for a while."""
        rest, until = Rest(self.pause), monotonic() + OPENING
        while True:
            try:
                change()
            except failures as error:
                if monotonic() > until:
                    raise
                rest.take(self.tell, error)
            else:
                return

    def renew(self, mirror: Mirror, owner: Owner, note: Callable[[str], object] = lambda _: None) -> None:
        """Fence the board of a mirror anew: a write of this process that is still on its way does not pass that fence.

        `note` is told of the fence before it is put up.
        """
        passive: Side = "target" if mirror.target is self.target else "source"
        self._renewed = self._renewed or make_fence(self.place_beside(passive), "follows", owner)
        note(self._renewed.text)
        with mirror.target.passing_fence(mirror.fence):
            mirror.target.fence(self._renewed.text)
        mirror.fence, self._renewed = self._renewed.text, None


class Rest:
    """The pause after a failure, twice as long each time."""

    def __init__(self, pause: Pause) -> None:
        self._pause: Final = pause
        self._seconds = LONGEST_REST / 20

    def take(self, tell: Callable[[str], object], error: Exception) -> None:
        """Tell of an error, and wait."""
        tell(f"trying again: {error}")
        self._pause(self._seconds)
        self._seconds = min(LONGEST_REST, 2 * self._seconds)

    def over(self) -> None:
        """Begin with a short pause the next time."""
        self._seconds = LONGEST_REST / 20


def _place_of(board: LeaderboardBackend) -> str:
    place = " ".join(repr(board).split())
    return place if place.isprintable() else type(board).__name__
