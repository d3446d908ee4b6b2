"""The rules are valid, fire above their thresholds and not at them, and name only metrics that there are."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.errors import BackendUnavailableError, ConfigurationError
from leaderboard_backends.hardening.monitoring import MonitoredLeaderboard
from leaderboard_backends.hardening.observability import names
from leaderboard_backends.hardening.observability.dashboard import grafana_dashboard
from leaderboard_backends.hardening.observability.rules import alerting_rules, duration
from leaderboard_backends.hardening.observability.settings import AlertSettings, conditions

from .monitored import Clock, TroubledLeaderboard, samples
from .test_monitoring import CALLS, MemoryOfOld

ALERTS = [condition.name for condition in conditions(AlertSettings())]
UPDATE_WARNING, UPDATE_CRITICAL, QUERY_WARNING, QUERY_CRITICAL, ERRORS, RATE = ALERTS


@pytest.fixture(scope="session")
def promtool() -> str:
    """Return promtool; where there is none, say so loudly, or fail where it is required."""
    found = shutil.which("promtool")
    if found:
        return found
    text = "NOT CHECKED BY PROMETHEUS: promtool is missing here. Install it: apt-get install prometheus"
    if os.environ.get("LEADERBOARD_PROMTOOL") == "required":
        pytest.fail(text)
    pytest.skip(text)


def run(command: str, *arguments: str | Path, given: str = "") -> str:
    done = subprocess.run([command, *arguments], input=given, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# ---------------------------------------------------------------------- as text


def test_there_is_a_rule_for_each_alert_of_the_process() -> None:
    text = alerting_rules()
    assert re.findall(r"- alert: (\w+)", text) == ALERTS
    assert text.count("severity: critical") == 3
    assert text.count("for: 60s") == len(ALERTS)


def test_the_default_thresholds_are_in_the_expressions() -> None:
    expressions = re.findall(r"> ([\d.]+)$", alerting_rules(), re.MULTILINE)
    assert expressions == ["0.05", "0.1", "0.05", "0.1", "0.01", "10000"]


def test_boards_of_a_mapping_have_rules_of_their_own() -> None:
    text = alerting_rules({"weekly": AlertSettings(error_rate=0.5), "daily": AlertSettings(window=60.0)})
    weekly, daily = text.split('- name: "leaderboard daily"')
    assert 'board="weekly"' in weekly
    assert 'board="daily"' not in weekly
    assert weekly.count('labels: {severity: critical, board: "weekly"}') == 3
    assert "> 0.5" in weekly
    assert "[300s]" in weekly
    assert "[60s]" in daily
    assert "> 0.01" in daily


@pytest.mark.parametrize(("seconds", "text"), [(60, "60s"), (0.25, "250ms"), (1.5, "1500ms"), (0, "0s"), (1e-9, "1ms")])
def test_a_duration_is_written_as_prometheus_reads_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_warning_above_the_critical_threshold_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"latency_warning=0\.3 is above latency_critical=0\.1"):
        AlertSettings(latency_warning=0.3)


# ---------------------------------------------------------------------- names that there are


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Return the names of all samples that a board exports which was used in every way, with their labels."""
    registry = CollectorRegistry()
    troubled = TroubledLeaderboard(Clock(), MemoryOfOld(SortedContainersLeaderboard()))
    with MonitoredLeaderboard(troubled, registry=registry) as board:
        for call in CALLS.values():
            call(board)
        troubled.error = BackendUnavailableError("gone")
        with pytest.raises(BackendUnavailableError):
            board.get_rank("ada")
        found: dict[str, set[str]] = {}
        for sample in samples(registry):
            found.setdefault(sample.name, set()).update(sample.labels)
        return found


def expressions() -> Iterator[str]:
    yield alerting_rules()
    yield alerting_rules({"weekly": AlertSettings()})
    dashboard = json.loads(grafana_dashboard())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for variable in dashboard["templating"]["list"]:
        yield variable.get("definition", "")


