"""The Lua scripts of a board: text, flags and SHA-1 of each, for the board's order and keep rule.

A script's text is its flags, the board's settings, `library.lua`, what it shares with its like, and its own file.
The flags make the server refuse a script as a whole (out of memory, read-only replica) before it has done anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final

from ...model import Keep, Order

FORMAT: Final = 2
"""The version of the layout of a board's keys; a board of another one is refused."""

_READING: Final = "no-writes"
_REMOVING: Final = "allow-oom"
_WRITING: Final = ""

_ONE: Final = ("changing", "writing", "single")
_MANY: Final = ("changing", "writing")

_SCRIPTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "update": (_WRITING, _ONE),
    "update_many": (_WRITING, _MANY),
    "increment": (_WRITING, _ONE),
    "remove": (_REMOVING, ("changing",)),
    "clear": (_REMOVING, ("changing", "feed", "clearing")),
    "delete": (_REMOVING, ("clearing",)),
    "fenced": (_READING, ()),
    "fence": (_REMOVING, ("changing",)),
    "open": (_REMOVING, ("changing", "feed")),
    "check": (_READING, ("reading",)),
    "entries": (_READING, ("reading",)),
    "standing": (_READING, ("reading",)),
    "around": (_READING, ("reading",)),
    "by_score": (_READING, ("reading",)),
    "changes": (_READING, ()),
}
"""The flags of each script, and the files of which it has the functions: making a function costs each call."""

_FENCED: Final = {"update", "update_many", "increment", "remove", "clear"}
"""The writes that a fence refuses."""

_MENDS: Final = {"clear", "delete"}
"""What works on a board that has lost its description."""

_HARMLESS: Final = {name for name, (flags, _) in _SCRIPTS.items() if flags == _READING} | {"open"}
"""Scripts that may run again without harm: reading, and describing a board that has no description."""


@dataclass(frozen=True, slots=True)
class Script:
    """One script: `text` to load, `sha` to call, and whether a lost reply matters."""

    name: str
    text: bytes = field(repr=False)
    writes: bool = False
    sha: bytes = field(init=False)

    def __post_init__(self) -> None:
        # SHA-1 is the server's name for a script; nothing is protected by it.
        object.__setattr__(self, "sha", sha1(self.text, usedforsecurity=False).hexdigest().encode())


def board_kind(order: Order) -> str:
    """Return what a board's description must say: the format and the order."""
    return f"{FORMAT} {order}"


@cache
def load_scripts(order: Order, keep: Keep, *, with_flags: bool = True) -> dict[str, Script]:
    """Return the scripts by name; `with_flags=False` is for a server that does not know script flags."""
    return {name: _script(name, order, keep, with_flags=with_flags) for name in _SCRIPTS}


def _script(name: str, order: Order, keep: Keep, *, with_flags: bool) -> Script:
    flags, shared = _SCRIPTS[name]
    parts = ["library", *shared, name]
    shebang = f"#!lua flags={flags}\n" if with_flags and flags else "#!lua\n" if with_flags else ""
    truths = (order == "descending", keep == "best", name in _FENCED, name in _MENDS)
    words = ", ".join(str(truth).lower() for truth in truths)
    settings = f"local board, descending, best_only, writes, removes = '{board_kind(order)}', {words}\n"
    text = shebang + settings + "".join(_read(part) for part in parts)
    return Script(name, text.encode(), name not in _HARMLESS)


@cache
def _read(name: str) -> str:
    """Return a file's code without its comments, which the server need not store for every script and kind of board."""
    text = files(__name__.rpartition(".")[0]).joinpath("scripts", f"{name}.lua").read_text("utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("--"))
