"""The first entries of a board, from memory: read anew by one thread at a time, given up when a write changes them.

On a board that lives in this object alone, what is served is exact and linearizable. At any moment one of two things
holds: the cache serves nothing, or what it serves is the top that the board has now. It follows from four rules, each
a step under one lock:

1. A write is listed before it is sent. One that can change the top (`Change.touches`) stops the serving first.
2. A top that was read is served only where it can be changed neither by a write that is in work nor by one that was
   answered since the reading began; so it is still the board's, whichever of them the reading saw.
3. A write that was answered and changed the top gives it up; one that did not lets it be served again.
4. Serving looks at one attribute, once.

In an asyncio program, a write that goes on in a thread after its caller was cancelled is in work until it ends there.

Where others can write the board too (it is shared, or durable), their writes show once the top is read anew, within
`seconds`. Then nothing is gained by holding back while an own write is in work, so rule 1 does not apply, and rule 2
only to writes that were answered: a caller sees its own writes at once, others within `seconds`.

No stampede: one thread reads at a time. When three quarters of `seconds` are over, the next caller reads the list anew
and the others are served from memory; when all of `seconds` are over, they wait for the reading, and share it. What is
served from memory is never older than `seconds`, unless the storage does not answer.

Cost: a served answer, a slice of the list; a write, two locks of a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Final

from ...errors import BackendUnavailableError
from ...forks import guard, survive_forks
from ...model import Entry, Order
from ...wrapper import LIVE, Answer, answered, last_answer
from .single_flight import SingleFlight
from .top import Change, Top, touched

RENEWED_AT: Final = 0.75
"""The part of `seconds` after which a thread reads the top anew, while others are still served from memory."""

PATIENCE: Final = 1 - RENEWED_AT
"""The part of `seconds` for which callers wait for a reading, where there is a top from before for them."""

MOST_CHANGES: Final = 1000
"""Writes answered during one reading, after which it is not worth judging them: what was read is not served."""


class CachedTop:
    """Serves the first `size` entries, each reading for up to `seconds`. `read` reads them from the board.

    Where that fails, the last ones that were read serve for up to `stale_for` seconds. `alone` says that all writes of
    the board come through here.
    """

    def __init__(
        self,
        read: Callable[[int], list[Entry]],
        size: int,
        seconds: float,
        stale_for: float,
        *,
        order: Order,
        alone: bool,
        clock: Callable[[], float],
    ) -> None:
        self._read = read
        self._size = size
        self._seconds = seconds
        self._stale_for = stale_for
        self._order: Order = order
        self._alone = alone
        self._clock = clock
        self._flight: SingleFlight[tuple[Top, Answer]] = SingleFlight()
        self._latest: Top | None = None
        self._lock = guard(RLock())
        self._ended: set[Change] = set()
        self.note_end: Final = self._ended.add
        """Notes that a write was answered, or failed, after `change.settle` if it was answered; `settle_ended` is next.

        One call that no interrupt cuts in two: a write whose end was not noted would hold back the serving for ever.
        """
        self.begin_anew()
        survive_forks(self.begin_anew)

    def begin_anew(self) -> None:
        """Serve nothing, and forget the writes that threads of a forked parent were at."""
        self._top: Top | None = None
        self._served: Top | None = None
        self._holding_back = False
        self._in_work: set[Change] = set()
        self._ended.clear()
        self._answered: list[Change] | None = None

    # ------------------------------------------------------------------ reads

    def get(self) -> tuple[Top, Answer] | None:
        """Return a top that may be shown, with how it came about; `None` where the board itself has to be asked.

        Raises what reading raises; `BackendUnavailableError` also where another thread's reading did, or takes long
        and `get_stale` has an answer.
        """
        if self._ended:  # by another thread, which an interrupt kept from it
            self.settle_ended()
        found = self._fresh()
        if found is not None and (found[1].age < RENEWED_AT * self._seconds or self._flight.busy):
            return found
        if self._holding_back:
            return None
        read, mine = self._flight.run(self._renewed, self._patience())
        if mine:
            return read
        found = self._fresh()  # not what was read: a write may have been answered since, before this call began
        if found is None:  # a reading that begins now is as good as one of its own
            read, _ = self._flight.run(self._renewed, self._patience())
            return read
        return found

    def get_stale(self, error: BackendUnavailableError) -> tuple[Top, Answer]:
        """Return the last top that was read, if it is not too old, for when the storage does not answer.

        Raises `error` where there is none.
        """
        top = self._latest
        age = self._clock() - top.moment if top is not None else 0.0
        if top is None or age > self._stale_for:
            raise error
        return top, Answer("stale", age)

    def _fresh(self) -> tuple[Top, Answer] | None:
        """Return what is served, unless it is too old."""
        top = self._served
        if top is None:
            return None
        age = self._clock() - top.moment
        return (top, Answer("cached", age)) if age <= self._seconds else None

    def _patience(self) -> float | None:
        """Return for how long to wait for a reading: without end where there is nothing else."""
        top = self._latest
        spare = top is not None and self._clock() - top.moment <= self._stale_for
        return PATIENCE * self._seconds if spare else None

    def _renewed(self) -> tuple[Top, Answer]:
        """Return the top, read anew unless another thread did so after this one had looked."""
        found = self._fresh()
        if found is not None and found[1].age < RENEWED_AT * self._seconds:
            return found
        top = self._renew()
        return top, top.answer

    def _renew(self) -> Top:
        """Read the top, and serve it to others from now on if it is sound."""
        moment = self._clock()
        noted: list[Change] = []
        with self._lock:
            self._answered = noted
        try:
            answered(LIVE)  # what an earlier read of this thread left there is none of this one
            entries = self._read(self._size)
            answer = last_answer()
            top = Top(entries, self._size, self._order, moment - answer.age, answer)
            is_whole = answer.coverage is None  # one without some shards is for its reader alone
            if is_whole:
                self._latest = top
            self.settle_ended()
            with self._lock:
                sound = is_whole and not self._is_doubtful(top, noted)
                self._top = top if sound and self._answered is noted else None  # a handler that reads takes the notes
                if self._is_doubtful(top, noted):  # a handler wrote before it was kept; from then on, a write drops it
                    self._top = None
                self._serve()
        finally:
            with self._lock:
                self._answered = None
        return top

    def _is_doubtful(self, top: Top, noted: list[Change]) -> bool:
        """Whether a write that the reading may have missed can change what it read (rule 2)."""
        if len(noted) > MOST_CHANGES:
            return True
        return touched(top, [*noted, *self._in_work] if self._alone else noted)

    def _serve(self) -> None:
        self._served = None if self._holding_back else self._top

    # ------------------------------------------------------------------ writes

    def begin(self, change: Change) -> None:
        """List a write that is about to be sent."""
        with self._lock:
            self._in_work.add(change)
            if self._alone and self._top is not None and change.touches(self._top):
                change.holds_back = self._holding_back = True
                self._serve()

    def settle_ended(self) -> None:
        """Draw the conclusions from the writes whose end was noted."""
        with self._lock:
            for change in [*self._ended]:  # each is there until all is done, which may be done twice
                noted = self._answered  # once: a reading of a signal handler amid this may end it
                if noted is not None and len(noted) <= MOST_CHANGES:
                    noted.append(change)
                if self._top is not None and change.touches(self._top):
                    self._top = None
                self._in_work.discard(change)
                self._ended.discard(change)  # unless a signal handler amid this was faster
            if self._holding_back:
                self._holding_back = any(change.holds_back for change in [*self._in_work])
            self._serve()
