"""`leaderboard monitoring`: alerting rules for Prometheus and a dashboard for Grafana, from a file's settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from ..config import describe_file
from ..errors import ConfigurationError
from ..hardening.observability.dashboard import grafana_dashboard
from ..hardening.observability.rules import alerting_rules
from ..hardening.observability.settings import DEFAULTS, AlertSettings
from ..location import functions_named
from .streams import foreign_output_to_stderr

SHORT_HELP = "Print alerting rules for Prometheus, or a dashboard for Grafana."

CONFIG = click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The boards (TOML) whose monitoring settings to use.  [default: the default settings, for all boards]",
)


@click.group("monitoring", short_help=SHORT_HELP)
def monitoring() -> None:
    """Print configuration with which Prometheus and Grafana monitor boards that have monitoring on."""


@monitoring.command("rules", short_help="Alerting rules for Prometheus (YAML).")
@CONFIG
def rules(path: Path | None) -> None:
    """Print alerting rules for Prometheus (YAML), for its rule_files."""
    click.echo(alerting_rules(_settings(path)), nl=False)


@monitoring.command("dashboard", short_help="A dashboard for Grafana (JSON).")
@CONFIG
def dashboard(path: Path | None) -> None:
    """Print a dashboard to import into Grafana (JSON)."""
    click.echo(grafana_dashboard(_settings(path)), nl=False)


def _settings(path: Path | None) -> AlertSettings | Mapping[str, AlertSettings]:
    """Return the settings of the monitored boards of a file, by the boards' names; the defaults where none is given.

    Raises `ConfigurationError`.
    """
    if path is None:
        return DEFAULTS
    found: dict[str, AlertSettings] = {}
    with foreign_output_to_stderr(), functions_named():
        openings = describe_file(path)
    for table, opening in openings.items():
        if "monitoring" in opening.layers:
            try:
                _add(found, opening.board, AlertSettings.of(opening.layers["monitoring"]))
            except ConfigurationError as error:
                raise ConfigurationError(f"{path}, boards.{table}: {error}") from error
    if not found:
        raise ConfigurationError(f"{path} has no board with monitoring on: add a table [boards.NAME.monitoring].")
    return found


def _add(found: dict[str, AlertSettings], board: str, settings: AlertSettings) -> None:
    if found.setdefault(board, settings) != settings:
        raise ConfigurationError(
            f"another board named {board!r} has different alert settings, and rules distinguish boards only by name: "
            "rename one of them, or give both the same alert settings."
        )
