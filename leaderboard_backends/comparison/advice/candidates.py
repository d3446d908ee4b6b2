"""Whether a backend meets a need, with every demand that rules it out, what it was measured at, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

from ...installing import DISTRIBUTION
from ..cost.bill import Bill, why_not_shared
from ..cost.cluster import Cluster
from ..cost.source import Inputs
from ..document import operation_title
from ..schema import BackendFacts, Durability
from .load import ALONE, Response, Together, response, together
from .need import Need, covers, rate_words, time_words
from .records import FURTHEST, Records
from .times import Taken, Times, times

Demand: TypeAlias = Literal["figures", "durability", "servers and workers", "size", "load", "p99"]
"""What of a need, or of what has to be known, rules a backend out."""

DISTURBED: Final = "other processes disturbed its runs, so that its times are too long"

FEW_SAMPLES: Final = 1_000
"""With fewer samples in a process, fewer than ten of them determine the p99."""

_ROUNDING: Final = 1e-9


class Reason(NamedTuple):
    """Why a backend does not fit."""

    demand: Demand
    text: str


class Candidate(NamedTuple):
    """One backend, judged for a need."""

    facts: BackendFacts
    reasons: tuple[Reason, ...]
    cautions: tuple[str, ...]
    """What the figures do not show, although it fits."""
    times: Times | None
    together: Together
    carries: float
    """Updates per second possible besides the requested reads, with the model's reserve; 0 if unknown."""
    share: float
    """The asked load, by what it carries with that reserve."""
    response: Response | None
    bill: Bill | None
    cluster: Cluster | None = None
    """The primaries and shards, where the board is spread over several servers."""

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
        return (self.times is not None and self.times.where.disturbed) or self.together.disturbed

    @property
    def monthly(self) -> float | None:
        """What it costs per month; `None` where the price table has nothing that is large enough."""
        return None if self.bill is None or self.bill.problem else self.bill.monthly

    @property
    def simplicity(self) -> tuple[int, int, str]:
        """Sort key of ties: something to run in addition to the app, set-up steps, the label."""
        return int(self.facts.home == "server"), len(self.facts.sheet.setup), self.label

    def judged(self, need: Need) -> Taken | None:
        """Return the operation whose p99 counts: updates, or the slowest read if there are no updates."""
        if self.times is None:
            return None
        return self.times.update if need.updates or not self.times.reads else self.times.slowest_read


def candidates(records: Records, need: Need, inputs: Inputs) -> list[Candidate]:
    """Return every backend of a result judged for a need, in the order of the result, without backends never opened."""
    result = records.result
    known = [facts for label in result.settings.backends if (facts := result.facts(label)) is not None]
    judged = [_candidate(records, facts, need, inputs) for facts in known]
    return [_beside_sockets(one, judged, need) for one in judged]


def _candidate(records: Records, facts: BackendFacts, need: Need, inputs: Inputs) -> Candidate:
    problem = _problem(records, facts.label, need.players)
    found = None if problem else times(records, facts.label, need.players)
    if found is None:
        reason = Reason("figures", problem or "was not measured")
        return Candidate(facts, (reason,), (), None, ALONE, 0.0, 0.0, None, None)
    several = together(records, facts.label, need.processes, need.players)
    carried_us = 1e6 * inputs.model.busiest * several.times
    reads_us = need.reads * found.read_us
    made = Candidate(
        facts=facts,
        reasons=(),
        cautions=(),
        times=found,
        together=several,
        carries=max(0.0, (carried_us - reads_us) / found.update.mean_us),
        share=(need.updates * found.update.mean_us + reads_us) / carried_us,
        response=response(records, facts.label, need.updates + need.reads, need.players, several),
        bill=_bill(records, facts.label, need, inputs),
        cluster=_cluster(records, facts.label, need, inputs),
    )
    reasons = reasons_of(made, need, _not_deployable(made, need, records))
    return made._replace(reasons=tuple(reasons), cautions=tuple(_cautions(made, need)))


@lru_cache(maxsize=512)  # as `times`
def _problem(records: Records, label: str, players: int) -> str:
    return records.problem(label, players)


def _bill(records: Records, label: str, need: Need, inputs: Inputs) -> Bill | None:
    footprint = records.footprints.get(label)
    if footprint is None:
        return None
    deployment = (label, need.players, need.servers, need.workers, need.updates)
    known = records.bills.get(deployment)
    if known is None or known[0] is not inputs:  # what it must keep, and the reads, change no bill
        model = inputs.model.changed(servers=need.servers, workers=need.workers, updates_a_second=need.updates)
        known = records.bills[deployment] = inputs, inputs._replace(model=model).bill(footprint, need.players)
    return known[1]


