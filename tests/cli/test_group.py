"""The `leaderboard` command: quick help, one clear line for an error, the right exit code."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from leaderboard_backends import BackendUnavailableError, LeaderboardError, UnknownSchemeError
from leaderboard_backends.cli import group
from leaderboard_backends.cli import main as leaderboard_main
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.installing import install_distribution, install_extra

COMMANDS = [
    "advise",
    "backends",
    "cluster",
    "compare",
    "config",
    "conformance",
    "cost",
    "monitoring",
    "preflight",
    "report",
    "verify",
]
STARTS = [[sys.executable, "-m", "leaderboard_backends"], [str(Path(sys.executable).parent / "leaderboard")]]
HEAVY = ["rich", "redis", "ZODB", "pytest", "hypothesis", "msgspec", "psutil"]


def run(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, after some code that stages what is missing there."""
    code = f"import sys\n{before}\nfrom leaderboard_backends.cli import main\nsys.exit(main({list(arguments)!r}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def run_each(each: Sequence[Sequence[str]], before: str) -> subprocess.CompletedProcess[str]:
    """Run several command lines in one process, which ends with 0 if each of them ends with 1."""
    code = f"""
import sys
{before}
from leaderboard_backends.cli import main
def ending(arguments):
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code
sys.exit([ending(arguments) for arguments in {[*map(list, each)]!r}] != [1] * {len(each)})
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def stage(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> Result:
    """Run a command whose work is `act`."""
    command = click.Command("backends", callback=act)
    monkeypatch.setattr(leaderboard, "get_command", lambda _context, _name: command)
    return CliRunner().invoke(leaderboard, ["backends"])


def raise_(error: BaseException) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


# ---------------------------------------------------------------------- help and version


def test_the_help_lists_every_command_without_importing_one() -> None:
    listed = f"[name for name in {HEAVY!r} if name in sys.modules]"
    done = run("--help", before=f"import atexit\natexit.register(lambda: print({listed}))")
    assert done.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_of_a_command_what_the_command_says_of_itself(name: str) -> None:
    command = leaderboard.get_command(click.Context(leaderboard), name)
    assert command is not None
    assert command.name == name
    assert command.short_help == group._COMMANDS[name].short_help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str) -> None:
    result = CliRunner().invoke(leaderboard, [name, "--help"])
    assert result.exit_code == 0
    assert f"Usage: leaderboard {name}" in result.output


def test_the_version_is_the_distributions() -> None:
    result = CliRunner().invoke(leaderboard, ["--version"])
    assert (result.exit_code, result.output) == (0, f"leaderboard, version {version('leaderboard-backends')}\n")


@pytest.mark.parametrize("start", STARTS, ids=["module", "script"])
def test_the_script_and_the_module_are_one_command(start: Sequence[str]) -> None:
    done = subprocess.run([*start, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("leaderboard, version ")


def test_main_takes_arguments_and_exits() -> None:
    with pytest.raises(SystemExit) as caught:
        leaderboard_main(["--version"])
    assert caught.value.code == 0


@pytest.mark.parametrize(("arguments", "hint"), [(["backend"], "No such command"), (["backends", "--jsn"], "--json")])
def test_a_misspelt_command_line_exits_with_2_and_a_hint(arguments: list[str], hint: str) -> None:
    result = CliRunner().invoke(leaderboard, arguments)
    assert result.exit_code == 2
    assert hint in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        "compare --time-limit nan",
        "compare --run-timeout nan",
        "conformance memory --time-limit nan",
        "copy redis://h/0 redis://h/1 --rate inf",
        "export redis://h/0 - --rate nan",
        "import - redis://h/0 --rate nan",
        "import redis-zset redis://h/0 scores redis://h/1 --ties packed --unit inf",
        "migrate start --config boards.toml weekly --rate nan",
        "preflight --config boards.toml --seconds nan",
        "verify redis://h/0 redis://h/1 --rate inf",
        "verify redis://h/0 redis://h/1 --wait nan",
    ],
)
def test_a_number_of_an_option_is_finite(arguments: str) -> None:
    result = CliRunner().invoke(leaderboard, arguments.split())
    assert result.exit_code == 2
    assert f"{arguments.rpartition(' ')[2]!r} is not a finite number." in result.output


# ---------------------------------------------------------------------- what is missing


def test_without_click_one_line_says_what_to_install() -> None:
    done = run_each([[], ["--help"], ["backends"]], before="sys.modules['click'] = None")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == 3 * f"Error: leaderboard needs click, which is not installed: {install_extra('tools')}\n"


@pytest.mark.parametrize(
    ("command", "library", "extra"),
    [
        ("backends", "rich", "tools"),
        ("cluster", "redis", "production"),
        ("compare", "msgspec", "tools"),
        ("compare", "psutil", "tools"),
        ("config", "rich", "production"),
        ("copy", "rich", "production"),
        ("conformance", "rich", "tools"),
        ("preflight", "psutil", "production"),
        ("verify", "rich", "production"),
    ],
)
def test_a_command_whose_extra_is_missing_says_so_in_one_line(command: str, library: str, extra: str) -> None:
    lines = [[command, *arguments] for arguments in ([], ["--help"], ["memory://", "--option", "5"])]
    done = run_each(lines, before=f"sys.modules[{library!r}] = None")
    assert (done.returncode, done.stdout) == (0, "")
    said = (
        rf"Error: leaderboard {command} needs {library}[.\w]*, which is not installed: "
        rf"{re.escape(install_extra(extra))}\n"
    )
    assert re.fullmatch(f"({said}){{3}}", done.stderr)


@pytest.mark.parametrize("library", ["pytest", "hypothesis"])
def test_a_library_that_is_missed_while_a_command_runs_is_explained_too(library: str) -> None:
    done = run("conformance", "memory://", before=f"sys.modules[{library!r}] = None")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"needs {library}" in done.stdout + done.stderr
    assert install_extra("tools") in done.stdout + done.stderr


def test_a_missing_extra_of_one_command_breaks_no_other() -> None:
    missing = "\n".join(f"sys.modules[{name!r}] = None" for name in ("msgspec", "psutil", "pytest", "hypothesis"))
    assert run("--help", before=missing).returncode == 0
    assert run("backends", before=missing).returncode == 0


# ---------------------------------------------------------------------- plug-ins


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what installs a distribution whose entry points are the lines given, beside what is there."""

    def install(lines: str) -> None:
        information = tmp_path / "somebodys-2.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: somebodys\nVersion: 2.0\n")
        (information / "entry_points.txt").write_text(f"[{group.ENTRY_POINT_GROUP}]\n{lines}\n")
        (tmp_path / "somebodys.py").write_text(
            "import click\n@click.command()\ndef shout(): click.echo('HEY')\nnothing = 5\n"
        )
        (tmp_path / "ending.py").write_text("raise SystemExit(3)")
        monkeypatch.syspath_prepend(tmp_path)

    return install


