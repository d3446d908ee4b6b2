"""What a board is expected to bear: a table `[preflight.NAME]` in the file of the boards.

::

    [preflight.weekly]
    expected_updates = 500          # a second, at the busiest hour, through one process of the app
    expected_reads = 2000
    expected_players = 250000
    workers = 4                     # processes of the app that open the board
    durable = true                  # an acknowledged update must survive a crash
    runbook = "docs/runbook.md"     # paths are relative to the file

All of it may be left out: then the study's targets hold, and what nobody expects is a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from ..config import read_section
from ..errors import ConfigurationError
from ..location import Option, boolean, check_options, integer, number, seconds, text
from ..model import shorten

SECTION: Final = "preflight"

DOCUMENTS: Final = {
    "disaster_recovery": "the disaster recovery plan",
    "runbook": "the operational runbook",
    "api": "the documentation of the app's API",
}
"""Documents of the study's list, by setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """Checked expectations; `None` is what nobody said."""

    expected_updates: float | None = None
    """Updates a second."""
    expected_reads: float | None = None
    """Reads a second: half of them the top 100, half of them ranks."""
    expected_players: int | None = None
    update_latency: float = 0.01
    """Seconds of the 99th percentile; the study's target, as those below."""
    top_latency: float = 0.05
    rank_latency: float = 0.02
    workers: int | None = None
    """Processes of the app, on all its servers together, that open the board."""
    durable: bool = False
    local: bool | None = None
    """Whether the server counts as this machine; by its address where nothing is said."""
    disaster_recovery: str | None = None
    runbook: str | None = None
    api: str | None = None
    alert_rules: str | None = None
    dashboard: str | None = None
    folder: Path = Path()
    """What the paths are relative to."""

    @property
    def load_is_given(self) -> bool:
        """Whether somebody said how many calls a second there will be."""
        return self.expected_updates is not None or self.expected_reads is not None

    def path(self, name: str) -> Path:
        """Return where a document is."""
        return self.folder / Path(name).expanduser()


OPTIONS: Final[Mapping[str, Option]] = {
    "expected_updates": Option(number(0), "updates a second at the busiest hour, through one process (100)"),
    "expected_reads": Option(number(0), "reads a second at the busiest hour, through one process (100)"),
    "expected_players": Option(
        integer(1), "players on the board (10000 for the load, and no need of memory is judged)"
    ),
    "update_latency": Option(seconds, "seconds that 99 % of the updates take at most (0.01)"),
    "top_latency": Option(seconds, "seconds that 99 % of the top-100 queries take at most (0.05)"),
    "rank_latency": Option(seconds, "seconds that 99 % of the rank queries take at most (0.02)"),
    "workers": Option(integer(1), "processes of the app that open the board (not judged)"),
    "durable": Option(boolean, "whether an acknowledged update must survive a crash of every process (false)"),
    "local": Option(boolean, "whether the server counts as this machine (by its address)"),
    "disaster_recovery": Option(text, "path or link of the disaster recovery plan"),
    "runbook": Option(text, "path or link of the runbook"),
    "api": Option(text, "path or link of the documentation of the app's API"),
    "alert_rules": Option(text, "path of the rules that Prometheus has loaded: leaderboard monitoring rules"),
    "dashboard": Option(text, "path of the dashboard that Grafana shows: leaderboard monitoring dashboard"),
}


def read_expectations(path: Path, boards: Collection[str]) -> dict[str, Expectations]:
    """Return the expectations of each board of a file.

    Raises a `ConfigurationError` that names the file, the board, the key and what is allowed.
    """
    tables = read_section(path, SECTION)
    if unknown := [name for name in tables if name not in boards]:
        raise ConfigurationError(
            f"{path} has preflight.{unknown[0]}, but no board of that name; it has {', '.join(boards)}."
        )
    return {name: _expectations(path, name, tables.get(name, {})) for name in boards}


def _expectations(path: Path, name: str, table: object) -> Expectations:
    if not isinstance(table, Mapping):
        raise ConfigurationError(
            f"{path}: preflight.{name} must be a table, not {shorten(table)}: write [preflight.{name}]."
        )
    try:
        checked: dict[str, Any] = check_options(SECTION, OPTIONS, table)
    except ConfigurationError as error:
        raise type(error)(f"{path}, preflight.{name}: {error}") from error
    return Expectations(folder=path.parent, **checked)


def stated(expectations: Expectations) -> dict[str, object]:
    """Return what is not as by default, by name."""
    plain = Expectations()
    values = {field.name: getattr(expectations, field.name) for field in fields(expectations) if field.name in OPTIONS}
    return {name: value for name, value in values.items() if value != getattr(plain, name)}
