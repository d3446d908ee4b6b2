"""What to type to install something more, in a form that works for how this library was installed here.

Nobody is helped by a line that installs another copy, or into another environment. So the line names the checkout or
the wheel that the library came from (`direct_url.json`, as packaging.python.org describes it), and the pip of this
very interpreter where another one is first on the path.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

DISTRIBUTION: Final = "leaderboard-backends"


def install_extra(extra: str, *, upgrade: bool = False) -> str:
    """Return the command that installs an extra of this library, quoted for a shell."""
    return _command(*_requirement(DISTRIBUTION, f"[{extra}]"), upgrade=upgrade)


def install_distribution(name: str) -> str:
    """Return the command that installs another distribution: one of this project's from the same checkout."""
    source = _checkout(_direct_url(DISTRIBUTION))
    beside = source / "adapters" / name if source else None
    requirement = (str(beside),) if beside and beside.is_dir() else (name,)
    return _command(*requirement)


def _requirement(name: str, extras: str) -> tuple[str, ...]:
    found = _direct_url(name)
    if source := _checkout(found):
        editable = ("--editable",) if found["dir_info"].get("editable") else ()
        return (*editable, f"{source}{extras}")
    url = str(found.get("url", ""))
    if "vcs_info" in found:
        return (f"{name}{extras} @ {found['vcs_info']['vcs']}+{url}@{found['vcs_info']['commit_id']}",)
    if "archive_info" in found and (not url.startswith("file:") or _path(url).is_file()):
        return (f"{name}{extras} @ {url}",)
    return (f"{name}{extras}",)


def _checkout(found: dict[str, Any]) -> Path | None:
    """Return the folder that a distribution was installed from; `None` where it was another source, or is gone."""
    folder = _path(found["url"]) if "dir_info" in found else None
    return folder if folder and folder.is_dir() else None


def _path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def _direct_url(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_metadata(name, "direct_url.json") or "{}")
    return found


def _command(*requirement: str, upgrade: bool = False) -> str:
    options = ("--upgrade",) if upgrade else ()
    return shlex.join([*_installer(), *options, *requirement])


def _installer() -> tuple[str, ...]:
    """Return what installs for this interpreter; a pip by its name where that is the one that a shell would run."""
    if _metadata(DISTRIBUTION, "INSTALLER").strip() == "uv":
        return ("uv", "pip", "install", "--python", sys.executable)
    first = shutil.which("pip")
    if first and Path(first).parent == Path(sys.executable).parent:
        return ("pip", "install")
    return (sys.executable, "-m", "pip", "install")


def _metadata(name: str, file: str) -> str:
    try:
        return distribution(name).read_text(file) or ""
    except PackageNotFoundError:
        return ""
