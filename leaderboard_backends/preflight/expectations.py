"""What a board must be able to do: a table `[preflight.NAME]` in the file of the boards.

::

    [preflight.weekly]
    expected_updates = 500          # per second at the busiest hour, per process of the app
    expected_reads = 2000
    expected_players = 250000
    workers = 4                     # processes of the app that open the board
    durable = true                  # no acknowledged update may be lost in a crash or power cut
    runbook = "docs/runbook.md"     # paths are relative to the file

Every setting may be left out: latency targets then have their defaults, and a missing expectation is a warning.
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
"""The documents that the checklist asks for, by setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """Checked expectations; `None` means not given."""

    expected_updates: float | None = None
    """Updates per second."""
    expected_reads: float | None = None
    """Reads per second: half of them top-100 queries, half rank queries."""
    expected_players: int | None = None
    update_latency: float = 0.01
    """Largest allowed 99th percentile in seconds; so are the next two."""
    top_latency: float = 0.05
    rank_latency: float = 0.02
    workers: int | None = None
    """Processes of the app that open the board, on all its servers together."""
    durable: bool = False
    local: bool | None = None
    """Whether the server counts as running on this machine; decided by its address if not given."""
    disaster_recovery: str | None = None
    runbook: str | None = None
    api: str | None = None
    alert_rules: str | None = None
    dashboard: str | None = None
    folder: Path = Path()
    """The folder that the paths are relative to."""

    @property
    def load_is_given(self) -> bool:
        """Whether an expected rate of calls is given."""
        return self.expected_updates is not None or self.expected_reads is not None

    def path(self, name: str) -> Path:
        """Return where a document is."""
        return self.folder / Path(name).expanduser()


OPTIONS: Final[Mapping[str, Option]] = {
    "expected_updates": Option(number(0), "updates per second at the busiest hour, per process (100)"),
    "expected_reads": Option(number(0), "reads per second at the busiest hour, per process (100)"),
    "expected_players": Option(
        integer(1), "players on the board (not given: load tests use 10000, and memory is not checked)"
    ),
    "update_latency": Option(seconds, "largest allowed p99 of updates, in seconds (0.01)"),
    "top_latency": Option(seconds, "largest allowed p99 of top-100 queries, in seconds (0.05)"),
    "rank_latency": Option(seconds, "largest allowed p99 of rank queries, in seconds (0.02)"),
    "workers": Option(integer(1), "processes of the app that open the board (not given: not checked)"),
    "durable": Option(boolean, "whether every acknowledged update must survive a crash and a power cut (false)"),
    "local": Option(boolean, "whether the server counts as running on this machine (decided by its address)"),
    "disaster_recovery": Option(text, "path or link of the disaster recovery plan"),
    "runbook": Option(text, "path or link of the runbook"),
    "api": Option(text, "path or link of the documentation of the app's API"),
    "alert_rules": Option(text, "path of the alerting rules that Prometheus has loaded (leaderboard monitoring rules)"),
    "dashboard": Option(text, "path of the dashboard that Grafana shows (leaderboard monitoring dashboard)"),
}


def read_expectations(path: Path, boards: Collection[str]) -> dict[str, Expectations]:
    """Return the expectations of each board of a file.

    Raises `ConfigurationError` that names the file, the board, the key and what is allowed.
    """
    tables = read_section(path, SECTION)
    if unknown := [name for name in tables if name not in boards]:
        raise ConfigurationError(
            f"{path} has a table [preflight.{unknown[0]}], but no board of that name; its boards are "
            f"{', '.join(boards)}."
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
    """Return the settings that differ from their defaults, by name."""
    plain = Expectations()
    values = {field.name: getattr(expectations, field.name) for field in fields(expectations) if field.name in OPTIONS}
    return {name: value for name, value in values.items() if value != getattr(plain, name)}
