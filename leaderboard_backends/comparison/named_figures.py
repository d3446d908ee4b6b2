"""The names of figures: what one is of, which statistic, and how many clients, updates or per second."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias, get_args

Time: TypeAlias = Literal["p50", "p95", "p99", "p999", "mean", "maximum"]
"""Of a distribution, in microseconds."""

_Bytes: TypeAlias = Literal["process_memory", "server_memory", "server_used_memory", "disk"]
_Written: TypeAlias = Literal["disk_growth", "disk_written"]

Judged: TypeAlias = Literal["p50", "p99", "per_second", "seconds", _Bytes, _Written]
"""What is held against a noise floor. Parts that are noisy in different ways have different statistics."""

_OfService: TypeAlias = Literal["samples", "planned", "players", "players_per_second", "opening", "clock"]
_OfClients: TypeAlias = Literal["client_cores", "server_cores", "achieved", "kept_up"]
_OfChurn: TypeAlias = Literal["process_bytes", "server_bytes", "disk_bytes", "joined"]
_OfRecovery: TypeAlias = Literal["lost", "acknowledged", "processes", "ports", "reloaded", "updates"]

Statistic: TypeAlias = Literal[Judged, Time, _OfService, _OfClients, _OfChurn, _OfRecovery]

UNITS: Final[dict[Statistic, str]] = {
    "p50": "µs",
    "p99": "µs",
    "per_second": "per second",
    "seconds": "s",
    **dict.fromkeys(get_args(_Bytes), "bytes per player"),
    **dict.fromkeys(get_args(_Written), "bytes per update"),
}

_TITLES: Final[dict[Statistic, str]] = {"per_second": "per second", "seconds": "seconds"}

HIGHER_IS_BETTER: Final[frozenset[Statistic]] = frozenset({"per_second"})
"""Of all others, less is better."""

IDLE: Final = "idle"
"""The part of a response run in which the board does nothing: what the harness itself adds."""

TIME_FIELDS: Final[dict[Statistic, str]] = {**{name: f"{name}_us" for name in get_args(Time)}, "samples": "samples"}
"""The field of a distribution that each statistic is in."""


def statistic_title(statistic: Statistic) -> str:
    """Return the title of a judged statistic, with its unit: `p50, µs`."""
    return _TITLES.get(statistic) or f"{statistic.replace('_', ' ')}, {UNITS[statistic]}"


class Figure(NamedTuple):
    """The name of a figure."""

    part: str
    """An operation, or `load`, `board`, `threads`, `processes`, `tasks`, `batch`, `rate`, `idle`, `start`,
    `restore`, `disk`."""
    statistic: Statistic
    amount: float = 0
    """Clients, updates per call, or operations per second, of the parts that have these."""
    variant: str = ""
    """The clients of a rate that several have, such as `4 processes`; the part of the hardening around a board."""

    @property
    def title(self) -> str:
        """The part with its amount: `4 threads`, `500 per second`."""
        number = f"{self.amount:g}"
        match self.part:
            case "threads" | "processes" | "tasks":
                one = {"threads": "thread", "processes": "process", "tasks": "task"}[self.part]
                return f"{number} {one if self.amount == 1 else self.part}"
            case "batch":
                return f"batches of {number}"
            case "rate":
                return f"{number} per second" + (f", {self.variant}" if self.variant else "")
            case "disk":
                return f"{number} per call"
        return f"{self.part} with {self.variant}" if self.variant else self.part

    @property
    def judged(self) -> bool:
        """Whether it is compared with that of another result, or with that of an A/A run."""
        return self.statistic in UNITS and self.part != IDLE
