"""From what a user names, a URL or `module:name`, to what opens boards there; and who ships a board's class."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any, Final

from ..aio import class_for
from ..config import describe_by, open_leaderboard
from ..errors import ConfigurationError
from ..installing import DISTRIBUTION
from ..location import Location, place_of
from ..model import Keep, Order, shorten
from ..protocol import LeaderboardBackend
from ..registry import ENTRY_POINT_GROUP, SYNCHRONOUS, InstalledState, async_problem, installed, installed_state
from .subject import BoardFactory, unique_name

OURS: Final = __name__.partition(".")[0]


def is_url(target: str) -> bool:
    """Whether a target is a URL rather than `module:name`."""
    return "://" in target


def url_factory(url: str, open_board: Callable[..., LeaderboardBackend] = open_leaderboard) -> BoardFactory:
    """Return a factory of boards at the storage of a URL; a board that the URL names itself is left alone.

    `open_board` opens them, `asynchronous.open_blocking` as asynchronous ones.
    Raises `ConfigurationError` for text that is no board's URL; a storage out of reach raises when a board is opened.
    """
    Location.parse(url)

    def make(name: str, *, order: Order, keep: Keep, **options: Any) -> LeaderboardBackend:
        given = {"board": name, "order": order, "keep": keep, **options}
        try:
            return open_board(url, **given)
        except ConfigurationError:
            nameless = _without_name(url)
            if nameless is None:
                raise
            return open_board(nameless, **given)

    return make


def _without_name(url: str) -> str | None:
    """Return `scheme://?options` of a URL such as `memory://weekly?options`; `None` where its host is no board."""
    location, _ = Location.parse(url)
    try:
        named = describe_by(class_for, url, unique_name(), {"board": None}).board
    except ConfigurationError:
        return None
    _, mark, query = url.partition("?")
    return f"{location.scheme}://{mark}{query}" if location.parts.netloc == named else None


def split_target(target: str) -> tuple[str, str]:
    """Return module and name of `package.module:name`; raises `ConfigurationError` for anything else."""
    module, mark, name = target.partition(":")
    if not mark or not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        shown = place_of(target) if "@" in target else shorten(target)
        raise ConfigurationError(
            f"{shown} is not a backend: give a URL such as memory://, or module:Class, a class or function that takes "
            "a board's name and returns an open board."
        )
    return module, name


def find_modules_here() -> None:
    """Let what a user names be imported from the current folder, after all that is installed.

    So a file that is there by chance, such as a `statistics.py`, hides no module of Python's or of a library's.
    """
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)


def load_target(target: str) -> Any:
    """Import and return what `package.module:name` names: a class or a function.

    Raises `ConfigurationError` where the module has no such name, `ImportError` where there is no such module.
    """
    module, name = split_target(target)
    find_modules_here()
    found = getattr(import_module(module), name, None)
    if not callable(found):
        raise ConfigurationError(f"{target}: the module {module} has no class or function {name}.")
    return found


def unfit(board: object) -> str:
    """Return why the kit cannot call what a factory gave, as it is asynchronous, and what to do; empty where it can."""
    if _awaitable(board):
        return (
            f"make returned {shorten(board)} instead of a board, because it is asynchronous (async def): {SYNCHRONOUS}"
        )
    if problem := async_problem(type(board)):
        return f"{type(board).__name__} {problem}"
    answer: object = None
    with suppress(Exception):  # a test about it says what is wrong with the answer
        answer = board.get_rank("nobody")  # type: ignore[attr-defined]  # if it is none, a test says so, too
    if _awaitable(answer):
        return f"{type(board).__name__} has asynchronous methods (get_rank returned a coroutine): {SYNCHRONOUS}"
    return ""


def _awaitable(found: object) -> bool:
    """Whether something would have to be awaited; it is closed, so that Python does not warn that nobody did."""
    if inspect.iscoroutine(found):
        found.close()
    return inspect.isawaitable(found) or inspect.isasyncgen(found)


def distribution(backend: type) -> str:
    """Return name and version of the distribution that ships a class, or its module's name where none does."""
    top = backend.__module__.partition(".")[0]
    names = [DISTRIBUTION] if top == OURS else _shipping(top, installed_state()) or _plugin_distributions(top)
    return f"{names[0]} {version(names[0])}" if names else top


@lru_cache
def _shipping(top: str, _state: InstalledState) -> list[str]:
    """Return the distributions that list a top-level package or module among their files.

    `importlib.metadata.packages_distributions` parses every file of all that is installed: 150 ms for one name.
    """
    files = (f"\n{top}/", f"\n{top}.")
    return [
        found.name
        for found in distributions()
        if top in (found.read_text("top_level.txt") or "").split()
        or any(file in f"\n{found.read_text('RECORD') or ''}" for file in files)
    ]


def _plugin_distributions(top: str) -> list[str]:
    """Return who registered a backend of a package; an editable installation does not list its packages."""
    plugins = installed(ENTRY_POINT_GROUP)
    return [plugin.dist.name for plugin in plugins if plugin.dist and plugin.module.partition(".")[0] == top]
