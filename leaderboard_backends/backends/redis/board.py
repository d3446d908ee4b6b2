"""The board on a server: every hook is one request, carried by the server that all boards of an address share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Final, Self, TypeVar, cast

from ...capabilities import StorageInfo
from ...changes import FEED_OPTION, Changes, Version, note_version, version_wanted
from ...errors import BackendError, ScoreLimitError
from ...location import Location, Option
from ...model import Entry, Keep, Order, Score
from ...protocol import Capabilities, LeaderboardBackend
from ...score_limits import limits_wanted
from .address import ADDRESS_OPTIONS, LOCAL, OPTIONS, Address, address_of
from .requests import BoardRequests, Followed, Request, follow
from .server import Server, shared_server

T = TypeVar("T")

DEFAULT_PREFIX: Final = "leaderboard"
DEFAULT_BATCH: Final = 1000


class AddressedLeaderboard(LeaderboardBackend):
    """A board on what the address in its URL leads to: a server, the primary of a service, a cluster."""

    @classmethod
    def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
        """Open the board where a URL leads to."""
        own = {name: value for name, value in options.items() if name not in ADDRESS_OPTIONS}
        address = address_of(location, options)
        opened: Any = cls
        return cast("Self", opened(name or location.default_board, order=order, keep=keep, address=address, **own))

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` where URL and options give no address of a server."""
        address_of(location, options)
        return name or location.default_board


class RedisLeaderboard(AddressedLeaderboard):
    """A board on a Redis or Valkey server, shared by all processes that open it."""

    capabilities = Capabilities(
        durable=True,
        shared=True,
        lives_in="server",
        survives=(
            "a crash of any process that uses the board; a crash of the server as its persistence is set (appendonly "
            "yes with appendfsync always loses nothing, with everysec about a second; appendonly no everything)"
        ),
        feed=True,
        limits=True,
        fence=True,
        fence_pass=True,
    )
    options: ClassVar[Mapping[str, Option]] = {**OPTIONS, "feed": FEED_OPTION}
    _is_server: ClassVar[bool] = True
    """Whether it knows script flags and INFO, as every server does."""

    def __init__(
        self,
        name: str = "default",
        *,
        order: Order = "descending",
        keep: Keep = "last",
        address: Address = LOCAL,
        prefix: str = DEFAULT_PREFIX,
        batch_size: int = DEFAULT_BATCH,
        feed: int | None = None,
    ) -> None:
        super().__init__(name, order=order, keep=keep)
        self._batch_size = batch_size
        self._requests = BoardRequests(self._name, self._order, self._keep, prefix, is_server=self._is_server)
        self._server = self._find_server(address)
        try:
            self._server.open(self, self._requests, feed)
        except BaseException:
            self._server.leave(self)
            raise

    def _find_server(self, address: Address) -> Server:
        return shared_server(address)

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._carry(self._requests.update(player_id, username, score, limits_wanted()))

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._carry(self._requests.increment(player_id, username, delta, limits_wanted()))

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        applied, limits = 0, limits_wanted()
        try:
            for applied in range(0, len(updates), self._batch_size):
                self._carry(self._requests.update_many(updates[applied : applied + self._batch_size], limits))
        except (BackendError, ScoreLimitError) as error:
            error.applied = applied
            raise

    def _remove_player(self, player_id: str) -> bool:
        return self._carry(self._requests.remove(player_id))

    def _clear(self) -> None:
        self._carry(self._requests.clear())

    def _delete(self) -> None:
        self._server.carry(self._requests.delete())

    # ------------------------------------------------------------------ reads

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._carry(self._requests.entries(player_ids))

    def _get_percentile(self, player_id: str) -> float | None:
        return self._carry(self._requests.percentile(player_id))

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._unless_damaged(self._carry(self._requests.range(first_rank, last_rank)))

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._carry(self._requests.around(player_id, radius))

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._carry(self._requests.by_score(low, high, limit))

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._unless_damaged(self._carry(self._requests.count_by_score(low, high)))

    def _count(self) -> int:
        return self._unless_damaged(self._carry(self._requests.count()))

    def _unless_damaged(self, answer: T) -> T:
        """Return the answer; where it is empty, ask whether the order is missing, by one more round trip."""
        if not answer:
            self._server.carry(self._requests.check())
        return answer

    # ------------------------------------------------------------------ changes

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        return self._server.carry(self._requests.changes(after, limit))

    def feed_group(self) -> object:
        """Return the server, which returns the changes of all its boards by one call."""
        return self._server

    def follow_feeds(
        self, after: Mapping[Any, Version], limit: int, checked: Collection[object]
    ) -> dict[Any, Changes | None]:
        """Return the changes by one round trip for all boards of the server, over connections of their own."""
        boards = {board._requests: board for board in after}  # noqa: SLF001 - of this class
        asked = [Followed(requests, after[board], board in checked) for requests, board in boards.items()]
        found = self._server.for_feeds.carry(follow(asked, limit))
        return {boards[requests]: changes for requests, changes in found.items()}

    def _fence(self, moved_to: str | None) -> None:
        self._server.carry(self._requests.fence(moved_to))

    def _fenced(self) -> str | None:
        return self._server.carry(self._requests.fenced())

    # ------------------------------------------------------------------ life

    def _carry(self, request: Request[T]) -> T:
        if not version_wanted():
            return self._server.carry(request)
        answer, version = self._server.carry(self._requests.versioned(request))
        note_version(version)
        return answer

    def _ping(self) -> None:
        self._carry(self._requests.ping())

    def _close(self) -> None:
        self._server.leave(self)

    def _storage(self) -> str:
        return self._server.version

    def _storage_info(self) -> StorageInfo:
        return self._server.storage_info(self._requests)

    def _place(self) -> str:
        return str(self._server.address)
