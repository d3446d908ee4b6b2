"""Imports the kit so that its failing asserts show their values in any repo; says which extra is missing."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from ..errors import MissingExtraError
from ..installing import install_extra

PACKAGES: Final = {
    "AsyncConformance": "conformance",
    "BackendConformance": "conformance",
    "FileFaults": "faults",
    "ServerFaults": "faults",
}
"""Where each class of the kit is."""


def load_kit(name: str) -> object:
    """Return a class of the kit; raises `MissingExtraError` where pytest or hypothesis is not installed."""
    require_extra()
    package = f"{__package__}.{PACKAGES[name]}"
    if package not in sys.modules:
        import_module("pytest").register_assert_rewrite(package)
    return getattr(import_module(package), name)


def require_extra() -> None:
    """Raise `MissingExtraError` unless pytest and hypothesis are installed; imports neither."""
    for library in ("pytest", "hypothesis"):
        if find_spec(library) is None:
            raise MissingExtraError(
                f"the conformance kit needs {library}, which is not installed: {install_extra('tools')}"
            )
