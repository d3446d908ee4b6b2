"""A candidate that a result may not have: a board over the shards of a cluster, by the model of `cost.cluster`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from statistics import fmean
from typing import Final

from msgspec.structs import replace

from ...numerals import counted
from ..cost.cluster import COUNT_US, TRIPS, Cluster, Ratios, one_server_holds, one_server_rows, over_shards, ratios
from ..cost.source import Inputs
from ..schema import BackendFacts, Durability, Sheet
from .candidates import Candidate, Reason, candidates, reasons_of
from .load import Together, together
from .need import Need, covers
from .records import Records
from .times import Taken, Times, times

LEAST_PLAYERS: Final = 1_000_000
"""Smaller boards are never offered a cluster, for which it is too early by far."""


def all_candidates(records: Records, need: Need, inputs: Inputs) -> list[Candidate]:
    """Return every backend of a result judged for a need; of a large board also a cluster.

    It is by the model where none was measured, or not near enough. While one server holds the board, it is too early.
    """
    judged = [_measured(records, one, need, inputs) for one in candidates(records, need, inputs)]
    if any(one.cluster and one.times for one in judged) or need.players < LEAST_PLAYERS:
        return judged
    modelled = list(_modelled(records, need, inputs))
    return [one for one in judged if not (modelled and one.facts.consistency == "per player")] + modelled


def _measured(records: Records, one: Candidate, need: Need, inputs: Inputs) -> Candidate:
    """Return a measured candidate; where it is a cluster, with what every cluster has against it."""
    alone = _one_server(records).get(one.facts.durability, "")
    if not one.cluster or not one.times or alone not in records.footprints:
        return one
    early = [Reason("size", text) for text in (_too_early(records, alone, need, inputs),) if text]
    cautions = (*one.cautions, *_of_any_cluster(one.facts.durability, inputs))
    return one._replace(reasons=(*one.reasons, *early), cautions=cautions)


def _modelled(records: Records, need: Need, inputs: Inputs) -> Iterator[Candidate]:
    """Yield the sharded board whose servers are set as those of the weakest row that keeps what is asked for."""
    rows = [facts for facts in one_server_rows(records.result) if covers(facts.durability, need.durability)]
    for facts in rows[:1]:
        found = _base(records, facts.label, need)
        if found is None or facts.label not in records.footprints:
            continue
        yield _candidate(records, facts, found, _cluster(records, facts.label, need, inputs), need, inputs)


def _base(records: Records, label: str, need: Need) -> Times | None:
    """Return the times of one server that those of a cluster are computed from: at the largest size up to its."""
    players = min(need.players, max(records.sizes(label), default=0))
    return None if not players or records.problem(label, players) else times(records, label, players)


def _candidate(
    records: Records, facts: BackendFacts, base: Times, nodes: Cluster, need: Need, inputs: Inputs
) -> Candidate:
    known = _ratios(records)
    plain = next(one.label for one in one_server_rows(records.result))
    carried_us, update_us, read_us = 1e6 * inputs.model.busiest, *_busy(records, facts.label, base, nodes, need)
    made = Candidate(
        facts=_facts(facts, nodes),
        reasons=(),
        cautions=(),
        times=_times(base, _base(records, plain, need) or base, known, nodes, need),
        together=_together(nodes),
        carries=max(0.0, (carried_us - need.reads * read_us) / update_us),
        share=(need.updates * update_us + need.reads * read_us) / carried_us,
        response=None,
        bill=nodes.bill,
        cluster=nodes,
    )
    reasons = reasons_of(made, need, _wrong_size(records, facts.label, nodes, need, inputs))
    return made._replace(reasons=tuple(reasons), cautions=tuple(_cautions(facts, need, inputs)))


def _facts(facts: BackendFacts, nodes: Cluster) -> BackendFacts:
    return replace(
        facts,
        label=nodes.bill.backend,
        class_name="ClusterLeaderboard",
        consistency="per player",
        sheet=Sheet(configuration=f'url = "{nodes.url}"'),
    )


def _cluster(records: Records, label: str, need: Need, inputs: Inputs) -> Cluster:
    deployment = (label, need.players, need.servers, need.workers, need.updates)
    known = records.clusters.get(deployment)
    if known is None or known[0] is not inputs:
        alone, every = records.footprints[label], records.footprints.values()
        measured = (one for one in every if one.sharded and one.durability == alone.durability)
        footprint = next(measured, over_shards(alone))
        known = records.clusters[deployment] = inputs, _deployed(inputs, need).cluster(footprint, need.players)
    return known[1]


def _deployed(inputs: Inputs, need: Need) -> Inputs:
    model = inputs.model.changed(servers=need.servers, workers=need.workers, updates_a_second=need.updates)
    return inputs._replace(model=model)


@lru_cache(maxsize=8)
def _ratios(records: Records) -> Ratios:
    return ratios(records.m)


# ---------------------------------------------------------------------- times


def _times(base: Times, plain: Times, known: Ratios, nodes: Cluster, need: Need) -> Times:
    """Return the times over shards: those of a plain server by the ratios, and what the row's own log adds to them."""
    logged = {taken.operation: taken for taken in (base.update, *base.reads)}
    found = {
        taken.operation: _over_shards(taken, logged[taken.operation], known, nodes)
        for taken in (plain.update, *plain.reads)
        if taken.operation in logged
    }
    update, *reads = found.values()
    return Times(
        update=update,
        reads=tuple(reads),
        read_us=fmean([taken.mean_us for taken in reads]) if reads else 0.0,
        where=base.where,
        growth=1.0,
        beyond=need.players > base.where.players,
        modelled=(
            f"a model: {base.where.where}, {known.source(update.operation, nodes.spread.shards)}, and {COUNT_US:g} µs "
            f"for each of {counted(nodes.spread.on_one, 'shard')} on a primary"
        ),
    )


