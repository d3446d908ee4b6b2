"""The server that is killed during updates has ended before it is started again."""

from __future__ import annotations

import subprocess
import sys
from threading import Event

import pytest

from leaderboard_backends.comparison.measure import recovery
from leaderboard_backends.comparison.measure.processes import Worker
from leaderboard_backends.testing.servers import EmbeddedServer

UPDATES = "import sys, time; print('.', flush=True); sys.stdin.read()"


def test_a_kill_that_takes_its_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    began, kill = Event(), EmbeddedServer.kill
    monkeypatch.setattr(recovery, "KILL_SECONDS", 0.1)
    with (
        EmbeddedServer() as server,
        Worker([sys.executable, "-c", UPDATES], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as victim,
    ):

        def slowly(killed: EmbeddedServer) -> None:
            """End the client that sees its server go, long before the server has been waited for."""
            victim.stdin.close()
            victim.wait()
            began.wait(0.5)  # never set: the main thread has the time to start the server again
            kill(killed)

        monkeypatch.setattr(EmbeddedServer, "kill", slowly)
        before = server.pid
        seen, _ = recovery._kill(victim, server)
        monkeypatch.undo()
        assert seen == 1
        assert server.pid != before
