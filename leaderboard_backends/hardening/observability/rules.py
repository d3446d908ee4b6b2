"""Alerting rules for Prometheus, of the same conditions as the alerts in the process.

A rule sums over all processes and machines that serve a board, where an alert in a process sees that process alone; and
it computes a percentile from the histogram's buckets, where the process has exact times. Written as YAML by hand: texts
are quoted as JSON, which is YAML too, and expressions stand in literal blocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from . import names
from .settings import DEFAULTS, AlertSettings, Condition, conditions

BY_BOARD: Final = f"by ({', '.join(names.BOARD_LABELS)})"

SUMMARIES: Final = {
    "update_latency": "Updates of board {{ $labels.board }} are slow",
    "query_latency": "Queries of board {{ $labels.board }} are slow",
    "error_rate": "Calls of board {{ $labels.board }} fail",
    "update_rate": "Board {{ $labels.board }} is near its capacity",
}
DESCRIPTIONS: Final = {
    "update_latency": "The 99th percentile of updates is {{ $value | humanizeDuration }}, above the threshold of %s.",
    "query_latency": "The 99th percentile of queries is {{ $value | humanizeDuration }}, above the threshold of %s.",
    "error_rate": "{{ $value | humanizePercentage }} of the calls fail, above the threshold of %s.",
    "update_rate": "{{ $value | humanize }} scores are updated per second, above the planned %s.",
}


def alerting_rules(settings: AlertSettings | Mapping[str, AlertSettings] = DEFAULTS) -> str:
    """Return a rule file: for all boards alike, or for those of a mapping by name, each with its own settings."""
    groups = settings.items() if isinstance(settings, Mapping) else [("", settings)]
    lines = ["groups:"]
    for board, own in groups:
        lines += _group(board, own)
    return "\n".join(lines) + "\n"


def _group(board: str, settings: AlertSettings) -> Iterator[str]:
    name = f"leaderboard {board}" if board else "leaderboards"
    yield f"  - name: {json.dumps(name)}"
    yield f"    interval: {duration(settings.alert_interval)}"
    yield "    rules:"
    for condition in conditions(settings):
        yield f"      - alert: {condition.name}"
        yield "        expr: |-"
        yield from (f"          {line}" for line in expression(condition, settings, board))
        yield f"        for: {duration(settings.alert_for)}"
        yield f"        labels: {{severity: {condition.severity}{', board: ' + json.dumps(board) if board else ''}}}"
        yield "        annotations:"
        yield f"          summary: {json.dumps(SUMMARIES[condition.figure])}"
        yield f"          description: {json.dumps(DESCRIPTIONS[condition.figure] % _shown(condition))}"


def expression(condition: Condition, settings: AlertSettings, board: str = "") -> list[str]:
    """Return the lines of the PromQL expression of a condition, for one board or for all."""
    window = f"[{duration(settings.window)}]"
    only = f"board={json.dumps(board)}" if board else ""
    if condition.figure == "update_rate":
        return [f"sum {BY_BOARD} (rate({names.UPDATES}{_of(only)}{window})) > {condition.threshold!r}"]
    if condition.figure == "error_rate":
        fault = f'fault="{names.STORAGE}"'
        calls = f"{names.CALL_DURATION}_count{_of(only)}{window}"
        figure = [
            f"sum {BY_BOARD} (rate({names.ERRORS}{_of(fault, only)}{window}))",
            f"/ sum {BY_BOARD} (rate({calls})) > {condition.threshold!r}",
        ]
    else:
        labels = _of(f'call="{condition.figure.partition("_")[0]}"', f'operation!~"{"|".join(names.BULK)}"', only)
        calls = f"{names.CALL_DURATION}_count{labels}{window}"
        buckets = f"sum by (board, backend, le) (rate({names.CALL_DURATION}_bucket{labels}{window}))"
        figure = [f"histogram_quantile(0.99, {buckets}) > {condition.threshold!r}"]
    return [*figure, f"and sum {BY_BOARD} (increase({calls})) >= {settings.alert_samples}"]


def duration(seconds: float) -> str:
    """Return seconds as Prometheus writes them: whole ones, or milliseconds, at least one."""
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{max(1, round(seconds * 1000))}ms"


def _of(*labels: str) -> str:
    """Return the selector of some labels, the empty ones left away."""
    chosen = ", ".join(filter(None, labels))
    return f"{{{chosen}}}" if chosen else ""


def _shown(condition: Condition) -> str:
    """Return a threshold in words."""
    if condition.figure == "update_rate":
        return f"{condition.threshold:,g}"
    if condition.figure == "error_rate":
        return f"{condition.threshold * 100:g} %"
    return f"{condition.threshold * 1000:g} ms"
