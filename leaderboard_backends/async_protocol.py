# generated from leaderboard_backends/protocol.py
# by tools/async_faces.py: change that file, then run `make faces`
"""The contract of a board, as an abstract class whose operations are coroutines.

`AsyncLeaderboard` has two faces. The public methods are the contract: they check every value, refuse calls on
a closed board, and are the same for all backends. The hooks, the same names with a leading underscore, are what a
backend writes: they receive values that have been checked already and deal with storage alone. A wrapper around
a board is a backend too; its hooks call the public methods of the board inside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from . import in_turns, model
from .capabilities import StorageInfo
from .changes import MAX_FEED, Changes, Version, check_version, fence_passed
from .described import DescribedBoard
from .model import MAX_INTEGER, MAX_TEXT_BYTES, MIN_INTEGER, Entry, Keep, Order, Score, Update
from .protocol import PAGE_SIZE

if TYPE_CHECKING:
    from .location import Location

__all__ = ["AsyncLeaderboard"]

_NO_FEED: Final = "its backend does not number the changes of a board (capabilities.feed)."
_NO_FENCE: Final = "its backend cannot stop other writers (capabilities.fence)."
_NONE_PASSES: Final = "its backend lets no write pass a fence (capabilities.fence_pass)."


class AsyncLeaderboard(DescribedBoard, ABC):
    """One leaderboard: players with scores, in a total order that is the same on every backend.

    The best score comes first (the highest, or the lowest where `order="ascending"`); within a tie, whoever
    reached the score first. An update to the same score does not change the rank; a player who returns to a
    score is ranked last in its tie. With `keep="best"`, a score that is not better than the
    current one is ignored, but the username is stored.

    The order is stored with the board: opening an existing board with another order raises
    `BoardMismatchError`. The keep rule is not stored; it applies to this board object. A board that lives in a process
    (`durable` and `shared` both false) is new and empty each time it is opened, whatever its name.

    All methods may be called by many tasks at once. Each is atomic and linearizable on one board unless
    `capabilities` says otherwise. Every method but `close` raises `LeaderboardClosedError` after `close`, and
    `BackendUnavailableError` or another `BackendError` where the storage fails; a call that `close` overtakes
    completes or raises a `LeaderboardError`. A call that a finalizer or a signal handler makes in the middle of another
    one of its thread is answered, or raises `BackendUnavailableError`. A write is never repeated in a way that could
    apply it twice.

    The costs given here are those of a board in this process or on one server, where each call is one round trip unless
    it says otherwise; the docstring of each backend has its own.
    """

    @classmethod
    async def from_location(
        cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any
    ) -> Self:
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
        return location.board_name(name) if opens is AsyncLeaderboard else name or location.default_board

    # ------------------------------------------------------------------ where it is

    async def storage_info(self) -> StorageInfo:
        """Return where the data is, and what survives which failure, with the current settings.

        At most two round trips. What cannot be asked of the storage is "not known", unless the user declared it.
        Raises `BackendUnavailableError` where a server does not answer.
        """
        if self._closed:
            self._refuse_closed()
        return await self._storage_info()

    # ------------------------------------------------------------------ writes

    async def update_score(self, player_id: str, username: str, score: Score) -> int:
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
        return await self._update_score(player_id, username, score)

    async def increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        """Add `delta` to a player's score and return the new entry; an unknown player starts at 0.

        Whole numbers add exactly; where one of the two is a float, the sum is that of IEEE 754 doubles. A sum
        outside the score rule raises `InvalidScoreError` and changes nothing. With `keep="best"`, a sum that is
        not better than the current score is ignored; an unknown player's first sum is always stored.
        Raises `InvalidPlayerError` and `InvalidNameError`, too. O(log players).
        """
        if self._closed:
            self._refuse_closed()
        return await self._increment_score(
            model.check_player_id(player_id), model.check_username(username), model.check_score(delta)
        )

    async def update_scores(self, updates: Iterable[Update]) -> int:
        """Apply many updates, with the same end state as one by one in order, and return how many they were.

        All input is checked before the first write. A backend may split long input into batches, each of them
        atomic; an error's `applied` then says how many updates of earlier batches were applied.
        Raises what `update_score` raises, and `InvalidArgumentTypeError` for what is no update. O(m log players) for m
        updates, one round trip per batch.
        """
        if self._closed:
            self._refuse_closed()
        checked = await in_turns.check_updates(updates)
        if self._closed:  # while it waited for its turn
            self._refuse_closed()
        if checked:
            await self._update_scores(checked)
        return len(checked)

    async def remove_player(self, player_id: str) -> bool:
        """Remove a player; returns whether there was one. Raises `InvalidPlayerError`. O(log players)."""
        if self._closed:
            self._refuse_closed()
        return await self._remove_player(model.check_player_id(player_id))

    async def clear(self) -> None:
        """Remove all players of this board, and of no other. O(players)."""
        if self._closed:
            self._refuse_closed()
        await self._clear()

    async def delete(self) -> None:
        """Remove the board itself, with its players, its description, its feed and its fence, and close this object.

        A fenced board can be deleted, and so can one that is gone already. For another object that has the board open,
        each call raises `BoardMismatchError` from then on; or the board is empty, and a write or a fence begins a new
        one. O(players).
        """
        if self._closed:
            self._refuse_closed()
        await self._delete()
        await self.close()

    # ------------------------------------------------------------------ reads of players

    async def get_score(self, player_id: str) -> Score | None:
        """Return the player's score, or `None` for an unknown player. Raises `InvalidPlayerError`. O(log players)."""
        if self._closed:
            self._refuse_closed()
        return await self._get_score(model.check_player_id(player_id))

    async def get_rank(self, player_id: str) -> int | None:
        """Return the player's rank, 1 being the best, or `None` for an unknown player.

        Raises `InvalidPlayerError`. O(log players).
        """
        if self._closed:
            self._refuse_closed()
        return await self._get_rank(model.check_player_id(player_id))

    async def get_entry(self, player_id: str) -> Entry | None:
        """Return the player's entry, or `None` for an unknown player. Raises `InvalidPlayerError`. O(log players)."""
        if self._closed:
            self._refuse_closed()
        return await self._get_entry(model.check_player_id(player_id))

    async def get_entries(self, player_ids: Iterable[str]) -> list[Entry | None]:
        """Return the entries of these players in the order given, `None` for unknown ones, from one state.

        The list is as long as the input. Raises `InvalidPlayerError`, and `InvalidArgumentTypeError` for what is no
        iterable of ids, such as a single string. O(k log players) for k ids.
        """
        if self._closed:
            self._refuse_closed()
        checked = await in_turns.check_player_ids(player_ids)
        if self._closed:  # while it waited for its turn
            self._refuse_closed()
        return await self._get_entries(checked) if checked else []

    async def get_percentile(self, player_id: str) -> float | None:
        """Return `100 * (players - rank + 1) / players`, 100 for the best, `None` for an unknown player.

        In percent: above 0, at most 100. Raises `InvalidPlayerError`. O(log players).
        """
        if self._closed:
            self._refuse_closed()
        return await self._get_percentile(model.check_player_id(player_id))

    async def contains(self, player_id: str) -> bool:
        """Whether the board has a player of this id.

        Raises `InvalidPlayerError`. O(log players).
        """
        if self._closed:
            self._refuse_closed()
        return await self._get_score(model.check_player_id(player_id)) is not None

    # ------------------------------------------------------------------ reads of ranges

    async def get_top_n(self, n: int = 100) -> list[Entry]:
        """Return the first `n` entries, fewer where the board is shorter.

        Raises `InvalidArgumentError` where `n` is no `int` of at least 0. O(log players + n).
        """
        if self._closed:
            self._refuse_closed()
        checked = model.check_count(n, "n")
        return await self._get_top_n(checked) if checked else []

    async def get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        """Return the entries of these ranks, both ends included, cut at the board's end.

        Raises `InvalidArgumentError` for a rank that is no `int` of at least 1, and where `first_rank` is above
        `last_rank`. O(log players + k) for k entries.
        """
        if self._closed:
            self._refuse_closed()
        return await self._get_range(*model.check_range(first_rank, last_rank))

    async def get_around(self, player_id: str, radius: int = 5) -> list[Entry]:
        """Return the entries from `rank - radius` to `rank + radius`, cut at the board's ends.

        Returns `[]` for an unknown player. Raises `InvalidPlayerError`, and `InvalidArgumentError` where `radius` is no
        `int` of at least 0. O(log players + radius).
        """
        if self._closed:
            self._refuse_closed()
        return await self._get_around(model.check_player_id(player_id), model.check_count(radius, "radius"))

    async def get_by_score(self, low: Score, high: Score, limit: int | None = None) -> list[Entry]:
        """Return the entries with `low <= score <= high`, best first, at most `limit` of them.

        The ends follow the score rule (else `InvalidScoreError`) and may be infinite; `low > high` raises
        `InvalidArgumentError`, and so does a `limit` that is no `int` of at least 0. O(log players + k) for k entries.
        """
        if self._closed:
            self._refuse_closed()
        low, high = model.check_bounds(low, high)
        return await self._get_by_score(low, high, None if limit is None else model.check_count(limit, "limit"))

    async def count_by_score(self, low: Score, high: Score) -> int:
        """Return how many players have `low <= score <= high`.

        The ends, and what is raised for them, are those of `get_by_score`. O(log players).
        """
        if self._closed:
            self._refuse_closed()
        return await self._count_by_score(*model.check_bounds(low, high))

    async def count(self) -> int:
        """Return the number of players. O(1), or the sum of some counts."""
        if self._closed:
            self._refuse_closed()
        return await self._count()

    def __aiter__(self) -> AsyncIterator[Entry]:
        """Iterate best first, a page of 1,000 ranks at a time.

        Exact while nobody writes. Beside writers it never fails and each page is one consistent state, but as
        writes shift the ranks between two pages, a player there may come twice or not at all. O(players), one round
        trip per page.
        """
        if self._closed:
            self._refuse_closed()
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Entry]:
        first = 1
        while page := await self.get_range(first, first + PAGE_SIZE - 1):
            for each in page:
                yield each
            if len(page) < PAGE_SIZE:
                return
            first += PAGE_SIZE

    # ------------------------------------------------------------------ changes: version, feed, fence

    async def get_version(self) -> Version:
        """Return the version of the board: it rises by one with every change. O(1), one round trip.

        On a board over shards, it has a number for each shard, and `clear` raises all of them. Compare versions with
        `Version.holds`; `at_version` returns an answer with its version. Raises `UnsupportedOperationError` where
        `capabilities.feed` is false.
        """
        if self._closed:
            self._refuse_closed()
        if not self.capabilities.feed:
            self._unsupported("get_version", _NO_FEED)
        return (await self._get_changes(None, 0)).version

    async def get_changes(self, after: Version, limit: int = 1000) -> Changes:
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
        return await self._get_changes(check_version(after), min(model.check_count(limit, "limit"), MAX_FEED))

    async def fence(self, moved_to: str) -> None:
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
        await self._fence(model.check_moved_to(moved_to))

    async def lift_fence(self) -> None:
        """Take writes again; does nothing where there is no fence.

        Raises `UnsupportedOperationError` where `capabilities.fence` is false. O(1).
        """
        if self._closed:
            self._refuse_closed()
        if not self.capabilities.fence:
            self._unsupported("lift_fence", _NO_FENCE)
        await self._fence(None)

    async def fenced(self) -> str | None:
        """Return where the board went, `None` where it takes writes.

        Raises `UnsupportedOperationError` where `capabilities.fence` is false. O(1).
        """
        if self._closed:
            self._refuse_closed()
        if not self.capabilities.fence:
            self._unsupported("fenced", _NO_FENCE)
        return await self._fenced()

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

    async def ping(self) -> None:
        """Return if the storage answers, even if it takes no writes, else raise `BackendUnavailableError`."""
        if self._closed:
            self._refuse_closed()
        await self._ping()

    async def close(self) -> None:
        """Release what the board holds (connections, files). Closing twice is fine; the data stays."""
        if not self.closed:
            self._closed, self._forked = True, False
            await self._close()

    async def __aenter__(self) -> Self:
        if self._closed:
            self._refuse_closed()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # ------------------------------------------------------------------ hooks: what a backend writes

    @abstractmethod
    async def _update_score(self, player_id: str, username: str, score: Score) -> int:
        """Store and return the rank, in one atomic step, after the rules of `order` and `keep`."""

    @abstractmethod
    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        """Add (`model.add_scores`) and return the standing entry, in one atomic step."""

    @abstractmethod
    async def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        """Apply at least one update, in order."""

    @abstractmethod
    async def _remove_player(self, player_id: str) -> bool:
        """Remove; returns whether there was one."""

    @abstractmethod
    async def _clear(self) -> None:
        """Remove every player of this board."""

    @abstractmethod
    async def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        """Return the entries of at least one player, from one state."""

    @abstractmethod
    async def _get_percentile(self, player_id: str) -> float | None:
        """Return `model.percentile` of the player's rank and the number of players, both from one state."""

    @abstractmethod
    async def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        """Return the entries of ranks `first_rank` to `last_rank`; `last_rank` may be beyond the end."""

    @abstractmethod
    async def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        """Return the neighbours, from one state; `[]` for an unknown player."""

    @abstractmethod
    async def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        """Return the entries of a score range, best first; an end may be infinite, `limit` may be 0."""

    @abstractmethod
    async def _count_by_score(self, low: Score, high: Score) -> int:
        """Return the number of players in a score range; an end may be infinite."""

    @abstractmethod
    async def _count(self) -> int:
        """Return the number of players."""

    # ------------------------------------------------------------------ hooks that a backend may write

    async def _delete(self) -> None:
        """Remove the board itself; where nothing but players is stored of a board, that is `_clear`."""
        await self._clear()

    async def _get_changes(self, after: Version | None, limit: int) -> Changes:
        """Return the version and, for an `after`, the changes that follow it, from one state (`capabilities.feed`)."""
        raise NotImplementedError

    async def _fence(self, moved_to: str | None) -> None:
        """Fence, or lift the fence (`None`), in one atomic step that every writer sees (`capabilities.fence`).

        With `capabilities.fence_pass`, `changes.check_expected` is part of that step, and `changes.check_fence` of each
        write.
        """
        raise NotImplementedError

    async def _fenced(self) -> str | None:
        """Return where the board went, `None` where it takes writes (`capabilities.fence`)."""
        raise NotImplementedError

    async def _storage_info(self) -> StorageInfo:
        """Return where the data is; may ask the storage."""
        return StorageInfo()

    async def _get_top_n(self, n: int) -> list[Entry]:
        return await self._get_range(1, n)

    async def _get_entry(self, player_id: str) -> Entry | None:
        return (await self._get_entries((player_id,)))[0]

    async def _get_rank(self, player_id: str) -> int | None:
        entry = await self._get_entry(player_id)
        return None if entry is None else entry.rank

    async def _get_score(self, player_id: str) -> Score | None:
        entry = await self._get_entry(player_id)
        return None if entry is None else entry.score

    async def _ping(self) -> None:
        """Raise `BackendUnavailableError` where the storage does not answer."""

    async def _close(self) -> None:
        """Release what the board holds; called once."""
