"""From a URL to the factory that opens the kit's own boards at that place, and no other board."""

from __future__ import annotations

from ..config import open_leaderboard
from ..errors import ConfigurationError
from ..location import Location
from ..model import Keep, Order
from ..protocol import LeaderboardBackend
from .subject import BoardFactory


def url_factory(url: str) -> BoardFactory:
    """Return a factory of boards at the storage of a URL; a board that the URL names itself is left alone.

    Raises `ConfigurationError` for text that is no board's URL; a storage out of reach raises when a board is opened.
    """
    Location.parse(url)

    def make(name: str, *, order: Order, keep: Keep) -> LeaderboardBackend:
        try:
            return open_leaderboard(url, board=name, order=order, keep=keep)
        except ConfigurationError:
            nameless = _without_name(url)
            if nameless is None:
                raise
            return open_leaderboard(nameless, board=name, order=order, keep=keep)

    return make


def _without_name(url: str) -> str | None:
    """Return `scheme://?options` of a URL such as `memory://weekly?options`, which names nothing but a board."""
    scheme, _, rest = url.partition("://")
    name, mark, query = rest.partition("?")
    return f"{scheme}://{mark}{query}" if name.strip("/") and "/" not in name.rstrip("/") else None
