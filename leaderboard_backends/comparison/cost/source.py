"""The result that costs and advice are computed from: a named file, or the result shipped with the library."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ...errors import ConfigurationError
from ..schema import Result, ResultError, read_result
from ..shipped import IN_THE_SOURCE_TREE, SHIPPED

REMEDY: Final = "name one, or make one: leaderboard compare --out RESULT.json"


def shipped_result() -> Path:
    """Return the path of the published result: in an installed wheel its copy, in a source tree that of the report."""
    if SHIPPED.is_dir():
        return SHIPPED / "result.json"
    return IN_THE_SOURCE_TREE.parent / "reports" / "results" / "full.json"


def load_result(path: Path | None = None) -> Result:
    """Read a result, the shipped one by default.

    Raises `ConfigurationError` where there is none, where the file is something else, or where no run has figures.
    """
    chosen = path or shipped_result()
    try:
        result = read_result(chosen)
    except OSError as error:
        raise ConfigurationError(f"{chosen} cannot be read ({error.strerror}): {REMEDY}") from error
    except ResultError as error:
        raise ConfigurationError(f"{chosen}: {error}") from error
    if not any(run.status == "ok" for run in result.runs):
        raise ConfigurationError(f"{chosen} has no run with figures: {REMEDY}")
    return result
