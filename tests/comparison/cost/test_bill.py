"""A bill follows from bytes, prices and a model, by hand-computed examples; each amount says where it comes from."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.cost.bill import Bill, bill, why_not_shared
from leaderboard_backends.comparison.cost.footprint import Bytes, Footprint, Line
from leaderboard_backends.comparison.cost.source import BytesAPlayer, Inputs, Model
from leaderboard_backends.comparison.schema import Durability, Home
from leaderboard_backends.numerals import counted

from ..advice.results import MODEL, PRICES, facts

GIB = 2**30
PLAIN = replace(MODEL, string_bytes=0)


def taking(
    home: Home,
    *,
    process: float = 0,
    server: float = 0,
    disk: float = 0,
    shared: bool = False,
    durability: Durability = "memory only",
    names: float = 0,
    grown: float | None = None,
    backend: str = "mine",
) -> Footprint:
    """Return a footprint with bytes per player and nothing fixed."""
    places = each(process), each(server), each(disk)
    board = facts(backend, home, durability, shared=shared)
    return Footprint(board, *places, names, grown, (1000,), "made up")


def each(size: float) -> Bytes:
    """Return so many bytes per player, measured at 1,000."""
    return Bytes(((1000, 1000 * size),), Line(0, size))


def billed(footprint: Footprint, players: int = 1000, model: Model = PLAIN, term: str = "on demand") -> Bill:
    return bill(footprint, players, Inputs(PRICES, model, term))


def bought(found: Bill) -> list[tuple[str, float]]:
    return [(item.what, round(item.monthly, 2)) for item in found.items]


def test_the_cheapest_server_that_is_large_enough_is_taken() -> None:
    board = taking("process", process=GIB / 1000 / 2)  # a GiB of memory for 1,000 players, headroom included
    small, large = billed(board, 1000), billed(board, 1001)
    assert bought(small) == [("small", 10)]
    assert (small.monthly, small.running, small.development, small.total) == (10, 600, 3000, 3600)
    assert bought(large) == [("large", 73)]


def test_the_names_of_players_count_in_a_process_and_nowhere_else() -> None:
    """1,000 players of (64 + 2 x 50) bytes, twice for headroom."""
    named = taking("process", names=64)
    assert billed(named, model=MODEL).items[0].need == pytest.approx(1 + 2 * 1000 * 164 / GIB)
    assert billed(taking("file", names=64), model=MODEL).items[0].need == 1


def test_a_board_in_one_process_has_no_amount_for_several() -> None:
    four = billed(taking("process", process=GIB / 1000 / 2), model=replace(PLAIN, workers=4))
    assert (four.items, four.problem) == ((), "it lives in one process: 4 processes would hold a copy each")


def test_a_cache_node_has_room_for_its_engine() -> None:
    fits = taking("server", server=GIB / 1000 * 1.5)  # 3 GiB with headroom: three quarters of a node
    found = billed(fits, model=replace(PLAIN, replicas=1))
    assert bought(found) == [("small", 10), ("2 x node", 40)]
    assert "25% of the node for its engine" in found.items[1].because
    beyond = billed(fits, 1001)
    assert beyond.problem == "no cache of the price table has 4.0 GiB"
    assert (beyond.items, beyond.monthly, beyond.runs_on) == ((), 0, beyond.problem)


def test_a_server_that_keeps_a_log_runs_on_a_machine_of_its_own() -> None:
    found = billed(taking("server", server=GIB / 1000 / 2, durability="everysec", disk=1e6))
    assert bought(found) == [("small", 10), ("small (storage)", 10), ("3.00 GB disk", 1.5)]
    assert "managed cache nodes keep no log" in found.items[1].because


def test_without_a_log_the_cheaper_of_both_is_taken_where_the_model_says_so() -> None:
    either = replace(PLAIN, storage_servers="cheapest")
    small = billed(taking("server", server=GIB / 1000 / 2), model=either)
    assert bought(small)[1] == ("small (storage)", 10)
    assert "cheaper than node, 20.00" in small.items[1].because
    middling = billed(taking("server", server=GIB / 1000), model=either)  # too much for a small server
    assert bought(middling)[1] == ("node", 20)
    large = billed(taking("server", server=GIB / 1000 * 7), model=either)  # too much for a node
    assert bought(large)[1] == ("large (storage)", 73)
    assert "of the price table holds 40.0 GiB" in billed(taking("server", server=GIB / 1000 * 20), model=either).problem


def test_own_machines_are_taken_where_the_model_says_so() -> None:
    found = billed(taking("server", server=1), model=replace(PLAIN, storage_servers="own machines"))
    assert bought(found)[1] == ("small (storage)", 10)


def test_a_file_costs_disk_and_its_place_in_the_systems_cache() -> None:
    found = billed(taking("file", disk=1e6))
    assert bought(found) == [("small", 10), ("3.00 GB disk", 1.5)]
    assert found.items[0].need == pytest.approx(1 + 1e9 / GIB)


def test_a_file_serves_one_process_or_where_it_is_shared_one_machine() -> None:
    two = replace(PLAIN, workers=2)
    assert "one process at a time" in billed(taking("file"), model=two).problem
    assert not billed(taking("file", shared=True), model=two).problem
    assert "its file is on one machine" in billed(taking("file", shared=True), model=replace(PLAIN, servers=2)).problem


def test_one_process_shares_with_nobody() -> None:
    assert why_not_shared(taking("process"), 1, 1) == ""
    assert why_not_shared(taking("server", shared=True), 3, 4) == ""
    assert why_not_shared(taking("process"), 3, 4) == "it lives in one process: 12 processes would hold a copy each"


def test_files_grow_by_updates_until_they_are_packed_where_the_model_says_so() -> None:
    """10 updates per second of 50 bytes for two days are 86.4 MB."""
    growing, rewritten = (taking("file", disk=1000, grown=50, backend=name) for name in ("growing", "mine"))
    assert billed(growing).items[1].need == pytest.approx((3 * 1e6 + 86.4e6) / 1e9)
    assert "50 bytes per update as measured, 10 per second, for 2 days" in billed(growing).items[1].because
    assert billed(rewritten).items[1].need == pytest.approx(3 * 1e6 / 1e9)


def test_a_term_replaces_the_prices_that_it_has() -> None:
    board = taking("process", process=1)
    assert billed(board, term="reserved").monthly == 6
    assert bought(billed(board, 5 * 10**9, term="reserved"))[0][0] == "large"


def test_bytes_of_the_model_stand_in_place_of_those_measured() -> None:
    board = taking("process", process=GIB / 1000)
    assert billed(board).items[0].sku == "large"
    given = replace(PLAIN, bytes_a_player={"mine": BytesAPlayer(process=GIB / 1000 / 2)})
    assert billed(board, model=given).items[0].sku == "small"
    assert "bytes per player as the cost model says" in billed(board, model=given).items[0].because


def test_hours_of_upkeep_are_part_of_running() -> None:
    """(10 + 2 hours at 100) x 60 months."""
    found = billed(taking("process", process=1, backend="tended"))
    assert (found.monthly, found.running) == (10, 12_600)
    assert (found.development, found.total) == (None, None)


def test_each_amount_is_traced_to_its_inputs() -> None:
    lines = list(billed(taking("process", process=100), model=MODEL).trace())
    memory = "(100 bytes per player as measured at 1,000 + 100 for the player's names, x 2)"
    assert lines == [
        f"small, 10.00 per month: 1 x 10 per month, on demand; 1.00 GiB: 1 for the system, 1 worker of 0.000 {memory}",
        "to build, 3,000: 30 hours at 100",
        "5 years in all, 3,600: 3,000 + (10.00 + 0 hours of upkeep at 100) x 60 months",
    ]


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1 day"), (0.5, "0.5 days"), (0, "0 days"), (2, "2 days"), (10**6, "1,000,000 days")]
)
def test_counted_things_are_one_or_several(number: float, said: str) -> None:
    assert counted(number, "day") == said
