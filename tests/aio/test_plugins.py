"""Plug-ins that bring an asynchronous backend of their own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from leaderboard_backends import PluginError, open_async_leaderboard
from leaderboard_backends.aio.threads import ThreadedLeaderboard
from leaderboard_backends.wrapper import layers

GOOD = """
from leaderboard_backends.aio.direct import DirectLeaderboard
from leaderboard_backends.async_delegating import AsyncDelegatingLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.wrapper import Wrapper

class Board(AsyncDelegatingLeaderboard):
    @classmethod
    async def from_location(cls, location, name, order, keep, **options):
        inner = SortedContainersLeaderboard(location.board_name(name), order=order, keep=keep)
        return cls(DirectLeaderboard(inner))

class Synchronous(SortedContainersLeaderboard):
    pass

class Part(Wrapper):
    pass
"""


def install(folder: Path, source: str, groups: dict[str, str]) -> None:
    """Put a distribution with a module and entry points into a folder that is on the path."""
    (folder / "acme_tasks.py").write_text(source)
    info = folder / "acme_tasks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tasks\nVersion: 1.0\n")
    points = "".join(
        f"[leaderboard_backends.{group}]\nacmetasks = acme_tasks:{name}\n" for group, name in groups.items()
    )
    (info / "entry_points.txt").write_text(points)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_tasks", raising=False)
    return tmp_path


def test_an_asynchronous_plug_in_is_used_as_it_is_and_its_synchronous_twin_where_parts_are_so(folder: Path) -> None:
    install(folder, GOOD, {"async_backends": "Board", "backends": "Synchronous", "wrappers": "Part"})

    async def program() -> None:
        async with open_async_leaderboard("acmetasks://weekly", order="ascending") as board:
            assert type(board).__name__ == "Board"
            assert await board.update_score("ada", "Ada", 3) == 1
            assert (board.name, board.order) == ("weekly", "ascending")
        async with open_async_leaderboard("acmetasks://weekly", rate_limit=True) as board:
            assert [type(each).__name__ for each in layers(board)][:2] == ["AsyncRateLimitedLeaderboard", "Board"]
            assert await board.update_score("ada", "Ada", 3) == 1
        async with open_async_leaderboard("acmetasks://weekly", acmetasks=True) as board:
            assert isinstance(board, ThreadedLeaderboard)
            assert await board.update_score("ada", "Ada", 3) == 1

    asyncio.run(program())


@pytest.mark.parametrize(
    ("source", "name", "text"),
    [
        (GOOD, "Synchronous", "is .*, not an AsyncLeaderboard subclass"),
        ("from leaderboard_backends import AsyncLeaderboard as Board", "Board", "is incomplete: .*_update_score"),
        ("1 / 0", "Board", "failed to import .*ZeroDivisionError"),
    ],
)
def test_a_plug_in_that_is_no_asynchronous_backend_is_named_with_what_it_lacks(
    folder: Path, source: str, name: str, text: str
) -> None:
    install(folder, source, {"async_backends": name})

    async def program() -> None:
        with pytest.raises(PluginError, match=rf"asynchronous backend acmetasks:// of acme-tasks {text}"):
            await open_async_leaderboard("acmetasks://weekly")

    asyncio.run(program())
