from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Literal, TypeAlias

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard_backends import ConfigurationError
from leaderboard_backends.comparison.traces import trace_facts
from leaderboard_backends.workload.operations import OPERATIONS
from leaderboard_backends.workload.spec import Load, PlayerForm, Workload, WorkloadFile, find_workloads, workload_names
from leaderboard_backends.workload.trace import (
    Trace,
    block,
    decode_trace,
    draw_trace,
    encode_trace,
)

Writing: TypeAlias = Callable[..., WorkloadFile]

SHIPPED = {workload.spec.name: workload for workload in find_workloads(workload_names())}
SMALL_SIZES = [1, 2, 3, 100]


def of(spec: Workload) -> WorkloadFile:
    """Return a workload that no file holds; its hash is the one of what it says."""
    return WorkloadFile(Path("mine.toml"), spec, "", sha256(msgspec.json.encode(spec)).hexdigest())


def check_steps(trace: Trace) -> None:
    """Follow all steps: none changes nothing, none joins twice, none reads or removes who is not there."""
    standing = dict(zip(trace.ids, trace.scores, strict=False))
    for index, arguments in trace.steps:
        name = trace.operations[index]
        player, change = arguments[0], arguments[-1]
        if name in ("update", "increment"):
            before = standing.get(player)
            score = change if name == "update" else (before or 0) + change
            assert before != score
            if "join" in trace.operations and standing:
                assert before is not None
            standing[player] = score
        elif name == "join":
            assert player not in standing
            standing[player] = change
        elif name == "leave":
            del standing[player]
        elif isinstance(player, str) and standing:
            assert player in standing
        elif isinstance(player, list) and standing:
            assert standing.keys() >= set(player)
            assert len(set(player)) == len(player) == min(50, len(standing))


# ---------------------------------------------------------------------- the same everywhere


def test_the_same_input_gives_the_same_bytes() -> None:
    workload = SHIPPED["realtime"]
    assert encode_trace(draw_trace(workload, 50, 300, 7)) == encode_trace(draw_trace(workload, 50, 300, 7))


PINNED = {
    ("uniform", "any other"): "31de80536ff1c272f7380f6674174ae86019e197a6a9366f2351a97c77857d4f",
    ("normal", "climb"): "9f1c2893a41cee1f78093c6f1e05e83bcabe0c79750b0a787316a82468ca5cb9",
    ("pareto", "any other"): "7d03535635df82ea691319b65e8de02dadba6223b4780fdcbc813aafbdcfc82a",
}


@pytest.mark.parametrize(("distribution", "change"), PINNED)
def test_the_bytes_are_the_same_on_every_machine(distribution: str, change: str, written: Writing) -> None:
    """A change here makes old seeds draw other traces: raise `VERSION`, and pin anew."""
    shares = "\n".join(f"mix.{name} = {place}" for place, name in enumerate(OPERATIONS, 1) if name != "leave")
    scores = f"scores = {{ distribution = '{distribution}', change = '{change}' }}"
    workload = written(f"{shares}\nmix.leave = 2\nload.share = 0.8\n{scores}\nplayers.popularity = 'zipf'")
    stored = encode_trace(draw_trace(workload, 100, 400, 7))
    assert sha256(stored).hexdigest() == PINNED[distribution, change]


