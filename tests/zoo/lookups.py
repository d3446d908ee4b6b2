"""Bugs in reads of players: friends boards, membership, unknown players."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leaderboard_backends import Entry, InvalidPlayerError, Score

from .bases import PlainBoard
from .registry import killed_by

UNKNOWN = "test_an_unknown_player_reads_as_none"
FRIENDS = "test_friends_come_in_the_order_asked_for"
NO_FRIENDS = "test_no_friends_are_an_empty_list"


@killed_by("lookups", UNKNOWN)
class UnknownRanksLast(PlainBoard):
    """A player who is not there has the rank behind the last."""

    def _get_rank(self, player_id: str) -> int | None:
        return super()._get_rank(player_id) or self._count() + 1


@killed_by("lookups", UNKNOWN)
class UnknownRanksZero(PlainBoard):
    """A player who is not there has rank 0."""

    def _get_rank(self, player_id: str) -> int | None:
        return super()._get_rank(player_id) or 0


@killed_by("lookups", UNKNOWN)
class UnknownScoresZero(PlainBoard):
    """A player who is not there has a score of 0."""

    def _get_score(self, player_id: str) -> Score | None:
        return super()._get_score(player_id) or 0


@killed_by("lookups", UNKNOWN)
class UnknownHasPercentileZero(PlainBoard):
    """A player who is not there has percentile 0."""

    def _get_percentile(self, player_id: str) -> float | None:
        return super()._get_percentile(player_id) or 0.0


@killed_by("lookups", UNKNOWN)
class UnknownRaises(PlainBoard):
    """`in` raises for a player who is not there."""

    def __contains__(self, player_id: object) -> bool:
        if super().__contains__(player_id):
            return True
        raise InvalidPlayerError(f"there is no player {player_id!r}.")


@killed_by("lookups", UNKNOWN)
class ReadingAdds(PlainBoard):
    """Asking for a friend who is not there puts the friend on the board, as a defaultdict does."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        entries = super()._get_entries(player_ids)
        for player_id, entry in zip(player_ids, entries, strict=True):
            if entry is None:
                self._store(player_id, "", 0)
        return entries


@killed_by("lookups", FRIENDS)
class UnknownFriendsDropped(PlainBoard):
    """A friends board leaves out those who are not there, so that it is shorter than what was asked for."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        found: list[Entry | None] = [entry for entry in super()._get_entries(player_ids) if entry]
        return found or [None] * len(player_ids)


@killed_by("lookups", FRIENDS)
class RepeatedFriendsDropped(PlainBoard):
    """A friend who is asked for twice comes once."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return super()._get_entries(list(dict.fromkeys(player_ids)))


@killed_by("lookups", FRIENDS)
class FriendsByRank(PlainBoard):
    """A friends board comes best first, whatever order was asked for."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        entries = super()._get_entries(player_ids)
        return sorted(entries, key=lambda entry: entry.rank if entry else len(self._players) + 1)


@killed_by("lookups", "test_hundreds_of_friends_in_one_call")
class FiveHundredFriends(PlainBoard):
    """Of more than 500 friends, the others read as unknown."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return super()._get_entries(player_ids[:500]) + [None] * len(player_ids[500:])


@killed_by("lookups", NO_FRIENDS)
class NoFriendsAreEverybody(PlainBoard):
    """Who asks for no friends gets the whole board."""

    def get_entries(self, player_ids: Iterable[str]) -> list[Entry | None]:
        return super().get_entries(player_ids) or list(self._get_range(1, self._count()))


@killed_by("lookups", FRIENDS)
class FriendsReadTwice(PlainBoard):
    """Friends given by a generator are nobody: it is read once to count them, and once more to find them."""

    def get_entries(self, player_ids: Iterable[str]) -> list[Entry | None]:
        if isinstance(player_ids, str | bytes) or not isinstance(player_ids, Iterable):
            return super().get_entries(player_ids)
        number = sum(1 for _ in player_ids)
        return super().get_entries(player_ids)[:number]


@killed_by("lookups", FRIENDS)
class SortsTheCallersList(PlainBoard):
    """Asking for friends sorts the list of their ids that the app holds."""

    def get_entries(self, player_ids: Iterable[str]) -> list[Entry | None]:
        entries = super().get_entries(player_ids)
        if isinstance(player_ids, list):
            player_ids.sort()
        return entries


@killed_by("lookups", "test_score_rank_and_entry_agree")
class EntryOfTheNextPlayer(PlainBoard):
    """`get_entry` answers with the username of the player one rank below."""

    def _get_entry(self, player_id: str) -> Entry | None:
        entry = super()._get_entry(player_id)
        below = self._get_range(entry.rank + 1, entry.rank + 1) if entry else []
        return entry._replace(username=below[0].username) if entry and below else entry
