"""A candidate that a result may not have: a board over the shards of a cluster, by the model of `cost.cluster`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import fmean
from typing import Final

from msgspec.structs import replace

from ...numerals import counted
from ..cost.bill import Sharding
from ..cost.cluster import COUNT_US, TRIPS, Ratios, ratios
from ..cost.source import Inputs
from ..schema import BackendFacts, Durability, Metadata
from .candidates import Basis, Candidate, Reason, candidates, carried, judge
from .need import Need, covers
from .performance import Concurrency, Latency, Times, concurrency, problem, sizes, times, where

LEAST_PLAYERS: Final = 1_000_000
"""Smaller boards are never offered a cluster, for which it is too early by far."""


def all_candidates(basis: Basis, need: Need) -> list[Candidate]:
    """Return every backend of a result judged for a need; of a large board also a cluster.

    It is by the model where none was measured, or not near enough. While one server holds the board, it is too early.
    """
    judged = [_measured(basis, one, need) for one in candidates(basis, need)]
    if any(one.facts.sharded and one.times for one in judged) or need.players < LEAST_PLAYERS:
        return judged
    modelled = _modelled(basis, need)
    return [*(one for one in judged if not one.facts.sharded), modelled] if modelled else judged


def _measured(basis: Basis, one: Candidate, need: Need) -> Candidate:
    """Return a measured candidate; where it is a cluster, with what every cluster has against it."""
    row = basis.servers.get(one.facts.durability)
    if not one.facts.sharded or not one.times or row is None or row.label not in basis.footprints:
        return one
    cautions = (*one.cautions, *_of_any_cluster(one.facts.durability, basis.inputs))
    return one._replace(reasons=(*one.reasons, *_too_early(basis, row, need)), cautions=cautions)


def _modelled(basis: Basis, need: Need) -> Candidate | None:
    """Return the sharded board whose servers are set as those of the weakest row that keeps what is asked for."""
    row = next((facts for facts in basis.servers.values() if covers(facts.durability, need.durability)), None)
    base = _base(basis, row.label, need) if row else None
    bill = basis.bill(row.label, need.deployment, sharded=True) if row else None
    if row is None or base is None or bill is None:
        return None
    sharding, plain = bill.sharding, _base(basis, next(iter(basis.servers.values())).label, need) or base
    counting, several = sharding.on_one * COUNT_US, concurrency(basis.m, row.label, need.processes, need.players)
    # The busiest primary counts all of its shards, and is never taken for faster than one server with the same clients.
    busy_us = (max(counting, one_us / several.times) for one_us in (base.update.mean_us, base.read_us))
    carries, share = carried(basis, need, *busy_us)
    made = Candidate(
        facts=replace(
            row,
            label=bill.backend,
            class_name="ClusterLeaderboard",
            consistency="per player",
            metadata=Metadata(configuration=f'url = "{sharding.url}"'),
        ),
        times=_times(base, plain, ratios(basis.m), sharding, need),
        concurrency=Concurrency(
            1.0,
            f"for each call, the busiest primary counts in {sharding.on_one} of {sharding.shards} shards, {COUNT_US:g} "
            "µs each; it is assumed to be busy for at least as long as one server",
            measured=True,
        ),
        carries=carries,
        share=share,
        bill=bill,
    )
    wrong_size: Iterable[Reason] = [Reason("size", bill.problem)] if bill.problem else _too_early(basis, row, need)
    cautions = [
        "a model, as no cluster of this size was measured",
        f"between machines, each call also takes up to {TRIPS} round trips of the network",
        *_of_any_cluster(row.durability, basis.inputs),
        *(["response times under load were not measured"] if need.p99_us is not None else []),
    ]
    return judge(made, need, wrong_size, cautions)


def _base(basis: Basis, label: str, need: Need) -> Times | None:
    """Return the times of one server that those of a cluster are computed from: at the largest size up to its."""
    m, players = basis.m, min(need.players, max(sizes(basis.m, label), default=0))
    return None if not players or problem(m, label, players) else times(m, label, players)


def _times(base: Times, plain: Times, known: Ratios, sharding: Sharding, need: Need) -> Times:
    """Return the times over shards: those of a plain server by the ratios, and what the row's own log adds to them."""
    logged = {one.operation: one for one in (base.update, *base.reads)}
    update, *reads = (
        _over_shards(one, logged[one.operation], known, sharding)
        for one in (plain.update, *plain.reads)
        if one.operation in logged
    )
    return Times(
        update=update,
        reads=tuple(reads),
        read_us=fmean([one.mean_us for one in reads]) if reads else 0.0,
        at=base.at,
        beyond=need.players > base.at.cell.players,
        source=(
            f"a model: {where(base.at)}, {known.source(update.operation, sharding.shards)}, and {COUNT_US:g} µs for "
            f"each of {counted(sharding.on_one, 'shard')} on a primary"
        ),
        modelled=True,
    )


def _over_shards(one: Latency, logged: Latency, known: Ratios, sharding: Sharding) -> Latency:
    def over(plain: float | None, with_log: float | None) -> float | None:
        if plain is None or with_log is None:
            return None
        return known.call_us(one.operation, plain, sharding) + max(0.0, with_log - plain)

    return Latency(
        operation=one.operation,
        mean_us=over(one.mean_us, logged.mean_us) or 0.0,
        p50_us=over(one.p50_us, logged.p50_us),
        p99_us=over(one.p99_us, logged.p99_us),
        p99_by_round={},
        samples=min(one.samples, logged.samples),
    )


# ---------------------------------------------------------------------- what rules it out, what to mind


def _too_early(basis: Basis, row: BackendFacts, need: Need) -> Iterator[Reason]:
    """Yield up to which size one server holds a board; nothing where it does not hold this one."""
    one_server = basis.bill(row.label, need.deployment)
    if one_server is None or one_server.problem:
        return
    idle = need.changed(players=1, updates=0.0).deployment
    holds = {
        durability: basis.one_server_holds(facts.label, idle)
        for durability, facts in basis.servers.items()
        if facts.label in basis.footprints
    }
    most = holds[row.durability]
    others = "; ".join(f"{durability}: {held:,}" for durability, held in holds.items() if held != most)
    yield Reason(
        "size",
        f"too early below about {most:,} players{f' ({others})' if others else ''}: by its memory, one server holds "
        f"them ({one_server.runs_on}, {one_server.monthly:,.0f} {basis.inputs.prices.currency} per month), and answers "
        f"faster",
    )


def _of_any_cluster(durability: Durability, inputs: Inputs) -> Iterator[str]:
    if not inputs.model.replicas:
        yield "without replicas, the players of a lost primary are lost with it"
    if durability != "memory only":
        yield (
            "its durability holds if the server comes back: a failover loses the updates that the promoted replica "
            "lacks, unless the board is opened with wait_replicas=1, which needs two replicas of each primary"
        )
