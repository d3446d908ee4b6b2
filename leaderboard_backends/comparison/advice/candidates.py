"""Whether a backend meets a need, with every demand that rules it out, what it was measured at, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, Literal, NamedTuple, TypeAlias

from ...errors import ConfigurationError
from ...installing import DISTRIBUTION
from ...numerals import rate_words
from ..cost.bill import Bill, why_not_shared
from ..cost.cluster import by_socket, cheapest_bill, one_server_holds, one_server_rows, over_shards
from ..cost.footprint import Footprint, footprints
from ..cost.source import Inputs
from ..document import operation_title
from ..measurements import Measurements
from ..schema import BackendFacts, Durability
from .need import Need, covers, time_words
from .performance import FURTHEST, UPDATE, Concurrency, Latency, Response, Times, concurrency, problem, response, times

Demand: TypeAlias = Literal["figures", "durability", "servers and workers", "size", "load", "p99"]
"""What of a need, or of what has to be known, rules a backend out."""

DISTURBED: Final = "other processes disturbed its runs, so that its times are too long"

FEW_SAMPLES: Final = 1_000
"""With fewer samples in a process, fewer than ten of them determine the p99."""

_LOSES: Final[dict[Durability, str]] = {
    "memory only": "a power cut takes everything",
    "everysec": "a power cut takes about the last second",
    "not known": "what a power cut takes is not known",
}

_ROUNDING: Final = 1e-9


class Reason(NamedTuple):
    """Why a backend does not fit."""

    demand: Demand
    text: str


class Candidate(NamedTuple):
    """One backend, judged for a need."""

    facts: BackendFacts
    reasons: tuple[Reason, ...] = ()
    cautions: tuple[str, ...] = ()
    """What the figures do not show, although it fits."""
    times: Times | None = None
    concurrency: Concurrency = Concurrency()
    carries: float = 0.0
    """Updates per second possible besides the requested reads, with the model's reserve; 0 if unknown."""
    share: float = 0.0
    """The asked load, by what it carries with that reserve."""
    response: Response | None = None
    bill: Bill | None = None

    @property
    def label(self) -> str:
        """The backend's label."""
        return self.facts.label

    @property
    def plug_in(self) -> str:
        """The distribution to install in addition to this library; empty without one."""
        name, _, version = self.facts.distribution.partition(" ")
        return name if version and name != DISTRIBUTION else ""

    @property
    def fits(self) -> bool:
        """Whether nothing rules it out."""
        return not self.reasons

    @property
    def disturbed(self) -> bool:
        """Whether other work on the machine made what is said of it too slow."""
        return (self.times is not None and self.times.at.disturbed) or self.concurrency.disturbed

    @property
    def responds_together(self) -> bool:
        """Whether the response times of as many clients at once as are needed were measured."""
        return self.response is not None and self.response.p99_us is not None and not self.response.several

    @property
    def monthly(self) -> float | None:
        """What it costs per month; `None` where the price table has nothing that is large enough."""
        return None if self.bill is None or self.bill.problem else self.bill.monthly

    @property
    def cost(self) -> str:
        """The same as text."""
        return "cost not known" if self.monthly is None else f"{self.monthly:,.2f} USD per month"

    @property
    def simplicity(self) -> tuple[int, int, str]:
        """Sort key of ties: something to run in addition to the app, set-up steps, the label."""
        return int(self.facts.home == "server"), len(self.facts.metadata.setup), self.label

    def judged(self, need: Need) -> Latency | None:
        """Return the operation whose p99 counts: updates, or the slowest read if there are no updates."""
        if self.times is None:
            return None
        return self.times.update if need.updates or not self.times.reads else self.times.slowest_read

    def p99_us(self, need: Need) -> float | None:
        """Return the p99 that counts; `None` where too few samples tell it."""
        latency = self.judged(need)
        return None if latency is None else latency.p99_us


