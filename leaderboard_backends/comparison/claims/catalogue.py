"""The list of the study's claims: `benchmarks/claims/study.toml`."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from ...errors import ConfigurationError
from ...toml_files import shipped

SCHEMA_VERSION: Final = 1

Kind: TypeAlias = Literal["latency", "memory", "ratio", "code", "cost", "operations", "behaviour", "opinion"]


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One claim, under an id that never changes."""

    id: str
    section: str
    claim: str
    kind: Kind
    how: str = ""
    """How the claim is measured, or why it cannot be; empty for an opinion that no figure decides."""
    players: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    below: float | None = None
    above: float | None = None
    unit: str = ""

    def needs(self, name: Literal["players", "value", "low", "high", "below", "above"]) -> float:
        """Return a figure of the claim. Raises `ConfigurationError` where its entry lacks it."""
        figure: float | None = getattr(self, name)
        if figure is None:
            raise ConfigurationError(f"claim {self.id} needs `{name}`, to compare it with what was measured.")
        return figure


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema_version: int
    source: str
    claim: list[Claim]


def read_claims(path: Path | None = None) -> list[Claim]:
    """Read the claims, the shipped ones by default.

    Raises `ConfigurationError`, with the file, the key and what is allowed there; also for an id that occurs twice.
    """
    chosen = path or shipped("claims/study.toml")
    try:
        file = msgspec.toml.decode(chosen.read_bytes(), type=_File)
    except OSError as error:
        raise ConfigurationError(f"{chosen} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"{chosen} has no claims: {error}.") from error
    if file.schema_version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"{chosen} has schema version {file.schema_version}; this library reads {SCHEMA_VERSION}."
        )
    twice = [name for name, count in Counter(claim.id for claim in file.claim).items() if count > 1]
    if twice:
        raise ConfigurationError(f"{chosen}: {', '.join(twice)} comes twice; give every claim its own id.")
    return file.claim
