"""Where a board's data is, before anything is opened: what its backend declares."""

from __future__ import annotations

from ..capabilities import Capabilities, Home
from ..config import Opening
from ..errors import MissingExtraError
from ..registry import backend_class


def promises_of(opening: Opening) -> Capabilities:
    """Return what a backend's class promises; nothing, where that depends on a board inside."""
    found: object = opening.backend.capabilities
    return found if isinstance(found, Capabilities) else Capabilities(durable=False, shared=False)


def kind_of(opening: Opening) -> Home:
    """Return where a board's data is, as its backend declares it; a server that is no Redis or Valkey is not known.

    The checks of servers ask for Redis' own settings; of any other storage, they know what its boards say.
    """
    home = promises_of(opening).lives_in
    return "not known" if home == "server" and not speaks_redis(opening) else home


def speaks_redis(opening: Opening) -> bool:
    """Whether a board is on Redis or Valkey: its class is that of redis:// or redis+cluster://, or made of it."""
    try:
        return issubclass(opening.backend, (backend_class("redis"), backend_class("redis+cluster")))
    except MissingExtraError:
        return False


def keeps_folder(opening: Opening) -> bool:
    """Whether the path of a board's URL is a folder with files in it, as that of journal:// is, and not a file."""
    return issubclass(opening.backend, backend_class("journal"))
