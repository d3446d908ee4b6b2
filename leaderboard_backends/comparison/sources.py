"""The code of backends that are not this library's: found without importing it, so that a change is noticed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

KINDS: Final = (".py", ".lua", ".sql")
PACKAGE: Final = "__init__.py"


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
    for place, files in _sources(modules, folder):
        digest.update(digest_of(place, files).encode())
    return digest.hexdigest()


def _sources(modules: Sequence[str], folder: str) -> Iterator[tuple[Path, list[Path]]]:
    """Yield folders, each with the files that count of it."""
    if folder:
        yield Path(folder), list(Path(folder).glob("*"))
    for module in modules:
        found = _find(module, folder)
        if found is not None:
            yield found.parent, list(found.parent.rglob("*")) if found.name == PACKAGE else [found]


def _find(module: str, folder: str) -> Path | None:
    """Search where a started process would: in `folder`, in installed packages, in the current folder."""
    first, *rest = module.split(".")
    if folder and (found := _beneath(Path(folder), [first, *rest])):
        return found
    spec = None
    with suppress(ValueError):  # of a module that is loaded and says of itself that it came from nowhere
        spec = find_spec(first)
    if spec is None:
        return _beneath(Path.cwd(), [first, *rest])
    if spec.origin is not None:
        return Path(spec.origin) if Path(spec.origin).is_file() else None
    return next(filter(None, (_beneath(Path(root), rest) for root in spec.submodule_search_locations or ())), None)


def _beneath(root: Path, parts: Sequence[str]) -> Path | None:
    """Return the file of a module beneath a folder, or that of the outermost package around it."""
    for place in (root.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)):
        for path in (place / PACKAGE, place.with_name(f"{place.name}.py")):
            if path.is_file():
                return path
    return None
