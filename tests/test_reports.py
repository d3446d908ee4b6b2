"""What is published is of the committed result, and of nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from leaderboard_backends.comparison.schema import read_result

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "reports" / "results" / "full.json"


def test_the_table_of_the_readme_is_that_of_the_result() -> None:
    command = [sys.executable, "benchmarks/readme.py", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, "make pages writes it anew"


def test_the_pages_are_of_the_result() -> None:
    digest = read_result(RESULT).settings.digest
    for name in ("report.md", "report.html"):
        assert digest in (ROOT / "reports" / name).read_text(encoding="utf-8"), "make pages writes them anew"
    assert (ROOT / "reports" / "report.html").stat().st_size < 2_000_000


def test_every_chart_that_the_pages_show_is_there() -> None:
    text = (ROOT / "reports" / "report.md").read_text(encoding="utf-8")
    shown = [part.partition(")")[0] for part in text.split("](charts/")[1:]]
    assert shown
    assert [name for name in shown if not (ROOT / "reports" / "charts" / name).is_file()] == []