class Basis:
    """What advice rests on: the measurements of a result, and what boards cost at given prices.

    Thousands of needs come to some hundred deployments, whose amounts are computed once. Raises `ConfigurationError`
    where no service run has an update: then there is nothing to advise from.
    """

    def __init__(self, m: Measurements, inputs: Inputs | None = None) -> None:
        self.m, self.inputs = m, inputs or Inputs.read()
        self.footprints: dict[str, Footprint] = {one.backend: one for one in footprints(m)}
        self.servers = one_server_rows(m.result)
        self.bill = cache(self._bill)
        self.one_server_holds = cache(self._one_server_holds)
        if not any(UPDATE in one.operations for one in m.measured("service", m.labels)):
            raise ConfigurationError(
                "this result has no service times of updates, which advice needs: run leaderboard compare with a plan "
                "that measures them, such as --plan full."
            )

    def _bill(self, label: str, deployment: Need, *, sharded: bool = False) -> Bill | None:
        """Return what a backend costs, or its board over shards, as measured or by the model.

        `None` where its bytes are not known.
        """
        mine = self.footprints.get(label)
        if mine is not None and sharded:
            of_class = [one for one in self.footprints.values() if one.facts.durability == mine.facts.durability]
            mine = next((one for one in of_class if one.facts.sharded), over_shards(mine))
        return None if mine is None else cheapest_bill(mine, deployment.players, self._deployed(deployment))

    def _one_server_holds(self, label: str, deployment: Need) -> int:
        """Return how many players one server holds by its memory, with two digits that count."""
        holds, _ = one_server_holds(self.footprints[label], self._deployed(deployment))
        return int(float(f"{holds:.1e}"))

    def _deployed(self, need: Need) -> Inputs:
        return self.inputs.changed(servers=need.servers, workers=need.workers, updates_a_second=need.updates)


def candidates(basis: Basis, need: Need) -> list[Candidate]:
    """Return every backend of a result judged for a need, in the order of the result, without backends never opened."""
    result = basis.m.result
    known = [facts for label in result.settings.backends if (facts := result.facts(label)) is not None]
    judged = [_candidate(basis, facts, need) for facts in known]
    return [_beside_sockets(one, judged, need) for one in judged]


def _candidate(basis: Basis, facts: BackendFacts, need: Need) -> Candidate:
    m, label = basis.m, facts.label
    unknown = problem(m, label, need.players)
    found = None if unknown else times(m, label, need.players)
    if found is None:
        return Candidate(facts, (Reason("figures", unknown or "was not measured"),))
    several, footprint = concurrency(m, label, need.processes, need.players), basis.footprints.get(label)
    carries, share = carried(basis, need, found.update.mean_us / several.times, found.read_us / several.times)
    made = Candidate(
        facts=facts,
        times=found,
        concurrency=several,
        carries=carries,
        share=share,
        response=response(m, label, need.updates + need.reads, need.players, several, need.processes),
        bill=basis.bill(label, need.deployment),
    )
    return judge(made, need, _not_deployable(made, need, footprint), _cautions(made, need))


def carried(basis: Basis, need: Need, update_us: float, read_us: float) -> tuple[float, float]:
    """Return the updates that a backend carries with the model's reserve, and the share of it that a need takes.

    Given are the microseconds for which an update, and a read, keep it busy.
    """
    busiest_us, reads_us = 1e6 * basis.inputs.model.busiest, need.reads * read_us
    return max(0.0, (busiest_us - reads_us) / update_us), (need.updates * update_us + reads_us) / busiest_us


# ---------------------------------------------------------------------- what rules it out


def judge(one: Candidate, need: Need, others: Iterable[Reason], cautions: Iterable[str]) -> Candidate:
    """Return a candidate with why it does not fit: by durability, for other reasons that are given, by load and p99."""
    weak = [] if covers(one.facts.durability, need.durability) else [Reason("durability", _LOSES[one.facts.durability])]
    late = [*_too_slow(one, need), *_too_late(one, need)]
    if one.disturbed:
        late = [reason._replace(text=f"{reason.text} ({DISTURBED})") for reason in late]
    return one._replace(reasons=(*weak, *others, *late), cautions=tuple(cautions))


