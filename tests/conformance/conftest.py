from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from leaderboard_backends.testing.groups import EmbeddedCluster, EmbeddedSentinel
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.zeo import EmbeddedZEO

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder in it is made by tempfile


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A real server for all tests here; where there is none, they fail with what to install."""
    with EmbeddedServer(tcp=True) as running:
        yield running


@pytest.fixture(scope="session")
def group() -> Iterator[EmbeddedSentinel]:
    """A primary, two replicas and three Sentinels for all tests here."""
    with EmbeddedSentinel(down_after=60) as running:  # no server is taken for down on a busy machine
        yield running


@pytest.fixture(scope="session")
def cluster() -> Iterator[EmbeddedCluster]:
    """Three primaries that share the slots, for all tests here."""
    with EmbeddedCluster(replicas=0, node_timeout=60) as running:  # as above
        yield running


@pytest.fixture(scope="session")
def replicated_cluster() -> Iterator[EmbeddedCluster]:
    """Three primaries and a replica of each, for all tests here that read from replicas."""
    with EmbeddedCluster(replicas=1, node_timeout=60) as running:  # as above
        yield running


@pytest.fixture(scope="session")
def zeo() -> Iterator[EmbeddedZEO]:
    """A ZEO server for all tests here, with its file in memory where there is such."""
    with made_folder() as folder, EmbeddedZEO(directory=folder) as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for the files of one test, in memory where there is such."""
    with made_folder() as made:
        yield made


@contextmanager
def made_folder() -> Iterator[Path]:
    with TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None) as made:
        yield Path(made)
