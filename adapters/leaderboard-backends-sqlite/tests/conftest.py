"""What the tests share: a place for a file, a program run in a process of its own, boards with tiny buckets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "board.db"


@pytest.fixture
def run() -> Run:
    """Runs a program to its end in another process, where warnings are errors, and returns what it printed."""

    def run_program(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return run_program
