"""Code size of a board by feature and backend: written by the app's author, in this library, by third parties.

Counted are statements of Python's syntax tree, and lines of other languages. Tools for lines of code disagree by 15 %,
on blank lines, comments and line breaks; statements do not depend on layout.

What the author writes is counted from apps that run: `benchmarks/code_size/FEATURE/`. `basic_board` is a whole app,
`app.py`, the same for every backend, and a configuration for each, `BACKEND.toml`. Any other feature's folder has what
changes: an `app.py` where the app has to, files `BACKEND.*` where configuration has to; what it has in addition to the
basic board is counted.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from .. import errors
from ..errors import ConfigurationError, MissingExtraError
from ..installing import install_distribution
from ..registry import ENTRY_POINT_GROUP, backend_class, installed
from ..toml_files import shipped
from .schema import CodeFacts, CodeSize, CodeState

_BACKENDS = "leaderboard_backends.backends."
_NAME = re.compile(r"[A-Za-z0-9._-]+")
INIT: Final = "__init__.py"
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


@cache  # the files of a feature are counted for each backend
def count_statements(source: str) -> int:
    """Return the number of statements in Python source, docstrings left out. Raises `SyntaxError`."""
    return _statements(ast.parse(source))


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
    root, files = Path(file), source_files(Path(file))
    base = root.parent.parent if root.name == INIT else root.parent
    python, others = ([path for path in files if path.suffix in kinds] for kinds in ((".py",), OTHER_SOURCE))
    return CodeSize(
        statements=statements_of(python),
        other_lines=sum(map(_lines, others)),
        files=[path.relative_to(base).as_posix() for path in (*python, *others)],
    )


def source_files(root: Path) -> list[Path]:
    """Return the files of a module, or of the whole package whose `__init__.py` it is, in order."""
    return sorted(root.parent.rglob("*")) if root.name == INIT else [root]


def _home(backend: type) -> str:
    """Return the name of the module or package that is the backend."""
    name = backend.__module__
    if name.startswith(_BACKENDS):
        return _BACKENDS + name.removeprefix(_BACKENDS).partition(".")[0]
    for plugin in installed(ENTRY_POINT_GROUP):
        if plugin.attr == backend.__qualname__ and f"{name}.".startswith(f"{plugin.module}."):
            return plugin.module
    return name


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


# ---------------------------------------------------------------------- rows by feature and backend

BASIC: Final = "basic_board"
APP: Final = "app.py"
PACKAGE: Final = "leaderboard_backends"
SHARED: Final = "every backend"
"""The row of what all backends share: the contract's checks, values, errors, configuration."""


class Feature(NamedTuple):
    """One feature, the folder of its apps, and what of ours and of others it is made of where no backend has it."""

    name: str
    folder: str
    homes: tuple[str, ...] = ()
    """Our modules and packages."""
    stands_on: tuple[str, ...] = ()
    """Distributions of third parties."""


FEATURES: Final = (
    Feature("basic board", BASIC),
    Feature("rate limiting", "rate_limiting", (f"{PACKAGE}.hardening.rate_limiting",), ("limits",)),
    Feature(
        "monitoring",
        "monitoring",
        (f"{PACKAGE}.hardening.monitoring", f"{PACKAGE}.hardening.observability"),
        ("prometheus_client",),
    ),
    Feature("persistence", "persistence"),
    Feature("sharding", "sharding", (f"{PACKAGE}.scaling",)),
    Feature("replication", "replication", (f"{PACKAGE}.scaling",)),
)

STANDS_ON: Final = {
    "naive": (),
    "memory": (),
    "sortedcontainers": ("sortedcontainers",),
    "journal": (),
    "redis": ("redis", "hiredis"),
    "zodb": ("ZODB", "BTrees", "persistent", "transaction"),
    "sqlite": (),
}
"""The libraries of third parties that each backend imports, by distribution; Python's own are none."""


def code_facts() -> list[CodeFacts]:
    """Return a row for each feature and backend, and one for what all share.

    What cannot be counted here, a library that is not installed for example, is `None`, and the note says why. Imports
    every backend and parses all its dependencies: some seconds.
    """
    ours = [file for file in Path(errors.__file__).parent.glob("*.py") if file.name != "__main__.py"]
    note = "ours: checks, values, errors, configuration"
    rows = [CodeFacts("basic board", SHARED, 0, statements_of(ours), 0, 0, note)]
    for feature in FEATURES:
        row = _persistence if feature.folder == "persistence" else feature_row
        rows += [row(feature, backend, shipped("code_size")) for backend in STANDS_ON]
    return rows


