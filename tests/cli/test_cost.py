from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.comparison.result_files import encode_result

from ..comparison.advice.results import facts, memory, result, service


@pytest.fixture
def measured(tmp_path: Path) -> str:
    """A result with a board in a process and one on a server."""
    runs = [
        *service("memory", {"update": 10.0}, 100_000, taken=memory(process=20_000_000)),
        *service("redis", {"update": 100.0}, 100_000, taken=memory(server=15_000_000)),
    ]
    path = tmp_path / "result.json"
    path.write_bytes(encode_result(result([facts("memory"), facts("redis", "server", shared=True)], runs)))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(leaderboard, ["cost", *arguments])


def test_each_backend_has_a_cost_at_each_size(measured: str) -> None:
    done = run(measured, "--players", "50K,1M")
    assert done.exit_code == 0, done.output
    assert "50,000" in done.output
    assert "15.18*" in done.output  # 1M players are more than were measured
    assert "27.59" in done.output
    assert "not checked at the vendor" in done.output
    assert "study" not in done.output


def test_a_trace_says_what_each_amount_comes_from(measured: str) -> None:
    assert "per hour, on demand" not in run(measured).output
    done = run(measured, "--players", "100K", "--trace")
    said = " ".join(done.output.split())
    assert "per hour, on demand" in said
    assert "200 bytes per player as measured" in said
    assert "service runs of realtime" in said


def test_the_deployment_is_the_users(measured: str, tmp_path: Path) -> None:
    assert "4 x t3.small" in run(measured, "--servers", "4").output
    assert "2 x cache.t3.micro" in run(measured, "--replicas", "1").output
    prices = tmp_path / "prices.toml"
    shipped = Path(__file__).parents[2] / "benchmarks" / "prices" / "aws-us-east-1.toml"
    prices.write_text(shipped.read_text(encoding="utf-8").replace("usd = 0.0208", "usd = 1"), encoding="utf-8")
    assert "t3.small" not in run(measured, "--prices", str(prices)).output


def test_a_model_with_a_slip_of_the_pen_is_refused(measured: str, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "benchmarks" / "prices" / "model.toml"
    model = tmp_path / "model.toml"
    model.write_text(shipped.read_text(encoding="utf-8").replace("\nmemory = 24", "\nmemmory = 24"), encoding="utf-8")
    for command in (["cost"], ["advise", "--players", "1K"]):
        done = CliRunner().invoke(leaderboard, [*command, measured, "--model", str(model)])
        assert done.exit_code == 1
        assert "build_hours names 'memmory', which is no backend here. Did you mean memory?" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch.json"], "leaderboard compare --out"),
        (["--players", "many"], "is not a number of players"),
        (["--players", "0"], "is not a number of players"),
        (["--model", "nosuch.toml"], "cannot be read"),
        (["--term", "bananas"], "write one of 'on demand'"),
        ([__file__], "not a result of a comparison"),
    ],
)
def test_bad_input_is_refused_in_a_line(measured: str, arguments: list[str], said: str) -> None:
    done = run(*(arguments if not arguments[0].startswith("--") else [measured, *arguments]))
    assert done.exit_code != 0
    assert said in " ".join(done.output.split())
