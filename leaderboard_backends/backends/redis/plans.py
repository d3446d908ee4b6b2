"""Plans: what an operation on a board of several shards asks, one round trip after the other, without input or output.

A plan is a generator: it yields what it asks (`Ask`), is sent the answers, and returns its result. So any carrier can
run it, step by step (`Running`), and take note of the states of shards that it has met (`Seen`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from ...errors import BackendError, BackendUnavailableError
from .requests import Request
from .shard_feeds import Feed
from .shard_requests import Located, Part, Read, Sampled, Standing, State, Tally

T = TypeVar("T")
U = TypeVar("U")

COLLECTS: Final = 10
"""How often a consistent read looks at all shards."""


class Joint(NamedTuple):
    """What is asked of several shards at once: one request a node, made for those of the shards that it has."""

    shards: Collection[int]
    make: Callable[[Sequence[int]], Request[Read[Any]]]
    with_neighbours: bool = False
    """Whether requests are made for all shards of these nodes; an answer without these shards is not permitted."""
    begins: bool = False
    """Whether a read is made of this and what it asks later: what it asked before only told what to ask."""


_NOTHING: Final[Mapping[int, Any]] = MappingProxyType({})


class Ask(NamedTuple):
    """What a read asks in one round trip: requests to single shards, by shard, and something of several shards."""

    single: Mapping[int, Request[Any]] = _NOTHING
    joint: Joint | None = None


class Answers(NamedTuple):
    """What came of it. Shards of which nothing is there did not answer, where that is permitted."""

    single: Mapping[int, Any]
    """The answers of single shards, by shard."""
    joint: list[Any]
    """The values that the nodes answered, in no order."""


Plan: TypeAlias = Generator[Ask, Answers, T]


class Running(Generic[T]):
    """A plan under way: what it asks next, `None` once it is over, and then its result."""

    __slots__ = ("_plan", "ask", "result")

    def __init__(self, plan: Plan[T]) -> None:
        self._plan: Final = plan
        self.ask: Ask | None = None
        self.result: T
        self.proceed(None)

    def proceed(self, answers: Answers | None) -> None:
        """Give the answers to what was asked."""
        try:
            self.ask = self._plan.send(answers)  # type: ignore[arg-type]  # a generator begins with None
        except StopIteration as end:
            self.ask, self.result = None, end.value


def then(plan: Plan[T], make: Callable[[T], U]) -> Plan[U]:
    """Return the plan whose result is made of that of another one, in the same step."""
    result = yield from plan
    return make(result)


class ClearFoundError(Exception):
    """A read has met shards before and after a clear, whose number it has."""


class MomentPassedError(Exception):
    """A read that is to be of one moment has met a shard as it was at another one."""


def no_rank(_: object) -> None:
    """Return the rank of an answer that is about no single player."""


class Seen:
    """The states of shards that a read is made of, and the shards that did not answer."""

    def __init__(self, *, whole: bool = False, live: bool = True, looks: int = 0) -> None:
        self.whole: Final = whole
        """Whether no shard may be missing, whatever the board permits."""
        self.live: Final = live
        """Whether primaries alone are asked."""
        self.looks = looks
        """How often the shards may be looked at until they are met in one state twice; 0 where once is enough."""
        self.age = 0.0
        """How old at most what replicas answered is."""
        self.states: dict[tuple[int, ...], State] = {}
        """By shards: the state of one, or of several of one node together."""
        self.moment: Mapping[int, State] | None = None
        """The states of all shards at the moment that the read is of, once that is known."""
        self.cleared: set[int] = set()
        self.missing: dict[int, BackendError] = {}
        """The shards that an answer is without, or a part of it, and what was wrong with each."""
        self.silent: frozenset[int] = frozenset()
        """Those of them that have answered nothing since."""

    def begin(self) -> None:
        """Forget the states met so far: the read is made of what is asked from now on."""
        self.states, self.moment, self.cleared = {}, None, set()

    def look_again(self) -> None:
        """Count two looks in a row that met different states; raises where none is left."""
        self.looks -= 2
        if self.looks <= 0:
            raise BackendUnavailableError(
                f"the shards changed during each of {COLLECTS} reads, so no answer is of one moment of all of them: "
                "try again, or read without consistent."
            )

    def note_missing(self, missing: Mapping[int, BackendError], answered: Collection[int]) -> None:
        """Note the shards that did not answer, and those that did, which can be asked again."""
        self.missing |= missing
        self.silent = self.silent.difference(answered).union(missing)

    def note(self, value: Tally | Standing | Mapping[int, Located | Part | Sampled | Feed]) -> None:
        """Note the states of an answer."""
        if isinstance(value, Standing):
            self.note({value.shard: value.located})
            self.note(value.others)
        elif isinstance(value, Tally):
            self._note(value.shards, value.state, value.earliest)
        else:
            for shard, part in value.items():
                self._note((shard,), part.state, part.state.cleared)

    def _note(self, shards: tuple[int, ...], state: State, earliest: int) -> None:
        if self.moment is not None and not _is_of(self.moment, shards, state):
            raise MomentPassedError
        self.states.pop(shards, None)  # the latest comes last
        self.states[shards] = state
        if shards:
            self.cleared.add(state.cleared)
            self.cleared.add(earliest)

    def agrees_with(self, states: Mapping[int, State]) -> bool:
        """Whether these are the states that each shard was met in, by clear and version."""
        return all(_is_of(states, shards, state) for shards, state in self.states.items())

    def players(self) -> int:
        """Return how many players the shards that answered have, each as it was met last."""
        counted: set[int] = set()
        players = 0
        for shards, state in reversed(self.states.items()):
            if counted.isdisjoint(shards):
                counted.update(shards)
                players += state.players
        return players


def _is_of(states: Mapping[int, State], shards: Sequence[int], state: State) -> bool:
    """Whether shards that were met together were in these states, by clear and version."""
    return (
        all(shard in states for shard in shards)
        and state.cleared == max((states[shard].cleared for shard in shards), default=state.cleared)
        and state.version == sum(states[shard].version for shard in shards)
    )
