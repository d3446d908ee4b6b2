"""The kit on every backend of this library, on real servers and files, and behind a wrapper that only delegates.

Marked `proof` is what repeats another class with little changed: `make proof` runs it, and all backends at full effort.
A class that runs the code of another lists in `repeats` the parts of the kit that it leaves to `make proof`, and has
`under_one_rule` where one of the four combinations of order and keep is enough, or `under_two_rules` where each order
and each keep is, as random programs run under all four.
How long a disk takes to flush is not judged here, so that files are in memory where the system has such.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.backends.memory import MemoryLeaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.testing import BackendConformance
from leaderboard_backends.testing.groups import EmbeddedCluster, EmbeddedSentinel
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.subject import PARTS
from leaderboard_backends.testing.zeo import EmbeddedZEO

REPEATS = frozenset({"histories", "processes", "threads", "machine", "scale"})
"""The slow parts of the kit: those of chance, of threads and processes, and of large boards."""
ALL_BUT_LARGE = frozenset(PARTS) - {"scale"}


RELSTORAGE = """
%import relstorage
<relstorage>
  keep-history {history}
  <sqlite3>
    data-dir {folder}
  </sqlite3>
</relstorage>
"""


class SmallChunks(MemoryLeaderboard):
    """At most 4 players in a chunk, which is joined with another once it has none."""

    _longest = 4


class AtAURL(BackendConformance):
    """Boards at one URL, which is where all boards of a test live; large boards are at full size in memory alone."""

    players = 5000
    url: str

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_leaderboard(self.url, board=name, **options)


class TestNaive(AtAURL):
    """Each part of the kit runs on this backend in a test of the runner, too, with the smallest efforts."""

    repeats = ALL_BUT_LARGE
    url = "naive://"


class TestMemory(AtAURL):
    """The one that big boards are tried on at full size."""

    examples = 20
    players = 100_000
    url = "memory://"


class TestJournal(AtAURL):
    """The order of boards in memory, and what is between it and the disk."""

    repeats = frozenset({"histories", "machine"})
    under_two_rules = True
    examples = 10

    @pytest.fixture(autouse=True)
    def take_folder(self, folder: Path) -> None:
        self.url = f"journal://{folder}/boards"


class TestSmallChunks(AtAURL):
    """The same with few players in a chunk, so that each test splits and joins some."""

    repeats = REPEATS
    examples = 20

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return SmallChunks(name, **options)


class TestSortedContainers(AtAURL):
    repeats = ALL_BUT_LARGE
    url = "sortedcontainers://"


class TestFakeRedis(AtAURL):
    """The code of a real server's boards."""

    under_one_rule = True
    repeats = REPEATS | {"bulk"}
    url = "fakeredis://"
    examples = 5
    steps = 20
    bulk = 1001
    rounds = 20


class TestZODBMemory(AtAURL):
    """The code of a file's boards."""

    under_one_rule = True
    repeats = REPEATS
    url = "zodb+memory://"
    examples = 10


class TestZODBFile(AtAURL):
    under_two_rules = True
    examples = 20

    @pytest.fixture(autouse=True)
    def take_folder(self, folder: Path) -> None:
        self.url = f"zodb://{folder}/board.fs"


class TestZEO(AtAURL):
    """The code of a file's boards, and commits of several processes."""

    repeats = frozenset(PARTS) - {"capabilities", "changes", "isolation", "processes"}
    under_one_rule = True
    examples = 5
    rounds = 20
    histories = 18

    @pytest.fixture(autouse=True)
    def take_zeo(self, zeo: EmbeddedZEO) -> None:
        self.url = zeo.url


class Configured(AtAURL):
    """RelStorage on SQLite, by ZODB's configuration language."""

    under_one_rule = True
    examples = 5
    steps = 20
    bulk = 1001
    rounds = 20
    histories = 18
    history = "true"

    @pytest.fixture(autouse=True)
    def take_folder(self, folder: Path) -> None:
        configuration = folder / "zodb.conf"
        configuration.write_text(RELSTORAGE.format(folder=folder, history=self.history))
        self.url = f"zodb+config://{configuration}"


