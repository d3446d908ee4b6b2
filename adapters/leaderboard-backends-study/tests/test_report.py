"""An installed study ends every report, and leaves nothing of itself in what those see who never heard of it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from leaderboard_backends.cli.advise import advise
from leaderboard_backends.cli.cost import cost
from leaderboard_backends.cli.report import report
from leaderboard_backends.comparison.cost.source import shipped_result


def test_the_report_of_a_result_ends_with_all_claims(tmp_path: Path) -> None:
    page = tmp_path / "report.md"
    done = CliRunner().invoke(report, [str(shipped_result()), "--markdown", str(page)])
    assert done.exit_code == 0, done.output
    before, title, claims = page.read_text(encoding="utf-8").partition("\n## The claims of a study, checked\n")
    assert title
    assert "the study" not in before
    assert "171 claims: **holds** " in claims
    assert "\n## " not in claims


def test_costs_and_advice_speak_of_no_study() -> None:
    for command, options in ((cost, ["--trace"]), (advise, ["--players", "1M", "--servers", "3"])):
        done = CliRunner().invoke(command, options)
        assert done.exit_code == 0, done.output
        assert "study" not in done.output.lower()