def test_another_process_with_other_hashes_of_strings_draws_the_same() -> None:
    program = (
        "from hashlib import sha256\n"
        "from leaderboard_backends.workload import spec, trace\n"
        "[workload] = spec.find_workloads(['churn'])\n"
        "drawn = trace.draw_trace(workload, 60, 200, 5)\n"
        "print(sha256(trace.encode_trace(drawn)).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    drawn = draw_trace(SHIPPED["churn"], 60, 200, 5)
    assert done.stdout.strip() == sha256(encode_trace(drawn)).hexdigest()


def test_another_workload_size_or_seed_gives_another_trace() -> None:
    asked = [("churn", 50, 7), ("lobby", 50, 7), ("churn", 51, 7), ("churn", 50, 8)]
    drawn = {encode_trace(draw_trace(SHIPPED[name], players, 100, seed)) for name, players, seed in asked}
    assert len(drawn) == len(asked)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_stored_trace_reads_back_as_it_was(name: str) -> None:
    trace = draw_trace(SHIPPED[name], 50, 300, 7)
    assert decode_trace(encode_trace(trace)) == trace


def test_what_is_no_trace_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_trace(b"no trace")


# ---------------------------------------------------------------------- the mix


@pytest.mark.parametrize(
    ("shares", "counts"),
    [
        ([1.0], [1]),
        ([70, 20, 10], [7, 2, 1]),
        ([0.7, 0.2, 0.1], [7, 2, 1]),
        ([1, 1, 1], [1, 1, 1]),
        ([999, 1], [999, 1]),
        ([1234.5, 765.5], [617, 383]),
        ([1, 1, 1.0001], [333, 333, 334]),
    ],
)
def test_a_block_is_the_smallest_with_the_exact_mix_or_one_of_a_thousand_steps(
    shares: list[float], counts: list[int]
) -> None:
    exact = Workload(1, {str(number): share for number, share in enumerate(shares)}).shares()
    assert [block(list(exact.values())).count(place) for place in range(len(shares))] == counts


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("players", SMALL_SIZES)
def test_every_block_of_measured_steps_has_the_exact_mix(name: str, players: int) -> None:
    trace, shares = draw_trace(SHIPPED[name], players, 1_000, 7), SHIPPED[name].spec.shares()
    size = len(block(list(shares.values())))
    measured = [trace.operations[index] for index, _ in trace.steps[trace.warm_up :]]
    blocks = [Counter(measured[start : start + size]) for start in range(0, 1_000, size)]
    assert len(blocks) >= 10
    assert all(counted == {name: share * size for name, share in shares.items()} for counted in blocks)


def test_steps_are_shuffled_within_a_block() -> None:
    trace = draw_trace(SHIPPED["realtime"], 100, 2_000, 7)
    firsts = {trace.operations[index] for index, _ in trace.steps[trace.warm_up :: 100]}
    followed = {(one[0], other[0]) for one, other in pairwise(trace.steps)}
    assert len(firsts) > 1
    assert len(followed) > 30


@pytest.mark.parametrize(("steps", "warm_up"), [(1, 0), (19, 0), (100, 5), (2_000, 100)])
def test_one_step_in_twenty_comes_before_the_measured_ones(steps: int, warm_up: int) -> None:
    trace = draw_trace(SHIPPED["lobby"], 30, steps, 7)
    assert (trace.warm_up, len(trace.steps)) == (warm_up, warm_up + steps)
    assert sum(trace.planned().values()) == steps


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "leave"])
@pytest.mark.parametrize("players", [1, 40])
def test_a_mix_may_be_one_operation(operation: str, players: int) -> None:
    trace = draw_trace(of(Workload(1, {operation: 1})), players, 40, 7)
    assert trace.planned() == {operation: 40}
    check_steps(trace)


# ---------------------------------------------------------------------- the steps


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("players", SMALL_SIZES)
def test_every_step_of_a_shipped_workload_is_valid(name: str, players: int) -> None:
    check_steps(draw_trace(SHIPPED[name], players, 1_000, 7))


COUNTS = st.integers(0, 4)


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries({name: COUNTS for name in OPERATIONS if name != "leave"}).filter(
        lambda mix: any(mix.values())
    ),
    COUNTS,
    st.sampled_from([0.0, 0.5, 1.0]),
    st.integers(1, 5),
    st.sampled_from(["uniform", "zipf"]),
)
def test_every_step_of_any_mix_is_valid(
    mix: dict[str, float], leave: int, share: float, players: int, popularity: Literal["uniform", "zipf"]
) -> None:
    mix["leave"] = min(leave, mix["join"])
    spec = Workload(1, mix, load=Load(share), players=PlayerForm(popularity))
    trace = draw_trace(of(spec), players, 150, 7)
    assert len(trace.steps) == 157
    check_steps(trace)


def test_churn_keeps_the_size_of_the_board_and_needs_no_new_players() -> None:
    for players in SMALL_SIZES:
        assert len(draw_trace(SHIPPED["churn"], players, 1_000, 7).ids) == players


