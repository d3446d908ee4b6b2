"""What every check may ask for: the configured board as described, what is expected of it, and scratch boards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import islice
from math import ceil
from time import perf_counter, sleep, time
from typing import Any, Final, NamedTuple, TypeAlias

from prometheus_client import CollectorRegistry

from ..capabilities import StorageInfo
from ..config import Opening
from ..errors import RateLimitExceededError
from ..model import Score
from ..protocol import LeaderboardBackend
from ..usage import settled_private_bytes
from ..wrapper import achieved, layers
from .expectations import Expectations
from .kinds import kind_of
from .scratch import Scratch, Settings
from .traffic import Traffic

TWICE: Final = 2
"""How many times the expected load a board must be able to serve."""
DEFAULT_RATE: Final = 100.0
"""Updates, and reads, per second that are assumed if none are given."""
DEFAULT_PLAYERS: Final = 10_000
MOST_PLAYERS: Final = 100_000
"""On the scratch board, however many are expected, unless the load needs more: a run takes seconds."""
MOST_CALLS: Final = 200_000
"""Of the load."""
WARM_UP: Final = 100
"""Updates before the load."""
BOARD_WINDOW: Final = 1.0
"""Seconds that the limit of a board, unlike that of a player, counts over."""
FILL_SECONDS: Final = 5.0
_BATCH: Final = 10_000
_MEASURABLE: Final = 5_000
"""Players from which on the growth of memory tells what one takes."""


OneServerHolds: TypeAlias = Callable[[bool], int | None]
"""Returns how many players one server holds, whether durable or not; `None` where that is not known."""


def not_known(durable: bool) -> None:  # noqa: FBT001 - the one thing that is asked
    """Say that it is not known how many players one server holds."""
    del durable


class Filled(NamedTuple):
    """What was loaded before the checks."""

    players: int
    seconds: float
    bytes_a_player: float | None
    """In the memory of the process or of the server; `None` where that was not to be measured."""


class Load(NamedTuple):
    """Twice what is expected."""

    updates: float
    """A second."""
    reads: float
    calls: int
    """In all."""

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.updates + self.reads

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self.calls / self.rate if self.rate else 0.0


class Subject:
    """One configured board under its checks."""

    def __init__(
        self,
        name: str,
        openings: Mapping[str, Opening],
        expectations: Expectations,
        scratch: Scratch,
        seconds: float,
        one_server_holds: OneServerHolds = not_known,
    ) -> None:
        self.name: Final = name
        self.boards: Final = list(openings)
        """All boards of the file, by name."""
        self.opening: Final = openings[name]
        self.expectations: Final = expectations
        self.scratch: Final = scratch
        self.one_server_holds: Final = one_server_holds
        self.registry: Final = CollectorRegistry()
        """Of the metrics of this run, so that they are not among those of the app."""
        self.load: Final = _load(expectations, seconds)

    @property
    def table(self) -> str:
        """What the board's table is called in the file."""
        return f"boards.{self.name}"

    def settings(self, layer: str) -> Mapping[str, Any] | None:
        """Return the settings of a layer, `None` where the board has no such layer."""
        return self.opening.layers.get(layer)

    @cached_property
    def traffic(self) -> Traffic:
        """Players and updates that keep the board's rules, enough of them for the rate limit of a player."""
        expected = self.expectations.expected_players or DEFAULT_PLAYERS
        limit = (self.settings("rate_limit") or {}).get("updates_a_minute", 0) or 0
        updates = WARM_UP + self.load.updates * self.load.seconds
        needed = ceil(updates / limit) + 1 if limit else 1
        return Traffic(self.settings("validation") or {}, max(min(expected, MOST_PLAYERS), needed))

    @cached_property
    def stack(self) -> LeaderboardBackend:
        """A scratch board with all configured layers, filled; raises what opening and filling raise."""
        board = self.scratch.open(changed=self._quiet())
        *_, storage = layers(board)
        self.filled = self._fill(storage)
        return board

    @property
    def is_open(self) -> bool:
        """Whether the scratch board of `stack` is open."""
        return "stack" in vars(self)

    def storage_info(self) -> StorageInfo:
        """Return what a scratch board says of the storage, the configured one's; raises what opening raises."""
        *_, storage = layers(self.stack)
        return storage.storage_info()

    def update(self) -> int:
        """Send the standing score of a player once more to the stack, which keeps every rule, and return the rank.

        It waits for a place, at most a second, where the load before has used up what the board may take in one.
        Raises what the update raises.
        """
        *_, storage = layers(self.stack)
        player_id = self.traffic.next_player()
        score = storage.get_score(player_id)
        assert score is not None  # noqa: S101 - the board was filled with these players
        try:
            return self.send(player_id, self.traffic.username(0), score)
        except RateLimitExceededError as error:
            if error.retry_after > BOARD_WINDOW:
                raise
            sleep(error.retry_after)
        return self.send(player_id, self.traffic.username(0), score)

    def send(self, player_id: str, username: str, score: Score) -> int:
        """Update a score on the stack, and say that it was achieved now where the rules ask when."""
        if not self._dates_are_needed:
            return self.stack.update_score(player_id, username, score)
        with achieved(time()):
            return self.stack.update_score(player_id, username, score)

    @cached_property
    def _dates_are_needed(self) -> bool:
        return bool((self.settings("validation") or {}).get("require_achieved_at"))

    def _quiet(self) -> dict[str, Settings]:
        """Return the settings by which a scratch board tells nobody of the app, and takes players nobody knows."""
        rules: dict[str, Any] = {"on_flag": _ignore}
        if (self.settings("validation") or {}).get("player_exists") is not None:
            rules["player_exists"] = _anybody
        return {
            "degradation": {"read_only": False},
            "validation": rules,
            "monitoring": {"alerts": False, "registry": self.registry, "spans": False},
        }

    def _fill(self, storage: LeaderboardBackend) -> Filled:
        """Load the players, or as many as there is time for, and measure what they take."""
        updates, done = self.traffic.load(), 0
        before = self._used(storage)
        started = perf_counter()
        while (batch := list(islice(updates, _BATCH))) and perf_counter() - started < FILL_SECONDS:
            storage.update_scores(batch)
            done += len(batch)
        seconds = perf_counter() - started
        batch.clear()
        self.traffic.players = done
        after = self._used(storage)
        if before is None or after is None or done < _MEASURABLE:
            return Filled(done, seconds, None)
        return Filled(done, seconds, (after - before) / done)

    def _used(self, storage: LeaderboardBackend) -> int | None:
        """Return the bytes that are used where the players are kept; `None` for a file, and where nobody tells."""
        if kind_of(self.opening) == "process":
            return settled_private_bytes()
        return storage.storage_info().used_bytes


def _load(expectations: Expectations, seconds: float) -> Load:
    expected = (expectations.expected_updates, expectations.expected_reads)
    updates, reads = (TWICE * (DEFAULT_RATE if rate is None else rate) for rate in expected)
    return Load(updates, reads, min(round((updates + reads) * seconds), MOST_CALLS))


def _ignore(flag: object) -> None:
    del flag


def _anybody(player_id: str) -> bool:
    del player_id
    return True
