"""What is published is of the committed result, and of nothing else."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

from leaderboard_backends.comparison.figures import MemoryFigures
from leaderboard_backends.comparison.result_files import read_result

from .comparison.advice.results import facts, result, service

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "reports" / "results" / "full.json"


def test_the_tables_of_the_readme_and_of_the_docs_are_those_of_the_result() -> None:
    command = [sys.executable, "benchmarks/readme.py", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, "make pages writes it anew"


def test_the_bytes_of_the_readme_are_of_one_kind_and_say_whether_names_are_in_them() -> None:
    """Private memory everywhere, and not the server's own count of its own in a server's row."""
    runs = [
        *service("memory", {"rank": 1.0}, 100_000, taken=MemoryFigures(0, 19_000_000)),
        *service("redis", {"rank": 1.0}, 100_000, taken=MemoryFigures(0, 50_000, 13_200_000, 15_700_000, 21_900_000)),
    ]
    made = result([facts("memory"), facts("redis", "server", "everysec")], runs, names=25.0)
    readme = runpy.run_path(str(ROOT / "benchmarks" / "readme.py"))
    text = readme["with_tables"](f"before{readme['BEGIN']}old{readme['END']}after".format(*["results"] * 2), made)
    assert [row.split(" | ")[5] for row in text.splitlines() if "| `" in row] == [
        "190 in the process",
        "157 in the server, 219 on disk",
    ]
    assert "include ids and names (25.0 bytes of text per player); in a process" in text
    assert (text.startswith("before"), text.endswith("after")) == (True, True)


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
