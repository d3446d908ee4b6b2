"""The board on a server: every hook is one command or one script."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import inf
from typing import Any, ClassVar, Final, Self

from ...errors import BackendError, BackendReadOnlyError
from ...location import Location
from ...model import Entry, Keep, Order, Score, percentile, score_from_float, sum_refused
from ...protocol import Capabilities, LeaderboardBackend
from .address import LOCAL, OPTIONS, Address, address_of
from .connection import Sender
from .handshake import check_server
from .scripts import load_scripts

DEFAULT_PREFIX: Final = "leaderboard"
DEFAULT_BATCH: Final = 1000
_MAX_RANK: Final = 2**52
"""No board is as long; longer numbers than the server reads are cut to this."""
_SEQUENCE_BYTES: Final = 6
_SEPARATOR: Final = b"\xff"


class RedisLeaderboard(LeaderboardBackend):
    """A board on a Redis or Valkey server, shared by all processes that open it."""

    capabilities = Capabilities(
        durable=True,
        shared=True,
        survives=(
            "a crash of any process that uses the board; a crash of the server as far as its own persistence goes "
            "(appendonly yes: appendfsync always loses nothing, everysec up to about a second; without it everything)"
        ),
    )
    options = OPTIONS
    _with_flags: ClassVar[bool] = True

    def __init__(
        self,
        name: str = "default",
        *,
        order: Order = "descending",
        keep: Keep = "last",
        address: Address = LOCAL,
        prefix: str = DEFAULT_PREFIX,
        batch_size: int = DEFAULT_BATCH,
    ) -> None:
        super().__init__(name, order=order, keep=keep)
        self._batch_size = batch_size
        self._key = f"{prefix}:{{{self._name}}}:order".encode()
        self._scripts = load_scripts(self._order, self._keep, with_flags=self._with_flags)
        self._update, self._update_many = self._scripts["update"], self._scripts["update_many"]
        self._reverse = (b"REV",) if self._order == "descending" else ()
        self._sender = self._connect(address)
        try:
            self._open()
        except BaseException:
            self._sender.close()
            raise

    @classmethod
    def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
        """Open the board on the server that a URL names; `redis://`, `rediss://` or `unix://`."""
        own = {option: options.pop(option) for option in ("prefix", "batch_size") if option in options}
        address = address_of(location, options)
        return cls(name or location.default_board, order=order, keep=keep, address=address, **own)

    def _connect(self, address: Address) -> Sender:
        return Sender(address)

    def _open(self) -> None:
        """Check the server, load the scripts and describe the board: three round trips."""
        self._server = self._check_server()
        self._sender.load(list(self._scripts.values()))
        try:
            self._run("open")
        except BackendReadOnlyError:
            self._run("check")

    def _check_server(self) -> str:
        return check_server(self._sender.command(b"INFO"), self._sender.address)

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        rank: int = self._sender.run(self._update, self._key, player_id, username, score)
        return rank + 1

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        reply = self._run("increment", player_id, username, delta)
        if len(reply) == 1:
            raise sum_refused(_score(reply[0]), delta)
        return Entry(reply[0] + 1, player_id, username, _score(reply[1]))

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        applied = 0
        try:
            for applied in range(0, len(updates), self._batch_size):
                batch = updates[applied : applied + self._batch_size]
                self._sender.run(self._update_many, self._key, *chain.from_iterable(batch))
        except BackendError as error:
            error.applied = applied
            raise

    def _remove_player(self, player_id: str) -> bool:
        return bool(self._run("remove", player_id))

    def _clear(self) -> None:
        self._run("clear")

    # ------------------------------------------------------------------ reads

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        reply = self._run("entries", *player_ids)
        return [
            None if rank is None else Entry(rank + 1, player_id, username.decode(), _score(score))
            for player_id, rank, score, username in zip(player_ids, reply[::3], reply[1::3], reply[2::3], strict=True)
        ]

    def _get_percentile(self, player_id: str) -> float | None:
        reply = self._run("standing", player_id)
        return None if reply is None else percentile(reply[0] + 1, reply[1])

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        first, last = min(first_rank, _MAX_RANK), min(last_rank, _MAX_RANK)
        rows = self._sender.command(b"ZRANGE", self._key, first - 1, last - 1, *self._reverse, b"WITHSCORES")
        return _entries(rows, first)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        reply = self._run("around", player_id, min(radius, _MAX_RANK))
        return [] if reply is None else _entries(reply[1], reply[0] + 1)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        better, worse = (high, low) if self._order == "descending" else (low, high)
        count = -1 if limit is None else min(limit, _MAX_RANK)
        first, rows = self._run("by_score", _bound(better), _bound(worse), count)
        return _entries(rows, first + 1)

    def _count_by_score(self, low: Score, high: Score) -> int:
        number: int = self._sender.command(b"ZCOUNT", self._key, _bound(low), _bound(high))
        return number

    def _count(self) -> int:
        number: int = self._sender.command(b"ZCARD", self._key)
        return number

    # ------------------------------------------------------------------ life

    def _ping(self) -> None:
        self._sender.command(b"PING")

    def _close(self) -> None:
        self._sender.close()

    def _storage(self) -> str:
        return self._server

    def _place(self) -> str:
        return str(self._sender.address)

    def _run(self, name: str, *arguments: bytes | str | float) -> Any:
        return self._sender.run(self._scripts[name], self._key, *arguments)


def _score(text: bytes) -> Score:
    return score_from_float(float(text))


def _bound(score: Score) -> Score | bytes:
    return b"+inf" if score == inf else b"-inf" if score == -inf else score


def _entries(rows: list[bytes], first_rank: int) -> list[Entry]:
    """Return the entries of members and scores in turn: a member is the sequence, the username, 0xFF, the id."""
    entries = []
    for rank, (member, score) in enumerate(zip(rows[::2], rows[1::2], strict=True), first_rank):
        username, _, player_id = member[_SEQUENCE_BYTES:].partition(_SEPARATOR)
        entries.append(Entry(rank, player_id.decode(), username.decode(), _score(score)))
    return entries
