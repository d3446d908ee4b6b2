"""Runs the ```python blocks of one Markdown file, in order and in one namespace: `run_documentation.py FILE`.

A block with `file="..."` is a file of the reader's, and is left to the test that writes it.

A script and no test, so that each file runs in a process of its own; a traceback has the file's own line numbers.
"""

from __future__ import annotations

import doctest
import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>\w*)(?P<file> file=)?")
LANGUAGES = {"python", "pycon"}


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """Return each block of Python: the number of lines before it, and its text."""
    lines = text.splitlines()
    position = 0
    while position < len(lines):
        fence = FENCE.match(lines[position])
        position += 1
        if fence is None:
            continue
        start = position
        while position < len(lines) and not lines[position].strip().startswith(fence["mark"]):
            position += 1
        if fence["language"] in LANGUAGES and not fence["file"]:
            yield start, dedent("\n".join(lines[start:position])) + "\n"
        position += 1


def run(path: Path) -> None:
    """Run every block; raises what a block raises, or `SystemExit` where an example prints something else."""
    namespace: dict[str, Any] = {"__name__": "__documentation__"}
    for start, code in blocks(path.read_text(encoding="utf-8")):
        if code.lstrip().startswith(">>>"):
            examples = doctest.DocTestParser().get_doctest(code, namespace, path.name, str(path), start)
            if doctest.DocTestRunner().run(examples, clear_globs=False).failed:
                sys.exit(1)
            namespace.update(examples.globs)
        else:
            exec(compile("\n" * start + code, path, "exec"), namespace)  # noqa: S102 - our own documentation


def main(path: Path) -> None:
    """Run a page; exit code 1 where a block fails, ends the process or leaves something open."""
    left_open: list[object] = []
    sys.unraisablehook = lambda problem: left_open.append(problem.exc_value)
    try:
        run(path)
    except SystemExit as end:
        sys.exit(end.code or f"{path}: a block ended the process")
    gc.collect()
    if left_open:
        sys.exit("\n".join(f"{path}: {type(problem).__name__}: {problem}" for problem in left_open))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
