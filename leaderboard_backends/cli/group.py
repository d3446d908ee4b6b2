"""The click group behind `leaderboard`: its commands are imported when they are called, never before.

A plug-in adds a `click.Command` under its name in the entry-point group `leaderboard_backends.commands`; a command of
our own wins over one of the same name.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from typing import Any, Final

import click

from ..errors import LeaderboardError, PluginError
from ..installing import DISTRIBUTION, install_distribution, install_extra
from ..model import visible
from ..registry import distribution_of, installed, load_plugin
from .streams import endings_as_interrupt, failures_told, foreign_output_to_stderr, open_standard_streams

ENTRY_POINT_GROUP: Final = "leaderboard_backends.commands"
INTERRUPTED: Final = 130
"""What a shell reports for a process that Ctrl-C ended: 128 + SIGINT."""


@dataclass(frozen=True, slots=True)
class _Command:
    """Where a command is: the attribute of its name in a module, the extra it needs, its line in the help."""

    extra: str
    short_help: str
    module: str = ""
    """The module; by default the one of the command's name."""
    attribute: str = ""
    """The command in it; by default the one of the command's name."""


_COMMANDS: Final = {
    "advise": _Command("tools", "Recommend a backend for your requirements."),
    "backends": _Command("tools", "List the backends: guarantees, and whether each can be used here."),
    "cluster": _Command("production", "Look at a cluster, and at a board over its shards."),
    "compare": _Command("tools", "Compare backends: test each for correctness, then measure it."),
    "config": _Command("production", "Check a configuration file of boards without opening any."),
    "copy": _Command("production", "Copy a board at rest to another storage, ties included.", "copying"),
    "cost": _Command("tools", "Estimate what each backend costs per month and over years."),
    "conformance": _Command("tools", "Test whether backends meet the contract."),
    "export": _Command("production", "Write a board to a file of JSON Lines or CSV, ties included.", "exporting"),
    "import": _Command(
        "production", "Fill a board from a file, an SQLite query or a sorted set.", "importing", "import_"
    ),
    "migrate": _Command("production", "Move a live board to another storage, step by step, and back.", "migrating"),
    "monitoring": _Command("production", "Print alerting rules for Prometheus, or a dashboard for Grafana."),
    "preflight": _Command("production", "Check before a launch that configured boards are ready."),
    "report": _Command("tools", "Turn a result into a page, charts and tables; find regressions."),
    "verify": _Command("production", "Verify that two boards are the same, and repair a copy."),
}
_ELSEWHERE: Final = {"serve": "leaderboard-backends-fastapi"}
"""Commands that plug-ins of ours bring, and the distribution of each."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called.

    A `LeaderboardError` of any command becomes one line on stderr and exit code 1, Ctrl-C exit code 130.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names; nothing is imported."""
        del ctx
        return [*_COMMANDS, *_plugins()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or one in its place that says which extra is missing."""
        del ctx
        found = _COMMANDS.get(cmd_name)
        if found is None:
            return _of_plugin(cmd_name)
        try:
            module = import_module(f".{found.module or cmd_name}", __package__)
        except ModuleNotFoundError as error:
            return _without_extra(cmd_name, found, error)
        command: click.Command = getattr(module, found.attribute or cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' lines of `--help`; nothing is imported."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.short_help) for name, command in _COMMANDS.items()])
        if plugins := _plugins():
            with formatter.section("Commands of plug-ins"):
                formatter.write_dl(
                    [(name, f"Provided by {distribution_of(plugin)}.") for name, plugin in plugins.items()]
                )

    def main(self, *arguments: Any, **settings: Any) -> Any:
        """Run the command line; an error of the system, such as a full disk behind stdout, is one line, too."""
        open_standard_streams()
        with failures_told():
            return super().main(*arguments, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and turn what ends it into a line and an exit code."""
        try:
            with endings_as_interrupt():
                return super().invoke(ctx)
        except LeaderboardError as error:
            raise click.ClickException(visible(" ".join(str(error).split()))) from error
        except click.ClickException as error:
            vars(error)["message"] = visible(error.message)
            raise
        except RecursionError as error:
            raise click.ClickException("the input is nested too deeply to be read.") from error
        except KeyboardInterrupt:
            with suppress(OSError):  # the terminal may be gone
                click.echo("Interrupted.", err=True)
            exec("")  # noqa: S102 - `python -m` else ends by SIGINT where the interrupt came in a text that was executed
            ctx.exit(INTERRUPTED)


def _plugins() -> dict[str, EntryPoint]:
    found = sorted(installed(ENTRY_POINT_GROUP), key=lambda plugin: plugin.name)
    return {plugin.name: plugin for plugin in found if plugin.name not in _COMMANDS}


def _of_plugin(name: str) -> click.Command | None:
    plugin = _plugins().get(name)
    if plugin is None:
        return _elsewhere(name)
    with foreign_output_to_stderr():
        command = load_plugin(plugin, f"leaderboard {name} of {distribution_of(plugin)}")
    if not isinstance(command, click.Command):
        raise PluginError(f"leaderboard {name} of {distribution_of(plugin)} is not a click command: {plugin.value}.")
    return command


def _without_extra(name: str, command: _Command, error: ModuleNotFoundError) -> click.Command:
    if (error.name or "").partition(".")[0] == __name__.partition(".")[0]:
        raise error
    return _refusing(name, f"needs {error.name}", install_extra(command.extra))


def _elsewhere(name: str) -> click.Command | None:
    """Return what says of a command where it comes from; `None` for one that nobody knows."""
    source = _ELSEWHERE.get(name)
    return _refusing(name, f"comes with {source}", install_distribution(source)) if source else None


def _refusing(name: str, why: str, install: str) -> click.Command:
    """Return a command in place of one that cannot be used, which says what to install."""

    def refuse() -> None:
        raise click.ClickException(f"leaderboard {name} {why}, which is not installed: {install}")

    return click.Command(
        name,
        callback=refuse,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown (run from a source tree that is not installed)"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="leaderboard")
def leaderboard() -> None:
    """Leaderboards on interchangeable storages: list, test, compare and run them."""
