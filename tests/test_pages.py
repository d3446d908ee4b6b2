"""What the pages show beside Python: commands with options that there are, files of boards that are right."""

from __future__ import annotations

import ast
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from redis import Redis

from leaderboard_backends import open_leaderboard
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.testing.groups import EmbeddedCluster
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("**/*.md")), *sorted(ROOT.glob("adapters/*/README.md"))]
SERVER, CLUSTER = "redis://cache:6379/0", "redis+cluster://h1:7000,h2:7000/"
"""What the pages call the reader's server and cluster."""
TYPED = re.compile(r"leaderboard [a-z]+(?:[ -][a-z]+)?(?: --(?!help)[a-z-]+(?: [\w./]*\w)?)+")
"""A command line with options, as errors name it."""
BOARDS = re.compile(r"^\[(boards|preflight)\.|^url = ", re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of a language that are no file of the reader's."""
    found = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [str(block) for block in found]


def commands(page: Path, start: str = "") -> Iterator[str]:
    """Yield a page's command lines without their comments."""
    for line in "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines():
        if line.startswith(start):
            yield re.sub(r"\s+# .*", "", line).strip()


def test_the_pages_show_commands_and_boards() -> None:
    """So that the tests of each page have something to test."""
    assert [line for page in PAGES for line in commands(page, "leaderboard ")]
    assert [text for page in PAGES for text in blocks(page, "toml") if BOARDS.search(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_has_the_options_that_it_is_given(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in commands(page, "leaderboard "):
        words = shlex.split(re.sub(r"\$\w+", "memory://weekly", line.partition(" > ")[0]))[1:]
        for word in words:
            if re.fullmatch(r"\w+\.\w+", word):
                Path(word).touch()
        parse(leaderboard, words)


def commands_of_texts() -> Iterator[str]:
    """Yield the command lines with options that errors and answers tell to type."""
    for module in [path for folder in ("leaderboard_backends", "adapters") for path in ROOT.glob(f"{folder}/**/*.py")]:
        if "tests" not in module.parts:
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield from TYPED.findall(node.value)


def test_every_command_with_options_that_a_text_tells_to_type_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").touch()
    found = {*commands_of_texts()}
    assert {"leaderboard monitoring rules --config FILE", "leaderboard compare --out RESULT.json"} <= found
    for line in found:
        parse(leaderboard, line.split()[1:])


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Parse a command line as far as it goes, and run nothing."""
    with command.make_context(command.name or "", list(words), parent=parent) as context:
        if isinstance(command, click.Group):
            rest = [*context._protected_args, *context.args]
            name, found, rest = command.resolve_command(context, rest)
            assert found is not None, name
            parse(found, rest, context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_board_in_a_file_of_a_page_is_described_rightly(page: Path, tmp_path: Path) -> None:
    for text in filter(BOARDS.search, blocks(page, "toml")):
        file = tmp_path / "boards.toml"
        lacking = "" if "[boards." in text else "[boards.weekly]\n"
        url = "" if BOARDS.search(text) and "url = " in text else 'url = "sqlite:///tmp/board.db"\n'
        file.write_text(f"{lacking}{url}{text}", encoding="utf-8")
        done = CliRunner().invoke(leaderboard, ["config", "check", str(file)], env={"REDIS_PASSWORD": "secret"})
        assert done.exit_code == 0, f"{text}\n{done.output}"


# ---------------------------------------------------------------------- moving, on real servers


class Reader:
    """Somebody who follows a page in a folder, and has the servers that it speaks of."""

    def __init__(self, folder: Path, instead: Mapping[str, str]) -> None:
        self.folder = folder
        self.instead = instead

    def own(self, text: str) -> str:
        """Return a text of the page with the reader's servers and folder."""
        for shown, mine in self.instead.items():
            text = text.replace(shown, mine)
        return text.replace("/var/lib/app", str(self.folder))

    def types(self, line: str, *, until: str = "", **variables: str) -> str:
        """Run a line, with Ctrl-C once it has said `until`; return what it said."""
        environment = {**os.environ, **variables, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        with subprocess.Popen(
            ["/bin/bash", "-c", f"exec {self.own(line)}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=environment,
        ) as process:
            assert process.stdout is not None
            said = ""
            for row in process.stdout:
                said += row
                if until and until in row:
                    process.send_signal(signal.SIGINT)
                    until = ""
        assert process.returncode in (0, 130), f"{line}\n{said}"
        return said


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as found:
        yield found


@pytest.mark.proof
def test_a_board_moves_at_rest_by_the_commands_of_the_page(server: EmbeddedServer, tmp_path: Path) -> None:
    page, reader = DOCS / "move-a-board.md", Reader(tmp_path, {SERVER: server.url})
    moving, filing = (block.splitlines() for block in blocks(page, "sh"))
    old, new = (reader.own(line.partition("=")[2].strip("'")) for line in moving if line.startswith("export "))
    with open_leaderboard(old) as board:
        board.update_scores([("u1", "Ada", 1500), ("u2", "Grace", 1500), ("u3", "Edsger", 900)])
        for line in moving[2:]:
            reader.types(line, old=old, new=new)
        for line in filing:
            reader.types(line, old=old, new=f"sqlite://{tmp_path}/from-the-file.db")
        for url in (new, f"sqlite://{tmp_path}/from-the-file.db"):
            with open_leaderboard(url) as copy:
                assert list(copy) == list(board)


@pytest.mark.proof
def test_legacy_data_becomes_a_board_by_the_commands_of_the_page(server: EmbeddedServer, tmp_path: Path) -> None:
    page, reader = DOCS / "leave-legacy-code.md", Reader(tmp_path, {SERVER: server.url})
    (tmp_path / "scores.csv").write_text("id,nick,points\nu1,Ada,1500\nu2,Grace,1400\n")
    (tmp_path / "scores.sql").write_text(blocks(page, "sql")[0])
    with sqlite3.connect(tmp_path / "app.db") as database:
        database.execute("CREATE TABLE scores (id, name, points, reached_at)")
        database.execute("INSERT INTO scores VALUES (1, 'Ada', 1500, 0), (2, 'Grace', 1400, 0)")
    database.close()
    with Redis.from_url(server.url) as client:
        for name in ("scores", "laptimes", "packed", "highscores"):
            client.zadd(name, {"u1": 1500, "u2": 1400})
        client.hset("highscores:member_data", mapping={"u1": '{"name": "Ada"}', "u2": '{"name": "Grace"}'})
    for number, line in enumerate(commands(page, "leaderboard ")):
        url = f"sqlite://{tmp_path}/{number}.db{'?order=ascending' if '--order ascending' in line else ''}"
        reader.types(line, board=url)
        with open_leaderboard(url) as board:
            assert board.count() == 2, line


@pytest.mark.proof
def test_the_command_of_the_page_on_clusters_shows_the_board(tmp_path: Path) -> None:
    (line,) = commands(DOCS / "outgrow-one-machine.md", "leaderboard ")
    with EmbeddedCluster() as cluster:
        with open_leaderboard(cluster.url, board="weekly", shards=16) as board:
            board.update_score("u1", "Ada", 1500)
        reader = Reader(tmp_path, {"redis+cluster://h1:7000,h2:7000,h3:7000/": cluster.url.rstrip("/") + "/"})
        said = reader.types(line)
    assert "weekly" in said
    assert "16 shards" in said


@pytest.mark.proof
def test_a_live_board_moves_by_the_commands_of_the_page(server: EmbeddedServer, tmp_path: Path) -> None:
    page = DOCS / "move-a-live-board.md"
    with EmbeddedCluster(replicas=0) as cluster:
        reader = Reader(tmp_path, {SERVER: server.url, f"{CLUSTER}?shards=8": f"{cluster.url}?shards=8"})
        (tmp_path / "boards.toml").write_text(reader.own(blocks(page, "toml")[0]))
        with open_leaderboard(server.url, board="weekly") as board:
            board.clear()
            board.update_scores([("u1", "Ada", 1500), ("u2", "Grace", 1500)])
        said = [
            reader.types(line, until="behind" if " start " in line else "") for line in commands(page, "leaderboard ")
        ]
        assert [line.split()[2] for line in commands(page, "leaderboard ")] == [
            "plan",
            "start",
            "status",
            "cut-over",
            "roll-back",
            "finish",
        ], said
        with open_leaderboard(server.url, board="weekly") as board:
            assert [entry.username for entry in board] == ["Ada", "Grace"]
