"""The pages on web frameworks work as they are written: each file, with the real framework."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from leaderboard_backends import open_leaderboard
from leaderboard_backends.testing.servers import EmbeddedServer

DOCS = Path(__file__).parent.parent / "docs"
FILE = re.compile(r"^```python file=\"(?P<file>[^\"]+)\"\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PLAYERS = 40


def write_files(page: str, folder: Path) -> None:
    """Write the files that a page shows."""
    for block in FILE.finditer((DOCS / page).read_text(encoding="utf-8")):
        path = folder / block["file"]
        path.parent.mkdir(exist_ok=True)
        path.write_text(block["text"], encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files of the page on threaded programs."""
    write_files("in-a-threaded-program.md", tmp_path)
    return tmp_path


def run(command: list[str], folder: Path, **variables: str) -> str:
    """Run a Python module with the files of a folder, and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(folder), **variables}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_tests_of_the_flask_app_pass(folder: Path) -> None:
    assert "2 passed" in run(["pytest", "-q", "-p", "no:cacheprovider", "test_app.py"], folder)


def test_the_tests_of_the_aiohttp_app_pass_in_memory_and_on_a_server(tmp_path: Path) -> None:
    write_files("in-an-asyncio-program.md", tmp_path)
    with EmbeddedServer() as server:
        for url in ("memory://weekly", f"{server.unix_url}?board=weekly"):
            said = run(["pytest", "-q", "-p", "no:cacheprovider", "test_app.py"], tmp_path, LEADERBOARD_URL=url)
            assert "2 passed" in said


def test_the_tests_of_the_django_site_pass(folder: Path) -> None:
    said = run(["django", "test", "--settings=settings", "tests"], folder / "site", DJANGO_SETTINGS_MODULE="settings")
    assert "Ran 2 tests" in said


@contextmanager
def gunicorn(folder: Path, url: str) -> Iterator[int]:
    """Serve the Flask app by two forked workers with threads, and yield the port."""
    options = ["--preload", "--workers=2", "--threads=4", "--bind=127.0.0.1:0"]
    command = [sys.executable, "-m", "gunicorn", *options, "app:app"]
    environment = {**os.environ, "LEADERBOARD_URL": url, "PYTHONPATH": str(folder)}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = ""
            while not (found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", said)):
                line = process.stderr.readline()
                assert line, said
                said += line
            yield int(found[1])
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def test_workers_that_were_forked_with_an_open_board_share_it(folder: Path) -> None:
    with EmbeddedServer() as server:
        url = f"{server.unix_url}?board=weekly"
        with gunicorn(folder, url) as port:

            def put(number: int) -> int:
                connection = HTTPConnection("127.0.0.1", port, timeout=30)
                body = json.dumps({"username": "", "score": 7})
                connection.request("PUT", f"/scores/p{number}", body, {"Content-Type": "application/json"})
                rank: int = json.loads(connection.getresponse().read())["rank"]
                connection.close()
                return rank

            with ThreadPoolExecutor(8) as callers:
                ranks = list(callers.map(put, range(PLAYERS)))
        assert sorted(ranks) == list(range(1, PLAYERS + 1))
        with open_leaderboard(url) as board:
            assert [entry.player_id for entry in board] == [f"p{number}" for number in map(ranks.index, sorted(ranks))]
