"""Known anti-patterns, as far as a board's configuration, its expected load and its first entries show them.

`docs/anti-patterns.md` has what each of them costs.
"""

from __future__ import annotations

import re
from statistics import fmean
from typing import Final

from ..errors import LeaderboardError
from ..model import MAX_TEXT_BYTES
from ..numerals import significant, size, whole
from .configured import players_on_server, sample
from .finding import Finding, not_applicable, passed, warning
from .server import is_cluster
from .subject import Subject

PAGE: Final = "docs/anti-patterns.md"
SCALING: Final = "docs/outgrow-one-machine.md"
NAIVE: Final = "naive"
MOST_NAIVE: Final = 5_000
"""Players up to which sorting at every query is a matter of taste."""
FAT: Final = MAX_TEXT_BYTES
"""Bytes of an average entry's id and name, half of what the contract allows, from which on entries are fat."""
ONE_BOARD_HOLDS: Final = 1_000_000
"""Players that one board is known to hold, so that there is no reason to shard."""
_SHARD: Final = re.compile(r"(?i)(?P<whole>.*?)[-_.]?(?:shard|partition|bucket|part)[-_.]?[0-9]+")
"""What a shard's board is called, such as `weekly-shard-3`."""


def check_sorting(subject: Subject) -> Finding:
    """A board that sorts at every query, for more players than that is for."""
    if subject.opening.location.scheme != NAIVE:
        return passed("the board keeps its order")
    players = subject.expectations.expected_players or subject.filled.players
    figure = f"naive:// sorts all players at every query, O(n log n), and {whole(players)} players are expected"
    if players <= MOST_NAIVE:
        return passed(figure)
    return warning(figure, f"Use memory://, which keeps them sorted; {PAGE} shows what sorting costs.")


def check_fat_entries(subject: Subject) -> Finding:
    """Texts that carry more than an id and a name."""
    try:
        entries = sample(subject)
    except LeaderboardError:
        return not_applicable("the configured board cannot be read (see above)")
    if not entries:
        return not_applicable("there are no entries yet, or they cannot be read from here")
    lengths = [len(entry.player_id.encode()) + len(entry.username.encode()) for entry in entries]
    figure = f"{size(fmean(lengths))} of id and name per entry, in {whole(len(entries))} entries"
    if fmean(lengths) < FAT:
        return passed(figure)
    return warning(
        figure,
        f"Store only an id and a name on the board, and the rest in the app's own database; {PAGE} shows the cost.",
    )


def check_sharding(subject: Subject) -> Finding:
    """Boards of the file that are called as shards of one, and those on a cluster, that one board or server holds."""
    shards = _shards(subject)
    if not shards and is_cluster(subject.opening):
        return _on_cluster(subject)
    if not shards:
        return passed("no board of the file is named like a shard")
    players = subject.expectations.expected_players
    figure = f"one of {len(shards)} shards" + (f" of {whole(players)} players each" if players else "")
    if players and players * len(shards) > ONE_BOARD_HOLDS:
        return passed(figure)
    return warning(
        figure,
        f"One board holds {whole(ONE_BOARD_HOLDS)} players; ranks and tops of shards must be merged. {PAGE} shows the "
        f"cost. If you expect more players, set expected_players in [preflight.{subject.name}].",
    )


def _on_cluster(subject: Subject) -> Finding:
    """Return whether one server would hold the board: no warning, as there may be other reasons for the cluster."""
    try:
        found = players_on_server(subject) or 0
    except LeaderboardError:
        found = 0  # another check says that it cannot be read
    players = max(found, subject.expectations.expected_players or 0)
    if not players:
        return not_applicable("the players of a board on a cluster are not known: set expected_players")
    holds = subject.one_server_holds(subject.expectations.durable)
    if holds is None:
        return not_applicable("it is not known how many players one server holds")
    if players > holds:
        return passed(f"one server does not hold {whole(players)} players")
    return passed(
        f"{whole(players)} players: one server holds them by its memory, up to about {significant(holds, 2)}, and "
        f"answers faster ({SCALING})"
    )


def _shards(subject: Subject) -> list[str]:
    """Return the boards of the file that seem to be shards of one, this one among them; none where there is one."""
    own = _SHARD.fullmatch(subject.name)
    if own is None:
        return []
    found = [name for name in subject.boards if (it := _SHARD.fullmatch(name)) and it["whole"] == own["whole"]]
    return found if len(found) > 1 else []


def check_ties(subject: Subject) -> Finding:
    """Ties that overwrite each other, or are in any order, cannot happen."""
    del subject
    return passed(
        "cannot happen: every backend ranks ties first come, first served (tested by leaderboard conformance)"
    )


def check_unneeded_order(subject: Subject) -> Finding:
    """A sorted structure where nobody asks for an order: before launch, only where no reads are expected."""
    if subject.expectations.expected_reads == 0:
        return warning(
            "expected_reads = 0: nobody asks for a rank or a top",
            f"Store the scores in a dict or a hash; {PAGE} shows what an order costs.",
        )
    return not_applicable(
        "to be checked after a week: if leaderboard_call_duration_seconds_count has no calls of get_top_n, get_rank, "
        "get_range or get_around, a dict is enough"
    )
