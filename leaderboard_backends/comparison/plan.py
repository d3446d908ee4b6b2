"""What to run: a plan from a TOML file, and its cells.

A cell is one backend under one workload at one size in one mode. It is repeated in several rounds, each run in a fresh
process; within a round the cells come in a random order, so that disturbances of the machine affect all alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from ..errors import ConfigurationError
from ..model import shorten
from ..testing.subject import PARTS
from ..toml_files import read_toml, shipped
from .programs import programs_of
from .schema import Cell, Mode

MOST_PLAYERS: Final = 10_000_000
ALL: Final = "all"
SEQUENTIAL: Final = "sequential"

LONGER: Final = ("iteration", "capabilities", "threads", "histories", "processes", "machine", "scale")
"""The parts of the kit that take more than seconds: they look for races, try random programs, and load large boards."""

EVERY: Final = "every"
"""In `a_a`: run all backends of this part twice (A/A runs), to know the noise."""

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})

Players = Annotated[int, Meta(ge=1, le=MOST_PLAYERS)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Clients = Annotated[int, Meta(ge=1, le=64)]
Tasks = Annotated[int, Meta(ge=1, le=1000)]
Rate = Annotated[float, Meta(ge=1, le=1_000_000)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every part that asks for cells of backends may say."""

    without: list[str] = []
    """Backends that it leaves out, unless backends are named for the comparison."""


class ServicePart(_Part, frozen=True, forbid_unknown_fields=True):
    """Service times of workloads at sizes."""

    workloads: list[str]
    players: list[Players]
    steps: Count
    a_a: list[str] = []


class _OneWorkload(_Part, frozen=True, forbid_unknown_fields=True):
    workload: str
    players: list[Players]

    @property
    def workloads(self) -> list[str]:
        """As a part with several has them."""
        return [self.workload]


class ThroughputPart(_OneWorkload, frozen=True, forbid_unknown_fields=True):
    """Several clients at once, and batches, each for `seconds`."""

    steps: Count
    clients: list[Clients]
    batches: list[Count]
    seconds: Seconds
    a_a: list[str] = []
    tasks: list[Tasks] = []
    """Clients that are tasks of one event loop, on the asynchronous face of a board."""


class ResponsePart(_OneWorkload, frozen=True, forbid_unknown_fields=True):
    """Response times at the rates of the workload, each for `seconds`."""

    steps: Count
    seconds: Seconds
    a_a: list[str] = []
    processes: list[Clients] = []
    """Numbers of client processes that climb the `rates`, on boards that processes can share."""
    tasks: list[Tasks] = []
    """Numbers of tasks of one event loop that do."""
    rates: list[Rate] = []
    """Operations per second of all clients together, the lowest first."""


class HardeningPart(_OneWorkload, frozen=True, forbid_unknown_fields=True):
    """What parts around a board add to its service times."""

    steps: Count
    backends: list[str]
    """Of the backends that are compared, those that parts are put around."""
    parts: dict[str, dict[str, Any]]
    """The settings of each part, as in a board's configuration."""


class ChurnPart(_OneWorkload, frozen=True, forbid_unknown_fields=True):
    """Memory while players of a workload come and go for `seconds`, looked at each `every` seconds."""

    backends: list[str]
    """Of the backends that are compared, those that are measured so."""
    rounds: Count
    seconds: Seconds
    every: Seconds


class RecoveryPart(_OneWorkload, frozen=True, forbid_unknown_fields=True):
    """Start, crash and return of boards of these sizes."""

    rounds: Count


class ProgramsPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All programs of a plug-in, by its distribution's name, in `rounds`, each operation for `seconds`."""

    distribution: str
    rounds: Count
    seconds: Seconds


BACKEND_MODES: Final[tuple[Mode, ...]] = ("service", "throughput", "response", "hardening", "churn", "recovery")
"""The modes that are measured on backends; a plan has the parts of each under its name."""

AT_ONCE: Final[tuple[Mode, ...]] = ("churn",)
"""The modes whose runs others on the machine do not change, so that all run at once, before everything else."""