def test_every_metric_of_rules_and_dashboard_is_exported(exported: Mapping[str, set[str]]) -> None:
    used = set(re.findall(r"\bleaderboard_\w+", "\n".join(expressions())))
    violations = {names.RULE_VIOLATIONS}  # of validation and the rate limit: see test_monitoring_stack.py
    assert used - violations <= set(exported)
    assert {names.UPDATES, names.ERRORS, f"{names.CALL_DURATION}_bucket", names.PLAYERS, names.UP} <= used


def test_every_label_that_selects_or_groups_is_one_of_the_metric(exported: Mapping[str, set[str]]) -> None:
    selectors = re.findall(r"(leaderboard_\w+)\{([^}]*)\}", "\n".join(expressions()))
    assert len(selectors) > 20
    for metric, selector in selectors:
        if metric != names.RULE_VIOLATIONS:
            assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)", selector)) <= exported[metric], (metric, selector)


# ---------------------------------------------------------------------- checked by promtool


@pytest.mark.parametrize(
    "settings",
    [
        AlertSettings(),
        AlertSettings(latency_warning=1e-05, error_rate=0.0, update_rate=0, window=0.5, alert_for=0, alert_samples=1),
        {"weekly": AlertSettings(), "daily.2024_x-1": AlertSettings(alert_interval=2.5)},
    ],
    ids=["the defaults", "odd numbers", "boards of their own"],
)
def test_promtool_accepts_the_rules(settings: Any, promtool: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(alerting_rules(settings), encoding="utf-8")
    rules = len(ALERTS) * (len(settings) if isinstance(settings, dict) else 1)
    assert f"SUCCESS: {rules} rules found" in run(promtool, "check", "rules", path)


def test_promtool_accepts_every_query_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    chosen = {"$board": "weekly", "$backend": ".*", "$__rate_interval": "1m"}
    queries = [target["expr"] for panel in json.loads(grafana_dashboard())["panels"] for target in panel["targets"]]
    for variable, text in chosen.items():
        queries = [query.replace(variable, text) for query in queries]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    assert f"SUCCESS: {len(queries)} rules found" in run(promtool, "check", "rules", path)


def test_promtool_finds_no_fault_with_the_metrics(promtool: str) -> None:
    registry = CollectorRegistry()
    with MonitoredLeaderboard(MemoryOfOld(SortedContainersLeaderboard()), registry=registry) as board:
        for call in CALLS.values():
            call(board)
        run(promtool, "check", "metrics", given=generate_latest(registry).decode())


BOARD = {"board": "weekly", "backend": "RedisLeaderboard"}
STEPS = 80  # of 15 seconds
BOUNDS = ("0.025", "0.05", "0.1", "0.25", "+Inf")


@dataclass
class Case:
    """What Prometheus scrapes from two processes, at a steady pace, and which alerts fire after 15 minutes."""

    name: str
    fires: dict[str, str] = field(default_factory=dict)
    """The alerts, with the figure as the description shows it."""
    updates: Mapping[str, int] = field(default_factory=dict)
    """Updates of one player that took up to so long, a process in 15 s."""
    queries: Mapping[str, int] = field(default_factory=dict)
    batches: Mapping[str, int] = field(default_factory=dict)
    failures: int = 0
    refusals: int = 0
    scores: int = 0
    settings: AlertSettings = field(default_factory=AlertSettings)
    at: str = "15m"


CASES = [
    Case("no slow update", updates={"0.05": 100}),
    Case("updates above 50 ms", {UPDATE_WARNING: "75ms"}, updates={"0.05": 98, "0.1": 2}),
    Case("updates up to 100 ms", {UPDATE_WARNING: "99.5ms"}, updates={"0.1": 100}),
    Case("updates above 100 ms", {UPDATE_WARNING: "175ms", UPDATE_CRITICAL: "175ms"}, updates={"0.05": 98, "0.25": 2}),
    Case("one update in 100 is slow", updates={"0.025": 995, "0.25": 5}),
    Case("no slow query", queries={"0.05": 100}),
    Case("queries above 50 ms", {QUERY_WARNING: "75ms"}, queries={"0.05": 98, "0.1": 2}),
    Case("queries above 100 ms", {QUERY_WARNING: "175ms", QUERY_CRITICAL: "175ms"}, queries={"0.05": 98, "0.25": 2}),
    Case("slow batches", batches={"0.25": 100}),
    Case("too few calls to say", updates={"0.25": 1}, queries={"0.25": 1}, failures=1),
    Case("above for less than a minute", updates={"0.1": 100}, at="1m"),
    Case(
        "an error in 128 calls, which is allowed",
        queries={"0.025": 128},
        failures=1,
        settings=AlertSettings(error_rate=1 / 128),
    ),
    Case("an error in 200 calls", queries={"0.025": 200}, failures=1),
    Case("an error in 50 calls", {ERRORS: "2%"}, queries={"0.025": 25}, updates={"0.025": 25}, failures=1),
    Case("many refusals", queries={"0.025": 50}, refusals=500),
    Case("as many updates as were planned for", scores=75_000),
    Case("more updates than were planned for", {RATE: "10.67k"}, scores=80_000),
]


def series(case: Case) -> Iterator[tuple[str, str]]:
    """Yield the series of a case: name with labels, and values."""
    for instance in ("one", "two"):
        for operation, call, times in (
            ("update_score", "update", case.updates),
            ("get_rank", "query", case.queries),
            ("update_scores", "update", case.batches),
        ):
            if times:
                yield from _histogram(times, call=call, operation=operation, instance=instance)
        faults = (
            ("BackendUnavailableError", "storage", case.failures),
            ("RateLimitExceededError", "caller", case.refusals),
        )
        for kind, fault, number in faults:
            yield _selected(names.ERRORS, kind=kind, fault=fault, instance=instance), f"0+{number}x{STEPS}"
        yield _selected(names.UPDATES, instance=instance), f"0+{case.scores}x{STEPS}"


def _histogram(times: Mapping[str, int], **labels: str) -> Iterator[tuple[str, str]]:
    total = 0
    for bound in BOUNDS:
        total += times.get(bound, 0)
        yield _selected(f"{names.CALL_DURATION}_bucket", le=bound, **labels), f"0+{total}x{STEPS}"
    yield _selected(f"{names.CALL_DURATION}_count", **labels), f"0+{total}x{STEPS}"


def _selected(name: str, **labels: str) -> str:
    chosen = ", ".join(f'{label}="{text}"' for label, text in {**BOARD, **labels}.items())
    return f"{name}{{{chosen}}}"


def unit_test(case: Case) -> dict[str, Any]:
    """Return a case as a file of `promtool test rules`; JSON is YAML."""
    checks = []
    for condition in conditions(case.settings):
        expected = []
        if shown := case.fires.get(condition.name):
            summary, description = ANNOTATIONS[condition.figure]
            expected.append(
                {
                    "exp_labels": {"severity": condition.severity, **BOARD},
                    "exp_annotations": {
                        "summary": summary,
                        "description": description.format(shown, LIMITS[condition.name]),
                    },
                }
            )
        checks.append({"eval_time": case.at, "alertname": condition.name, "exp_alerts": expected})
    inputs = [{"series": name, "values": values} for name, values in series(case)]
    group = {"interval": "15s", "input_series": inputs, "alert_rule_test": checks}
    return {"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": [group]}


ANNOTATIONS = {
    "update_latency": (
        "Updates of board weekly are slow",
        "The 99th percentile of updates is {}, above the threshold of {}.",
    ),
    "query_latency": (
        "Queries of board weekly are slow",
        "The 99th percentile of queries is {}, above the threshold of {}.",
    ),
    "error_rate": ("Calls of board weekly fail", "{} of the calls fail, above the threshold of {}."),
    "update_rate": (
        "Board weekly is near its capacity",
        "{} scores are updated per second, above the planned {}.",
    ),
}
LIMITS = dict(zip(ALERTS, ["50 ms", "100 ms", "50 ms", "100 ms", "1 %", "10,000"], strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_prometheus_fires_above_a_threshold_and_not_at_it(case: Case, promtool: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(alerting_rules(case.settings), encoding="utf-8")
    test = tmp_path / "test.yml"
    test.write_text(json.dumps(unit_test(case)), encoding="utf-8")
    assert "SUCCESS" in run(promtool, "test", "rules", test)


def test_every_alert_has_a_case_above_and_one_without() -> None:
    assert {name for case in CASES for name in case.fires} == set(ALERTS)
    assert any(not case.fires for case in CASES)
