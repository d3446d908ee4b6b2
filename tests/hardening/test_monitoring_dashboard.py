"""The dashboard is whole: each panel has its place, its data source, its queries and the thresholds of the settings."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

from leaderboard_backends.hardening.observability.dashboard import grafana_dashboard
from leaderboard_backends.hardening.observability.settings import AlertSettings


def dashboard(*arguments: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(grafana_dashboard(*arguments))
    return made


def panel(title: str, *arguments: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = [one for one in dashboard(*arguments)["panels"] if one["title"] == title]
    return found[-1]


def thresholds(title: str, *arguments: Any) -> list[tuple[str, float | None]]:
    steps = panel(title, *arguments)["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [(step["color"], step["value"]) for step in steps]


def test_a_dashboard_has_what_grafana_needs_of_it() -> None:
    made = dashboard()
    assert made["schemaVersion"] >= 39
    assert {"title", "uid", "panels", "templating", "time", "annotations", "refresh"} <= made.keys()
    assert [variable["name"] for variable in made["templating"]["list"]] == ["datasource", "board", "backend"]


def test_every_panel_has_a_number_and_a_place_of_its_own() -> None:
    panels = dashboard()["panels"]
    assert [one["id"] for one in panels] == list(range(1, len(panels) + 1))
    places = [one["gridPos"] for one in panels]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_every_query_is_of_the_chosen_source_boards_and_backends() -> None:
    for one in dashboard()["panels"]:
        assert one["targets"]
        assert len({target["refId"] for target in one["targets"]}) == len(one["targets"])
        for target in one["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert 'board=~"$board", backend=~"$backend"' in target["expr"]
            assert target["legendFormat"].count("{{") == target["legendFormat"].count("}}") > 0


def test_what_is_to_be_seen_is_there() -> None:
    titles = {one["title"] for one in dashboard()["panels"]}
    assert titles >= {
        "Update latency",
        "Query latency",
        "Updates per second",
        "Error rate",
        "Errors per second, by kind",
        "Players",
        "Cache hits",
        "Answers that were not live, by source",
        "Refused and flagged updates per second, by rule",
    }
    legends = [target["legendFormat"] for target in panel("Update latency")["targets"]]
    assert [legend.partition(" ")[0] for legend in legends] == ["p50", "p95", "p99"]


def test_the_thresholds_are_those_of_the_settings() -> None:
    assert thresholds("Update latency") == [("green", None), ("yellow", 0.05), ("red", 0.1)]
    assert thresholds("Error rate") == [("green", None), ("red", 0.01)]
    assert thresholds("Updates per second") == [("green", None), ("yellow", 10_000)]
    assert thresholds("Players") == [("green", None)]
    own = AlertSettings(latency_warning=0.02, latency_critical=0.03)
    assert thresholds("Query latency", own) == [("green", None), ("yellow", 0.02), ("red", 0.03)]


def test_of_several_boards_the_strictest_thresholds_are_drawn() -> None:
    boards = {"weekly": AlertSettings(latency_warning=0.02), "daily": AlertSettings(latency_critical=0.08)}
    assert thresholds("Update latency", boards) == [("green", None), ("yellow", 0.02), ("red", 0.08)]
