"""What the study says, as data: its claims, its lines of code, the inputs and conclusions of its costs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from leaderboard_backends.errors import ConfigurationError

DATA: Final = Path(__file__).parent / "data"

Kind: TypeAlias = Literal["latency", "memory", "ratio", "code", "cost", "operations", "behaviour", "opinion"]
Read = TypeVar("Read")


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One claim, under an id that never changes."""

    id: str
    section: str
    claim: str
    kind: Kind
    how: str = ""
    """How the claim is measured."""
    why_not: str = ""
    """Why it cannot be measured here, and what is measured instead."""
    players: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    below: float | None = None
    above: float | None = None
    unit: str = ""

    @property
    def method(self) -> str:
        """How the claim is measured, or why it is not, as text."""
        return self.how or (f"not measurable here; {self.why_not}" if self.why_not else "no figure decides it")

    def needs(self, name: Literal["players", "value", "low", "high", "below", "above"]) -> float:
        """Return a figure of the claim. Raises `ConfigurationError` where its entry lacks it."""
        figure: float | None = getattr(self, name)
        if figure is None:
            raise ConfigurationError(f"claim {self.id} needs `{name}`, to compare it with what was measured.")
        return figure


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    claim: list[dict[str, Any]]


class _Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    section: list[_Section]


class Lines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines of code by feature and backend, by the names of the comparison, as the study estimates them."""

    source: str
    lines: dict[str, dict[str, int]]
    total: dict[str, int]


class Sharded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The third tier: the least and the most of each."""

    players: tuple[int, int]
    shards: tuple[int, int]
    monthly: tuple[float, float]


class Costs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Inputs and conclusions of the section on costs, by number of players and by the study's names of backends."""

    source: str
    years: float
    engineer_usd_a_day: float
    days: dict[str, float]
    measured_as: dict[str, str]
    """The backend whose measured bytes represent each of the study's."""
    monthly: dict[int, dict[str, float]]
    total_thousands: dict[int, dict[str, float]]
    servers: dict[int, str]
    server_monthly: dict[int, float]
    cache_monthly: dict[int, float]
    sharded: Sharded


@cache
def claims() -> tuple[Claim, ...]:
    """Return all claims, in the study's order; an entry with `each` is several, which share its other fields."""
    return tuple(
        msgspec.convert({"section": section.title, **shared, **own}, Claim)
        for section in _read("claims.toml", _Claims).section
        for shared in section.claim
        for own in shared.pop("each", [{}])
    )


@cache
def lines() -> Lines:
    """Return the lines of code."""
    return _read("code.toml", Lines)


@cache
def costs() -> Costs:
    """Return the inputs and conclusions on costs."""
    return _read("costs.toml", Costs)


def _read(name: str, kind: type[Read]) -> Read:
    return msgspec.toml.decode((DATA / name).read_bytes(), type=kind, strict=False)
