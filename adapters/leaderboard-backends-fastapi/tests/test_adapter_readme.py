"""The README of this adapter: its Python runs, and its commands do what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from over_the_wire.serving import Client, process

README = Path(__file__).parent.parent / "README.md"


def blocks(language: str) -> list[str]:
    text = README.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_its_python_runs(tmp_path: Path) -> None:
    code = "\n".join(blocks("python"))
    assert "leaderboard_router" in code
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADERBOARD_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_its_file_is_served(tmp_path: Path) -> None:
    files = [block for block in blocks("toml") if "[boards." in block]
    assert files
    for text in files:
        file = tmp_path / "boards.toml"
        file.write_text(re.sub(r"^url = .*", 'url = "memory://weekly"', text, flags=re.MULTILINE), encoding="utf-8")
        with process(file) as server:
            assert Client(server.port).get("/health/ready").status == 200
