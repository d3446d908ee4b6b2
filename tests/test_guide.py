"""The guide for authors of backends works as it is written: each of its files, commands and answers, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

GUIDE = Path(__file__).parent.parent / "docs" / "write-your-own-backend.md"
BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: file=\"(?P<file>[^\"]+)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
FILES = ["pyproject.toml", "src/acme_boards/__init__.py", "src/acme_boards/board.py", "src/acme_boards/order.py"]


def blocks() -> Iterator[re.Match[str]]:
    return BLOCK.finditer(GUIDE.read_text(encoding="utf-8"))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What makes `pip install .` install offline, into a folder that Python finds first."""
    site = tmp_path / "site"
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(site),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_TARGET": str(site),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "false",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def run(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command.split(), cwd=folder, env=environment, capture_output=True, text=True, timeout=400, check=False
    )


def shortened(command: str) -> str:
    """Return a command that asks for one part of the kit, where it asks for all, and for one round."""
    if command.startswith("leaderboard compare"):
        return f"{command} --proof isolation --rounds 1"
    if command.startswith("leaderboard conformance") and "--part" not in command:
        return f"{command} --part order"
    return command.replace("pytest -q tests", "pytest -q --collect-only tests")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.proof)])
def test_the_guide_leads_from_an_empty_folder_to_conforms(
    tmp_path: Path,
    environment: dict[str, str],
    whole: bool,  # noqa: FBT001 - one of the two
) -> None:
    """The short form runs one part of the kit where the guide runs all of it."""
    folder = tmp_path / "acme"
    folder.mkdir()
    said, answers = "", 0
    for block in blocks():
        if block["file"]:
            path = folder / block["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"], encoding="utf-8")
        elif block["language"] == "sh":
            for command in block["text"].splitlines():
                done = run(command if whole else shortened(command), folder, environment)
                said = done.stdout + done.stderr
                passed = done.returncode == (3 if "PASSED IN PART" in said else 0)
                assert passed or "DOES NOT CONFORM" in said, f"{command}\n{said}"
        elif block["language"] == "text":
            answers += 1
            answer = block["text"].strip()
            assert (answer if whole else answer.replace(": CONFORMS", ": PASSED IN PART")) in said
    assert answers == 4
    assert [path for path in FILES if not (folder / path).is_file()] == []


def test_every_block_of_the_guide_is_one_that_the_test_knows() -> None:
    known = {"console", "toml", "python", "sh", "text"}
    assert {block["language"] for block in blocks()} == known
    assert GUIDE.read_text(encoding="utf-8").count("\n```") == 2 * len(list(blocks()))
