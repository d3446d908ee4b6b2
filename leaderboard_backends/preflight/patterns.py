"""The study's anti-patterns, as far as a board's description and a sample of its entries show them.

The sample is read from the configured board, which is never written: on a server it is opened only where it has players
already; of a board in a file, a copy of the file is opened. `docs/anti-patterns.md` has what each of them costs.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Final

from ..comparison.document.numerals import size, whole
from ..location import Location
from ..model import MAX_TEXT_BYTES, Entry
from .finding import Finding, not_applicable, passed, warning
from .kinds import kind_of
from .server import Server
from .subject import Subject

PAGE: Final = "docs/anti-patterns.md"
NAIVE: Final = "naive"
MOST_NAIVE: Final = 5_000
"""Players up to which sorting at every query is a matter of taste."""
SAMPLE: Final = 1_000
FAT: Final = MAX_TEXT_BYTES
"""Bytes of an average entry's id and name, half of what the contract allows, from which on entries are fat."""
LARGEST_COPY: Final = 64_000_000
"""Bytes of a file that is copied for a sample."""


def check_sorting(subject: Subject) -> Finding:
    """A board that sorts at every query, for more players than that is for."""
    if subject.opening.location.scheme != NAIVE:
        return passed("the board keeps its order")
    players = subject.expectations.expected_players or subject.filled.players
    figure = f"naive:// sorts at a query, O(n log n), and {whole(players)} players are expected"
    if players <= MOST_NAIVE:
        return passed(figure)
    return warning(figure, f"Use memory://, which is the same board with an order; {PAGE} has what sorting costs.")


def check_fat_entries(subject: Subject) -> Finding:
    """Texts that carry more than an id and a name."""
    entries = _sample(subject)
    if not entries:
        return not_applicable("there are no entries yet to look at, or not where they can be read")
    lengths = [len(entry.player_id.encode()) + len(entry.username.encode()) for entry in entries]
    figure = f"{size(fmean(lengths))} of texts an entry, of {whole(len(entries))} entries"
    if fmean(lengths) < FAT:
        return passed(figure)
    return warning(
        figure, f"Keep an id and a name on the board, and all else in the app's own store; {PAGE} has the cost."
    )


def check_sharding(subject: Subject) -> Finding:
    """Shards are not to be seen from one board."""
    del subject
    return not_applicable(f"this board is one; other boards are not looked at. {PAGE} has the cost of ten too early")


def check_ties(subject: Subject) -> Finding:
    """Ties that overwrite each other, or are in any order, cannot happen."""
    del subject
    return passed("cannot happen: first come, first served is the contract, proven by leaderboard conformance")


def check_unneeded_order(subject: Subject) -> Finding:
    """A sorted structure where nobody asks for an order shows only in what is asked."""
    del subject
    return not_applicable(
        "shows after a week: where leaderboard_call_duration_seconds_count has no call of get_top_n, get_rank, "
        "get_range or get_around, a dict would do"
    )


# ---------------------------------------------------------------------- a sample of the configured board


def _sample(subject: Subject) -> Sequence[Entry]:
    kind = kind_of(subject.opening)
    if kind == "server":
        return _from_server(subject)
    return _from_copy(subject) if kind == "file" else ()


def _from_server(subject: Subject) -> Sequence[Entry]:
    bare = replace(subject.opening, layers={})
    name = bare.name or bare.location.default_board
    with Server.of(bare) as server:
        if not server.has_players(bare, name):
            return ()
    with bare.open() as board:
        return board.get_top_n(SAMPLE)


def _from_copy(subject: Subject) -> Sequence[Entry]:
    opening = subject.opening
    path = Path(opening.location.path)
    if not path.is_file() or path.stat().st_size > LARGEST_COPY:
        return ()
    url = opening.backend.trial_url(opening.location.scheme, subject.scratch.folder())
    place = Location.parse(url or "", opening.location.default_board)[0]
    shutil.copyfile(path, place.path)
    with replace(opening, location=place, layers={}).open() as board:
        return board.get_top_n(SAMPLE)
