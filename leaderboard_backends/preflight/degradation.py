"""Whether a caller can tell live answers from others, and writes are refused in words, where degradation is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..errors import BackendReadOnlyError, BackendUnavailableError, LeaderboardError
from ..hardening.degradation import DegradableLeaderboard
from ..wrapper import ask, layer
from .finding import Finding, failed, not_applicable, passed, together, warning
from .kinds import kind_of
from .subject import Subject
from .troubled import Clock, TroubledLeaderboard

LAYER: Final = "degradation"
OUTAGE: Final = 2.0
"""Seconds that pass between a live answer and the one that stands in for it."""
CALLS: Final = 100
"""After which a breaker, whatever its setting, has opened, or is off."""
BUG: Final = "Report this as a bug of degradation."

_PLAYER: Final = "preflight-player"


class Told(NamedTuple):
    """How a read was answered: a source of `wrapper`, or `refused`; and how old the answer was."""

    source: str
    age: float


class Drill:
    """A degradable board in memory with the configured settings, whose storage goes down as the drill says."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings: Final = {name: value for name, value in settings.items() if name != "read_timeout"}
        self.clock: Final = Clock()
        self.storage: Final = TroubledLeaderboard("preflight", self.clock)
        own = {**self.settings, "read_only": False}
        self.board: Final = DegradableLeaderboard(self.storage, clock=self.clock, **own)
        self.board.update_score(_PLAYER, "", 1)

    def setting(self, name: str, otherwise: float) -> float:
        """Return a setting, or what holds without it."""
        return float(self.settings.get(name, otherwise))

    def rank(self) -> Told:
        """Ask for a rank, and return how that was answered."""
        return _told(self.board.get_rank, _PLAYER)

    def top(self, size: int) -> Told:
        """Ask for the top, and return how that was answered."""
        return _told(self.board.get_top_n, size)


def check_degradation(subject: Subject) -> Finding:
    """Switch the scratch board to read-only, and take a board in memory through an outage."""
    settings = subject.settings(LAYER)
    if settings is None:
        return _left_out(subject)
    findings = [_read_only(subject), *_started_read_only(subject, settings)]
    drill = Drill(settings)
    with drill.board:
        findings += [*_cached(drill), *_outage(drill)]
    return together(findings)


def _left_out(subject: Subject) -> Finding:
    """Judge a board without the layer, which only a storage that can be out of reach needs."""
    if kind_of(subject.opening) == "process":
        return not_applicable("degradation is off, and a board in this process's memory needs none")
    return warning(
        "degradation is off: while the storage does not answer, every read fails",
        f"To serve reads from memory meanwhile, set degradation = true in [{subject.table}].",
    )


def _started_read_only(subject: Subject, settings: Mapping[str, Any]) -> Iterator[Finding]:
    if settings.get("read_only"):
        yield failed(
            "read_only = true: the app would refuse every update as soon as it starts",
            f"Remove it from [{subject.table}.{LAYER}]; board.read_only switches it while the app runs.",
        )


def _read_only(subject: Subject) -> Finding:
    """Switch the mode on the whole stack, and send an update."""
    found = layer(subject.stack, DegradableLeaderboard)
    assert found is not None  # noqa: S101 - as it is configured
    found.read_only = True
    try:
        subject.update()
    except BackendReadOnlyError:
        return passed("read-only mode refuses updates")
    except LeaderboardError as error:
        return failed(f"read-only mode: {error}", BUG)
    finally:
        found.read_only = False
    return failed("read-only mode accepted an update", BUG)


def _cached(drill: Drill) -> Iterator[Finding]:
    """Ask for the cached top twice: the second answer comes from memory, and must say so."""
    size = int(drill.setting("cache_top", 0))
    if size:
        drill.top(size)
        yield _expected(f"the second read of the top {size}", drill.top(size), "cached")


def _outage(drill: Drill) -> Iterator[Finding]:
    """Read live, then without the storage, then with it again; send an update meanwhile."""
    yield _expected("a read", drill.rank(), "live")
    drill.storage.down = True
    drill.clock.now += OUTAGE
    remembers = drill.setting("stale_entries", 1) > 0 and drill.setting("stale_for", 300) >= OUTAGE
    for _ in range(CALLS):
        answer = drill.rank()
    yield _expected("a read while the storage is down", answer, "stale" if remembers else "refused")
    yield _refused(drill)
    drill.storage.down = False
    drill.clock.now += drill.setting("retry_after", 1)
    yield _expected("a read after the outage", drill.rank(), "live")


def _told(read: Callable[..., object], *arguments: object) -> Told:
    try:
        answer = ask(read, *arguments)[1]
    except BackendUnavailableError:
        return Told("refused", 0.0)
    return Told(answer.source, answer.age)


def _expected(what: str, answer: Told, source: str) -> Finding:
    told = f"{what} is {answer.source}" + (f", {answer.age:g} s old" if answer.age else "")
    return passed(told) if answer.source == source else failed(f"{told} instead of {source}", BUG)


def _refused(drill: Drill) -> Finding:
    try:
        drill.board.update_score(_PLAYER, "", 2)
    except BackendUnavailableError:
        return passed("an update while the storage is down is refused")
    return failed("an update was acknowledged while the storage was down", BUG)
