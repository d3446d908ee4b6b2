"""How source is counted: statements of Python's syntax tree, and lines of other languages; ours, and that of libraries.

Tools for lines of code disagree by 15 %, on blank lines, comments and line breaks; statements do not depend on layout.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution, entry_points
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from ..errors import MissingExtraError
from ..installing import install_distribution
from ..registry import ENTRY_POINT_GROUP
from .files import write_atomically
from .schema import CodeSize

_BACKENDS = "leaderboard_backends.backends."
_NAME = re.compile(r"[A-Za-z0-9._-]+")
COMPILED: Final = (".so", ".pyd")
_BLOCKS: Final = (ast.stmt, ast.excepthandler, ast.match_case)
"""The nodes of a syntax tree that statements can be in; an expression has none."""

LANGUAGES: Final = {
    ".lua": ("--", "--[[", "]]"),
    ".sql": ("--", "/*", "*/"),
    ".toml": ("#", "", ""),
    ".conf": ("#", "", ""),
}
"""What is counted in lines, by the suffix of its files: the mark of a comment to the end of a line, and those around a
block of comment."""

OTHER_SOURCE: Final = (".lua", ".sql")
"""Of these, the suffixes of source that is not Python and not configuration."""

_COUNTED: Final[dict[str, int]] = {}
"""Statements by the digest of their source: the files of a feature are counted for each backend."""


@contextmanager
def counts_kept(path: Path | None) -> Iterator[None]:
    """Know what a file has of earlier counts, and add to it what is counted within: parsing takes a second."""
    if path is not None:
        with suppress(OSError, msgspec.MsgspecError):
            _COUNTED.update(msgspec.json.decode(path.read_bytes(), type=dict[str, int]))
    known = len(_COUNTED)
    yield
    if path is not None and len(_COUNTED) > known:
        with suppress(OSError):  # what cannot be kept is counted again next time
            write_atomically(path, msgspec.json.encode(_COUNTED))


def count_statements(source: str) -> int:
    """Return the number of statements in Python source, docstrings left out. Raises `SyntaxError`."""
    key = sha256(source.encode()).hexdigest()
    if key not in _COUNTED:
        _COUNTED[key] = _statements(ast.parse(source))
    return _COUNTED[key]


def _statements(node: ast.AST) -> int:
    """Return the number of statements in a module, or in the blocks of a statement; their docstrings left out."""
    documented = (
        isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node, clean=False) is not None
    )
    inner = (child for child in ast.iter_child_nodes(node) if isinstance(child, _BLOCKS))
    return sum(isinstance(child, ast.stmt) + _statements(child) for child in inner) - documented


def count_lines(source: str, suffix: str) -> int:
    """Return the lines that are neither blank nor wholly comment, in a language of `LANGUAGES`."""
    comment, opening, closing = LANGUAGES[suffix]
    count, in_comment = 0, False
    for line in map(str.strip, source.splitlines()):
        if in_comment or (opening and line.startswith(opening)):
            in_comment = closing not in line
        elif line and not line.startswith(comment):
            count += 1
    return count


def statements_of(files: Iterable[Path]) -> int:
    """Return the statements of Python files. Raises `SyntaxError`, `UnicodeDecodeError`, `OSError`."""
    return sum(count_statements(file.read_text(encoding="utf-8")) for file in files)


def code_size(backend: type) -> CodeSize:
    """Count the source of a backend's class: its module, or the whole package where that is one.

    What is counted of a built-in backend is the module or package right under `leaderboard_backends.backends`; of a
    plug-in, the module or package that its entry point names; of any other class, its module. What every backend
    shares (the contract's checks, values, errors) is counted for none. Raises `OSError` where the source is not there
    (a compiled or interactive class).
    """
    name = _home(backend)
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        raise OSError(f"the module {name} has no source file")
    root = Path(file)
    base, files = root.parent, [root]
    if root.name == "__init__.py":
        base, files = base.parent, sorted(base.rglob("*"))
    python, others = ([path for path in files if path.suffix in kinds] for kinds in ((".py",), OTHER_SOURCE))
    return CodeSize(
        statements=statements_of(python),
        other_lines=sum(count_lines(path.read_text(encoding="utf-8"), path.suffix) for path in others),
        files=[path.relative_to(base).as_posix() for path in (*python, *others)],
    )


def _home(backend: type) -> str:
    """Return the name of the module or package that is the backend."""
    name = backend.__module__
    if name.startswith(_BACKENDS):
        return _BACKENDS + name.removeprefix(_BACKENDS).partition(".")[0]
    for plugin in entry_points(group=ENTRY_POINT_GROUP):
        if plugin.attr == backend.__qualname__ and f"{name}.".startswith(f"{plugin.module}."):
            return plugin.module
    return name


# ---------------------------------------------------------------------- libraries


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


def _needs(found: Distribution) -> Iterator[str]:
    for line in found.requires or []:
        if "extra ==" not in line and (name := _NAME.match(line)):
            with suppress(PackageNotFoundError):  # of what is not installed
                distribution(name[0])
                yield name[0]
