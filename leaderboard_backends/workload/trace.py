"""The trace: the players to load and the steps to replay, drawn once, the same for every backend.

Steps are drawn in blocks, each with the exact mix of the workload and shuffled inside, so that any replayed prefix has
nearly that mix. The first of them are for warming up; the measured ones begin with a new block.

A trace is kept as MessagePack, and known by the SHA-256 of those bytes: the same workload, size, seed and number of
steps give the same bytes on every machine (see `scores`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from math import lcm
from typing import Final, TypeAlias

import msgspec

from ..errors import ConfigurationError
from ..model import Score
from .events import Events
from .operations import OPERATIONS, Arguments, Operation
from .population import Popularity, Population, ReplayedPopulation, player_names
from .scores import Chance, Scores
from .spec import LARGEST_BLOCK, LARGEST_SIZE, Workload, WorkloadFile

VERSION: Final = 2
"""Version of how a trace is drawn: raised whenever the same workload, size, steps and seed give other bytes."""

WARM_UP_SHARE: Final = 20
"""For this many measured steps there is one warm-up step before them, which is not measured."""

Step: TypeAlias = tuple[int, Arguments]
"""The operation's index in `operations`, and the arguments."""


class Trace(msgspec.Struct, frozen=True):
    """Players, those to load first, and steps: the first `warm_up` of them come before the measured ones."""

    version: int
    workload: str
    """The SHA-256 of the workload."""
    players: int
    """The requested size."""
    seed: int
    operations: list[str]
    ids: list[str]
    usernames: list[str]
    scores: list[Score]
    """Scores of the players to load, who are the first of `ids`; the others join by steps."""
    warm_up: int
    steps: list[Step]
    gaps: list[float]
    """The gap before each step, in seconds at one operation per second; divide by a rate for the gaps of that rate."""

    def planned(self) -> dict[str, int]:
        """Return how many measured steps each operation has."""
        counted = Counter(index for index, _ in islice(self.steps, self.warm_up, None))
        return {name: counted[index] for index, name in enumerate(self.operations)}


def draw_trace(workload: WorkloadFile, players: int, steps: int, seed: int) -> Trace:
    """Draw a trace with that many measured steps, or as many as there are events for. O(players + steps).

    Raises `ConfigurationError` for sizes out of range, or another size than that of the workload's events.
    """
    _check(workload, players, steps)
    spec = workload.spec
    chance = Chance(f"leaderboard trace {VERSION} {workload.sha256} {players} {seed}")
    if workload.events is None:
        population, scores = _drawn(spec, players, chance)
    else:
        population, scores = _replayed(spec, workload.events, chance)
    operations = [operation for name, operation in OPERATIONS.items() if name in spec.shares()]
    drawn = block([spec.shares()[operation.name] for operation in operations])
    warm_up = list(islice(_steps(population, operations, drawn), _warm_up(workload, steps)))
    measured = list(islice(_steps(population, operations, drawn), steps))
    return Trace(
        version=VERSION,
        workload=workload.sha256,
        players=players,
        seed=seed,
        operations=[operation.name for operation in operations],
        ids=population.ids,
        usernames=population.usernames,
        scores=scores,
        warm_up=len(warm_up),
        steps=warm_up + measured,
        gaps=_gaps(spec, len(warm_up) + len(measured), chance),
    )


def block(shares: Sequence[Fraction]) -> list[int]:
    """Return the steps of one block, as indices of `shares`, which sum to 1.

    It is the smallest in which all shares are whole steps. If that is longer than `LARGEST_BLOCK`, the block has that
    length, and fractions of steps are rounded by largest remainder.
    """
    size = min(lcm(*(share.denominator for share in shares)), LARGEST_BLOCK)
    counts = [int(share * size) for share in shares]
    remainders = sorted(range(len(shares)), key=lambda place: counts[place] - shares[place] * size)
    for place in remainders[: size - sum(counts)]:
        counts[place] += 1
    return [place for place, count in enumerate(counts) for _ in range(count)]


