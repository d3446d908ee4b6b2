"""What must hold of a workload file. Every refusal names the file, the key, the value, the rule and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from ...errors import ConfigurationError
from ...model import shorten
from .form import LARGEST_BLOCK, LARGEST_SIZE, SCHEMA_VERSION, Workload
from .operations import OPERATIONS
from .scores import CHANGES, DISTRIBUTIONS

LOADS: Final = ("drawn", "tied")
POPULARITIES: Final = ("uniform", "zipf")
PROCESSES: Final = ("poisson", "regular")
STEEPEST: Final = 3.0
FASTEST: Final = 1_000_000
LARGEST_SHARE: Final = 1_000_000
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")

_WRONG_TYPE: Final = re.compile(r"(?P<problem>.*) - at `\$\.(?P<key>.*)`")


class Rules:
    """The rules for one file, as read and as interpreted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def refuse(self, problem: str) -> NoReturn:
        """Raise the error."""
        raise ConfigurationError(f"{self.path}: {problem}") from None

    # ------------------------------------------------------------------ before it is understood

    def check_found(self, found: Mapping[str, Any]) -> None:
        """Refuse another schema version, a key that nothing reads, and a mix that is none."""
        version = found.get("schema_version")
        if version != SCHEMA_VERSION:
            given = "is missing" if version is None else f"is {shorten(version)}"
            self.refuse(f"schema_version {given}: this library reads {SCHEMA_VERSION}; write schema_version = 1.")
        self._check_keys(found, Workload, "")
        mix = found.get("mix")
        if not isinstance(mix, dict) or not mix:
            self.refuse(f"mix is {'missing' if mix is None else shorten(mix)}: it needs at least one {_OPERATION}.")
        for name, share in mix.items():
            self._check_share(name, share)

    def explain(self, found: Mapping[str, Any], error: msgspec.ValidationError) -> NoReturn:
        """Refuse a value of a wrong type."""
        match = _WRONG_TYPE.fullmatch(str(error))
        if match is None:
            self.refuse(f"it does not describe a workload: {error}.")
        value: Any = found
        for part in re.findall(r"\w+", match["key"]):
            value = value[int(part) if part.isdigit() else part]
        problem = match["problem"].replace("`", "").lower()
        self.refuse(f"{match['key']} = {shorten(value)} has the wrong type: {problem}.")

    def _check_keys(self, found: Mapping[str, Any], kind: type[msgspec.Struct], section: str) -> None:
        fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
        for key, value in found.items():
            if key not in fields:
                self.refuse(f"{section}{key} is not a known key. Allowed: {', '.join(fields)}.")
            below = fields[key]
            if isinstance(below, type) and issubclass(below, msgspec.Struct) and isinstance(value, dict):
                self._check_keys(value, below, f"{key}.")

    def _check_share(self, name: str, share: Any) -> None:
        if name not in OPERATIONS:
            self.refuse(f"mix.{name} is not an operation. Known: {', '.join(OPERATIONS)}.")
        number = isinstance(share, int | float) and not isinstance(share, bool)
        if not (number and 0 <= share <= LARGEST_SHARE):
            self.refuse(f"mix.{name} is {shorten(share)}: a share is a number from 0 to {LARGEST_SHARE:,}.")

    # ------------------------------------------------------------------ afterwards

    def check(self, workload: Workload) -> None:
        """Refuse values that no trace can be drawn with."""
        if not NAME.fullmatch(workload.name):
            self.refuse(f"name is {shorten(workload.name)}: a name is up to 40 of a-z, 0-9, '.', '_' and '-'.")
        self._check_mix(workload)
        self._check_sizes(workload.sizes)
        self._check_words(workload)
        self._check_number("load.share", workload.loaded_share, 0, 1)
        self._check_number("scores.players_per_score", workload.scores.players_per_score, 1, LARGEST_SIZE)
        self._check_number("players.exponent", workload.players.exponent, 0, STEEPEST)
        if not workload.arrival.rates:
            self.refuse("arrival.rates is empty: it needs at least one number of operations per second.")
        for rate in workload.arrival.rates:
            self._check_number("arrival.rates", rate, 1, FASTEST)

    def check_events(self, workload: Workload, found: Iterable[str]) -> None:
        """Refuse what does not go together with events."""
        given = [key for key in ("sizes", "scores") if key in found]
        if given or workload.load.scores != LOADS[0]:
            self.refuse(f"{(given or ['load.scores'])[0]} is set although the events define it: remove it.")
        others = [name for name in workload.shares() if OPERATIONS[name].changes and name != "update"]
        if others or "update" not in workload.shares():
            what = f"has {others[0]}" if others else "has no update"
            self.refuse(f"mix {what}: with events, update replays them, and no other operation may change the board.")
        if workload.loaded_share == 1:
            self.refuse("load.share is 1, so no event is left to replay: use a smaller share, such as 0.5.")

    def _check_mix(self, workload: Workload) -> None:
        if not any(workload.mix.values()):
            self.refuse(f"mix has only shares of 0: give at least one {_OPERATION} more than that.")
        shares = workload.shares()
        small = [name for name, share in shares.items() if share * LARGEST_BLOCK < 1]
        if small:
            self.refuse(
                f"mix.{small[0]} is {workload.mix[small[0]]:g}, less than one step in {LARGEST_BLOCK}: too few to "
                "measure. Give it a larger share, or remove it."
            )
        if shares.get("leave", 0) > shares.get("join", 0):
            self.refuse(
                f"mix.leave is {workload.mix['leave']:g} and mix.join {workload.mix.get('join', 0):g}: the board "
                "would become empty. Give join at least the share of leave."
            )

    def _check_sizes(self, sizes: tuple[int, ...]) -> None:
        if not sizes:
            self.refuse("sizes is empty: it needs at least one number of players.")
        for size in sizes:
            self._check_number("sizes", size, 1, LARGEST_SIZE)

    def _check_words(self, workload: Workload) -> None:
        self._check_word("load.scores", workload.load.scores, LOADS)
        self._check_word("scores.distribution", workload.scores.distribution, DISTRIBUTIONS)
        self._check_word("scores.change", workload.scores.change, CHANGES)
        self._check_word("players.popularity", workload.players.popularity, POPULARITIES)
        self._check_word("arrival.process", workload.arrival.process, PROCESSES)

    def _check_word(self, key: str, word: str, allowed: Iterable[str]) -> None:
        if word not in allowed:
            self.refuse(f"{key} is {shorten(word)}: it must be one of {', '.join(allowed)}.")

    def _check_number(self, key: str, number: float, least: float, most: float) -> None:
        if not least <= number <= most:
            self.refuse(f"{key} is {number!r}: it must be from {least:,} to {most:,}.")


_OPERATION: Final = f"operation ({', '.join(OPERATIONS)})"
