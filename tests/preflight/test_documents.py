"""The runbook and the example for production work as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.config import check_file, describe_file
from leaderboard_backends.hardening.observability import names
from leaderboard_backends.hardening.observability.settings import DEFAULTS, conditions
from leaderboard_backends.registry import wrapper_names

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "production.toml"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```promql\n(.+?)\n```", RUNBOOK, re.DOTALL)
OURS = {
    name
    for metric in (value for value in vars(names).values() if isinstance(value, str))
    for name in (metric, f"{metric}_bucket", f"{metric}_count")
}
LISTS = {
    "Before launch": ["config check", "preflight", "monitoring rules", "monitoring dashboard"],
    "Launch day": ["Latency", "Error rate", "Alerting works", "The top is right", "Memory", "The rate limit"],
    "First week": ["p99 trends", "Outliers", "Rate limits by real usage", "Caching", "This page"],
    "Ongoing": [
        "Weekly: performance",
        "Monthly: capacity",
        "Quarterly: a disaster recovery drill",
        "Yearly: architecture",
    ],
}


def run(*arguments: str) -> str:
    done = CliRunner().invoke(leaderboard, arguments, prog_name="leaderboard")
    assert done.exit_code == 0, done.output
    return done.stdout


# ---------------------------------------------------------------------- the runbook


@pytest.mark.parametrize("heading", LISTS)
def test_every_line_of_the_studys_lists_has_its_place(heading: str) -> None:
    section = RUNBOOK.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert [line for line in LISTS[heading] if line not in section] == []


def test_the_runbook_asks_for_metrics_that_there_are() -> None:
    asked = {name for query in QUERIES for name in re.findall(r"leaderboard_\w+", query)}
    assert asked <= OURS
    assert {names.CALL_DURATION + "_bucket", names.UPDATES, names.ERRORS, names.PLAYERS, names.UP} <= asked
    assert {names.DEGRADED_ANSWERS, names.RULE_VIOLATIONS} <= asked


def test_prometheus_takes_every_query_of_the_runbook(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        text = "NOT CHECKED BY PROMETHEUS: promtool is missing here. Install it: apt-get install prometheus"
        if os.environ.get("LEADERBOARD_PROMTOOL") == "required":
            pytest.fail(text)
        pytest.skip(text)
    rules = "".join(f"  - record: query:{number}\n    expr: {query!r}\n" for number, query in enumerate(QUERIES))
    path = tmp_path / "queries.yml"
    path.write_text(f"groups:\n- name: runbook\n  rules:\n{rules}", encoding="utf-8")
    done = subprocess.run([promtool, "check", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(QUERIES)} rules found" in done.stdout


def test_the_runbook_says_what_to_do_at_each_alert() -> None:
    section = RUNBOOK.partition("\n## When an alert fires\n")[2]
    assert [one.name for one in conditions(DEFAULTS) if f"`{one.name}`" not in section] == []


def test_the_commands_of_the_runbook_are_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(EXAMPLE, "boards.toml")
    commands = re.search(r"```sh\n(.+?)\n```", RUNBOOK, re.DOTALL)
    assert commands
    asked = [line.partition(" > ")[0].split()[1:] for line in commands[1].splitlines()]
    assert [" ".join(words) for words in asked if words[0] == "preflight"] == ["preflight --config boards.toml"]
    assert all(run(*words) for words in asked if words[0] != "preflight")  # which the example is put through below


# ---------------------------------------------------------------------- the example


LAYERS = [name for name in wrapper_names() if name not in ("migration", "replica")]
"""Those that any board can have: a replica needs one that several processes share, a migration a place to go."""


def test_the_example_has_every_layer_and_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEADERBOARD_URL", raising=False)
    (opening,) = describe_file(EXAMPLE).values()
    assert list(opening.layers) == LAYERS
    assert check_file(EXAMPLE) == {"arcade": opening}
    assert "1 board, no errors. Nothing was opened or imported." in run("config", "check", str(EXAMPLE))


def test_the_example_names_its_layers_in_the_order_in_which_they_stand() -> None:
    tables = re.findall(r"^\[boards\.arcade\.(\w+)\]", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert tables == LAYERS[::-1]


def test_the_example_passes_preflight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEADERBOARD_URL", raising=False)
    monkeypatch.setattr("leaderboard_backends.preflight.subject.MOST_PLAYERS", 5_000)
    command = ["preflight", "--config", str(EXAMPLE), "--seconds", "0.1", "--json"]
    (board,) = json.loads(CliRunner().invoke(leaderboard, command).stdout)["boards"]
    found = {check["check"]: check["status"] for check in board["checks"]}
    assert found.pop("load") in ("passed", "failed")  # its targets are milliseconds, and this machine may be busy
    assert [name for name, status in found.items() if status == "failed"] == []
    assert [name for name, status in found.items() if status == "warning"] == ["metrics"]


@pytest.mark.parametrize("url", ["memory://", "zodb://{}/arcade.fs"])
def test_the_example_shows_what_each_layer_does(tmp_path: Path, url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "examples" / "production.py"],
        env={"LEADERBOARD_URL": url.format(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "refused by max_change",
        "too many after 60 updates",
        "live",
        "cached",
        "closed for the night",
        "5 players, 65 updates, errors {'UpdateRefusedError'",
    ]
    assert "cached: 1 Barbara 3000, 2 Edsger 2000, 3 Grace 1000" in done.stdout
