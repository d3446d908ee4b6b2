"""Bugs in player ids and usernames."""

from __future__ import annotations

import html
import unicodedata
from fnmatch import fnmatchcase
from re import escape, fullmatch

from leaderboard_backends import Entry

from .bases import FoldingBoard
from .registry import killed_by

COMPARED = "test_ids_are_compared_as_bytes"
AS_GIVEN = "test_ids_and_usernames_come_back_as_given"
EACH_TEXT = "test_each_text_goes_through_every_operation"
LONG_NAMES = "test_usernames_of_128_bytes_and_none"


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


@killed_by("texts", COMPARED)
class UnicodeFolded(FoldingBoard):
    """Two ids that look the same, one of composed characters, are one player."""

    def _id(self, player_id: str) -> str:
        return unicodedata.normalize("NFC", player_id)


@killed_by("texts", COMPARED)
class CaseFolded(FoldingBoard):
    """`Ada` and `ada` are one player."""

    def _id(self, player_id: str) -> str:
        return player_id.casefold()


@killed_by("texts", COMPARED)
class SpacesStripped(FoldingBoard):
    """Spaces around an id are lost."""

    def _id(self, player_id: str) -> str:
        return player_id.strip() or player_id


@killed_by("texts", COMPARED)
class TrailingSpacesIgnored(FoldingBoard):
    """`a` and `a ` are one player, as in columns that pad with spaces."""

    def _id(self, player_id: str) -> str:
        return player_id.rstrip(" ") or player_id


@killed_by("texts", COMPARED)
class EndsAtNul(FoldingBoard):
    """An id ends at its first zero byte, as a C string does."""

    def _id(self, player_id: str) -> str:
        return player_id.partition("\x00")[0]


@killed_by("texts", COMPARED)
class LastByteOfTheIdLost(FoldingBoard):
    """Ids are cut to 127 bytes."""

    def _id(self, player_id: str) -> str:
        return _cut(player_id, 127)


@killed_by("texts", COMPARED)
class FourBytesAreTooMany(FoldingBoard):
    """Characters beyond the basic plane become question marks."""

    def _id(self, player_id: str) -> str:
        return "".join(letter if ord(letter) < 2**16 else "?" for letter in player_id)


@killed_by("texts", COMPARED)
class LatinOnly(FoldingBoard):
    """Characters that Latin-1 lacks become question marks."""

    def _id(self, player_id: str) -> str:
        return player_id.encode("latin-1", "replace").decode("latin-1")


@killed_by("texts", COMPARED)
class NumbersAreOneNumber(FoldingBoard):
    """`1` and `01` are one player: an id that looks like a number becomes one."""

    def _id(self, player_id: str) -> str:
        return str(int(player_id)) if player_id.isdecimal() else player_id


@killed_by("texts", COMPARED)
class LineEndsTranslated(FoldingBoard):
    """Line ends within a text change, as in a file opened as text."""

    def _id(self, player_id: str) -> str:
        return player_id.replace("\r\n", "\n")


@killed_by("texts", AS_GIVEN)
class MarkIsLost(FoldingBoard):
    """A byte order mark before an id is lost."""

    def _id(self, player_id: str) -> str:
        return player_id.encode().decode("utf-8-sig")


@killed_by("texts", COMPARED)
class NullIsNobody(FoldingBoard):
    """A player with the id `null` is nobody."""

    def __contains__(self, player_id: object) -> bool:
        return super().__contains__(player_id) and player_id != "null"


@killed_by("texts", AS_GIVEN)
class UsernameEndsAtNul(FoldingBoard):
    """A username ends at its first zero byte."""

    def _username(self, username: str) -> str:
        return username.partition("\x00")[0]


@killed_by("texts", AS_GIVEN)
class UsernameStripped(FoldingBoard):
    """Spaces around a username are lost."""

    def _username(self, username: str) -> str:
        return username.strip()


@killed_by("texts", AS_GIVEN)
class UsernameEscaped(FoldingBoard):
    """Quotes in a username come back as HTML."""

    def _username(self, username: str) -> str:
        return html.escape(username)


@killed_by("texts", AS_GIVEN)
class UsernameComposed(FoldingBoard):
    """A username of combining characters comes back composed."""

    def _username(self, username: str) -> str:
        return unicodedata.normalize("NFC", username)


@killed_by("texts", LONG_NAMES)
class SixtyFourBytesOfUsername(FoldingBoard):
    """Usernames are cut to 64 bytes."""

    def _username(self, username: str) -> str:
        return _cut(username, 64)


@killed_by("texts", LONG_NAMES)
class EmptyUsernameIsTheId(FoldingBoard):
    """A player without a username shows the id for one."""

    def _entry(self, rank: int, player_id: str) -> Entry:
        entry = super()._entry(rank, player_id)
        return entry if entry.username else entry._replace(username=player_id)


class _RemovesByPattern(FoldingBoard):
    def _matches(self, player_id: str, pattern: str) -> bool:
        return player_id == pattern

    def _remove_player(self, player_id: str) -> bool:
        found = [other for other in self._players if other == player_id or self._matches(other, player_id)]
        removed = [super(_RemovesByPattern, self)._remove_player(other) for other in found]
        return any(removed)


@killed_by("texts", EACH_TEXT)
class StarRemovesAll(_RemovesByPattern):
    """Removing the player `*` removes everybody, as a delete by pattern does."""

    def _matches(self, player_id: str, pattern: str) -> bool:
        return "[" not in pattern and fnmatchcase(player_id, pattern)


@killed_by("texts", EACH_TEXT)
class PercentRemovesAll(_RemovesByPattern):
    """Removing the player `%` removes everybody, as LIKE of SQL does."""

    def _matches(self, player_id: str, pattern: str) -> bool:
        return fullmatch(escape(pattern).replace("%", ".*"), player_id) is not None


@killed_by("texts", EACH_TEXT)
class UnderscoreMatchesAnyLetter(_RemovesByPattern):
    """Removing the player `o_her` removes `other`, as LIKE of SQL does."""

    def _matches(self, player_id: str, pattern: str) -> bool:
        return fullmatch(escape(pattern).replace("_", "."), player_id) is not None


@killed_by("texts", EACH_TEXT)
class PrefixMatches(_RemovesByPattern):
    """Removing a player removes all whose ids start with that id."""

    def _matches(self, player_id: str, pattern: str) -> bool:
        return player_id.startswith(pattern)


@killed_by("texts", AS_GIVEN)
class JoinedByColons(FoldingBoard):
    """An id with a colon comes back cut there: a row is stored as `id:username`."""

    def _entry(self, rank: int, player_id: str) -> Entry:
        entry = super()._entry(rank, player_id)
        return entry._replace(player_id=entry.player_id.split(":")[0] or entry.player_id)
