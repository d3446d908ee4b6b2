from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends.cli.group import leaderboard

LATEST = str(Path(__file__).parents[2] / "reports" / "latest" / "result.json")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(leaderboard, ["cost", *arguments])


def test_each_backend_has_a_cost_at_each_size() -> None:
    result = run(LATEST, "--players", "50K,1M")
    assert result.exit_code == 0, result.output
    assert "50,000 players" in result.output
    assert "1,000,000 players" in result.output
    assert "reckoned, measured up to 100,000" in result.output
    assert "does not hold" in result.output
    assert "not checked at the vendor" in result.output


def test_a_trace_says_what_each_amount_comes_from() -> None:
    result = run(LATEST, "--players", "100K", "--trace", "--workers", "4")
    assert "a hour, on demand" in result.output
    assert "4 workers, each with a copy" in result.output
    assert "bytes a player as measured" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch.json"], "leaderboard compare --out"),
        ([LATEST, "--players", "many"], "is no list of players"),
        ([LATEST, "--players", "0"], "is no list of players"),
        ([LATEST, "--model", "nosuch.toml"], "cannot be read"),
        ([__file__], "no result of a comparison"),
    ],
)
def test_bad_input_is_refused_in_a_line(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert said in result.output
