"""A Grafana dashboard of the metrics, with the thresholds of the alerts drawn in.

Grafana's classic JSON model, in the schema of Grafana 10.3 and 11; newer ones take it up and carry it over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from . import names
from .settings import DEFAULTS, AlertSettings

SCHEMA_VERSION: Final = 39
WIDTH: Final = 24
"""Columns of a dashboard."""

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
CHOSEN: Final = 'board=~"$board", backend=~"$backend"'
RATE: Final = "[$__rate_interval]"
SINGLE: Final = f'operation!~"{"|".join(names.BULK)}"'
CALLS: Final = f"rate({names.CALL_DURATION}_count{{{CHOSEN}}}{RATE})"
FAILURES: Final = f'rate({names.ERRORS}{{{CHOSEN}, fault="{names.STORAGE}"}}{RATE})'
UPDATES: Final = f"rate({names.UPDATES}{{{CHOSEN}}}{RATE})"
ERROR_RATE: Final = f"sum by (board, backend) ({FAILURES}) / sum by (board, backend) ({CALLS})"
BOARD: Final = "{{board}} ({{backend}})"

Query = tuple[str, str]
"""A PromQL expression, and the legend of its lines."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: what it shows, in which unit, and above which values it is yellow and red."""

    title: str
    queries: Sequence[Query]
    unit: str = "short"
    warning: float | None = None
    critical: float | None = None
    kind: str = "timeseries"
    description: str = ""


def grafana_dashboard(
    settings: AlertSettings | Mapping[str, AlertSettings] = DEFAULTS, title: str = "Leaderboards"
) -> str:
    """Return the dashboard as JSON; where boards of a mapping differ, the strictest thresholds are drawn."""
    strictest = _strictest(list(settings.values())) if isinstance(settings, Mapping) else settings
    dashboard = {
        "uid": "leaderboards",
        "title": title,
        "description": "Boards of leaderboard-backends: latency, errors, rates, players.",
        "tags": ["leaderboard"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "browser",
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {},
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": _variables()},
        "panels": _laid_out([_stats(strictest), *_graphs(strictest)]),
    }
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def _strictest(settings: Sequence[AlertSettings]) -> AlertSettings:
    return AlertSettings(
        latency_warning=min((one.latency_warning for one in settings), default=DEFAULTS.latency_warning),
        latency_critical=min((one.latency_critical for one in settings), default=DEFAULTS.latency_critical),
        error_rate=min((one.error_rate for one in settings), default=DEFAULTS.error_rate),
        update_rate=min((one.update_rate for one in settings), default=DEFAULTS.update_rate),
    )


# ---------------------------------------------------------------------- what is shown


def _stats(settings: AlertSettings) -> list[Panel]:
    """Return the figures on top."""
    return [
        Panel("Boards up", [(f"min by (board, backend) ({names.UP}{{{CHOSEN}}})", BOARD)], kind="stat"),
        Panel("Players", [(_players(), BOARD)], kind="stat"),
        Panel(
            "Updates per second",
            [(f"sum by (board, backend) ({UPDATES})", BOARD)],
            "ops",
            settings.update_rate,
            kind="stat",
        ),
        Panel("Error rate", [(ERROR_RATE, BOARD)], "percentunit", None, settings.error_rate, kind="stat"),
    ]


def _graphs(settings: AlertSettings) -> list[list[Panel]]:
    """Return the rows of graphs."""
    latency = ("s", settings.latency_warning, settings.latency_critical)
    sources = f"sum by (board, backend, source) (rate({names.DEGRADED_ANSWERS}{{{CHOSEN}}}{RATE}))"
    queries = f'sum by (board, backend) (rate({names.CALL_DURATION}_count{{{CHOSEN}, call="query"}}{RATE}))'
    cached = f'sum by (board, backend) (rate({names.DEGRADED_ANSWERS}{{{CHOSEN}, source="cached"}}{RATE}))'
    kinds = f"sum by (board, backend, kind, fault) (rate({names.ERRORS}{{{CHOSEN}}}{RATE}))"
    broken = f"sum by (board, backend, rule, outcome) (rate({names.RULE_VIOLATIONS}{{{CHOSEN}}}{RATE}))"
    operations = f"sum by (board, backend, operation) ({CALLS})"
    return [
        [
            Panel("Update latency", _quantiles("update"), *latency, description="Updates of one player."),
            Panel("Query latency", _quantiles("query"), *latency, description="Without iteration."),
        ],
        [
            Panel(
                "Updates per second",
                [(f"sum by (board, backend) ({UPDATES})", BOARD)],
                "ops",
                settings.update_rate,
                description="Scores that were updated; each update of a batch counts.",
            ),
            Panel("Calls per second, by operation", [(operations, f"{BOARD} {{{{operation}}}}")], "ops"),
        ],
        [
            Panel("Error rate", [(ERROR_RATE, BOARD)], "percentunit", None, settings.error_rate),
            Panel("Errors per second, by kind", [(kinds, f"{BOARD} {{{{kind}}}} ({{{{fault}}}})")], "ops"),
        ],
        [
            Panel("Answers that were not live, by source", [(sources, f"{BOARD} {{{{source}}}}")], "ops"),
            Panel("Cache hits", [(f"{cached} / {queries}", BOARD)], "percentunit", description="Share of all queries."),
        ],
        [
            Panel(
                "Refused and flagged updates per second, by rule",
                [(broken, f"{BOARD} {{{{rule}}}} ({{{{outcome}}}})")],
                "ops",
                description="By the rate limit and by validation.",
            ),
            Panel("Players", [(_players(), BOARD)]),
        ],
    ]


def _players() -> str:
    return f"max by (board, backend) ({names.PLAYERS}{{{CHOSEN}}})"


def _quantiles(call: str) -> list[Query]:
    labels = f'{CHOSEN}, call="{call}", {SINGLE}'
    buckets = f"sum by (board, backend, le) (rate({names.CALL_DURATION}_bucket{{{labels}}}{RATE}))"
    return [(f"histogram_quantile({part}, {buckets})", f"p{part * 100:g} {BOARD}") for part in (0.5, 0.95, 0.99)]


# ---------------------------------------------------------------------- how Grafana writes it


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1},
        _variable("board", f"label_values({names.UPDATES}, board)"),
        _variable("backend", f'label_values({names.UPDATES}{{board=~"$board"}}, backend)'),
    ]


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": f"{name}s"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _laid_out(rows: Sequence[Sequence[Panel]]) -> list[dict[str, Any]]:
    """Return the panels of rows, each row as wide as the dashboard."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        width, height = WIDTH // len(row), 4 if row[0].kind == "stat" else 8
        for column, panel in enumerate(row):
            place = {"x": column * width, "y": top, "w": width, "h": height}
            panels.append({"id": len(panels) + 1, "gridPos": place, **_panel(panel)})
        top += height
    return panels


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": DATASOURCE, "expr": expression, "legendFormat": legend}
            for number, (expression, legend) in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    limits = ((panel.warning, "yellow"), (panel.critical, "red"))
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    steps += [{"color": color, "value": value} for value, color in limits if value is not None]
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.kind == "timeseries":
        style = "dashed" if len(steps) > 1 else "off"
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 10, "thresholdsStyle": {"mode": style}}
    return defaults


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "none",
        }
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
