"""Schemes and plug-ins, with real distributions on a real path, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from leaderboard_backends import LeaderboardBackend, UnknownSchemeError, open_leaderboard, registry
from leaderboard_backends.backends.memory import MemoryLeaderboard
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.installing import install_extra
from leaderboard_backends.registry import ENTRY_POINT_GROUP, WRAPPER_GROUP, backend_class, backends, schemes

BUILT_IN = [
    *(
        "fakeredis",
        "journal",
        "memory",
        "naive",
        "redis",
        "redis+cluster",
        "redis+sentinel",
        "rediss",
        "sortedcontainers",
        "unix",
    ),
    *("valkey", "valkeys", "zeo", "zodb", "zodb+config", "zodb+memory"),
]

GOOD = """
    from leaderboard_backends.backends.naive import NaiveLeaderboard

    class Board(NaiveLeaderboard):
        pass
"""


def install(
    place: Path, distribution: str, name: str, source: str, target: str = "Board", group: str = ENTRY_POINT_GROUP
) -> None:
    """Lay out a distribution as an installer would: a module, and its metadata beside it."""
    module = distribution.replace("-", "_")
    metadata = place / f"{module}-1.2.dist-info"
    metadata.mkdir(parents=True)
    (place / f"{module}.py").write_text(dedent(source))
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}:{target}\n")


def run(code: str, place: Path | None = None) -> str:
    """Run code in a fresh process that finds the distributions of `place`, and return what it printed."""
    environment: Mapping[str, str] = os.environ if place is None else os.environ | {"PYTHONPATH": str(place)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refusal(url: str, before: str = "", place: Path | None = None) -> tuple[str, str]:
    """Open a URL in a fresh process and return the error's class and text."""
    name, text = json.loads(
        run(
            f"""
            import json, sys
            {before}
            from leaderboard_backends import LeaderboardError, open_leaderboard
            try:
                open_leaderboard({url!r})
            except LeaderboardError as error:
                print(json.dumps([type(error).__name__, str(error)]))
            """,
            place,
        )
    )
    return name, text


# ---------------------------------------------------------------------- built in


def test_what_is_installed_is_read_again_only_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert "late" not in schemes()
    open_leaderboard("memory://").close()
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entry_points", pytest.fail)
        open_leaderboard("memory://").close()
        assert "late" not in schemes()
    install(tmp_path, "late-board", "late", GOOD)
    with open_leaderboard("late://weekly") as board:
        assert isinstance(board, NaiveLeaderboard)


def test_every_built_in_scheme_is_known_without_importing_it() -> None:
    assert [scheme for scheme in schemes() if scheme in BUILT_IN] == BUILT_IN
    loaded = run(
        """
        import sys
        from leaderboard_backends.registry import schemes
        schemes()
        print([name for name in sys.modules if name.startswith("leaderboard_backends.backends")])
        """
    )
    assert loaded == "[]"


@pytest.mark.parametrize(
    ("scheme", "backend"),
    [
        ("memory", MemoryLeaderboard),
        ("sortedcontainers", SortedContainersLeaderboard),
        ("naive", NaiveLeaderboard),
    ],
)
def test_the_boards_in_this_process_need_no_extra(scheme: str, backend: type[LeaderboardBackend]) -> None:
    assert backend_class(scheme) is backend
    with open_leaderboard(f"{scheme}://weekly") as board:
        assert (type(board), board.name) == (backend, "weekly")


@pytest.mark.parametrize("scheme", BUILT_IN)
def test_every_built_in_scheme_can_be_used_here(scheme: str) -> None:
    assert issubclass(backend_class(scheme), LeaderboardBackend)


@pytest.mark.parametrize(
    ("scheme", "nearest"),
    [("redi", "redis"), ("zobd", "zodb"), ("memroy", "memory"), ("sortedcontainer", "sortedcontainers")],
)
def test_an_unknown_scheme_suggests_the_nearest_and_lists_what_is_installed(scheme: str, nearest: str) -> None:
    with pytest.raises(UnknownSchemeError, match=f"no backend is installed for '{scheme}'://") as caught:
        open_leaderboard(f"{scheme}://weekly")
    assert f"Did you mean {nearest}://?" in str(caught.value)
    assert f"Installed: {', '.join(schemes())}." in str(caught.value)
    assert ENTRY_POINT_GROUP in str(caught.value)


