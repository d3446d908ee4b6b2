from __future__ import annotations

import msgspec
import pytest

from leaderboard_backends.comparison.operations import OPERATIONS
from leaderboard_backends.comparison.trace import Trace, decode_trace, draw_trace, encode_trace, trace_facts

COUNTS = {operation.name: 300 for operation in OPERATIONS}


def test_the_same_size_and_seed_give_the_same_bytes() -> None:
    assert encode_trace(draw_trace(50, 7, COUNTS)) == encode_trace(draw_trace(50, 7, COUNTS))


def test_the_bytes_are_the_same_on_every_machine() -> None:
    trace = draw_trace(50, 7, COUNTS)
    assert (
        trace_facts(trace, encode_trace(trace)).sha256
        == "d2eb8737d4f15e887e2e3c7923cf2857e2da4f1faa14e98aa1b4f3bf1a1043ab"
    )


@pytest.mark.parametrize(("players", "seed"), [(51, 7), (50, 8)])
def test_another_size_or_seed_gives_another_trace(players: int, seed: int) -> None:
    assert encode_trace(draw_trace(players, seed, COUNTS)) != encode_trace(draw_trace(50, 7, COUNTS))


def test_a_stored_trace_reads_back_as_it_was() -> None:
    trace = draw_trace(50, 7, COUNTS)
    assert decode_trace(encode_trace(trace)) == trace


def test_what_is_no_trace_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_trace(b"no trace")


@pytest.mark.parametrize("players", [1, 2, 50, 1000])
def test_no_update_repeats_the_standing_score(players: int) -> None:
    trace = draw_trace(players, 3, COUNTS)
    standing = dict(zip(trace.ids, trace.scores, strict=True))
    moves = _updates(trace)
    assert len(moves) == 300 + 300 // 20
    for player_id, score in moves:
        assert standing[player_id] != score
        standing[player_id] = score


def test_updates_and_loads_make_ties() -> None:
    trace = draw_trace(1000, 3, COUNTS)
    facts = trace_facts(trace, encode_trace(trace))
    assert facts.tied_share > 0.9
    loaded = set(trace.scores)
    assert sum(score in loaded for _, score in _updates(trace)) > 250


def test_every_operation_has_its_count_of_measured_steps_and_a_warm_up_of_its_own() -> None:
    trace = draw_trace(50, 7, {"update": 40, "rank": 20, "top_100": 0, "around": 1})
    assert trace.planned() == {"update": 40, "rank": 20, "top_100": 0, "around": 1}
    assert len(trace.warm_up) == 2 + 1 + 1 + 1


def _updates(trace: Trace) -> list[tuple[str, int]]:
    steps = [*trace.warm_up, *trace.measured]
    return [(str(arguments[0]), int(arguments[2])) for index, arguments in steps if trace.operations[index] == "update"]