class TestRelStorage(Configured):
    repeats = frozenset(PARTS) - {"capabilities", "processes"}


@pytest.mark.proof
class TestAllOfRelStorage(Configured):
    pass


@pytest.mark.proof
class TestRelStorageWithoutHistory(Configured):
    """Consistent per player, as the state of a commit is lost with the next one."""

    history = "false"


class TestUnixSocket(AtAURL):
    under_two_rules = True
    examples = 20

    @pytest.fixture(autouse=True)
    def take_server(self, server: EmbeddedServer) -> None:
        self.url = server.unix_url


@pytest.mark.proof
class TestTCP(AtAURL):
    @pytest.fixture(autouse=True)
    def take_server(self, server: EmbeddedServer) -> None:
        self.url = server.url


class AtAGroup(AtAURL):
    """The code of a server's boards, behind Sentinels; `proof` judges it whole."""

    under_one_rule = True
    repeats = REPEATS
    examples = 5
    steps = 20
    bulk = 1001
    rounds = 20
    more: dict[str, Any] = {}  # noqa: RUF012 - a constant

    @pytest.fixture(autouse=True)
    def take_group(self, group: EmbeddedSentinel) -> None:
        self.url, self.secrets = group.url, group.options

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return super().make(name=name, **self.secrets, **self.more, **options)


class TestSentinel(AtAGroup):
    pass


class TestReadReplicas(AtAGroup):
    """Any answer may be late by a second, and every own write is seen."""

    repeats = REPEATS - {"histories"}
    more = {"read_from": "replica"}  # noqa: RUF012 - a constant
    histories = 5


class TestReplicaInMemory(AtAURL):
    """A board on a server, read from the copy in the process."""

    repeats = frozenset({"processes"})
    under_one_rule = True
    examples = 5
    steps = 20
    bulk = 1001
    rounds = 20
    histories = 5

    @pytest.fixture(autouse=True)
    def take_server(self, server: EmbeddedServer) -> None:
        self.url = server.unix_url

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_leaderboard({"url": self.url, "replica": True}, board=name, **options)


class TestCluster(AtAURL):
    """A board over shards on three primaries, with ties in the order of a sequencer's tickets."""

    under_two_rules = True
    shards = 16
    examples = 5
    steps = 20
    bulk = 1001
    rounds = 20
    histories = 20

    @pytest.fixture(autouse=True)
    def take_cluster(self, cluster: EmbeddedCluster) -> None:
        self.url = f"{cluster.url}?shards={self.shards}&read_timeout=30"


@pytest.mark.proof
class TestClusterOf64Shards(TestCluster):
    shards = 64
    histories = 60


class TestReadReplicasOfACluster(TestCluster):
    """A sharded board, read from a replica of each primary."""

    repeats = frozenset(PARTS) - {"capabilities", "changes"}
    under_one_rule = True

    @pytest.fixture(autouse=True)
    def take_cluster(self, replicated_cluster: EmbeddedCluster) -> None:
        self.url = f"{replicated_cluster.url}?shards={self.shards}&read_timeout=30&read_from=replica"


class TestReplicaOfACluster(TestCluster):
    """A sharded board, read from the copy in the process."""

    repeats = frozenset(PARTS) - {"changes", "threads"}
    under_one_rule = True

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_leaderboard({"url": self.url, "replica": True}, board=name, **options)


class Delegated(AtAURL):
    """The smallest efforts: a wrapper that only delegates adds nothing that chance finds."""

    repeats = REPEATS
    players = 5000
    examples = 5
    steps = 20
    bulk = 1001
    rounds = 20

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return DelegatingLeaderboard(super().make(name=name, **options))


class TestMemoryDelegated(Delegated, TestMemory):
    pass


@pytest.mark.proof
class TestFakeRedisDelegated(Delegated, TestFakeRedis):
    pass


@pytest.mark.proof
class TestZODBFileDelegated(Delegated, TestZODBFile):
    pass


@pytest.mark.proof
class TestUnixSocketDelegated(Delegated, TestUnixSocket):
    pass
