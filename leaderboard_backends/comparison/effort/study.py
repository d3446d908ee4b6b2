"""The study's lines of code, to compare with ours: `benchmarks/effort/study.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import msgspec

from ...errors import ConfigurationError

SCHEMA_VERSION: Final = 1


class StudyCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines by feature and backend, by our names; where the study has words instead, these."""

    schema_version: int
    source: str
    unit: str
    names: dict[str, str]
    """What the study calls our backends."""
    lines: dict[str, dict[str, int]]
    words: dict[str, dict[str, str]]
    total: dict[str, int]

    def of(self, feature: str, backend: str) -> str:
        """Return what the study says of a feature on a backend, as text; empty if it says nothing."""
        lines = self.lines.get(feature, {}).get(backend)
        return f"{lines} lines" if lines is not None else self.words.get(feature, {}).get(backend, "")


def read_study(path: Path) -> StudyCode:
    """Read the file; raises `ConfigurationError` with what is wrong in it."""
    try:
        study = msgspec.toml.decode(path.read_bytes(), type=StudyCode)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"{path} has no lines of code of the study: {error}.") from error
    if study.schema_version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path} has schema version {study.schema_version}; this library reads {SCHEMA_VERSION}."
        )
    return study
