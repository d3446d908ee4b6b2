"""The Lua scripts of a board: text, flags and SHA-1 of each, for the board's order and keep rule.

A script's text is its flags, the board's settings, `library.lua`, what it shares with its like, and its own file. Those
of a shard have `moving.lua` before the library where they write; those over several shards have no library.
The flags make the server refuse a script as a whole (out of memory, read-only replica) before it has done anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from hashlib import sha1
from importlib.resources import files
from typing import Final

from ...model import Keep, Order

FORMAT: Final = 2
"""The version of the layout of a board's keys; a board of another one is refused."""

_READING: Final = "no-writes"
_MANY_SLOTS: Final = "allow-cross-slot-keys"
_REMOVING: Final = "allow-oom"
_WRITING: Final = ""

TOGETHER: Final = "together"
"""The script that makes the calls of many callers; asynchronous boards alone call it, so others do not load it."""

_ONE: Final = ("changing", "writing", "single")
_MANY: Final = ("changing", "writing")

_SCRIPTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "update": (_WRITING, _ONE),
    "update_many": (_WRITING, _MANY),
    "increment": (_WRITING, (*_ONE, "adding")),
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

_OF_A_SERVER: Final = {TOGETHER: (_WRITING, (*_MANY, "adding"))}
"""The same for what a shard has not."""

_OF_A_SHARD: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "shard_standing": (f"{_READING},{_MANY_SLOTS}", ("reading", "shards", "counting")),
}
"""The same for what only a shard has."""

_OF_SHARDS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "tally": (f"{_READING},{_MANY_SLOTS}", ("shards", "counting")),
    "window": (f"{_READING},{_MANY_SLOTS}", ("shards",)),
    "sample": (f"{_READING},{_MANY_SLOTS}", ("shards",)),
    "feeds": (f"{_READING},{_MANY_SLOTS}", ("shards",)),
    "manifest": (_WRITING, ()),
    "sequencer": (_REMOVING, ("clock",)),  # a clear takes a ticket, too
    "transition": (_REMOVING, ()),
    "mark": (_REMOVING, ()),
    "state": (_READING, ()),
}
"""The same for what a board of several shards has beside those of each shard; they do not start with the library."""

_FENCED: Final = {"update", "update_many", "increment", "remove", "clear"}
"""The writes that a fence refuses; those of a shard but for a clear, which is always finished once it has begun."""

_PASSING: Final = (*sorted(_FENCED), "fence")
"""What can expect a fence: it is the last argument then ('' for none), of the script of the name `passing(...)`."""

_EXPECTED: Final = "table.remove(ARGV)\npass = pass ~= '' and pass"
"""The fence that such a script expects; false for none."""

_TICKETED: Final = {"update", "update_many", "increment"}
"""The writes that give stamps in a shard."""

_MENDS: Final = {"clear", "delete"}
"""What works on a board that has lost its description."""

_HARMLESS: Final = {
    *(name for name, (flags, _) in {**_SCRIPTS, **_OF_A_SHARD, **_OF_SHARDS}.items() if flags.startswith(_READING)),
    *("open", "manifest", "sequencer"),
}
"""Scripts that may run again without harm: reading, describing a board that has no description, taking a ticket."""


@dataclass(frozen=True, slots=True)
class Script:
    """One script: `text` to load, `sha` to call, and whether a lost reply matters."""

    name: str
    text: bytes = field(repr=False)
    writes: bool = False
    passes: bool = False
    """Whether it expects a fence, and is thus seldom called."""
    sha: bytes = field(init=False)

    def __post_init__(self) -> None:
        # SHA-1 is the server's name for a script; nothing is protected by it.
        object.__setattr__(self, "sha", sha1(self.text, usedforsecurity=False).hexdigest().encode())


def passing(name: str) -> str:
    """Return the name of the script that does the same where the board has the fence that it expects."""
    return f"{name} passing"


def board_kind(order: Order, *, shard: bool = False) -> str:
    """Return what a board's description must say: the format and the order, and whether it is one of several shards."""
    return f"{FORMAT} {order}{' shard' if shard else ''}"


@cache
def load_scripts(order: Order, keep: Keep, *, shard: bool = False, with_flags: bool = True) -> dict[str, Script]:
    """Return the scripts of a board, or of each of its shards, by name.

    `with_flags=False` is for a server that does not know script flags.
    """
    own = {**_SCRIPTS, **(_OF_A_SHARD if shard else _OF_A_SERVER)}
    make = partial(_script, order=order, keep=keep, shard=shard, with_flags=with_flags)
    scripts = {name: make(name, *parts) for name, parts in own.items()}
    scripts |= {passing(name): make(name, *own[name], passes=True) for name in _PASSING}
    if shard:
        scripts |= {name: _joint_script(name, order) for name in _OF_SHARDS}
    return scripts


def _script(
    name: str,
    flags: str,
    shared: Iterable[str],
    *,
    order: Order,
    keep: Keep,
    shard: bool,
    with_flags: bool,
    passes: bool = False,
) -> Script:
    parts = ["library", *shared, name]
    if shard and not flags.startswith(_READING):
        parts.insert(0, "moving")
    if shard and name in _TICKETED:
        parts[2:2] = ["clock", "ticket"]
    truths = {
        "descending": order == "descending",
        "best_only": keep == "best",
        "writes": (name in _FENCED and not (shard and name == "clear")) or name == TOGETHER,
        "removes": name in _MENDS,
        "shard": shard,
        "must_exist": shard and name != "open",
        "in_batches": name == "update_many",
        "passes": passes,
    }
    numbers = (7, 2**53 - 1) if shard else (6, 2**48 - 1)
    values = (f"'{board_kind(order, shard=shard)}'", *numbers, *(str(truth).lower() for truth in truths.values()))
    names = ("board", "tie_bytes", "last_tie", *truths, "stamp")
    settings = f"local {', '.join(names)} = {', '.join(map(str, values))}\n"
    settings += f"local pass = {_EXPECTED if passes else 'false'}\n"
    return replace(_assemble(name, flags, settings, parts, with_flags=with_flags), passes=passes)


def _joint_script(name: str, order: Order) -> Script:
    flags, shared = _OF_SHARDS[name]
    values = f"'{board_kind(order, shard=True)}', {str(order == 'descending').lower()}"
    return _assemble(name, flags, f"local board, descending = {values}\n", (*shared, name))


def _assemble(name: str, flags: str, settings: str, parts: Iterable[str], *, with_flags: bool = True) -> Script:
    shebang = f"#!lua flags={flags}\n" if with_flags and flags else "#!lua\n" if with_flags else ""
    text = shebang + settings + "".join(_read(part) for part in parts)
    return Script(name, text.encode(), name not in _HARMLESS)


@cache
def _read(name: str) -> str:
    """Return a file's code without its comments, which the server need not store for every script and kind of board."""
    text = files(__name__.rpartition(".")[0]).joinpath("scripts", f"{name}.lua").read_text("utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("--"))
