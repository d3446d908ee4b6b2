from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends.cli.monitoring import monitoring
from leaderboard_backends.errors import ConfigurationError

BOARDS = """
    [boards.weekly]
    url = "redis://nowhere.invalid:6379/0"
    [boards.weekly.monitoring]
    latency_warning = 0.02

    [boards.today]
    url = "memory://daily"
    monitoring = true

    [boards.file]
    url = "zodb:///nowhere/board.fs"
    board = "archive"
    monitoring = { error_rate = 0.5 }

    [boards.unwatched]
    url = "memory://"
"""


@pytest.fixture
def boards(tmp_path: Path) -> str:
    path = tmp_path / "boards.toml"
    path.write_text(dedent(BOARDS), encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(monitoring, arguments)


def test_rules_of_no_file_are_the_defaults_for_all_boards() -> None:
    done = run("rules")
    assert done.exit_code == 0, done.output
    assert done.output.startswith('groups:\n  - name: "leaderboards"\n')
    assert "> 0.05\n" in done.output
    assert "board=" not in done.output


def test_rules_of_a_file_are_those_of_its_monitored_boards_under_the_names_they_will_have(boards: str) -> None:
    done = run("rules", "--config", boards)
    assert done.exit_code == 0, done.output
    groups = [line.split('"')[1] for line in done.output.splitlines() if "- name:" in line]
    assert groups == ["leaderboard weekly", "leaderboard daily", "leaderboard archive"]
    assert "> 0.02\n" in done.output
    assert "> 0.5\n" in done.output


def test_a_dashboard_is_json_with_the_strictest_thresholds(boards: str) -> None:
    done = run("dashboard", "--config", boards)
    assert done.exit_code == 0, done.output
    dashboard = json.loads(done.output)
    assert any(panel["title"] == "Update latency" for panel in dashboard["panels"])
    assert '"value": 0.02' in done.output
    assert json.loads(run("dashboard").output)["uid"] == "leaderboards"


def test_a_file_without_monitoring_says_what_to_add(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    path.write_text('[boards.weekly]\nurl = "memory://"\n', encoding="utf-8")
    done = run("rules", "--config", str(path))
    assert isinstance(done.exception, ConfigurationError)
    assert "add a table [boards.NAME.monitoring]" in str(done.exception)


TWINS = """
    [boards.weekly]
    url = "memory://"
    monitoring = true
    [boards.copy]
    url = "zodb:///nowhere/board.fs"
    board = "weekly"
"""


def test_two_boards_of_one_name_share_their_alerts(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(dedent(TWINS) + "monitoring = true\n", encoding="utf-8")
    done = run("rules", "--config", str(path))
    assert done.exit_code == 0, done.output
    assert done.output.count("- name:") == 1


def test_two_boards_of_one_name_with_other_alerts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(dedent(TWINS) + "monitoring = { error_rate = 0.5 }\n", encoding="utf-8")
    done = run("rules", "--config", str(path))
    assert isinstance(done.exception, ConfigurationError)
    assert "boards.copy: another board named 'weekly' has different alert settings" in str(done.exception)


def test_settings_that_contradict_each_other_are_named_with_their_file_and_board(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    path.write_text('[boards.weekly]\nurl = "memory://"\nmonitoring = { latency_warning = 0.5 }\n', encoding="utf-8")
    done = run("rules", "--config", str(path))
    assert isinstance(done.exception, ConfigurationError)
    assert "boards.weekly: latency_warning=0.5 is above latency_critical=0.1" in str(done.exception)


def test_a_hook_of_the_app_is_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pager_of_this_test.py").write_text("def call(alert): pass\n", encoding="utf-8")
    path = tmp_path / "boards.toml"
    monitoring = 'monitoring = { on_alert = "pager_of_this_test:call" }'
    path.write_text(f'[boards.weekly]\nurl = "memory://"\n{monitoring}\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    done = run("rules", "--config", str(path))
    assert done.exit_code == 0, done.output


def test_a_bad_setting_is_named_with_its_file_and_board(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    path.write_text('[boards.weekly]\nurl = "memory://"\nmonitoring = { windows = 5 }\n', encoding="utf-8")
    done = run("dashboard", "--config", str(path))
    assert isinstance(done.exception, ConfigurationError)
    assert "boards.weekly" in str(done.exception)
    assert "Did you mean window?" in str(done.exception)


def test_a_file_that_is_not_there_is_refused() -> None:
    done = run("rules", "--config", "nosuch.toml")
    assert isinstance(done.exception, ConfigurationError)
    assert "cannot be read" in str(done.exception)
