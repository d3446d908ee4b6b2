"""The apps that are counted run as they stand: one app, one configuration a backend."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from leaderboard_backends import load_leaderboards
from leaderboard_backends.comparison.code_size import STANDS_ON
from leaderboard_backends.testing.servers import EmbeddedServer

APPS = Path(__file__).parents[3] / "benchmarks" / "code_size"
BASIC = APPS / "basic_board"

FIRST = """\
Ada has rank 1 of 1
     1 Ada 1500
and around: Ada
"""
BOTH = """\
Grace has rank 2 of 2
     1 Ada 1500
     2 Grace 1500
and around: Ada, Grace
"""
GRACE_ALONE = FIRST.replace("Ada", "Grace")


@contextmanager
def place(
    backend: str, folder: Path, settings: dict[str, str]
) -> Iterator[tuple[dict[str, str], EmbeddedServer | None]]:
    """Make ready what a backend needs, and yield the variables that its configuration takes from the environment."""
    if backend != "redis":
        yield {"APP_DATA": str(folder)}, None
        return
    with EmbeddedServer(settings, tcp=True, directory=folder) as server:
        yield {"REDIS_URL": server.url, "APP_DATA": str(folder)}, server


def start(feature: Path, backend: str, variables: dict[str, str], *player: str) -> subprocess.CompletedProcess[str]:
    """Run a feature's app in a process of its own, as its user would."""
    command = [sys.executable, "-W", "error", str(feature / "app.py"), str(feature / f"{backend}.toml")]
    return subprocess.run(
        [*command, *player, "1500"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **variables},
        cwd=variables.get("APP_DATA"),
    )


def play(backend: str, variables: dict[str, str], player_id: str, name: str, feature: Path = BASIC) -> str:
    """Run an app that does not fail."""
    done = start(feature, backend, variables, player_id, name)
    assert done.returncode == 0, done.stderr
    return done.stdout


def server_settings() -> dict[str, str]:
    """Read what the feature's configuration adds to the server's."""
    lines = (APPS / "persistence" / "redis.conf").read_text().splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return dict(pairs)


def test_there_is_a_configuration_for_each_backend() -> None:
    assert {path.stem for path in BASIC.glob("*.toml")} == set(STANDS_ON)


@pytest.mark.parametrize("backend", STANDS_ON)
def test_one_app_does_the_same_on_every_backend(backend: str, tmp_path: Path) -> None:
    with place(backend, tmp_path, {}) as (variables, _):
        assert play(backend, variables, "u1", "Ada") == FIRST
        again = play(backend, variables, "u2", "Grace")
        assert again == (GRACE_ALONE if backend in ("naive", "memory", "sortedcontainers") else BOTH)


@pytest.mark.parametrize(
    ("settings", "expected"), [(server_settings(), BOTH), ({}, GRACE_ALONE)], ids=["with them", "without"]
)
def test_the_lines_that_are_counted_keep_the_board_of_a_server_that_is_killed(
    settings: dict[str, str], expected: str, tmp_path: Path
) -> None:
    with place("redis", tmp_path, settings) as (variables, server):
        assert server is not None
        assert play("redis", variables, "u1", "Ada") == FIRST
        server.kill()
        server.start()
        assert play("redis", variables, "u2", "Grace") == expected


@pytest.mark.parametrize("feature", ["monitoring", "rate_limiting"])
@pytest.mark.parametrize("backend", STANDS_ON)
def test_the_app_of_a_feature_does_what_the_basic_one_does(backend: str, feature: str, tmp_path: Path) -> None:
    with place(backend, tmp_path, {}) as (variables, _):
        assert play(backend, variables, "u1", "Ada", APPS / feature) == FIRST
    assert (feature == "monitoring") == ("leaderboard_" in read(tmp_path / "leaderboard.prom"))


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_the_limit_of_an_app_on_a_server_counts_what_its_other_processes_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiting = APPS / "rate_limiting"
    with place("redis", tmp_path, {}) as (variables, _):
        monkeypatch.setenv("REDIS_URL", variables["REDIS_URL"])
        with load_leaderboards(limiting / "redis.toml") as boards:
            for score in range(60):
                boards["weekly"].update_score("u1", "Ada", score)
        done = start(limiting, "redis", variables, "u1", "Ada")
        assert done.returncode == 1
        assert re.fullmatch(r"Ada plays too often: again in \d+ s\n", done.stderr)
        assert start(limiting, "redis", variables, "u2", "Grace").returncode == 0
