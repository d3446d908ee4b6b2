"""Opening the board that a job names: a URL, or `module:callable` for a class that is registered nowhere yet."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import packages_distributions, version
from typing import Any, Final

from ..config import open_leaderboard
from ..errors import ConfigurationError
from ..location import Location
from ..model import shorten
from ..protocol import LeaderboardBackend
from ..registry import DISTRIBUTION, backend_class, schemes

_OURS: Final = ("order", "keep")


def is_url(target: str) -> bool:
    """Whether a target is a URL rather than `module:callable`."""
    return "://" in target


def check_target(target: str) -> None:
    """Raise a `ConfigurationError` for text that names no installed scheme and no `module:callable`.

    Nothing is imported and nothing opened: what is missing on this machine becomes a row with its reason instead.
    """
    if not is_url(target):
        _split(target)
        return
    location, query = Location.parse(target)
    if location.scheme not in schemes():
        backend_class(location.scheme)
    for name in _OURS:
        if name in query:
            raise ConfigurationError(
                f"{location} sets {name}: the comparison runs every board with the defaults; leave {name} out."
            )
    if "board" in query:
        raise ConfigurationError(
            f"{location} names the board {query['board']!r}: the comparison uses a board of its own; leave board out."
        )


def open_target(target: str, board: str) -> LeaderboardBackend:
    """Open a target's board; raises what opening raises."""
    if is_url(target):
        return open_leaderboard(target, board=board)
    opened = _callable(target)(board)
    if not isinstance(opened, LeaderboardBackend):
        raise ConfigurationError(f"{target} returned {shorten(opened)}, not an open LeaderboardBackend.")
    return opened


def distribution(backend: type) -> str:
    """Return name and version of the distribution that ships a backend, or its module's name where none does."""
    top = backend.__module__.partition(".")[0]
    names = [DISTRIBUTION] if top == __name__.partition(".")[0] else packages_distributions().get(top, [])
    return f"{names[0]} {version(names[0])}" if names else top


def _callable(target: str) -> Callable[[str], Any]:
    module, name = _split(target)
    found = getattr(import_module(module), name, None)
    if not callable(found):
        raise ConfigurationError(f"{target}: the module {module} has no class or function {name}.")
    made: Callable[[str], Any] = found
    return made


def _split(target: str) -> tuple[str, str]:
    module, mark, name = target.partition(":")
    if not mark or not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise ConfigurationError(
            f"{shorten(target)} names no backend: give a URL such as memory://, or module:Class, where the class or "
            f"function takes a board's name and returns an open board."
        )
    return module, name