def _cluster(records: Records, label: str, need: Need, inputs: Inputs) -> Cluster | None:
    """Return the primaries and shards of a row whose board is over several servers."""
    footprint = records.footprints.get(label)
    if footprint is None or not footprint.sharded:
        return None
    model = inputs.model.changed(servers=need.servers, workers=need.workers, updates_a_second=need.updates)
    return inputs._replace(model=model).cluster(footprint, need.players)


# ---------------------------------------------------------------------- what rules it out


_LOSES: Final[dict[Durability, str]] = {
    "memory only": "a power cut takes everything",
    "everysec": "a power cut takes about the last second",
    "not known": "what a power cut takes is not known",
}


def reasons_of(one: Candidate, need: Need, others: Iterable[Reason]) -> Iterator[Reason]:
    """Yield why a candidate does not fit: by durability, for other reasons that are given, by load and p99."""
    if not covers(one.facts.durability, need.durability):
        yield Reason("durability", _LOSES[one.facts.durability])
    yield from others
    late = () if need.p99_us is None else _too_late(one, need, need.p99_us)
    for reason in (*_too_slow(one, need), *late):
        yield reason._replace(text=f"{reason.text} ({DISTURBED})") if one.disturbed else reason


def _not_deployable(one: Candidate, need: Need, records: Records) -> Iterator[Reason]:
    """Yield why it cannot serve the processes of a need, or cannot be priced."""
    footprint = records.footprints.get(one.label)
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
        yield Reason("load", f"carries {carries} beside the reads; asked for: {asked}")
    else:
        yield Reason("load", f"does not carry {rate_words(need.reads, 'read')}, even without updates")


def _too_late(one: Candidate, need: Need, limit: float) -> Iterator[Reason]:
    """Yield each p99 that is longer than asked: of updates, of the slowest read, and under the load of one client."""
    if one.times is None:
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


# ---------------------------------------------------------------------- what figures do not show


def _cautions(one: Candidate, need: Need) -> Iterator[str]:
    if one.times is not None and one.times.beyond:
        far = ": by its memory one server holds this board, but measure its times first" if _far(one, need) else ""
        yield f"extrapolated beyond the largest measured size, {one.times.where.players:,} players{far}"
    if one.times is not None and one.times.update.samples < FEW_SAMPLES:
        yield f"its p99 rests on only {one.times.update.samples:,} updates per process, within the time limit"
    if one.disturbed:
        yield DISTURBED
    if one.together.caution:
        yield one.together.caution
    if need.p99_us is not None and (untold := _not_told(one)):
        yield untold
    if need.servers > 1 and one.facts.home == "server":
        way = "a unix socket" if _by_socket(one.facts) else "loopback" if one.facts.sheet.setup else "its URL"
        yield f"measured over {way}: between machines, each call also takes the network's round trip"
    if one.bill is not None and one.bill.problem:
        yield one.bill.problem
    if need.servers * need.workers > 1 and one.facts.home == "process" and one.facts.shared:
        yield f"{need.processes} processes share it in a way of its own, which was not examined"


def _far(one: Candidate, need: Need) -> bool:
    """Whether a board is so large that only its memory says whether one server holds it."""
    return one.times is not None and need.players > FURTHEST * one.times.where.players


def _not_told(one: Candidate) -> str:
    """Return why it is not known how late answers come under load; empty where it is."""
    return "response times under load were not measured" if one.response is None else one.response.problem


def _by_socket(facts: BackendFacts) -> bool:
    """Whether it was measured over a unix socket, which ends at the machine."""
    return "unix://" in facts.sheet.configuration


def _beside_sockets(one: Candidate, judged: list[Candidate], need: Need) -> Candidate:
    """Rule out a unix socket for several servers where the same storage was measured over TCP as well."""
    if need.servers == 1 or one.facts.home != "server" or not _by_socket(one.facts):
        return one
    same = (one.facts.class_name, one.facts.durability, "server")
    for other in judged:
        facts = other.facts
        if (facts.class_name, facts.durability, facts.home) == same and other.times and not _by_socket(facts):
            reason = Reason(
                "servers and workers", f"a unix socket serves one machine: {other.label} is the same over TCP"
            )
            return one._replace(reasons=(*one.reasons, reason))
    return one