def _not_deployable(one: Candidate, need: Need, footprint: Footprint | None) -> Iterator[Reason]:
    """Yield why it cannot serve the processes of a need, or cannot be priced."""
    if footprint is None:
        yield Reason("figures", "its bytes per player are not known")
    elif apart := why_not_shared(footprint, need.servers, need.workers):
        yield Reason("servers and workers", apart)
    elif _far(one, need) and one.bill is not None and one.bill.problem:
        yield Reason("size", one.bill.problem)


def _too_slow(one: Candidate, need: Need) -> Iterator[Reason]:
    """Yield why it does not carry the load; exactly what it carries is still carried."""
    if one.share <= 1 + _ROUNDING:
        return
    if need.updates and one.carries:
        carries, asked = (rate_words(rate, "update") for rate in (one.carries, need.updates))
        yield Reason("load", f"carries {carries} in addition to the reads; asked for: {asked}")
    else:
        yield Reason("load", f"does not carry {rate_words(need.reads, 'read')}, even without updates")


def _too_late(one: Candidate, need: Need) -> Iterator[Reason]:
    """Yield each p99 that is longer than asked: of updates, of the slowest read, and under the load of one client."""
    limit = need.p99_us
    if one.times is None or limit is None:
        return
    slowest = one.times.slowest_read
    asked = [*([one.times.update] if need.updates else []), *([slowest] if need.reads and slowest else [])]
    for taken in asked:
        title = operation_title(taken.operation)
        if taken.p99_us is None:
            yield Reason("p99", f"too few samples of {title} to know its p99")
        elif taken.p99_us > limit:
            yield Reason("p99", f"p99 of {title} is {time_words(taken.p99_us)}; asked for: {time_words(limit)}")
    if one.response is not None and (late := one.response.late(limit)):
        yield Reason("p99", late)


def _beside_sockets(one: Candidate, judged: list[Candidate], need: Need) -> Candidate:
    """Rule out a unix socket for several servers where the same storage was measured over TCP as well."""
    if need.servers == 1 or one.facts.home != "server" or not by_socket(one.facts):
        return one
    same = (one.facts.class_name, one.facts.durability, "server")
    for other in judged:
        facts = other.facts
        if (facts.class_name, facts.durability, facts.home) == same and other.times and not by_socket(facts):
            text = f"a unix socket serves one machine: {other.label} is the same over TCP"
            return one._replace(reasons=(*one.reasons, Reason("servers and workers", text)))
    return one


# ---------------------------------------------------------------------- what figures do not show


def _cautions(one: Candidate, need: Need) -> Iterator[str]:
    if one.times is not None and one.times.beyond:
        far = ": by its memory one server holds this board, but measure its times first" if _far(one, need) else ""
        yield f"extrapolated beyond the largest measured size, {one.times.at.cell.players:,} players{far}"
    if one.times is not None and one.times.update.samples < FEW_SAMPLES:
        yield f"its p99 rests on only {one.times.update.samples:,} updates per process, within the time limit"
    if one.disturbed:
        yield DISTURBED
    if one.concurrency.caution:
        yield one.concurrency.caution
    if need.p99_us is not None and one.response is None:
        yield "response times under load were not measured"
    if need.p99_us is not None and one.response is not None and one.response.problem:
        yield one.response.problem
    if need.servers > 1 and one.facts.home == "server":
        way = "a unix socket" if by_socket(one.facts) else "loopback" if one.facts.metadata.setup else "its URL"
        yield f"measured over {way}: between machines, each call also takes the network's round trip"
    if one.bill is not None and one.bill.problem:
        yield one.bill.problem
    if need.processes > 1 and one.facts.home == "process" and one.facts.shared:
        yield f"its own way to share a board between {need.processes} processes was not tested"


def _far(one: Candidate, need: Need) -> bool:
    """Whether a board is so large that only its memory says whether one server holds it."""
    return one.times is not None and need.players > FURTHEST * one.times.at.cell.players
