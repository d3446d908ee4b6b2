"""How much code a backend is: statements of its own source, and lines of Lua.

Tools for lines of code disagree by 15 %, on blank lines, comments and line breaks; statements do not depend on layout.
What every backend shares (the contract's checks, values, errors) is counted for none.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from .result import CodeSize

_BACKENDS = "leaderboard_backends.backends."


def count_statements(source: str) -> int:
    """Return the number of statements in Python source, docstrings left out. Raises `SyntaxError`."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = sum(_has_docstring(node.body) for node in nodes if isinstance(node, documented))
    return sum(isinstance(node, ast.stmt) for node in nodes) - docstrings


def count_lua_lines(source: str) -> int:
    """Return the lines of Lua that are neither blank nor wholly comment (`--` and `--[[ ... ]]`)."""
    count, in_comment = 0, False
    for line in map(str.strip, source.splitlines()):
        if in_comment or line.startswith("--[["):
            in_comment = "]]" not in line
        elif line and not line.startswith("--"):
            count += 1
    return count


def code_size(backend: type) -> CodeSize:
    """Count the source of a backend's class: its module, or the whole package where that is one.

    A built-in backend is the module or package right under `leaderboard_backends.backends`, whichever of its modules
    the class is written in. Raises `OSError` where the source is not there (a compiled or interactive class).
    """
    root = _root(backend)
    folder = root.parent if root.name == "__init__.py" else None
    files = sorted(folder.rglob("*")) if folder else [root]
    python = [file for file in files if file.suffix == ".py"]
    lua = [file for file in files if file.suffix == ".lua"]
    base = (folder or root).parent
    return CodeSize(
        statements=sum(count_statements(file.read_text(encoding="utf-8")) for file in python),
        lua_lines=sum(count_lua_lines(file.read_text(encoding="utf-8")) for file in lua),
        files=[file.relative_to(base).as_posix() for file in (*python, *lua)],
    )


def _root(backend: type) -> Path:
    name = backend.__module__
    if name.startswith(_BACKENDS):
        name = _BACKENDS + name.removeprefix(_BACKENDS).partition(".")[0]
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        raise OSError(f"the module {name} has no source file")
    return Path(file)


def _has_docstring(body: list[ast.stmt]) -> bool:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *_]:
            return True
        case _:
            return False