@pytest.mark.parametrize(
    ("scheme", "instead"),
    [
        ("redis-sentinel", "redis+sentinel://HOST1:26379,HOST2:26379/SERVICE/0"),
        ("redis-cluster", "redis+cluster://HOST1:6379,HOST2:6379/?board=NAME"),
        ("valkeycluster", "redis+cluster://HOST1:6379,HOST2:6379/?board=NAME"),
        ("redis+proxy", "redis://HOST:PORT/0"),
        ("redis+socket", "unix:///path/redis.sock"),
        ("redis+tls", "rediss://HOST:PORT/0"),
        ("valkey+unix", "unix:///path/redis.sock"),
        ("postgres", "sqlite:///PATH"),
        ("postgresql+psycopg", "sqlite:///PATH"),
        ("mysql", "redis://"),
        ("mongodb+srv", "redis://"),
        ("zodb+zeo", "zeo://HOST:PORT?board=NAME"),
        ("relstorage", "zodb+config:///PATH?board=NAME"),
        ("file", "zodb:///PATH"),
        ("memcached", "memory://NAME"),
        ("https", "the storage's URL"),
    ],
)
def test_a_scheme_of_another_kind_is_told_what_would_serve(scheme: str, instead: str) -> None:
    with pytest.raises(UnknownSchemeError, match=re.escape(instead)) as caught:
        open_leaderboard(f"{scheme}://user:secret@host/0?board=weekly")
    assert "Did you mean" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_scheme_like_no_other_suggests_none() -> None:
    with pytest.raises(UnknownSchemeError) as caught:
        backend_class("q")
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [
        ("redis://host/0?board=weekly", "redis", "redis"),
        ("rediss://host/0?board=weekly", "redis", "redis"),
        ("unix:///redis.sock?board=weekly", "redis", "redis"),
        ("fakeredis://weekly", "fakeredis", "fakeredis"),
        ("fakeredis://weekly", "redis", "fakeredis"),
        ("zodb:///board.fs?board=weekly", "ZODB", "zodb"),
        ("zodb+memory://weekly", "ZODB", "zodb"),
        ("zodb+memory://weekly", "BTrees", "zodb"),
        ("zodb+config:///zodb.conf?board=weekly", "ZODB", "zodb"),
        ("zeo://host?board=weekly", "ZEO", "zeo"),
        ("zeo://host?board=weekly", "ZODB", "zeo"),
    ],
)
def test_a_missing_extra_says_the_pip_install_line(url: str, library: str, extra: str) -> None:
    name, text = refusal(url, before=f"sys.modules[{library!r}] = None")
    scheme = url.partition("://")[0]
    assert name == "MissingExtraError"
    assert text.startswith(f"{scheme}:// needs {library}")
    assert text.endswith(f", which is not installed: {install_extra(extra)}")


def test_a_library_too_old_to_be_imported_from_says_how_to_upgrade(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "__init__.py").write_text("__version__ = '2.0'\n")
    name, text = refusal("redis://host/0?board=weekly", place=tmp_path)
    assert name == "MissingExtraError"
    assert text.endswith(install_extra("redis", upgrade=True))


def test_a_missing_extra_breaks_no_other_backend() -> None:
    listed = json.loads(
        run(
            """
            import json, sys
            for library in ("redis", "ZODB", "BTrees", "transaction"):
                sys.modules[library] = None
            from leaderboard_backends.registry import backends
            print(json.dumps({info.scheme: info.problem for info in backends()}))
            """
        )
    )
    assert {scheme for scheme in BUILT_IN if not listed[scheme]} == {"journal", "memory", "naive", "sortedcontainers"}
    assert all("pip install" in listed[scheme] for scheme in BUILT_IN if listed[scheme])


def test_the_list_of_backends_tells_distribution_version_and_class() -> None:
    found = {info.scheme: info for info in backends()}
    assert [scheme for scheme in found if scheme in BUILT_IN] == BUILT_IN
    for scheme in BUILT_IN:
        info = found[scheme]
        assert (info.distribution, info.problem) == ("leaderboard-backends", "")
        assert info.version[0].isdigit()
        assert info.backend is backend_class(scheme)


# ---------------------------------------------------------------------- plug-ins


def test_an_installed_plug_in_opens_by_its_scheme_and_takes_the_usual_options(tmp_path: Path) -> None:
    install(tmp_path, "acme-boards", "acme", GOOD)
    shown = run(
        """
        from leaderboard_backends import open_leaderboard
        with open_leaderboard("acme://weekly?order=ascending") as board:
            board.update_score("u1", "Ada", 5)
            print(repr(board), type(board).__module__, board.get_rank("u1"))
        """,
        tmp_path,
    )
    assert shown == "<Board 'weekly' order=ascending keep=last> acme_boards 1"


