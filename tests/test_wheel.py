"""The wheel is whole: the five lines work in a folder of somebody else's, against it and no source tree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sortedcontainers

ROOT = Path(__file__).parent.parent
FIVE_LINES = """
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.testing import BackendConformance

class TestMyBoard(BackendConformance):
    def make(self, **options):
        return NaiveLeaderboard(**options)
"""
WHERE = "import leaderboard_backends; print(leaderboard_backends.__file__)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed in it, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, timeout=120)
    (wheel,) = folder.glob("leaderboard_backends-*.whl")
    subprocess.run([*pip, "install", *offline, "--target", str(folder / "site"), str(wheel)], check=True, timeout=120)
    return folder / "site"


@pytest.fixture
def environment(site: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}


def test_the_five_lines_work_against_the_wheel(site: Path, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(FIVE_LINES)
    where = [sys.executable, "-c", WHERE]
    found = subprocess.run(where, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True).stdout
    assert Path(found.strip()).is_relative_to(site)
    kit = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:benchmark", "-W", "error"]
    kit += ["-k", "percentile"]  # that every file is there is a test of its own
    done = subprocess.run(kit, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False, timeout=250)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]


def test_the_command_of_the_wheel_gives_the_verdict(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "leaderboard_backends", "conformance", "naive", "--part", "order"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False, timeout=120
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "naive: PASSED IN PART" in done.stdout


def test_the_wheel_has_each_file_of_the_package(site: Path) -> None:
    def files(folder: Path) -> set[str]:
        found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(folder).as_posix() for path in found}

    data = "shipped_data"
    kinds = ("backends", "code_size", "plans", "prices", "workloads")
    shipped = {f"{data}/{kind}/{name}" for kind in kinds for name in files(ROOT / "benchmarks" / kind)}
    shipped.add(f"{data}/result.json")
    assert len(shipped) > len(kinds)
    assert files(site / "leaderboard_backends") == files(ROOT / "leaderboard_backends") | shipped


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cost"], "t3.small"),
        (["advise", "--players", "50K", "--durable"], "zodb"),
        (["compare", "memory", "--players", "10", "--steps", "20", "--proof", "isolation"], "1 of 1 runs have figures"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_commands_of_the_wheel_use_the_data_in_it(
    arguments: list[str], said: str, environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "leaderboard_backends", *arguments]
    environment = {**environment, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout + done.stderr


def test_in_an_environment_with_the_wheel_alone_an_error_says_how_to_install_from_that_wheel(
    site: Path, tmp_path: Path
) -> None:
    """Smoke of what `make proof` types and runs (test_installing.py): a fresh environment without any extra."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=60)
    python = tmp_path / "venv" / "bin" / "python"
    (wheel,) = site.parent.glob("*.whl")
    install = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--python",
        str(python),
        "install",
        "--quiet",
    ]
    subprocess.run([*install, "--no-deps", "--no-index", wheel], check=True, timeout=60)
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (packages / "sortedcontainers").symlink_to(Path(sortedcontainers.__file__).parent)
    line = f"-m pip install 'leaderboard-backends[{{}}] @ {wheel.as_uri()}'\n"
    for command, extra in (
        (["-m", "leaderboard_backends", "backends"], "tools"),
        (["-c", "import leaderboard_backends as found; found.open_leaderboard('redis://host')"], "redis"),
        (["-c", "import leaderboard_backends.hardening as found; found.MonitoredLeaderboard"], "production"),
    ):
        done = subprocess.run([python, *command], capture_output=True, text=True, cwd=tmp_path, env={}, check=False)
        assert done.returncode == 1
        assert done.stderr.endswith(f"which is not installed: {python} {line.format(extra)}")
