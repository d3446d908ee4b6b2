"""The README of this adapter: its Python runs, its files are served, and its commands print what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from over_the_wire.boards import write_file
from over_the_wire.serving import TOKEN, Client, process

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


def test_its_commands_store_a_score_and_read_it(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("NO COMMANDS OF THE README: apt-get install curl")
    commands = next(block for block in blocks("sh") if "curl" in block)
    with process(write_file(tmp_path, "memory://weekly")) as server:
        text = commands.replace("localhost:8000", f"127.0.0.1:{server.port}").replace("curl ", "curl --fail --silent ")
        environment = {"PATH": os.environ["PATH"], "LEADERBOARD_TOKEN": TOKEN}
        done = subprocess.run(
            ["/bin/sh", "-euc", text], capture_output=True, text=True, timeout=60, env=environment, check=True
        )
    entry = {"rank": 1, "player_id": "u1", "username": "Ada", "score": 1500}
    assert done.stdout == '{"rank":1}' + json.dumps({"entries": [entry]}, separators=(",", ":"))


def test_its_file_is_served(tmp_path: Path) -> None:
    files = [block for block in blocks("toml") if "[boards." in block]
    assert files
    for text in files:
        file = tmp_path / "boards.toml"
        file.write_text(re.sub(r"^url = .*", 'url = "memory://weekly"', text, flags=re.MULTILINE), encoding="utf-8")
        with process(file) as server:
            assert Client(server.port).get("/health/ready").status == 200