def test_a_command_of_a_plug_in_is_listed_with_its_distribution_and_runs(installed: Callable[[str], None]) -> None:
    installed("shout = somebodys:shout")
    assert "shout  Provided by somebodys." in CliRunner().invoke(leaderboard, ["--help"]).output
    assert CliRunner().invoke(leaderboard, ["shout"]).output == "HEY\n"


def test_a_plug_in_takes_no_command_of_ours(installed: Callable[[str], None]) -> None:
    installed("backends = somebodys:shout")
    assert "HEY" not in CliRunner().invoke(leaderboard, ["backends"]).output


@pytest.mark.parametrize(
    ("target", "problem"),
    [("somebodys:nothing", "is not a click command"), ("nowhere:it", "failed"), ("ending:it", "SystemExit: 3")],
)
def test_a_plug_in_that_is_broken_is_one_line(target: str, problem: str, installed: Callable[[str], None]) -> None:
    installed(f"shout = {target}")
    result = CliRunner().invoke(leaderboard, ["shout"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("Error: leaderboard shout of somebodys")
    assert problem in result.stderr


def test_a_command_of_a_plug_in_of_ours_names_the_distribution_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "_plugins", dict)
    result = CliRunner().invoke(leaderboard, ["serve", "--config", "boards.toml"])
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: leaderboard serve comes with leaderboard-backends-fastapi, which is not installed: "
        f"{install_distribution('leaderboard-backends-fastapi')}\n"
    )


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "error", [LeaderboardError("it failed"), UnknownSchemeError("it failed"), BackendUnavailableError("it\nfailed")]
)
def test_an_error_of_the_library_is_one_line_on_stderr(
    error: LeaderboardError, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = stage(monkeypatch, raise_(error))
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "Error: it failed\n")


def test_an_error_that_is_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    result = stage(monkeypatch, raise_(ZeroDivisionError("a bug")))
    assert isinstance(result.exception, ZeroDivisionError)


def test_an_interrupt_exits_as_a_shell_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    result = stage(monkeypatch, raise_(KeyboardInterrupt()))
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


WORKING = """
import sys, time
from leaderboard_backends.cli import backends, main
def work():
    try:
        print("working", file=sys.stderr, flush=True)
        time.sleep(60)
    finally:
        print("cleaned up", file=sys.stderr)
backends.known_backends = work
sys.exit(main(["backends"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_a_command_lets_it_clean_up_and_exits_with_130(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", WORKING], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "working\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "cleaned up\nInterrupted.\n")


def test_a_command_under_nohup_outlives_its_terminal() -> None:
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    code = ignoring + WORKING.replace("time.sleep(60)", "sys.stdin.read(); sys.exit(3)")
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "working\n"
        process.send_signal(signal.SIGHUP)
        _, said = process.communicate("", timeout=60)
    assert (process.returncode, said) == (3, "cleaned up\n")


REFUSED = [
    "redis://host/0&password=hunter2",
    "redis://host/0;password=hunter2",
    "redis://host/0?hunter2",
    "redis://host/hunter2",
    "redis://ada:hunter2",
    "ada:hunter2@host",
    "redis://host/0?password=a&hunter2=b",
]


def test_a_password_in_a_url_that_is_refused_shows_in_no_command(tmp_path: Path) -> None:
    boards = tmp_path / "boards.toml"
    boards.write_text("".join(f"[boards.a{number}]\nurl = {url!r}\n" for number, url in enumerate(REFUSED)))
    files = [["config", "check", str(boards)], ["preflight", "--config", str(boards)]]
    for arguments in (*files, *(["compare", url] for url in REFUSED), ["conformance", REFUSED[0], "ada:hunter2@host"]):
        done = CliRunner().invoke(leaderboard, arguments)
        assert done.exit_code in (1, 2)
        assert "hunter2" not in done.output + repr(done.exception), arguments


def test_an_error_names_what_was_given_without_a_traceback() -> None:
    done = run("compare", "nosuch://weekly")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_an_interrupt_in_a_text_that_is_executed_ends_in_130_too(tmp_path: Path) -> None:
    """As in a dataclass that is being made: `python -m` takes such an interrupt for one that nobody caught."""
    (tmp_path / "interrupted.py").write_text(
        "import click\n"
        "from leaderboard_backends.cli.group import LazyGroup\n"
        "class Interrupted(LazyGroup):\n"
        "    def get_command(self, ctx, name):\n"
        "        return click.Command(name, callback=lambda: exec('raise KeyboardInterrupt'))\n"
        "Interrupted('leaderboard').main(['stop'])\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")
