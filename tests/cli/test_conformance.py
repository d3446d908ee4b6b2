from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.cli import conformance as command


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.conformance, arguments)


class AlwaysFirst(NaiveLeaderboard):
    def _get_rank(self, player_id: str) -> int | None:
        return None if super()._get_rank(player_id) is None else 1


def test_a_backend_that_conforms_exits_zero_and_shows_its_parts() -> None:
    result = run("memory://weekly", "--part", "lookups", "--part", "removal")
    assert result.exit_code == 0, result.output
    assert "CONFORMS, 76 of 76 tests passed (seed 1)" in result.output
    assert "lookups" in result.output
    assert "removal" in result.output


def test_a_backend_that_does_not_conform_exits_one_and_shows_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "url_factory", lambda _: AlwaysFirst)
    result = run("broken://x", "--part", "lookups", "--failures", "1", "--seed", "5")
    assert result.exit_code == 1
    assert "broken://x: DOES NOT CONFORM" in result.output
    assert "seed 5" in result.output
    assert "test_score_rank_and_entry_agree" in result.output
    assert "assert 1 == 2" in result.output
    assert "more failed: --failures" in result.output


@pytest.mark.parametrize("url", ["nosuch://x", "redis://127.0.0.1:1/0", "no url", "memory://x?colour=red"])
def test_what_cannot_be_opened_is_not_run_and_exits_one(url: str) -> None:
    result = run(url)
    assert result.exit_code == 1
    assert "NOT RUN" in result.output
    assert "CONFORMS" not in result.output


def test_one_backend_that_is_not_run_spoils_the_run_of_all() -> None:
    result = run("naive://", "redis://:hunter2@127.0.0.1:1/0", "--part", "lookups")
    assert result.exit_code == 1
    assert "naive://: CONFORMS" in result.output
    assert "NOT RUN" in result.output
    assert "hunter2" not in result.output


def test_an_unknown_part_is_refused_with_the_known_ones() -> None:
    result = run("memory://", "--part", "nosuch")
    assert result.exit_code == 2
    assert "'threads'" in result.output
