"""The click group behind `leaderboard`: its commands are imported when they are called, never before."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import click

from ..errors import LeaderboardError

DISTRIBUTION: Final = "leaderboard-backends"
INTERRUPTED: Final = 130
"""What a shell reports for a process that Ctrl-C ended: 128 + SIGINT."""


@dataclass(frozen=True, slots=True)
class _Command:
    """Where a command is: the module and the attribute of its name, the extra it needs, its line in the help."""

    extra: str
    short_help: str


_COMMANDS: Final = {
    "advise": _Command("compare", "Which backend fits what you need, by measured figures."),
    "backends": _Command("cli", "List the backends: what each promises, and whether it can be used here."),
    "compare": _Command("compare", "Compare backends: prove each right, then measure it."),
    "cost": _Command("compare", "What each backend costs a month, and over the years."),
    "conformance": _Command("testing", "Prove that backends keep the contract."),
    "report": _Command("compare", "Make pages, charts and tables of a result; find regressions."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called.

    A `LeaderboardError` of any command becomes one line on stderr and exit code 1, Ctrl-C exit code 130.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names; nothing is imported."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or one in its place that says which extra is missing."""
        del ctx
        found = _COMMANDS.get(cmd_name)
        if found is None:
            return None
        try:
            module = import_module(f".{cmd_name}", __package__)
        except ModuleNotFoundError as error:
            return _without_extra(cmd_name, found, error)
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' lines of `--help`; nothing is imported."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.short_help) for name, command in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and turn what ends it into a line and an exit code."""
        try:
            return super().invoke(ctx)
        except LeaderboardError as error:
            raise click.ClickException(" ".join(str(error).split())) from error
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


def _without_extra(name: str, command: _Command, error: ModuleNotFoundError) -> click.Command:
    if (error.name or "").partition(".")[0] == __name__.partition(".")[0]:
        raise error

    def refuse() -> None:
        raise click.ClickException(
            f"leaderboard {name} needs {error.name}, which is not installed: "
            f"pip install '{DISTRIBUTION}[{command.extra}]'"
        )

    return click.Command(
        name,
        callback=refuse,
        short_help=command.short_help,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "from a source tree that is not installed"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="leaderboard")
def leaderboard() -> None:
    """Leaderboards on swappable storages: list them, prove them, compare them."""
