"""Run a module under every CPython from 3.11 on that is installed here, each in a virtual environment of its own.

    python benchmarks/interpreters.py -m pytest tests

Looks for `python3.N` on the path and for pyenv's versions, downloads none, and says which of those that the classifiers
in pyproject.toml name are not here. As many run at once as there are cores; each line that one prints begins with its
version. The environments are kept in `.venv/interpreters`, and made anew where pyproject.toml changed since.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
ENVIRONMENTS: Final = ROOT / ".venv/interpreters"
OLDEST: Final = (3, 11)
LAST_LOOKED_FOR: Final = 30
TELL: Final = (
    "import sys; print(sys.implementation.name, *sys.version_info[:3]) if sys.version_info[3] == 'final' else 0"
)

Version = tuple[int, int]


def claimed() -> set[Version]:
    """Return the versions that the classifiers name."""
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    found = (re.fullmatch(r"Programming Language :: Python :: (\d+)\.(\d+)", line) for line in classifiers)
    return {(int(match[1]), int(match[2])) for match in found if match}


def interpreters() -> dict[Version, Path]:
    """Return the interpreter of each version that is here: the one that runs this, or else the path's, or pyenv's."""
    on_path = (shutil.which(f"python3.{minor}") for minor in range(OLDEST[1], LAST_LOOKED_FOR))
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [Path(sys.executable), *(Path(path) for path in on_path if path)]
    found: dict[Version, Path] = {}
    for candidate in [*candidates, *sorted(pyenv.glob("versions/*/bin/python"), reverse=True)]:
        told = subprocess.run([candidate, "-c", TELL], capture_output=True, text=True, check=False).stdout.split()
        if told[:1] == ["cpython"] and (version := (int(told[1]), int(told[2]))) >= OLDEST:
            found.setdefault(version, candidate)
    return dict(sorted(found.items()))


def environment(version: Version, interpreter: Path) -> Path:
    """Return the Python of a version's environment with everything installed: this one's own, or one that is kept."""
    if version == sys.version_info[:2]:
        return Path(sys.executable)
    folder = ENVIRONMENTS / f"{version[0]}.{version[1]}"
    python, made = folder / "bin/python", folder / "made"
    projects = [ROOT, *(path.parent for path in sorted(ROOT.glob("adapters/*/pyproject.toml")))]
    if made.exists() and all(made.stat().st_mtime > (path / "pyproject.toml").stat().st_mtime for path in projects):
        return python
    subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
    editable = [word for path in projects for word in ("--editable", f"{path}[all]" if path == ROOT else str(path))]
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--upgrade", "pip"], check=True)
    subprocess.run([*pip, *editable, "--group", f"{ROOT}/pyproject.toml:dev"], check=True)
    made.touch()
    return python


def run(arguments: list[str], version: Version, interpreter: Path) -> tuple[bool, str]:
    """Run the module under one of them; return whether it passed, and that in words."""
    name = "{}.{}".format(*version)
    print(f"{name}: {interpreter}", flush=True)
    try:
        python = environment(version, interpreter)
    except subprocess.CalledProcessError as error:
        return False, f"{name}: NOT RUN, its environment could not be made ({error})"
    started = perf_counter()
    with subprocess.Popen([python, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout or ():
            print(f"{name}: {line.decode(errors='replace')}", end="", flush=True)
    code = process.returncode
    took = perf_counter() - started
    return code == 0, f"{name}: {'passed' if code == 0 else f'FAILED, exit code {code}'}, {took:.0f} s"


def main(arguments: list[str]) -> int:
    """Run the module under each; 1 where it fails under one."""
    found = interpreters()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(partial(run, arguments), found.keys(), found.values()))
    missing = [f"{major}.{minor}: NOT RUN, not found here" for major, minor in sorted(claimed() - set(found))]
    print("\n".join(["", *(f"Python {answer}" for answer in [*(text for _, text in results), *missing])]))
    return int(not all(passed for passed, _ in results))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
