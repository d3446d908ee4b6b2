from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from leaderboard_backends.workload.spec import WorkloadFile, read_workload

Writing: TypeAlias = Callable[..., WorkloadFile]


@pytest.fixture
def written(tmp_path: Path) -> Writing:
    """Write a file and read it as a workload; a TOML gets its schema version."""

    def write(text: str, name: str = "mine.toml") -> WorkloadFile:
        path = tmp_path / name
        path.write_text(text if path.suffix == ".csv" else f"schema_version = 1\n{text}", encoding="utf-8")
        return read_workload(path)

    return write
