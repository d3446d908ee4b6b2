"""What a server does when its memory is short, and whether the expected players fit."""

from __future__ import annotations

from typing import Final

import psutil

from ..numerals import size, whole
from .finding import Finding, failed, not_applicable, passed, together, warning
from .kinds import kind_of
from .server import Memory, Server, ask_each
from .subject import Subject

NO_EVICTION: Final = "noeviction"
EVICTS_ALL: Final = "allkeys"
ENOUGH: Final = 0.8
"""The part of the room from which on there is little left: copies on write while a server saves, other boards."""
NOT_TOLD: Final = "Permit its user +info and +config|get."


def check_eviction(subject: Subject) -> Finding:
    """Look at `maxmemory` and `maxmemory-policy`: a policy that evicts deletes whole boards."""
    if kind_of(subject.opening) != "server":
        return not_applicable("the board is not on a server that could evict it")
    return together(map(_evicts, ask_each(subject.opening, Server.memory)))


def _evicts(found: Memory | None) -> Finding:
    if found is None:
        return warning("the server does not report its memory", NOT_TOLD)
    figure = f"maxmemory-policy {found.policy}, maxmemory {size(found.limit) if found.limit else '0 (no limit)'}"
    if found.policy.startswith(EVICTS_ALL):
        return failed(
            f"{figure}: when memory is short, the server deletes boards or parts of them",
            "Set maxmemory-policy noeviction in the server's configuration file, and with CONFIG SET.",
        )
    if found.policy != NO_EVICTION:
        return warning(
            f"{figure}: boards have no expiry and stay, but other keys may be deleted",
            "Set maxmemory-policy noeviction.",
        )
    if not found.limit:
        return warning(
            f"{figure}: when memory runs out, the operating system kills the server",
            "Set maxmemory to about half of the machine's memory: the server then refuses writes and still serves "
            "reads.",
        )
    return passed(f"{figure}: when memory is short, writes are refused and nothing is lost")


def check_memory(subject: Subject) -> Finding:
    """Compare the measured bytes per player with the free memory."""
    kind = kind_of(subject.opening)
    if kind in ("files", "not known"):
        return not_applicable(
            "players are in a file, not in memory" if kind == "files" else "the backend does not report its memory"
        )
    each = subject.filled.bytes_a_player
    if each is None:
        return not_applicable(f"{whole(subject.filled.players)} players are too few to measure bytes per player")
    expected = subject.expectations.expected_players
    if expected is None:
        return warning(
            f"{size(each)} per player; the expected number of players is not given",
            f"Set expected_players in [preflight.{subject.name}].",
        )
    room = _room(subject)
    if room is None:
        return warning(f"{size(each)} per player; the server does not report its memory", NOT_TOLD)
    return _judged(each, expected, room)


def _judged(each: float, expected: int, room: float) -> Finding:
    need = each * expected
    figure = f"{size(each)} per player: {size(need)} for {whole(expected)} players, and {size(room)} are free"
    if need > room:
        return failed(figure, "Add memory, or lower expected_players; leaderboard cost says what memory costs.")
    if need > ENOUGH * room:
        return warning(figure, "Little is left for growth and for copies while the server saves: add memory.")
    return passed(figure)


def _room(subject: Subject) -> float | None:
    """Return the bytes that are free: below the server's own limit, or on the machine.

    Players are spread evenly over the primaries of a cluster, so the fullest of them counts for each.
    """
    if kind_of(subject.opening) == "process":
        return float(psutil.virtual_memory().available)
    found = ask_each(subject.opening, Server.memory)
    rooms = [(each.limit or each.machine) - each.used for each in found if each and (each.limit or each.machine)]
    return float(min(rooms) * len(rooms)) if len(rooms) == len(found) else None