def feature_row(feature: Feature, backend: str, root: Path) -> CodeFacts:
    """Return the row of a feature that the backend itself has, or that packages of ours lay over any board."""
    if feature.homes:
        said = f"ours: all of {' and '.join(feature.homes)}, for any backend"
        ours: int | None = sum(map(_statements_in, feature.homes))
    else:
        ours, said = _shipped(backend)
    third_party, told, compiled = _third_party(feature.stands_on if feature.homes else STANDS_ON[backend])
    app, lines, missing = None, None, ""
    if (root / feature.folder).is_dir():
        app, lines = written(root, feature.folder, backend)
    else:
        missing = f"the app's part is not counted: benchmarks/code_size has no {feature.folder} yet"
    state: CodeState = "not counted" if ours is None else "counted"
    note = _joined(said, told, missing)
    return CodeFacts(feature.name, backend, app, ours, third_party, lines, note, state, compiled)


def _persistence(feature: Feature, backend: str, root: Path) -> CodeFacts:
    """Tell what keeping the board beyond the process takes: nothing, configuration, or what no setting can do."""
    try:
        promises = backend_class(backend).capabilities
    except ConfigurationError as error:
        return CodeFacts(feature.name, backend, note=str(error), state="not counted")
    if not (promises.durable or promises.shared):
        note = "not possible: it lives in the app's process"
        return CodeFacts(feature.name, backend, note=note, state="not possible")
    app, lines = written(root, feature.folder, backend)
    note = "the basic board keeps it already"
    if lines:
        note = "lines of the server's configuration, so that no acknowledged write is lost"
    return CodeFacts(feature.name, backend, app, 0, 0, lines, note)


def _statements_in(home: str) -> int:
    """Return the statements of a module or package of ours."""
    spec = find_spec(home)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"there is no module or package {home}.", name=home)
    return statements_of(path for path in source_files(Path(spec.origin)) if path.suffix == ".py")


def _shipped(backend: str) -> tuple[int | None, str]:
    try:
        size = code_size(backend_class(backend))
    except ConfigurationError as error:
        return None, str(error)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        return None, f"ours was not counted: {_reason(error)}"
    return size.statements, f"ours: and {size.other_lines} lines of Lua or SQL" if size.other_lines else ""


def _third_party(names: tuple[str, ...]) -> tuple[int | None, str, list[str]]:
    """Return the statements of libraries, which were counted and what was not, and those with compiled parts."""
    try:
        libraries = [library(name) for name in names]
    except (ConfigurationError, OSError, SyntaxError, UnicodeDecodeError) as error:
        return None, f"third party was not counted: {_reason(error)}", []
    counted = ", ".join(f"{one.name} {one.version}" for one in libraries) or "none beyond Python's own"
    compiled = [one.name for one in libraries if one.compiled]
    known = {one.name.lower() for one in libraries}
    beyond = {need for one in libraries for need in one.needs if need.lower() not in known}
    note = _joined(
        f"third party: {counted}",
        f"compiled parts of {', '.join(compiled)} are not counted" if compiled else "",
        f"what they need in turn is not counted: {', '.join(sorted(beyond, key=str.lower))}" if beyond else "",
    )
    return sum(one.statements for one in libraries), note, compiled


def _reason(error: Exception) -> str:
    """Return why, without the path of a file: rows are published."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def written(root: Path, feature: str, backend: str) -> tuple[int, int]:
    """Count what the author writes for a feature beyond the basic board: statements, and lines of configuration."""
    folder, basic = root / feature, root / BASIC
    app, files = folder / APP, sorted(folder.glob(f"{backend}.*"))
    if feature == BASIC:
        return statements_of([app]), sum(map(_lines, files))
    more = statements_of([app]) - statements_of([basic / APP]) if app.is_file() else 0
    return more, sum(_lines(file) - _lines(basic / file.name) for file in files)


def _lines(file: Path) -> int:
    return count_lines(file.read_text(encoding="utf-8"), file.suffix) if file.is_file() else 0
