"""Where a board on a server lives, and what crashes leave, as the server is set here and now."""

from __future__ import annotations

from collections.abc import Iterator
from time import sleep

import pytest
import redis

from leaderboard_backends import Kept, StorageInfo, open_leaderboard
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

EVERYTHING = Kept("everything")


@pytest.fixture(scope="module")
def logging_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server that keeps a log, with a user to whom CONFIG is denied, as on managed servers."""
    settings = {**NO_PASSWORD, "appendonly": "yes"}
    with (
        EmbeddedServer(settings, directory=tmp_path_factory.mktemp("log"), tcp=True) as server,
        redis.Redis(port=server.port) as client,
    ):
        client.execute_command("ACL SETUSER guest on >pass ~* +@all -config")
        yield server


def info_of(url: str) -> StorageInfo:
    with open_leaderboard(url) as board:
        return board.storage_info()


def test_it_follows_the_servers_settings_as_they_change(logging_server: EmbeddedServer) -> None:
    with (
        redis.Redis(port=logging_server.port) as client,
        open_leaderboard(logging_server.url) as board,
    ):
        found = {}
        for name, value in (
            ("appendfsync", "always"),
            ("appendfsync", "everysec"),
            ("appendfsync", "no"),
            ("appendonly", "no"),
            ("save", "60 1"),
        ):
            client.config_set(name, value)
            info = board.storage_info()
            found[name, value] = info.server_crash.amount, info.machine_crash.amount
        client.config_set("save", "")
        client.config_set("appendonly", "yes")
        while client.info("persistence")["aof_rewrite_in_progress"]:  # until then, the server refuses to stop
            sleep(0.01)
    last_second = "all but the last second"
    assert found == {
        ("appendfsync", "always"): ("everything", "everything"),
        ("appendfsync", "everysec"): (last_second, last_second),
        ("appendfsync", "no"): ("everything", "other"),
        ("appendonly", "no"): ("nothing", "nothing"),
        ("save", "60 1"): ("other", "other"),
    }


def test_it_names_the_server_and_no_password(logging_server: EmbeddedServer) -> None:
    info = info_of(f"redis://guest:pass@127.0.0.1:{logging_server.port}/0")
    assert (info.kind, info.server) == ("server", f"redis://127.0.0.1:{logging_server.port}/0")
    assert (info.server_pid, info.encrypted, info.process_crash) == (logging_server.pid, False, EVERYTHING)
    assert (info.used_bytes or 0) > 100_000
    assert info.server_run == info_of(logging_server.unix_url).server_run != ""
    assert info_of(logging_server.unix_url).server == logging_server.unix_url


def test_what_is_denied_is_not_known_unless_it_is_declared_and_then_says_so(logging_server: EmbeddedServer) -> None:
    url = f"redis://guest:pass@127.0.0.1:{logging_server.port}/0"
    assert info_of(url).machine_crash.amount == "not known"
    assert "appendfsync" in info_of(url).machine_crash.detail
    assert info_of(f"{url}?appendfsync=always").machine_crash == Kept("everything", "appendfsync always", declared=True)
    assert info_of(f"{url}?appendfsync=off").server_crash.amount == "nothing"
    assert not info_of(f"{logging_server.url}?appendfsync=off").server_crash.declared, "the server said it itself"