def test_more_joins_than_leaves_bring_new_players() -> None:
    trace = draw_trace(of(Workload(1, {"join": 3, "leave": 1})), 10, 400, 7)
    assert len(trace.scores) == 10
    assert len(trace.ids) == len(set(trace.ids)) == len(trace.usernames)
    assert 200 <= len(trace.ids) - 10 <= 215
    check_steps(trace)


def test_without_joins_updates_bring_the_players_who_were_not_loaded() -> None:
    trace = draw_trace(of(Workload(1, {"update": 1}, load=Load(0.0))), 20, 400, 7)
    assert trace.scores == []
    assert {arguments[0] for _, arguments in trace.steps} == set(trace.ids)


def test_reads_of_an_empty_board_name_players_who_are_not_there() -> None:
    trace = draw_trace(of(Workload(1, {"rank": 1, "friends": 1, "page": 1}, load=Load(0.0))), 3, 6, 7)
    named = {trace.operations[index]: arguments for index, arguments in trace.steps}
    assert named["rank"][0] in trace.ids
    assert named["friends"] == (trace.ids,)
    assert named["page"] == (1, 50)


def test_pages_are_of_any_depth_and_ranges_of_any_scores() -> None:
    trace = draw_trace(of(Workload(1, {"page": 1, "count": 1})), 1_000, 400, 7)
    pages = [arguments[0] for index, arguments in trace.steps if trace.operations[index] == "page"]
    ranges = [arguments for index, arguments in trace.steps if trace.operations[index] == "count"]
    assert min(pages) < 50
    assert max(pages) > 950
    assert all(low in trace.scores and high in trace.scores and low <= high for low, high in ranges)


def test_zipf_names_some_players_far_more_often_for_reads_and_writes_alike() -> None:
    for operation in ("update", "rank"):
        spec = Workload(1, {operation: 1}, players=PlayerForm("zipf"))
        named = Counter(arguments[0] for _, arguments in draw_trace(of(spec), 1_000, 5_000, 7).steps)
        [(_, most)] = named.most_common(1)
        assert most / 5_250 == pytest.approx(1 / 7.49, rel=0.15)


def test_the_load_has_the_stated_ties() -> None:
    for name, workload in SHIPPED.items():
        if name != "season-start":
            trace = draw_trace(workload, 5_000, 1, 7)
            assert len(trace.scores) / len(set(trace.scores)) == pytest.approx(5, rel=0.15)


# ---------------------------------------------------------------------- arrival, facts, refusals


def test_arrivals_have_gaps_of_mean_one_that_are_exponential_or_equal(written: Writing) -> None:
    poisson = draw_trace(written("mix.rank = 1"), 10, 10_000, 7)
    assert len(poisson.gaps) == len(poisson.steps)
    assert mean(poisson.gaps) == pytest.approx(1, rel=0.03)
    assert sum(gap > 1 for gap in poisson.gaps) / len(poisson.gaps) == pytest.approx(0.368, rel=0.05)
    regular = draw_trace(written("mix.rank = 1\narrival.process = 'regular'"), 10, 20, 7)
    assert set(regular.gaps) == {1.0}


def test_facts_tell_hash_steps_ties_and_names() -> None:
    trace = draw_trace(SHIPPED["churn"], 1_000, 100, 7)
    stored = encode_trace(trace)
    facts = trace_facts(trace, stored, "churn")
    assert (facts.workload, facts.players, facts.seed) == ("churn", 1_000, 7)
    assert facts.sha256 == sha256(stored).hexdigest()
    assert facts.steps == {"update": 25, "join": 25, "leave": 25, "rank": 15, "top_100": 5, "around": 5}
    assert facts.warm_up_steps == 5
    assert facts.different_scores == len(set(trace.scores))
    assert 0.9 < facts.tied_share < 1
    assert 20 < facts.name_bytes_per_player < 30


def test_facts_of_an_empty_load_are_zero() -> None:
    trace = draw_trace(of(Workload(1, {"update": 1}, load=Load(0.0))), 3, 20, 7)
    facts = trace_facts(trace, encode_trace(trace), "empty")
    assert (facts.different_scores, facts.tied_share, facts.name_bytes_per_player) == (0, 0, 0)