def _over_shards(taken: Taken, logged: Taken, known: Ratios, nodes: Cluster) -> Taken:
    def over(plain: float | None, with_log: float | None) -> float | None:
        if plain is None or with_log is None:
            return None
        return known.call_us(taken.operation, plain, nodes.spread) + max(0.0, with_log - plain)

    return Taken(
        operation=taken.operation,
        mean_us=over(taken.mean_us, logged.mean_us) or 0.0,
        p50_us=over(taken.p50_us, logged.p50_us),
        p99_us=over(taken.p99_us, logged.p99_us),
        p99_by_round={},
        samples=min(taken.samples, logged.samples),
    )


def _busy(records: Records, label: str, base: Times, nodes: Cluster, need: Need) -> tuple[float, float]:
    """Return for how many microseconds an update, and a read, keep the busiest primary busy.

    All of its shards are counted, and it is never taken for faster than one server with the same clients.
    """
    counting, several = nodes.spread.on_one * COUNT_US, together(records, label, need.processes, need.players)
    return max(counting, base.update.mean_us / several.times), max(counting, base.read_us / several.times)


def _together(nodes: Cluster) -> Together:
    on_one = nodes.spread.on_one
    return Together(
        1.0,
        f"each call has the busiest primary count in {on_one} of {nodes.spread.shards} shards, {COUNT_US:g} µs each, "
        f"and takes no less of it than of one server",
        measured=True,
    )


# ---------------------------------------------------------------------- what rules it out, what to mind


def _wrong_size(records: Records, label: str, nodes: Cluster, need: Need, inputs: Inputs) -> Iterator[Reason]:
    """Yield why such a board is too large for a cluster, or too small."""
    if nodes.bill.problem:
        yield Reason("size", nodes.bill.problem)
    elif early := _too_early(records, label, need, inputs):
        yield Reason("size", early)


def _too_early(records: Records, label: str, need: Need, inputs: Inputs) -> str:
    """Return up to which size one server holds a board; empty where it does not hold this one."""
    one_server = _deployed(inputs, need).bill(records.footprints[label], need.players)
    if one_server.problem:
        return ""
    holds = {
        durability: _one_server_holds(records, row, need, inputs)
        for durability, row in _one_server(records).items()
        if row in records.footprints
    }
    own = next(durability for durability, row in _one_server(records).items() if row == label)
    others = "; ".join(f"{name}: {most:,}" for name, most in holds.items() if most != holds[own])
    return (
        f"too early below about {holds[own]:,} players{f' ({others})' if others else ''}: by its memory, one server "
        f"holds them ({one_server.runs_on}, {one_server.monthly:,.0f} {inputs.prices.currency} per month), and answers "
        f"faster"
    )


def _one_server(records: Records) -> dict[Durability, str]:
    """Return the row of one server of each durability."""
    return {facts.durability: facts.label for facts in one_server_rows(records.result)}


def _cautions(facts: BackendFacts, need: Need, inputs: Inputs) -> Iterator[str]:
    yield "a model, as no cluster of this size was measured"
    yield f"between machines, each call also takes up to {TRIPS} round trips of the network"
    yield from _of_any_cluster(facts.durability, inputs)
    if need.p99_us is not None:
        yield "response times under load were not measured"


def _of_any_cluster(durability: Durability, inputs: Inputs) -> Iterator[str]:
    if not inputs.model.replicas:
        yield "without replicas, the players of a lost primary are lost with it"
    if durability != "memory only":
        yield (
            "what it survives is of a server that comes back: a failover loses the updates that the promoted replica "
            "lacks, unless the board is opened with wait_replicas=1, which needs two replicas of each primary"
        )


def _one_server_holds(records: Records, label: str, need: Need, inputs: Inputs) -> int:
    """Return how many players one server holds by its memory, with two digits that count."""
    key = (label, need.servers, need.workers)
    known = records.one_server.get(key)
    if known is None or known[0] is not inputs:
        given = _deployed(inputs, need)
        holds, _ = one_server_holds(records.footprints[label], given.model, given.prices, given.term)
        known = records.one_server[key] = inputs, int(float(f"{holds:.1e}"))
    return known[1]