Part: TypeAlias = ServicePart | ThroughputPart | ResponsePart | HardeningPart | ChurnPart | RecoveryPart
"""A part that asks for cells of backends."""


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan as its file has it."""

    schema_version: int
    title: str
    rounds: Annotated[int, Meta(ge=1, le=100)]
    time_limit: Seconds
    """For all writes of a service-time run, and for each kind of read."""
    proof: str = ALL
    """Which parts of the conformance kit come first: `all`; `sequential`, those that one client runs through in
    seconds; or the names of parts, with commas between."""
    backends: list[str] = []
    """None named: all that are ready to run here."""
    besides: list[str] = []
    """Where none are named: others that are compared as well."""
    service: list[ServicePart] = []
    throughput: list[ThroughputPart] = []
    response: list[ResponsePart] = []
    hardening: list[HardeningPart] = []
    churn: list[ChurnPart] = []
    recovery: list[RecoveryPart] = []
    programs: list[ProgramsPart] = []
    """Left out where the distribution is not installed."""

    @property
    def parts(self) -> list[str]:
        """The parts of the kit that come first; none named: all."""
        if self.proof == SEQUENTIAL:
            return [part for part in PARTS if part not in LONGER]
        return [] if self.proof == ALL else [part.strip() for part in self.proof.split(",")]

    def asked(self) -> list[tuple[Mode, Part]]:
        """Return all parts that ask for cells of backends, each with its mode."""
        return [(mode, part) for mode in BACKEND_MODES for part in getattr(self, mode)]

    def workloads(self) -> list[str]:
        """Return the names of all workloads, each once."""
        return list(dict.fromkeys(name for _, part in self.asked() for name in part.workloads))

    def changed(self, **values: object) -> Plan:
        """Return the plan with other values for its own keys; those that are `None` stay as they are.

        Raises `ConfigurationError` for a proof that is none.
        """
        plan = replace(self, **{name: value for name, value in values.items() if value is not None})
        if not set(PARTS).issuperset(plan.parts):
            raise ConfigurationError(
                f"proof {shorten(plan.proof)} is not {ALL!r}, not {SEQUENTIAL!r}, and not a list of the kit's parts: "
                f"{', '.join(PARTS)}."
            )
        return plan

    def with_parts(
        self, *, workloads: Sequence[str] | None = None, names: Mapping[str, str] = _NONE, **values: object
    ) -> Plan:
        """Return the plan with other values for the keys of its parts that have them; those that are `None` stay.

        A part with a single workload gets the first of `workloads`; `names` has what workloads are called themselves.
        """

        def changed(part: Any) -> Any:
            chosen = [names.get(name, name) for name in workloads or part.workloads]
            every = {"workloads": chosen, "workload": next(iter(chosen), None), **values}
            known = {name: every[name] for name in part.__struct_fields__ if every.get(name) is not None}
            return replace(part, **known)

        return replace(self, **{mode: [changed(part) for part in getattr(self, mode)] for mode in BACKEND_MODES})


class Unit(msgspec.Struct, frozen=True):
    """A cell with the settings of its runs: number of rounds, number of steps, and its part of the plan."""

    cell: Cell
    rounds: int
    steps: int
    part: Part | ProgramsPart


def read_plan(name: str | Path) -> Plan:
    """Read a plan: the path of a TOML file, or the name of a plan that comes with the library.

    Raises `ConfigurationError` with the file, the key, and what is allowed there.
    """
    path = Path(name)
    if isinstance(name, str) and not name.endswith(".toml"):
        names = sorted(path.stem for path in shipped("plans").glob("*.toml"))
        if name not in names:
            raise ConfigurationError(f"{shorten(name)} is not a plan: give one of {', '.join(names)}, or a .toml file.")
        path = shipped(f"plans/{name}.toml")
    return read_toml(path, Plan).changed()  # which refuses a proof that is none


def units(plan: Plan, backends: Sequence[str], only_sizes: Mapping[str, int] = _NONE) -> list[Unit]:
    """Return all cells of a plan without order, for backends by label and programs of distributions that are installed.

    `only_sizes` has, by workload, the only size of workloads that are made of events. Raises `PluginError` as
    `programs_of`, and `ConfigurationError` where two programs have one name, by which figures are kept.
    """
    found: dict[Cell, Unit] = {}
    for mode, part in plan.asked():
        rounds, steps = (part.rounds, 1) if isinstance(part, RecoveryPart | ChurnPart) else (plan.rounds, part.steps)
        chosen = part.backends if isinstance(part, HardeningPart | ChurnPart) else backends
        doubled = [] if isinstance(part, RecoveryPart | HardeningPart | ChurnPart) else part.a_a
        for workload in part.workloads:
            for players in [only_sizes[workload]] if workload in only_sizes else part.players:
                for backend in [name for name in backends if name in chosen and name not in part.without]:
                    for a_a in (False, True) if EVERY in doubled or backend in doubled else (False,):
                        cell = Cell(mode, workload, players, backend, a_a)
                        found.setdefault(cell, Unit(cell, rounds, steps, part))  # once, though several parts ask for it
    return [*found.values(), *_programs(plan).values()]


def _programs(plan: Plan) -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    owners: dict[str, str] = {}
    for part in plan.programs:
        for name, program in programs_of(part.distribution).items():
            if owner := owners.get(name):
                raise ConfigurationError(
                    f"program {shorten(name)} of [[programs]] is asked for twice, of {owner} and of "
                    f"{part.distribution}: leave one of them out of the plan."
                )
            owners[name] = part.distribution
            found[name] = Unit(Cell("program", "", program.players, name), part.rounds, 0, part)
    return found


def in_order(found: Sequence[Unit], seed: int) -> list[tuple[int, Unit]]:
    """Return every run as round and unit: round by round, the cells of each in a random order of their own."""
    runs: list[tuple[int, Unit]] = []
    for number in range(1, max((unit.rounds for unit in found), default=0) + 1):
        round_ = [unit for unit in found if unit.rounds >= number]
        Random(f"order {seed} {number}").shuffle(round_)  # noqa: S311 - nothing here is a secret
        runs += [(number, unit) for unit in round_]
    return runs


def expected_seconds(runs: Sequence[Unit]) -> dict[Cell, float]:
    """Return by cell about how long each of its runs takes on 2 cores, of these runs.

    Only the proportions matter, for the time that is left: those that go at once share the time of the longest of them.
    """
    at_once = [_seconds(unit) for unit in runs if unit.cell.mode in AT_ONCE]
    share = max(at_once, default=0.0) / max(1, len(at_once))
    return {unit.cell: share if unit.cell.mode in AT_ONCE else _seconds(unit) for unit in runs}


def _seconds(unit: Unit) -> float:
    """Return about how long a run takes by itself."""
    players, part = unit.cell.players, unit.part
    if isinstance(part, ThroughputPart):
        return 3 + (2 * len(part.clients) + len(part.tasks) + len(part.batches)) * part.seconds + players / 100_000
    if isinstance(part, ResponsePart):
        ladders = len(part.processes) + len(part.tasks)
        return 1 + (4 + ladders * len(part.rates) * 0.7) * part.seconds + players / 100_000
    if isinstance(part, HardeningPart):
        return 2 + len(part.parts) + players / 50_000
    if isinstance(part, ChurnPart):
        return 2 + part.seconds + players / 50_000
    if isinstance(part, RecoveryPart):
        return 2 + players / 80_000
    return 1.5 + players / 50_000