def _check(workload: WorkloadFile, players: int, steps: int) -> None:
    for what, number in (("players", players), ("steps", steps)):
        if not 1 <= number <= LARGEST_SIZE:
            raise ConfigurationError(f"a trace of {number} {what} cannot be generated: give 1 to {LARGEST_SIZE:,}.")
    if workload.events is not None and players != workload.events.players:
        raise ConfigurationError(
            f"{workload.path}: {players:,} players were requested, but its events have {workload.events.players:,}, "
            "which is its only size."
        )


def _drawn(spec: Workload, players: int, chance: Chance) -> tuple[Population, list[Score]]:
    """Return a population of its size, and the scores of those who are loaded."""
    form = spec.scores
    source = Scores(form.distribution, form.players_per_score, form.change, players, chance)
    loaded = round(players * spec.loaded_share)
    scores: list[Score] = [0 if spec.load.scores == "tied" else source.draw() for _ in range(loaded)]
    names = [player_names(number) for number in range(players)]
    joins = "join" in spec.shares()
    return Population(names, scores, source, _popularity(spec, players, chance), joins=joins), scores


def _replayed(spec: Workload, events: Events, chance: Chance) -> tuple[Population, list[Score]]:
    """Return the players of events, and the scores of those whom the first events brought to the board."""
    first = int(len(events.rows) * spec.loaded_share)
    loaded = events.loaded(first)
    names = {player_id: username for player_id, (username, _) in loaded.items()}
    for player_id, username in events.first_names().items():
        names.setdefault(player_id, username)
    scores = [score for _, score in loaded.values()]
    source = Scores("uniform", 1, "any other", events.players, chance)
    popularity = _popularity(spec, events.players, chance)
    return ReplayedPopulation(list(names.items()), scores, source, popularity, events.rows[first:]), scores


def _popularity(spec: Workload, players: int, chance: Chance) -> Popularity | None:
    return Popularity(players, spec.players.exponent, chance) if spec.players.popularity == "zipf" else None


def _warm_up(workload: WorkloadFile, steps: int) -> int:
    """Return how many steps come before the measured ones: fewer where there are not events enough for all steps."""
    warm_up = steps // WARM_UP_SHARE
    if workload.events is None:
        return warm_up
    left = len(workload.events.rows) - int(len(workload.events.rows) * workload.spec.loaded_share)
    return min(warm_up, int(left / workload.spec.shares()["update"]) // (WARM_UP_SHARE + 1))


def _steps(population: Population, operations: Sequence[Operation], drawn: Sequence[int]) -> Iterator[Step]:
    """Yield steps, block after block, until the population has no more updates."""
    while True:
        waiting = population.chance.shuffled(drawn)
        for position in range(len(waiting)):
            if population.used_up:
                return
            _bring_forward(waiting, position, operations, population)
            index = waiting[position]
            yield index, operations[index].draw(population)


def _bring_forward(waiting: list[int], position: int, operations: Sequence[Operation], population: Population) -> None:
    """Where no player is available for a step, swap it with the next step that makes one available.

    As a block has no fewer joins than leaves, a leave finds a join. A join that finds no leave adds a new player.
    """
    operation = operations[waiting[position]]
    if operation.possible(population):
        return
    for later in range(position + 1, len(waiting)):
        if operations[waiting[later]].name == operation.after:
            waiting[position], waiting[later] = waiting[later], waiting[position]
            return


def _gaps(spec: Workload, steps: int, chance: Chance) -> list[float]:
    return [chance.gap() if spec.arrival.process == "poisson" else 1.0 for _ in range(steps)]


def encode_trace(trace: Trace) -> bytes:
    """Return the bytes that are stored and hashed."""
    return msgspec.msgpack.encode(trace)


def decode_trace(stored: bytes) -> Trace:
    """Return the trace of stored bytes; raises `msgspec.MsgspecError` for anything else."""
    return msgspec.msgpack.decode(stored, type=Trace)