def test_a_plug_in_is_imported_when_its_scheme_is_asked_for_and_never_before(tmp_path: Path) -> None:
    install(tmp_path, "acme-boards", "acme", GOOD)
    shown = run(
        """
        import sys
        from leaderboard_backends import LeaderboardError, open_leaderboard
        from leaderboard_backends.registry import schemes
        assert "acme" in schemes()
        open_leaderboard("memory://weekly").close()
        try:
            open_leaderboard("nosuch://weekly")
        except LeaderboardError:
            print("acme_boards" in sys.modules)
        open_leaderboard("acme://weekly").close()
        print("acme_boards" in sys.modules)
        """,
        tmp_path,
    )
    assert shown.split() == ["False", "True"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("raise SystemExit", "SystemExit."),
        ("import pytest; pytest.skip('no', allow_module_level=True)", "Skipped: no"),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError."),
        ("def broken(:", "SyntaxError"),
        ("Other = 1", "AttributeError"),
    ],
)
def test_a_plug_in_that_fails_to_import_is_named_with_its_distribution(
    tmp_path: Path, source: str, problem: str
) -> None:
    install(tmp_path, "acme-boards", "acme", source)
    name, text = refusal("acme://weekly", place=tmp_path)
    assert name == "PluginError"
    assert text.startswith("the backend acme:// of acme-boards failed to import (acme_boards:Board): ")
    assert problem in text


@pytest.mark.parametrize("source", ["Board = 5", "class Board: pass", "def Board(name): pass", "import json as Board"])
def test_a_plug_in_that_is_no_backend_is_named_with_its_distribution(tmp_path: Path, source: str) -> None:
    install(tmp_path, "acme-boards", "acme", source)
    name, text = refusal("acme://weekly", place=tmp_path)
    assert name == "PluginError"
    assert text.startswith("the backend acme:// of acme-boards is ")
    assert text.endswith("not a LeaderboardBackend subclass: acme_boards:Board must name one.")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            """
            from leaderboard_backends import Capabilities, LeaderboardBackend

            class Board(LeaderboardBackend):
                capabilities = Capabilities(durable=False, shared=False)
            """,
            "does not implement _clear, _count,",
        ),
        (
            """
            from leaderboard_backends.backends.naive import NaiveLeaderboard

            class Board(NaiveLeaderboard):
                capabilities = {"durable": True}
            """,
            "declares no capabilities: set them to a Capabilities",
        ),
        (
            """
            from leaderboard_backends.backends.naive import NaiveLeaderboard

            class Board(NaiveLeaderboard):
                async def _update_score(self, player_id, username, score):
                    return 1

                async def _iterate(self):
                    yield 1
            """,
            "has asynchronous methods (async def _iterate, _update_score): the interface is synchronous",
        ),
    ],
)
def test_a_plug_in_that_is_half_a_backend_is_named_with_what_it_lacks(
    tmp_path: Path, source: str, problem: str
) -> None:
    install(tmp_path, "acme-boards", "acme", source)
    name, text = refusal("acme://weekly", place=tmp_path)
    assert name == "PluginError"
    assert text.startswith("the backend acme:// of acme-boards ")
    assert problem in text


def test_two_plug_ins_of_one_scheme_are_both_named(tmp_path: Path) -> None:
    install(tmp_path, "acme-boards", "acme", GOOD)
    install(tmp_path, "acme-rivals", "acme", GOOD)
    assert refusal("acme://weekly", place=tmp_path) == (
        "PluginError",
        "acme:// is claimed by acme-boards and acme-rivals: uninstall all but one of them.",
    )


def test_a_plug_in_cannot_take_a_built_in_scheme(tmp_path: Path) -> None:
    install(tmp_path, "acme-boards", "memory", GOOD)
    shown = run(
        """
        from leaderboard_backends import open_leaderboard
        with open_leaderboard("memory://weekly") as board:
            print(type(board).__name__)
        """,
        tmp_path,
    )
    assert shown == "MemoryLeaderboard"


