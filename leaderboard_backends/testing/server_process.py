"""A server process for tests and comparisons: its port or socket, its life, and its end with whoever uses it."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import IO, ClassVar, Final, Self

from .lifetimes import Guard

START_TIMEOUT: Final = 30.0
STOP_TIMEOUT: Final = 10.0
_PORT_ATTEMPTS: Final = 5
_LOG_LINES: Final = 20
_LAUNCH: Final = 'read -r launch && exec "$@"'
"""Begins the executable once it is told to: where an interrupt comes inside `Popen`, nobody tells, and it ends."""


class ServerStartError(RuntimeError):
    """The server did not start; the text has the end of its log."""


class ServerProcess:
    """One process of an executable, which listens on a unix socket or, with `tcp`, on a free port of 127.0.0.1.

    The socket is in a folder that only this user may enter. With `directory` the server's files stay there; without,
    they go with the server. Stopping and starting again keeps the port, the socket and the directory, so clients find
    a restarted server in its place.
    """

    _ready: ClassVar[str]
    """What it logs once it serves."""

    def __init__(self, executable: Path, *, tcp: bool, directory: Path | None) -> None:
        self.executable: Final = executable
        self._tcp = tcp
        self._directory = directory
        self._run_directory: Path | None = None
        self._guard: Guard | None = None
        self._process: subprocess.Popen[str] | None = None
        self._log: _Log | None = None
        self._port = 0
        self._frozen = False

    # ------------------------------------------------------------------ where it is

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1; known once started. Raises `RuntimeError` where none was asked for."""
        if not self._tcp:
            raise RuntimeError("the server has no TCP port: start it with tcp=True, or use its unix socket.")
        if not self._port:
            raise RuntimeError("the server was never started: call start().")
        return self._port

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._running().pid

    @property
    def is_serving(self) -> bool:
        """Whether it was started, and neither stopped nor frozen since."""
        return self._process is not None and not self._frozen

    @property
    def socket_path(self) -> Path:
        """The unix socket; known once started."""
        if self._run_directory is None:
            raise RuntimeError("the server was never started: call start().")
        return self._run_directory / "server.sock"

    # ------------------------------------------------------------------ life

    def start(self) -> Self:
        """Start, and return once it accepts connections. Raises `ServerStartError`."""
        if self._process is not None:
            raise RuntimeError("the server is already running: stop() it first.")
        try:
            if self._run_directory is None:
                self._run_directory = Path(tempfile.mkdtemp(prefix="leaderboard-"))  # for this user alone
                self._guard = Guard(self._run_directory)
            self._start()
        except BaseException:
            self.kill()  # which an interrupt left
            self._remove_run_directory()
            raise
        return self

    def _start(self) -> None:
        for attempts_left in reversed(range(1 if self._port or not self._tcp else _PORT_ATTEMPTS)):
            port = self._port or (free_port() if self._tcp else 0)
            log = self._launch(port)
            if log.ready.wait(START_TIMEOUT) and not log.ended:
                self._port = port
                return
            self.kill()
            if not attempts_left or not log.mentions("already in use"):
                raise ServerStartError(f"{self.executable} did not start. The end of its log:\n{log.text()}")

    def _launch(self, port: int) -> _Log:
        """Start the process; it reads its configuration, which may hold a password, from its standard input."""
        self._process = subprocess.Popen(  # noqa: S603 - the executable is the user's own choice
            ["/bin/sh", "-c", _LAUNCH, "server", self.executable, *self._arguments(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._directory or self._run_directory,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._frozen = False
        assert self._guard is not None
        self._guard.watch(self._process.pid)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._process.stdin as stdin:
            stdin.write(f"launch\n{self._input(port)}")
        self._log = _Log(self._process.stdout, self._ready)
        return self._log

    def _arguments(self, port: int) -> list[str]:
        """Return the executable's arguments."""
        raise NotImplementedError

    def _input(self, port: int) -> str:
        """Return what the process reads from its standard input."""
        del port
        return ""

    def stop(self) -> None:
        """End the server in an orderly way; does nothing if it does not run."""
        if self._process is not None:
            self.thaw()
            self._process.terminate()
            self._reap(STOP_TIMEOUT)

    def kill(self) -> None:
        """End the server at once, as a crash would (SIGKILL); does nothing if it does not run."""
        if self._process is not None:
            self._process.kill()
            self._reap(STOP_TIMEOUT)

    def freeze(self) -> None:
        """Suspend the server: it accepts connections and answers nothing until `thaw`."""
        self._running().send_signal(signal.SIGSTOP)
        self._frozen = True

    def thaw(self) -> None:
        """Let a frozen server go on; does nothing if it is not frozen."""
        if self._frozen:
            self._frozen = False
            self._running().send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and remove its temporary directory."""
        self.stop()
        self._remove_run_directory()

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the server is not running: call start().")
        return self._process

    def _reap(self, timeout: float) -> None:
        assert self._process is not None
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._guard is not None:
            self._guard.watch(None)
        if self._log is not None:
            self._log.close()
        for stream in filter(None, (self._process.stdin, self._process.stdout)):
            with suppress(OSError):  # of what an interrupt left unwritten
                stream.close()
        self._process = self._log = None
        self._frozen = False

    def _remove_run_directory(self) -> None:
        if self._guard is not None:
            self._guard.close()
        self._run_directory = self._guard = None


class _Log:
    """Reads a server's output to its end, so that the pipe never fills; `ready` is set once it serves, or ended."""

    def __init__(self, stream: IO[str], ready: str) -> None:
        self.ready = Event()
        self._ready = ready
        self.ended = False
        self._stream = stream
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._thread = Thread(target=self._read, name="server-log", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            self._lines.append(line)
            if self._ready in line:
                self.ready.set()
        self.ended = not self.ready.is_set()
        self.ready.set()

    def mentions(self, text: str) -> bool:
        return any(text in line for line in self._lines)

    def text(self) -> str:
        return "".join(self._lines)

    def close(self) -> None:
        """Wait for the end of the output, and close it."""
        self._thread.join(STOP_TIMEOUT)
        self._stream.close()


def free_port() -> int:
    """Return a port of 127.0.0.1 at which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
