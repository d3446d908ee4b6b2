"""The example app runs as it stands, and one text swaps its backend."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

ARCADE = Path(__file__).parent.parent / "examples" / "arcade.py"
LONGEST = 60
"""Lines that the example may have, so that it is read."""


@contextmanager
def arcade(url: str) -> Iterator[HTTPConnection]:
    """Run the app on a free port until Ctrl-C."""
    command = [sys.executable, "-W", "error", "-u", str(ARCADE), url, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            started = re.search(r"on port (\d+)", process.stdout.readline())
            assert started, "the app did not start"
            with closing(HTTPConnection("127.0.0.1", int(started[1]), timeout=20)) as app:
                yield app
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0


def ask(app: HTTPConnection, method: str, path: str) -> tuple[int, object]:
    app.request(method, path)
    response = app.getresponse()
    return response.status, json.loads(response.read())


@pytest.mark.parametrize("url", ["memory://arcade", "naive://arcade", "zodb+memory://arcade", "zodb://{}/arcade.fs"])
def test_the_arcade_serves_its_board_from_any_backend(url: str, tmp_path: Path) -> None:
    with arcade(url.format(tmp_path)) as app:
        assert ask(app, "PUT", "/ada?name=Ada&score=1815") == (200, 1)
        assert ask(app, "PUT", "/bob?name=Bob&score=1815") == (200, 2)
        top = [[1, "ada", "Ada", 1815], [2, "bob", "Bob", 1815]]
        assert ask(app, "GET", "/") == (200, top)
        assert ask(app, "GET", "/bob") == (200, top)
        status, said = ask(app, "PUT", "/ada?name=Ada&score=nan")
        assert (status, "finite" in str(said)) == (400, True)
        assert ask(app, "PUT", "/ada?name=Ada")[0] == 400
        assert ask(app, "GET", "/") == (200, top)


def test_the_example_is_short() -> None:
    assert len(ARCADE.read_text(encoding="utf-8").splitlines()) < LONGEST
