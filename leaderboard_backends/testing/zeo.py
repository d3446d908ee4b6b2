"""A real ZEO server for tests, started and stopped by the process that uses it.

    with EmbeddedZEO() as server:
        board = open_leaderboard(server.url, board="weekly")

It serves a FileStorage, over a unix socket in a folder that only this user may enter or, with `tcp`, on a free port of
127.0.0.1, which any user of the machine can reach, as ZEO has no passwords. It ends with the process that started it,
even where that one is killed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import quote

from ..installing import install_extra
from .server_process import ServerProcess
from .servers import ServerNotFoundError

_CONFIGURATION: Final = """
<zeo>
  address {address}
{settings}
</zeo>
<filestorage {storage}>
  path {path}
</filestorage>
<eventlog>
  level info
  <logfile>
    path STDOUT
  </logfile>
</eventlog>
"""

_WITHOUT_UVLOOP: Final = "import sys; sys.modules['uvloop'] = None; from ZEO.runzeo import main; main()"
"""ZEO takes uvloop where it is installed, and then a signal to end does not always end the server."""


class EmbeddedZEO(ServerProcess):
    """One ZEO server; `settings` are lines of its `<zeo>` section (`{"transaction-timeout": "30"}`).

    With `directory` the file of its storage, `data.fs`, stays there; without, it goes with the server.
    Raises `ServerNotFoundError` without the extra `zeo`; `start` raises `ServerStartError` if it does not serve within
    30 s.
    """

    _ready: ClassVar[str] = "listening on"
    _program: ClassVar[tuple[str, ...]] = ("-c", _WITHOUT_UVLOOP)

    def __init__(
        self,
        settings: Mapping[str, str] = {},
        *,
        tcp: bool = False,
        directory: Path | None = None,
        storage: str = "1",
    ) -> None:
        if find_spec("ZEO") is None:
            raise ServerNotFoundError(f"no ZEO server was found: {install_extra('zeo')}")
        self.settings: Final = dict(settings)
        self._storage = storage
        super().__init__(Path(sys.executable), tcp=tcp, directory=directory)

    @property
    def url(self) -> str:
        """Where boards are opened."""
        return self.url_at(self.port) if self._tcp else f"zeo://{quote(str(self.socket_path))}"

    def url_at(self, port: int) -> str:
        """The server through another port of 127.0.0.1, such as that of a proxy before it."""
        return f"zeo://127.0.0.1:{port}"

    @property
    def version(self) -> str:
        """What the server is, for example `ZEO 6.2`."""
        return f"ZEO {version('ZEO')}"

    def _arguments(self, port: int) -> list[str]:
        file = self.socket_path.with_name("zeo.conf")
        configuration = _CONFIGURATION.format(
            address=f"127.0.0.1:{port}" if self._tcp else self.socket_path,
            settings="\n".join(f"  {name} {value}" for name, value in self.settings.items()),
            storage=self._storage,
            path=(self._directory or file.parent) / "data.fs",
        )
        file.write_text(configuration)
        return [*self._program, "-C", str(file)]
