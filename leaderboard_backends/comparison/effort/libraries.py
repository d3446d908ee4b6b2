"""What third parties ship: statements of installed libraries, from the files that their distributions list."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from typing import Final, NamedTuple

from ...errors import MissingExtraError
from ...installing import install_distribution
from .counting import count_statements

_NAME = re.compile(r"[A-Za-z0-9._-]+")
COMPILED: Final = (".so", ".pyd")


class Library(NamedTuple):
    """One installed library."""

    name: str
    version: str
    statements: int
    compiled: bool
    """Whether a part of it is machine code, whose source is not there to be counted."""
    needs: tuple[str, ...]
    """What it requires in turn and is installed, extras left out."""


@cache
def library(name: str) -> Library:
    """Count an installed distribution's Python, its tests left out: once in a process, however many features use it.

    O(size of its source), a second for the largest. Raises `MissingExtraError` where it is not installed, `SyntaxError`
    or `OSError` where its source cannot be read.
    """
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise MissingExtraError(f"{name} is not installed: {install_distribution(name)}") from error
    files = found.files or []
    python = [file for file in files if file.suffix == ".py" and not is_test(file)]
    return Library(
        found.name,
        found.version,
        sum(count_statements(file.read_text(encoding="utf-8")) for file in python),
        any(file.suffix in COMPILED for file in files),
        tuple(_needs(found)),
    )


def is_test(file: PackagePath) -> bool:
    """Whether a file of a distribution is one of its tests: in a folder of tests, or named like a test."""
    folders = file.parts[:-1]
    return file.name in ("tests.py", "conftest.py") or any(re.search("(^|_)tests?$", folder) for folder in folders)


def _needs(found: Distribution) -> list[str]:
    required = [line for line in found.requires or [] if "extra ==" not in line]
    names = [match[0] for line in required if (match := _NAME.match(line))]
    return [name for name in names if _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
