"""The trace: the players to load and the steps to replay, drawn once for a size and a seed, the same for every backend.

A trace is kept as MessagePack, and known by the SHA-256 of those bytes: the same size, seed and counts give the same
bytes on every machine, because `random.Random` seeded with a text is defined to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from random import Random
from typing import Final, TypeAlias

import msgspec

from .operations import OPERATIONS, Arguments, Operation, Season
from .result import TraceFacts

VERSION: Final = 1
"""Of the way in which a trace is drawn: another one means other bytes for the same seed."""

WARM_UP_SHARE: Final = 20
"""One step in twenty goes before the measured ones, and is not measured."""

Step: TypeAlias = tuple[int, Arguments]
"""The operation's place in `operations`, and the arguments."""


class Trace(msgspec.Struct, frozen=True):
    """Players in the order of their load, then two sections of steps: the warm-up and the measured ones."""

    version: int
    seed: int
    operations: list[str]
    ids: list[str]
    usernames: list[str]
    scores: list[int]
    warm_up: list[Step]
    measured: list[Step]

    def planned(self) -> dict[str, int]:
        """Return how many measured steps each operation has."""
        counted = Counter(index for index, _ in self.measured)
        return {name: counted[index] for index, name in enumerate(self.operations)}


def draw_trace(
    players: int, seed: int, counts: Mapping[str, int], operations: tuple[Operation, ...] = OPERATIONS
) -> Trace:
    """Draw a trace: `counts` says how many steps each operation has, mixed at random. O(players + steps)."""
    rng = Random(f"leaderboard trace {VERSION} {players} {seed}")  # noqa: S311 - nothing here is a secret
    season = Season(players, rng)
    loaded = list(season.scores)
    return Trace(
        version=VERSION,
        seed=seed,
        operations=[operation.name for operation in operations],
        ids=season.ids,
        usernames=season.usernames,
        scores=loaded,
        warm_up=_draw_steps(
            season, operations, {name: max(1, count // WARM_UP_SHARE) for name, count in counts.items()}
        ),
        measured=_draw_steps(season, operations, counts),
    )


def _draw_steps(season: Season, operations: tuple[Operation, ...], counts: Mapping[str, int]) -> list[Step]:
    order = [index for index, operation in enumerate(operations) for _ in range(counts.get(operation.name, 0))]
    season.rng.shuffle(order)
    return [(index, operations[index].draw(season)) for index in order]


def encode_trace(trace: Trace) -> bytes:
    """Return the bytes that are stored and hashed."""
    return msgspec.msgpack.encode(trace)


def decode_trace(stored: bytes) -> Trace:
    """Return the trace of stored bytes; raises `msgspec.DecodeError` for anything else."""
    return msgspec.msgpack.decode(stored, type=Trace)


def trace_facts(trace: Trace, stored: bytes) -> TraceFacts:
    """Return what the result tells of a trace: its hash, its ties, the length of its names."""
    shared = Counter(trace.scores)
    names = sum(len(text.encode()) for texts in (trace.ids, trace.usernames) for text in texts)
    return TraceFacts(
        players=len(trace.ids),
        sha256=sha256(stored).hexdigest(),
        steps=trace.planned(),
        warm_up_steps=len(trace.warm_up),
        different_scores=len(shared),
        tied_share=round(sum(count for count in shared.values() if count > 1) / len(trace.scores), 4),
        name_bytes_per_player=round(names / len(trace.ids), 2),
    )
