"""`leaderboard serve`, and the same as a command of its own, `leaderboard-serve`.

It serves until SIGTERM, SIGHUP or Ctrl-C: then it ends the streams, finishes what it is answering, and closes the
boards.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
import uvicorn

from leaderboard_backends import LeaderboardError

from .app import leaderboard_app
from .connections import BACKLOG, Bounds, Connection, Server
from .settings import ServerSettings, open_boards, read_settings
from .tokens import VARIABLE, Tokens

GRACE: Final = 10
"""Seconds that requests in work have to end when the server stops."""


@click.command("serve", short_help="Serve boards over HTTP, with a live page for each.")
@click.option(
    "--config",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The boards (TOML), and in a table [server] how to serve them.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option("--board", "only", multiple=True, metavar="NAME", help="Serve only this board; repeatable.")
@click.option("--root-path", metavar="PATH", help="Path prefix that a proxy removes, such as /games.")
@click.option("--open-writes", is_flag=True, help="Accept writes without a token.")
def serve(path: Path, host: str, port: int, only: tuple[str, ...], root_path: str | None, *, open_writes: bool) -> None:
    """Serve the boards of FILE over HTTP, each under /boards/NAME, with a live page.

    Writes need a token: set the variable LEADERBOARD_TOKEN (several tokens are separated by spaces), or set tokens in
    the file. Without a token, writes are refused.
    """
    try:
        settings = read_settings(path)
        tokens = _tokens(settings, open_writes=open_writes)
        config: dict[str, Any] = {
            "protect_reads": settings.protect_reads,
            "limits": settings.limits(),
            "watching": settings.watching(),
            "hosts": (*settings.hosts, host.strip("[]")),
            "root_path": settings.root_path if root_path is None else root_path,
        }
        bounds = settings.bounds()
        with open_boards(path, only) as boards:
            app = leaderboard_app(boards, token=tokens, **config)
            _run(app, host, port, bounds)
    except LeaderboardError as error:
        raise click.ClickException(" ".join(str(error).split())) from error


def _tokens(settings: ServerSettings, *, open_writes: bool) -> Tokens | None:
    tokens = settings.tokens_in_all()
    if open_writes:
        if tokens:
            raise click.UsageError(
                "--open-writes accepts writes without a token, but tokens are set: remove one of the two."
            )
        return None
    if not tokens:
        click.echo(f"Writes are refused, because no token is set: set {VARIABLE}, or use --open-writes.", err=True)
    return tokens


def _run(app: Any, host: str, port: int, bounds: Bounds) -> None:
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Connection,
        ws="none",  # nothing here speaks it, and its connections would be out of bounds
        backlog=BACKLOG,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # a terminal that is closed ends it as SIGTERM does
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    with suppress(KeyboardInterrupt):  # Ctrl-C is how a server at a terminal ends, and it has ended by then
        Server(config, app.state.lives, bounds).run()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `leaderboard-serve` with `arguments`, those of the process by default; ends in `SystemExit`."""
    serve.main(None if arguments is None else list(arguments), prog_name="leaderboard-serve")