@pytest.mark.parametrize("content", [b"[console_scripts]\nno equals sign\n", b"[acme]\nname = caf\xe9:main\n"])
def test_a_distribution_whose_entry_points_cannot_be_read_is_left_out_and_named(tmp_path: Path, content: bytes) -> None:
    install(tmp_path, "broken-tools", "tools", "")
    (tmp_path / "broken_tools-1.2.dist-info" / "entry_points.txt").write_bytes(content)
    install(tmp_path / "twice", "acme-boards", "acme", GOOD)
    install(tmp_path, "acme-boards", "acme", GOOD)
    shown = run(
        f"""
        import logging, sys
        sys.path.append({str(tmp_path / "twice")!r})
        logging.basicConfig(format="%(message)s", stream=sys.stdout)
        from leaderboard_backends import open_leaderboard
        from leaderboard_backends.cli.group import leaderboard
        with open_leaderboard("acme://weekly") as board:
            print(type(board).__name__)
        leaderboard(["--help"])
        """,
        tmp_path,
    )
    warning, opened, *others = shown.splitlines()
    assert warning.startswith("broken-tools is left out")
    assert opened == "Board"
    assert not [line for line in others if "broken-tools" in line]


def test_the_list_of_backends_shows_good_and_broken_plug_ins_side_by_side(tmp_path: Path) -> None:
    install(tmp_path, "acme-boards", "acme", GOOD)
    install(tmp_path, "broken-boards", "broken", "1 / 0")
    install(tmp_path, "ending-boards", "ending", "import sys; sys.exit(3)")
    (tmp_path / "fakeredis.py").write_text("raise RuntimeError('not today')")
    install(tmp_path, "twin-boards", "twin", GOOD)
    install(tmp_path, "twin-rivals", "twin", GOOD)
    listed = json.loads(
        run(
            """
            import json
            from leaderboard_backends.registry import backends
            print(json.dumps({i.scheme: [i.distribution, i.version, i.backend is None, i.problem] for i in backends()}))
            """,
            tmp_path,
        )
    )
    assert listed["acme"] == ["acme-boards", "1.2", False, ""]
    assert listed["broken"][:3] == ["broken-boards", "1.2", True]
    assert "division by zero" in listed["broken"][3]
    assert listed["ending"][2:] == [
        True,
        "the backend ending:// of ending-boards failed to import (ending_boards:Board): SystemExit: 3",
    ]
    assert "fakeredis:// cannot be used: importing it raised RuntimeError: not today" in listed["fakeredis"][3]
    assert "claimed by twin-boards and twin-rivals" in listed["twin"][3]
    assert listed["memory"][2:] == [False, ""]


# ---------------------------------------------------------------------- wrappers of plug-ins

AUDIT = """
    from leaderboard_backends.location import Option, text
    from leaderboard_backends.wrapper import Wrapper

    class Audit(Wrapper):
        position = {position}
        options = {{"log": Option(text, "where to")}}

        def __init__(self, inner, log="none"):
            super().__init__(inner)
            self.log = log
"""
OPEN_AUDITED = """
    from leaderboard_backends import open_leaderboard
    from leaderboard_backends.wrapper import layers

    board = open_leaderboard("memory://", validation=True, rate_limit=True, audit={"log": "here"})
    print([type(one).__name__ for one in layers(board)], board.update_score("ada", "Ada", 1))
"""


@pytest.mark.parametrize(("position", "place"), [(150, 2), (250, 1), (350, 0)])
def test_a_wrapper_of_a_plug_in_stands_where_it_says(tmp_path: Path, position: int, place: int) -> None:
    install(tmp_path, "acme-audit", "audit", AUDIT.format(position=position), "Audit", WRAPPER_GROUP)
    stack = ["RateLimitedLeaderboard", "ValidatedLeaderboard", "MemoryLeaderboard"]
    stack.insert(place, "Audit")
    assert run(OPEN_AUDITED, tmp_path) == f"{stack} 1"


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [
        (AUDIT.format(position=1), "Audit", "option nothing=1 of audit|audit has no option 'nothing'"),
        ("Audit = dict", "Audit", "the wrapper audit of acme-audit is .*dict.*, not a Wrapper subclass"),
        ("raise SystemExit(3)", "Audit", "the wrapper audit of acme-audit failed to import .*SystemExit: 3"),
    ],
)
def test_a_wrapper_that_cannot_be_used_says_why(tmp_path: Path, source: str, target: str, text: str) -> None:
    install(tmp_path, "acme-audit", "audit", source, target, WRAPPER_GROUP)
    code = f"""
        import re
        from leaderboard_backends import ConfigurationError, open_leaderboard
        try:
            open_leaderboard("memory://", audit={{"nothing": 1}})
        except ConfigurationError as error:
            print(bool(re.search({text!r}, str(error))), error)
    """
    assert run(code, tmp_path).startswith("True")
