"""Where a board's data is: in this process, in a file, on a Redis or Valkey, or where only its plug-in knows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal, TypeAlias

from ..config import Opening
from ..protocol import Capabilities
from .server import SCHEMES

Kind: TypeAlias = Literal["process", "file", "server", "other"]


def promises_of(opening: Opening) -> Capabilities:
    """Return what a backend's class promises; nothing, where that depends on a board inside."""
    found: object = opening.backend.capabilities
    return found if isinstance(found, Capabilities) else Capabilities(durable=False, shared=False)


def kind_of(opening: Opening) -> Kind:
    """Return where a board's data is, as its backend tells; nothing is opened."""
    if opening.location.scheme in SCHEMES:
        return "server"
    if not has_trial_place(opening):
        return "other"
    return "file" if promises_of(opening).durable else "process"


def has_trial_place(opening: Opening) -> bool:
    """Whether the backend can make a place of its own for a board."""
    return opening.backend.trial_url(opening.location.scheme, Path(tempfile.gettempdir())) is not None
