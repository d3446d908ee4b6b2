"""Whether the metrics are there as Prometheus reads them, and move when the board is used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ..errors import LeaderboardError
from ..hardening.observability import names
from ..numerals import size, whole
from .finding import Finding, failed, passed, together, warning
from .subject import Subject

LAYER: Final = "monitoring"
DASHBOARD: Final = "leaderboard monitoring dashboard --config FILE"

Values = Mapping[tuple[str, str], float]
"""Sums over a board's labels, by sample and by what it is of."""

MOVING: Final = {
    (f"{names.CALL_DURATION}_count", "update"): "updates that were timed",
    (f"{names.CALL_DURATION}_count", "query"): "queries that were timed",
    (names.UPDATES, ""): "scores that were updated",
}
"""Counts that one update and one query must move."""


def check_metrics(subject: Subject) -> Finding:
    """Use the scratch board once, and compare the exposition before and after."""
    if subject.settings(LAYER) is None:
        return warning("monitoring is off, so nothing is measured", f"Set monitoring = true in [{subject.table}].")
    before = _exposed(subject)
    _use(subject)
    after = _exposed(subject)
    exposed = passed(f"{size(len(generate_latest(subject.registry)))} of metrics")
    counts = list(_counts(before, after)) or [passed("all counters move")]
    return together([exposed, *counts, *_gauges(subject, after), *_violations(subject, after), _dashboard(subject)])


def _use(subject: Subject) -> None:
    """Make an update and a query, whatever they raise: errors are calls too."""
    try:
        subject.update()
        subject.stack.get_rank(subject.traffic.draw_player())
    except LeaderboardError:
        return


def _exposed(subject: Subject) -> Values:
    """Return what Prometheus would read, summed up."""
    text = generate_latest(subject.registry).decode()
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, sample.labels.get("call", ""))
            found[key] = found.get(key, 0.0) + sample.value
    return found


def _counts(before: Values, after: Values) -> Iterator[Finding]:
    for key, what in MOVING.items():
        if after.get(key, 0.0) <= before.get(key, 0.0):
            yield failed(f"{key[0]} does not move ({what})", "Check whether all calls fail.")


def _gauges(subject: Subject, after: Values) -> Iterator[Finding]:
    players, up = after.get((names.PLAYERS, "")), after.get((names.UP, ""))
    if up != 1:
        yield failed(
            f"{names.UP} is {up}: the storage did not return the number of players in time",
            f"Raise probe_timeout in [{subject.table}.{LAYER}].",
        )
    elif players != len(subject.stack):
        yield warning(
            f"{names.PLAYERS} is {players}, the board has {whole(len(subject.stack))}", "Run preflight again."
        )


def _violations(subject: Subject, after: Values) -> Iterator[Finding]:
    counted = [layer for layer in ("validation", "rate_limit") if subject.settings(layer) is not None]
    if counted and (names.RULE_VIOLATIONS, "") not in after:
        yield failed(f"{names.RULE_VIOLATIONS} is missing", f"Find out why {' and '.join(counted)} count nothing.")


def _dashboard(subject: Subject) -> Finding:
    """Look at the dashboard's file, where the expectations name it."""
    name = subject.expectations.dashboard
    if name is None:
        return warning(
            "dashboard is not set",
            f"Import the output of {DASHBOARD} into Grafana, and set dashboard in [preflight.{subject.name}] to its "
            "file.",
        )
    try:
        found: Any = json.loads(subject.expectations.path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return failed(f"{name} cannot be read: {error}", f"Write it: {DASHBOARD} > {name}")
    if names.CALL_DURATION not in json.dumps(found):
        return failed(f"{name} does not show {names.CALL_DURATION}", f"Write it again: {DASHBOARD} > {name}")
    return passed(f"{name} shows the metrics")
