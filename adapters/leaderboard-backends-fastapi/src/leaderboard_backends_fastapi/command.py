"""`leaderboard serve`, and the same as a command of its own, `leaderboard-serve`.

It serves until SIGTERM, SIGHUP or Ctrl-C: then it ends the streams, finishes what it is answering, and closes the
boards.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import uvicorn

from leaderboard_backends import LeaderboardError
from leaderboard_backends.aio import AsyncLeaderboards

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
        _run(_configured(host, port), lambda: open_boards(path, only), tokens, config, bounds)
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


def _configured(host: str, port: int) -> uvicorn.Config:
    """Return the configuration of a server whose app is not there yet."""
    return uvicorn.Config(
        "",
        host=host,
        port=port,
        http=Connection,
        ws="none",  # nothing here speaks it, and its connections would be out of bounds
        backlog=BACKLOG,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


def _run(
    configured: uvicorn.Config,
    open_boards: Callable[[], Awaitable[AsyncLeaderboards]],
    tokens: Tokens | None,
    options: Mapping[str, Any],
    bounds: Bounds,
) -> None:
    """Open the boards in the event loop that serves them, and serve until a signal."""
    is_open = False

    async def run() -> None:
        nonlocal is_open
        async with await open_boards() as boards:
            is_open = True
            app = configured.app = leaderboard_app(boards, token=tokens, **options)
            await Server(configured, app.state.lives, bounds).serve()

    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # a terminal that is closed ends it as SIGTERM does
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        with asyncio.Runner(loop_factory=configured.get_loop_factory()) as runner:
            runner.run(run())
    except KeyboardInterrupt:  # Ctrl-C is how a server at a terminal ends, and it has ended by then
        if not is_open:
            raise


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `leaderboard-serve` with `arguments`, those of the process by default; ends in `SystemExit`."""
    serve.main(None if arguments is None else list(arguments), prog_name="leaderboard-serve")
