"""What the app's author writes, counted from apps that run: `benchmarks/effort/FEATURE/`.

`basic_board` is a whole app, `app.py`, the same for every backend, and a configuration for each, `BACKEND.toml`. Any
other feature's folder has what changes: an `app.py` where the app has to, files `BACKEND.*` where configuration has to.
What it has in addition to the basic board is counted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from ...errors import ConfigurationError
from .counting import count_lines, statements_of

BASIC: Final = "basic_board"
APP: Final = "app.py"


class Written(NamedTuple):
    """What the author writes for a feature, beyond the basic board."""

    statements: int
    lines: int
    """Of configuration."""


def written(root: Path, feature: str, backend: str) -> Written:
    """Count what the author writes for the feature of a folder. Raises `ConfigurationError` where it is not there."""
    folder, basic = root / feature, root / BASIC
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} does not exist: it must have the app of this feature.")
    files = sorted(folder.glob(f"{backend}.*"))
    if feature == BASIC:
        return Written(statements_of([folder / APP]), sum(map(_lines, files)))
    app = folder / APP
    more = statements_of([app]) - statements_of([basic / APP]) if app.is_file() else 0
    return Written(more, sum(_lines(file) - _lines(basic / file.name) for file in files))


def _lines(file: Path) -> int:
    return count_lines(file.read_text(encoding="utf-8"), file.suffix) if file.is_file() else 0