@pytest.mark.parametrize(
    ("players", "steps", "told"), [(0, 1, "0 players"), (10**7 + 1, 1, "players"), (1, 0, "0 steps")]
)
def test_sizes_out_of_range_are_refused(players: int, steps: int, told: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{told} cannot be generated: give 1 to 10,000,000"):
        draw_trace(SHIPPED["lobby"], players, steps, 7)


# ---------------------------------------------------------------------- events


def csv_of(rows: int) -> str:
    lines = (f"p{number * 7 % 23},Name {number % 3},{number * 5 % 11}" for number in range(rows))
    return "player_id,username,score\n" + "\n".join(lines) + "\n"


def updates(trace: Trace) -> list[tuple[object, ...]]:
    return [arguments for index, arguments in trace.steps if trace.operations[index] == "update"]


@pytest.mark.parametrize("rows", [1, 2, 3, 22, 100, 1_000])
def test_events_are_replayed_in_order_after_the_first_half_is_loaded(rows: int, written: Writing) -> None:
    workload = written(csv_of(rows), "season.csv")
    assert workload.events is not None
    trace = draw_trace(workload, workload.events.players, 20_000, 7)
    assert updates(trace) == workload.events.rows[rows // 2 :]
    loaded = zip(trace.ids, trace.usernames, trace.scores, strict=False)
    assert {player: (name, score) for player, name, score in loaded} == workload.events.loaded(rows // 2)
    assert set(trace.ids) == {player for player, _, _ in workload.events.rows}
    assert trace.warm_up == pytest.approx(len(trace.steps) / 21, abs=5)
    assert len(trace.gaps) == len(trace.steps)


def test_so_many_steps_as_asked_are_made_of_more_events(written: Writing) -> None:
    trace = draw_trace(written(csv_of(1_000), "season.csv"), 23, 100, 7)
    assert (trace.warm_up, len(trace.steps)) == (5, 105)
    assert trace.planned() == {"update": 90, "rank": 8, "top_100": 2}


def test_a_toml_says_what_else_is_asked_beside_events(written: Writing, tmp_path: Path) -> None:
    (tmp_path / "season.csv").write_text(csv_of(100))
    workload = written(
        "events = 'season.csv'\nload.share = 0\nmix = { update = 1, around = 1 }\nplayers.popularity = 'zipf'"
    )
    trace = draw_trace(workload, 23, 1_000, 7)
    assert trace.scores == []
    assert len(updates(trace)) == 100
    assert 95 <= len(trace.steps) - 100 <= 101


def test_events_have_one_size(written: Writing) -> None:
    with pytest.raises(ConfigurationError, match=r"season.csv: 1,000 players were requested, but its events have 23"):
        draw_trace(written(csv_of(100), "season.csv"), 1_000, 10, 7)


def test_whatever_scores_events_have_come_through(written: Writing) -> None:
    workload = written("player_id,username,score\na,A,1.5\na,A,2.0\na,A,1e300\n", "floats.csv")
    trace = decode_trace(encode_trace(draw_trace(workload, 1, 10, 7)))
    assert repr([trace.scores, *(arguments[2] for arguments in updates(trace))]) == "[[1.5], 2, 1e+300]"


def test_updates_of_events_that_change_nothing_are_counted_and_drawn_ones_never_do(written: Writing) -> None:
    rows = "a,A,1\n" + "b,B,2\na,A,1\nb,B,2\nb,C,2\na,A,1.5\n" + "b,C,2\n" * 3
    toml = written(f"player_id,username,score\n{rows}", "season.csv")
    trace = draw_trace(toml, 2, 100, 7)
    measured = [arguments for index, arguments in trace.steps[trace.warm_up :] if trace.operations[index] == "update"]
    facts = trace_facts(trace, encode_trace(trace), "season")
    assert measured == [("b", "C", 2), ("a", "A", 1.5), ("b", "C", 2), ("b", "C", 2), ("b", "C", 2)]
    assert facts.repeated == 3
    for name in workload_names():
        drawn = draw_trace(SHIPPED[name], 50, 2_000, 7)
        assert trace_facts(drawn, b"", name).repeated == 0


def test_shares_are_exact() -> None:
    assert Workload(1, {"update": 0.1, "rank": 0.2, "entry": 0}).shares() == {
        "update": Fraction(1, 3),
        "rank": Fraction(2, 3),
    }
