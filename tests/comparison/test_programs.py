"""Programs of an installed plug-in run in processes of their own beside backends, and a plan does without them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from leaderboard_backends.cli.compare import compare
from leaderboard_backends.comparison.figures import ProgramFigures
from leaderboard_backends.comparison.identity import head
from leaderboard_backends.comparison.plan import Plan, ProgramsPart, units
from leaderboard_backends.comparison.programs import programs_of
from leaderboard_backends.comparison.schema import Result
from leaderboard_backends.errors import ConfigurationError, PluginError

from .conftest import service_plan

DISTRIBUTION = "counted-elsewhere"
MODULE = """
from leaderboard_backends.comparison.programs import Program, WrongProgramError
from leaderboard_backends.comparison.figures import ProgramFigures

def count(setting):
    return ProgramFigures([], counts={"players": setting.players, "seed": setting.seed, "seconds": setting.seconds})

def miscount(setting):
    raise WrongProgramError("counted one too many")

RIGHT = Program("counts", 30, count)
PROGRAMS = [RIGHT, Program("miscounts", 40, miscount)]
TWICE = [RIGHT, RIGHT]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Lay out the distribution as an installer would, here and for workers; returns the module's file."""

    def lay_out(target: str) -> Path:
        site = tmp_path / "site"
        metadata = site / "counted_elsewhere-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[leaderboard_backends.programs]\nany = {target}\n")
        (site / "counted_elsewhere.py").write_text(MODULE)
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, "counted_elsewhere", raising=False)
        monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        return site / "counted_elsewhere.py"

    return lay_out


def of_programs(rounds: int = 1) -> Plan:
    """Return a plan that measures no board."""
    return replace(service_plan(), service=[], programs=[ProgramsPart(DISTRIBUTION, rounds, 0.5)])


def test_each_program_runs_with_the_plans_settings_and_a_wrong_one_has_no_figures(
    comparing: Callable[..., Result], install: Callable[[str], Path]
) -> None:
    install("counted_elsewhere:PROGRAMS")
    result = comparing("memory", plan=of_programs(rounds=2), seed=7)
    told = {(run.cell.backend, run.round): (run.status, run.reason) for run in result.runs}
    assert told == {
        **{("counts", number): ("ok", "") for number in (1, 2)},
        ("miscounts", 1): ("wrong", "counted one too many"),
        ("miscounts", 2): ("wrong", "counted one too many"),
    }
    figures = next(run.figures for run in result.runs if run.cell.backend == "counts")
    assert isinstance(figures, ProgramFigures)
    assert figures.counts == {"players": 30, "seed": 7, "seconds": 0.5}


def test_without_the_distribution_the_plan_runs_and_one_line_says_what_is_left_out(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'schema_version = 1\ntitle = "t"\nrounds = 1\ntime_limit = 1\nproof = "isolation"\n'
        f'[[service]]\nworkloads = ["realtime"]\nplayers = [10]\nsteps = 20\n'
        f'[[programs]]\ndistribution = "{DISTRIBUTION}"\nrounds = 1\nseconds = 1\n'
    )
    done = CliRunner().invoke(compare, ["memory", "--plan", str(plan), "--traces", str(tmp_path)])
    assert done.exit_code == 0, done.output
    (line,) = (line for line in done.stderr.splitlines() if DISTRIBUTION in line)
    assert line.startswith(f"{DISTRIBUTION} is not installed, so that its programs are left out")
    assert line.endswith(f"install {DISTRIBUTION}")
    assert "1 of 1 runs have figures" in done.stderr


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("counted_elsewhere:RIGHT", "not a list or tuple of Program: counted_elsewhere:RIGHT must name one"),
        ("counted_elsewhere:TWICE", "'counts' comes twice; give each its own name"),
        ("counted_elsewhere:ABSENT", "failed to import"),
    ],
)
def test_what_names_no_programs_is_refused(install: Callable[[str], Path], target: str, said: str) -> None:
    install(target)
    with pytest.raises(PluginError, match=f"the programs of {DISTRIBUTION}.*{said}"):
        programs_of(DISTRIBUTION)


def test_two_programs_of_one_name_in_a_plan_are_refused(install: Callable[[str], Path]) -> None:
    install("counted_elsewhere:PROGRAMS")
    twice = [*of_programs().programs, ProgramsPart("Counted_Elsewhere", 1, 1)]  # as package indexes compare names
    with pytest.raises(ConfigurationError, match=r"'counts' of \[\[programs\]\] is asked for twice, of counted-else"):
        units(replace(of_programs(), programs=twice), [])
    assert units(replace(of_programs(), programs=[ProgramsPart("nobody-knows-it", 1, 1)]), []) == []


def test_a_comparison_is_another_one_after_the_code_of_programs_changed(install: Callable[[str], Path]) -> None:
    module = install("counted_elsewhere:PROGRAMS")

    def told() -> dict[str, str]:
        return head(of_programs(), [], [], 1, "salt").told

    before = told()
    assert told() == before
    module.write_text(MODULE + "\n# another order")
    assert {name for name, what in told().items() if what != before[name]} == {"programs"}
