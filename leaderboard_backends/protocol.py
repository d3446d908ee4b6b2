"""The contract of a board, as an abstract class.

`LeaderboardBackend` has two faces. The public methods are the contract: they check every value, refuse calls on
a closed board, and are the same for all backends. The hooks, the same names with a leading underscore, are what a
backend writes: they receive values that have been checked already and deal with storage alone. A wrapper around
a board is a backend too; its hooks call the public methods of the board inside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from . import model
from .capabilities import Capabilities, StorageInfo
from .changes import MAX_FEED, Changes, Version, check_version, fence_passed
from .described import DescribedBoard
from .model import MAX_INTEGER, MAX_TEXT_BYTES, MIN_INTEGER, Entry, Keep, Order, Score, Update

if TYPE_CHECKING:
    from .location import Location

__all__ = ["CONTRACT_VERSION", "PAGE_SIZE", "Capabilities", "LeaderboardBackend", "StorageInfo"]

CONTRACT_VERSION: Final = "1.2"
"""The version of the contract that this module writes down and the conformance kit proves."""

_NO_FEED: Final = "its backend does not number the changes of a board (capabilities.feed)."
_NO_FENCE: Final = "its backend cannot stop other writers (capabilities.fence)."
_NONE_PASSES: Final = "its backend lets no write pass a fence (capabilities.fence_pass)."

PAGE_SIZE = 1000
"""Entries that iteration reads in one step."""


class LeaderboardBackend(DescribedBoard, ABC):
    """One leaderboard: players with scores, in a total order that is the same on every backend.

    The best score comes first (the highest, or the lowest where `order="ascending"`); within a tie, whoever
    reached the score first. An update to the same score does not change the rank; a player who returns to a
    score is ranked last in its tie. With `keep="best"`, a score that is not better than the
    current one is ignored, but the username is stored.

    The order is stored with the board: opening an existing board with another order raises
    `BoardMismatchError`. The keep rule is not stored; it applies to this board object. A board that lives in a process
    (`durable` and `shared` both false) is new and empty each time it is opened, whatever its name.

    All methods may be called from several threads. Each is atomic and linearizable on one board unless
    `capabilities` says otherwise. Every method but `close` raises `LeaderboardClosedError` after `close`, and
    `BackendUnavailableError` or another `BackendError` where the storage fails; a call that `close` overtakes
    completes or raises a `LeaderboardError`. A call that a finalizer or a signal handler makes in the middle of another
    one of its thread is answered, or raises `BackendUnavailableError`. A write is never repeated in a way that could
    apply it twice.

    The costs given here are those of a board in this process or on one server, where each call is one round trip unless
    it says otherwise; the docstring of each backend has its own.
    """

    @classmethod
    def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
        """Open the board that a URL describes; `scheme://NAME` unless a backend overrides this.

        `name` is the `board` option, if one was given; `options` holds checked values of `cls.options`.
        """
        return cls(location.board_name(name), order=order, keep=keep, **options)

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the name that the board of a URL will have, and open nothing; the arguments are `from_location`'s.

        Raises `ConfigurationError` for what `from_location` refuses of the URL and the options before it opens
        anything. A backend that overrides `from_location` overrides this too; else any URL passes.
        """
        del options
        opens = next(base for base in cls.__mro__ if "from_location" in vars(base))
        return location.board_name(name) if opens is LeaderboardBackend else name or location.default_board

    @classmethod
    def open_trial(cls, scheme: str, directory: Path) -> AbstractContextManager[str] | None:
        """Return a context that creates a temporary storage, such as for a comparison, and yields its URL.

        `directory` is for its files; a backend that needs a server can start one there, and stop it at the end. A
        backend that does not override this returns `None`: its storage has to be given by a URL. `scheme` is the one
        that the class was found under; boards of different names at that URL are different boards. The URL of a
        storage in files depends on the directory alone: the same directory gives the same URL.
        """
        del scheme, directory
        return None

    # ------------------------------------------------------------------ where it is

    def storage_info(self) -> StorageInfo:
        """Return where the data is, and what survives which failure, with the current settings.

        At most two round trips. What cannot be asked of the storage is "not known", unless the user declared it.
        Raises `BackendUnavailableError` where a server does not answer.
        """
        if self._closed:
            self._refuse_closed()
        return self._storage_info()

    # ------------------------------------------------------------------ writes

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        """Store a player's score and return the player's rank right after, from the same atomic step.

        Raises `InvalidPlayerError`, `InvalidNameError` or `InvalidScoreError` before anything is written.
        O(log players).
        """
        if self._closed:
            self._refuse_closed()
        if not (  # as the three checks below, without the time of three calls
            type(player_id) is type(username) is str
            and type(score) is int
            and player_id.isascii()
            and username.isascii()
            and 0 < len(player_id) <= MAX_TEXT_BYTES
            and len(username) <= MAX_TEXT_BYTES
            and MIN_INTEGER <= score <= MAX_INTEGER
        ):
            player_id, username = model.check_player_id(player_id), model.check_username(username)
            score = model.check_score(score)
        return self._update_score(player_id, username, score)

    def increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        """Add `delta` to a player's score and return the new entry; an unknown player starts at 0.

        Whole numbers add exactly; where one of the two is a float, the sum is that of IEEE 754 doubles. A sum
        outside the score rule raises `InvalidScoreError` and changes nothing. With `keep="best"`, a sum that is
        not better than the current score is ignored; an unknown player's first sum is always stored.
        Raises `InvalidPlayerError` and `InvalidNameError`, too. O(log players).
        """
        if self._closed:
            self._refuse_closed()
        return self._increment_score(
            model.check_player_id(player_id), model.check_username(username), model.check_score(delta)
        )

    def update_scores(self, updates: Iterable[Update]) -> int:
        """Apply many updates, with the same end state as one by one in order, and return how many they were.

        All input is checked before the first write. A backend may split long input into batches, each of them
        atomic; an error's `applied` then says how many updates of earlier batches were applied.
        Raises what `update_score` raises, and `InvalidArgumentTypeError` for what is no update. O(m log players) for m
        updates, one round trip per batch.
        """
        if self._closed:
            self._refuse_closed()
        checked = model.check_updates(updates)
        if checked:
            self._update_scores(checked)
        return len(checked)

    def remove_player(self, player_id: str) -> bool:
        """Remove a player; returns whether there was one. Raises `InvalidPlayerError`. O(log players)."""
        if self._closed:
            self._refuse_closed()
        return self._remove_player(model.check_player_id(player_id))

    def clear(self) -> None:
        """Remove all players of this board, and of no other. O(players)."""
        if self._closed:
            self._refuse_closed()
        self._clear()

    def delete(self) -> None:
        """Remove the board itself, with its players, its description, its feed and its fence, and close this object.

        A fenced board can be deleted, and so can one that is gone already. For another object that has the board open,
        each call raises `BoardMismatchError` from then on; or the board is empty, and a write or a fence begins a new
        one. O(players).
        """
        if self._closed:
            self._refuse_closed()
        self._delete()
        self.close()

    # ------------------------------------------------------------------ reads of players

    def get_score(self, player_id: str) -> Score | None:
        """Return the player's score, or `None` for an unknown player. Raises `InvalidPlayerError`. O(log players)."""
        if self._closed:
            self._refuse_closed()
        return self._get_score(model.check_player_id(player_id))

    def get_rank(self, player_id: str) -> int | None:
        """Return the player's rank, 1 being the best, or `None` for an unknown player.

        Raises `InvalidPlayerError`. O(log players).
        """
        if self._closed:
            self._refuse_closed()
        return self._get_rank(model.check_player_id(player_id))

    def get_entry(self, player_id: str) -> Entry | None:
        """Return the player's entry, or `None` for an unknown player. Raises `InvalidPlayerError`. O(log players)."""
        if self._closed:
            self._refuse_closed()
        return self._get_entry(model.check_player_id(player_id))

    def get_entries(self, player_ids: Iterable[str]) -> list[Entry | None]:
        """Return the entries of these players in the order given, `None` for unknown ones, from one state.

        The list is as long as the input. Raises `InvalidPlayerError`, and `InvalidArgumentTypeError` for what is no
        iterable of ids, such as a single string. O(k log players) for k ids.
        """
        if self._closed:
            self._refuse_closed()
        checked = model.check_player_ids(player_ids)
        return self._get_entries(checked) if checked else []

    def get_percentile(self, player_id: str) -> float | None:
        """Return `100 * (players - rank + 1) / players`, 100 for the best, `None` for an unknown player.

        In percent: above 0, at most 100. Raises `InvalidPlayerError`. O(log players).
        """
        if self._closed:
            self._refuse_closed()
        return self._get_percentile(model.check_player_id(player_id))

    def contains(self, player_id: str) -> bool:
        """Whether the board has a player of this id; `player_id in board` is the same.

        Raises `InvalidPlayerError`. O(log players).
        """
        if self._closed:
            self._refuse_closed()
        return self._get_score(model.check_player_id(player_id)) is not None

    def __contains__(self, player_id: Any) -> bool:
        return self.contains(player_id)

    # ------------------------------------------------------------------ reads of ranges

    def get_top_n(self, n: int = 100) -> list[Entry]:
        """Return the first `n` entries, fewer where the board is shorter.

        Raises `InvalidArgumentError` where `n` is no `int` of at least 0. O(log players + n).
        """
        if self._closed:
            self._refuse_closed()
        checked = model.check_count(n, "n")
        return self._get_top_n(checked) if checked else []

    def get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        """Return the entries of these ranks, both ends included, cut at the board's end.

        Raises `InvalidArgumentError` for a rank that is no `int` of at least 1, and where `first_rank` is above
        `last_rank`. O(log players + k) for k entries.
        """
        if self._closed:
            self._refuse_closed()
        return self._get_range(*model.check_range(first_rank, last_rank))

    def get_around(self, player_id: str, radius: int = 5) -> list[Entry]:
        """Return the entries from `rank - radius` to `rank + radius`, cut at the board's ends.

        Returns `[]` for an unknown player. Raises `InvalidPlayerError`, and `InvalidArgumentError` where `radius` is no
        `int` of at least 0. O(log players + radius).
        """
        if self._closed:
            self._refuse_closed()
        return self._get_around(model.check_player_id(player_id), model.check_count(radius, "radius"))

    def get_by_score(self, low: Score, high: Score, limit: int | None = None) -> list[Entry]:
        """Return the entries with `low <= score <= high`, best first, at most `limit` of them.

        The ends follow the score rule (else `InvalidScoreError`) and may be infinite; `low > high` raises
        `InvalidArgumentError`, and so does a `limit` that is no `int` of at least 0. O(log players + k) for k entries.
        """
        if self._closed:
            self._refuse_closed()
        low, high = model.check_bounds(low, high)
        return self._get_by_score(low, high, None if limit is None else model.check_count(limit, "limit"))

    def count_by_score(self, low: Score, high: Score) -> int:
        """Return how many players have `low <= score <= high`.

        The ends, and what is raised for them, are those of `get_by_score`. O(log players).
        """
        if self._closed:
            self._refuse_closed()
        return self._count_by_score(*model.check_bounds(low, high))

    def count(self) -> int:
        """Return the number of players; `len(board)` is the same. O(1), or the sum of some counts."""
        if self._closed:
            self._refuse_closed()
        return self._count()

    def __len__(self) -> int:
        return self.count()

    def __iter__(self) -> Iterator[Entry]:
        """Iterate best first, a page of 1,000 ranks at a time.

        Exact while nobody writes. Beside writers it never fails and each page is one consistent state, but as
        writes shift the ranks between two pages, a player there may come twice or not at all. O(players), one round
        trip per page.
        """
        if self._closed:
            self._refuse_closed()
        return self._iterate()

    def _iterate(self) -> Iterator[Entry]:
        first = 1
        while page := self.get_range(first, first + PAGE_SIZE - 1):
            yield from page
            if len(page) < PAGE_SIZE:
                return
            first += PAGE_SIZE

    # ------------------------------------------------------------------ changes: version, feed, fence

    def get_version(self) -> Version:
        """Return the version of the board: it rises by one with every change. O(1), one round trip.

        On a board over shards, it has a number for each shard, and `clear` raises all of them. Compare versions with
        `Version.holds`; `at_version` returns an answer with its version. Raises `UnsupportedOperationError` where
        `capabilities.feed` is false.
        """
        if self._closed:
            self._refuse_closed()
        if not self.capabilities.feed:
            self._unsupported("get_version", _NO_FEED)
        return self._get_changes(None, 0).version

    def get_changes(self, after: Version, limit: int = 1000) -> Changes:
        """Return the next changes after a version, at most `limit`, in order and without a gap.

        `Changes.following` is the version to ask for next. On a board over shards, each player's changes are in order.
        Raises `UnsupportedOperationError` where the board keeps no feed (option `feed`), and `ChangesLostError` where
        the feed does not go back that far, or the version is of another history: then read the whole board again.
        Raises `InvalidArgumentError` for a version that no board returned, and for a negative `limit`. O(limit), one
        round trip.
        """
        if self._closed:
            self._refuse_closed()
        if not self.capabilities.feed:
            self._unsupported("get_changes", _NO_FEED)
        return self._get_changes(check_version(after), min(model.check_count(limit, "limit"), MAX_FEED))

    def fence(self, moved_to: str) -> None:
        """Refuse all writes from now on with `BoardMovedError`, whoever holds an open object; reads go on.

        `moved_to` says where the board went, for example the URL of its new place, without a password. A write that
        was acknowledged before `fence` returned is stored; no later one is. Fencing again changes `moved_to`.
        Where the data outlives the object, so does the fence. Raises `UnsupportedOperationError` where
        `capabilities.fence` is false, `InvalidArgumentError` for a text that is empty, has over 500 characters or a
        password. O(1).
        """
        if self._closed:
            self._refuse_closed()
        if not self.capabilities.fence:
            self._unsupported("fence", _NO_FENCE)
        self._fence(model.check_moved_to(moved_to))

    def lift_fence(self) -> None:
        """Take writes again; does nothing where there is no fence.

        Raises `UnsupportedOperationError` where `capabilities.fence` is false. O(1).
        """
        if self._closed:
            self._refuse_closed()
        if not self.capabilities.fence:
            self._unsupported("lift_fence", _NO_FENCE)
        self._fence(None)

    def fenced(self) -> str | None:
        """Return where the board went, `None` where it takes writes.

        Raises `UnsupportedOperationError` where `capabilities.fence` is false. O(1).
        """
        if self._closed:
            self._refuse_closed()
        if not self.capabilities.fence:
            self._unsupported("fenced", _NO_FENCE)
        return self._fenced()

    def passing_fence(self, moved_to: str | None) -> AbstractContextManager[None]:
        """Return a context in which writes to this board pass a fence of exactly this text; `None` expects no fence.

        One process can so go on writing to a board that is closed to all others, until another process sets a fence
        with a text of its own. Where the fence has another text, or is lifted, writes raise `BoardMovedError`, and
        nothing is applied; so do `fence` and `lift_fence`, unless the board is in the state that they ask for. Write to
        no other board within the context. No round trip. Raises `UnsupportedOperationError` where
        `capabilities.fence_pass` is false.
        """
        if self._closed:
            self._refuse_closed()
        if not self.capabilities.fence_pass:
            self._unsupported("passing_fence", _NONE_PASSES)
        return fence_passed(None if moved_to is None else model.check_moved_to(moved_to))

    # ------------------------------------------------------------------ life

    def ping(self) -> None:
        """Return if the storage answers, even if it takes no writes, else raise `BackendUnavailableError`."""
        if self._closed:
            self._refuse_closed()
        self._ping()

    def close(self) -> None:
        """Release what the board holds (connections, files). Closing twice is fine; the data stays."""
        if not self.closed:
            self._closed, self._forked = True, False
            self._close()

    def __enter__(self) -> Self:
        if self._closed:
            self._refuse_closed()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ hooks: what a backend writes

    @abstractmethod
    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        """Store and return the rank, in one atomic step, after the rules of `order` and `keep`."""

    @abstractmethod
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        """Add (`model.add_scores`) and return the standing entry, in one atomic step."""

    @abstractmethod
    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        """Apply at least one update, in order."""

    @abstractmethod
    def _remove_player(self, player_id: str) -> bool:
        """Remove; returns whether there was one."""

    @abstractmethod
    def _clear(self) -> None:
        """Remove every player of this board."""

    @abstractmethod
    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        """Return the entries of at least one player, from one state."""

    @abstractmethod
    def _get_percentile(self, player_id: str) -> float | None:
        """Return `model.percentile` of the player's rank and the number of players, both from one state."""

    @abstractmethod
    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        """Return the entries of ranks `first_rank` to `last_rank`; `last_rank` may be beyond the end."""

    @abstractmethod
    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        """Return the neighbours, from one state; `[]` for an unknown player."""

    @abstractmethod
    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        """Return the entries of a score range, best first; an end may be infinite, `limit` may be 0."""

    @abstractmethod
    def _count_by_score(self, low: Score, high: Score) -> int:
        """Return the number of players in a score range; an end may be infinite."""

    @abstractmethod
    def _count(self) -> int:
        """Return the number of players."""

    # ------------------------------------------------------------------ hooks that a backend may write

    def _delete(self) -> None:
        """Remove the board itself; where nothing but players is stored of a board, that is `_clear`."""
        self._clear()

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        """Return the version and, for an `after`, the changes that follow it, from one state (`capabilities.feed`)."""
        raise NotImplementedError

    def _fence(self, moved_to: str | None) -> None:
        """Fence, or lift the fence (`None`), in one atomic step that every writer sees (`capabilities.fence`).

        With `capabilities.fence_pass`, `changes.check_expected` is part of that step, and `changes.check_fence` of each
        write.
        """
        raise NotImplementedError

    def _fenced(self) -> str | None:
        """Return where the board went, `None` where it takes writes (`capabilities.fence`)."""
        raise NotImplementedError

    def _storage_info(self) -> StorageInfo:
        """Return where the data is; may ask the storage."""
        return StorageInfo()

    def _get_top_n(self, n: int) -> list[Entry]:
        return self._get_range(1, n)

    def _get_entry(self, player_id: str) -> Entry | None:
        return self._get_entries((player_id,))[0]

    def _get_rank(self, player_id: str) -> int | None:
        entry = self._get_entry(player_id)
        return None if entry is None else entry.rank

    def _get_score(self, player_id: str) -> Score | None:
        entry = self._get_entry(player_id)
        return None if entry is None else entry.score

    def _ping(self) -> None:
        """Raise `BackendUnavailableError` where the storage does not answer."""

    def _close(self) -> None:
        """Release what the board holds; called once."""
