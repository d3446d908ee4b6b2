"""A candidate that a result may not have: a board over the shards of a cluster, by the model of `cost.cluster`."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Final

from msgspec.structs import replace

from ...numerals import counted
from ..cost.cluster import COUNT_US, TRIPS, Cluster, Ratios, one_server_rows, ratios
from ..cost.source import Inputs
from ..schema import BackendFacts, Durability, Metadata
from .candidates import Basis, Candidate, Reason, candidates, carried, reasons_of
from .need import Need, covers
from .performance import Concurrency, Latency, Times, concurrency, problem, sizes, times, where

LEAST_PLAYERS: Final = 1_000_000
"""Smaller boards are never offered a cluster, for which it is too early by far."""


def all_candidates(basis: Basis, need: Need) -> list[Candidate]:
    """Return every backend of a result judged for a need; of a large board also a cluster.

    It is by the model where none was measured, or not near enough. While one server holds the board, it is too early.
    """
    judged = [_measured(basis, one, need) for one in candidates(basis, need)]
    if any(one.cluster and one.times for one in judged) or need.players < LEAST_PLAYERS:
        return judged
    modelled = list(_modelled(basis, need))
    return [one for one in judged if not (modelled and one.facts.consistency == "per player")] + modelled


def _measured(basis: Basis, one: Candidate, need: Need) -> Candidate:
    """Return a measured candidate; where it is a cluster, with what every cluster has against it."""
    alone = _one_server(basis).get(one.facts.durability, "")
    if not one.cluster or not one.times or alone not in basis.footprints:
        return one
    early = [Reason("size", text) for text in (_too_early(basis, alone, need),) if text]
    cautions = (*one.cautions, *_of_any_cluster(one.facts.durability, basis.inputs))
    return one._replace(reasons=(*one.reasons, *early), cautions=cautions)


def _modelled(basis: Basis, need: Need) -> Iterator[Candidate]:
    """Yield the sharded board whose servers are set as those of the weakest row that keeps what is asked for."""
    rows = [facts for facts in one_server_rows(basis.m.result).values() if covers(facts.durability, need.durability)]
    for facts in rows[:1]:
        found = _base(basis, facts.label, need)
        if found is not None and facts.label in basis.footprints:
            yield _candidate(basis, facts, found, basis.cluster(facts.label, need.deployment), need)


def _base(basis: Basis, label: str, need: Need) -> Times | None:
    """Return the times of one server that those of a cluster are computed from: at the largest size up to its."""
    m, players = basis.m, min(need.players, max(sizes(basis.m, label), default=0))
    return None if not players or problem(m, label, players) else times(m, label, players)


def _candidate(basis: Basis, facts: BackendFacts, base: Times, nodes: Cluster, need: Need) -> Candidate:
    plain = next(one.label for one in one_server_rows(basis.m.result).values())
    made = Candidate(
        facts=_facts(facts, nodes),
        reasons=(),
        cautions=(),
        times=_times(base, _base(basis, plain, need) or base, ratios(basis.m), nodes, need),
        concurrency=_concurrency(nodes),
        **carried(basis, need, *_busy(basis, facts.label, base, nodes, need)),
        response=None,
        bill=nodes.bill,
        cluster=nodes,
    )
    reasons = reasons_of(made, need, _wrong_size(basis, facts.label, nodes, need))
    return made._replace(reasons=tuple(reasons), cautions=tuple(_cautions(facts, need, basis.inputs)))


def _facts(facts: BackendFacts, nodes: Cluster) -> BackendFacts:
    return replace(
        facts,
        label=nodes.bill.backend,
        class_name="ClusterLeaderboard",
        consistency="per player",
        metadata=Metadata(configuration=f'url = "{nodes.url}"'),
    )


# ---------------------------------------------------------------------- times


def _times(base: Times, plain: Times, known: Ratios, nodes: Cluster, need: Need) -> Times:
    """Return the times over shards: those of a plain server by the ratios, and what the row's own log adds to them."""
    logged = {one.operation: one for one in (base.update, *base.reads)}
    found = {
        one.operation: _over_shards(one, logged[one.operation], known, nodes)
        for one in (plain.update, *plain.reads)
        if one.operation in logged
    }
    update, *reads = found.values()
    return Times(
        update=update,
        reads=tuple(reads),
        read_us=fmean([one.mean_us for one in reads]) if reads else 0.0,
        at=base.at,
        growth=1.0,
        beyond=need.players > base.at.cell.players,
        modelled=(
            f"a model: {where(base.at)}, {known.source(update.operation, nodes.sharding.shards)}, and {COUNT_US:g} µs "
            f"for each of {counted(nodes.sharding.on_one, 'shard')} on a primary"
        ),
    )


def _over_shards(one: Latency, logged: Latency, known: Ratios, nodes: Cluster) -> Latency:
    def over(plain: float | None, with_log: float | None) -> float | None:
        if plain is None or with_log is None:
            return None
        return known.call_us(one.operation, plain, nodes.sharding) + max(0.0, with_log - plain)

    return Latency(
        operation=one.operation,
        mean_us=over(one.mean_us, logged.mean_us) or 0.0,
        p50_us=over(one.p50_us, logged.p50_us),
        p99_us=over(one.p99_us, logged.p99_us),
        p99_by_round={},
        samples=min(one.samples, logged.samples),
    )


def _busy(basis: Basis, label: str, base: Times, nodes: Cluster, need: Need) -> tuple[float, float]:
    """Return for how many microseconds an update, and a read, keep the busiest primary busy.

    All of its shards are counted, and it is never taken for faster than one server with the same clients.
    """
    counting, several = nodes.sharding.on_one * COUNT_US, concurrency(basis.m, label, need.processes, need.players)
    return max(counting, base.update.mean_us / several.times), max(counting, base.read_us / several.times)


def _concurrency(nodes: Cluster) -> Concurrency:
    on_one = nodes.sharding.on_one
    return Concurrency(
        1.0,
        f"each call has the busiest primary count in {on_one} of {nodes.sharding.shards} shards, {COUNT_US:g} µs each, "
        f"and takes no less of it than of one server",
        measured=True,
    )


# ---------------------------------------------------------------------- what rules it out, what to mind


def _wrong_size(basis: Basis, label: str, nodes: Cluster, need: Need) -> Iterator[Reason]:
    """Yield why such a board is too large for a cluster, or too small."""
    if nodes.bill.problem:
        yield Reason("size", nodes.bill.problem)
    elif early := _too_early(basis, label, need):
        yield Reason("size", early)


def _too_early(basis: Basis, label: str, need: Need) -> str:
    """Return up to which size one server holds a board; empty where it does not hold this one."""
    one_server = basis.bill(label, need.deployment)
    if one_server is None or one_server.problem:
        return ""
    holds = {
        durability: basis.one_server_holds(row, need.changed(players=1, updates=0.0).deployment)
        for durability, row in _one_server(basis).items()
        if row in basis.footprints
    }
    own = next(durability for durability, row in _one_server(basis).items() if row == label)
    others = "; ".join(f"{name}: {most:,}" for name, most in holds.items() if most != holds[own])
    return (
        f"too early below about {holds[own]:,} players{f' ({others})' if others else ''}: by its memory, one server "
        f"holds them ({one_server.runs_on}, {one_server.monthly:,.0f} {basis.inputs.prices.currency} per month), and "
        f"answers faster"
    )


def _one_server(basis: Basis) -> dict[Durability, str]:
    """Return the row of one server of each durability."""
    return {durability: facts.label for durability, facts in one_server_rows(basis.m.result).items()}


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
