"""What it takes to operate each board: medians of crash recoveries, and lists that are only stated."""

from __future__ import annotations

from msgspec.structs import replace

from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report.recovery import operations, operations_section
from leaderboard_backends.comparison.schema import BackendFacts, Metadata, Result

from ..advice.results import ACKNOWLEDGED, facts, recovery, result, service


def stated(label: str, steps: int, figures: int) -> BackendFacts:
    metadata = Metadata(setup=["a step"] * steps, watch=["a figure"] * figures)
    return replace(facts(label, "server" if label == "redis" else "file"), metadata=metadata)


def measured(lost: int) -> Result:
    """Return a result of a server, killed at two sizes, and of a file that was not."""
    small = recovery("redis", 1_000, restore=1.0)
    runs = [*small, *recovery("redis", processes=1, ports=2, start=0.5, restore=9.0, lost=lost)]
    return result([stated("redis", 4, 3), stated("zodb", 1, 1)], [*runs, *service("zodb", {"update": 1.0})])


def test_operating_is_told_by_medians_at_the_largest_size_and_by_the_sheet() -> None:
    (redis, zodb) = operations(Measurements(measured(lost=3)))
    assert (redis.processes, redis.ports, redis.start_seconds, redis.restore_seconds) == (1, 2, 0.5, 9.0)
    assert (redis.lost, redis.acknowledged, redis.players) == (9, 1_200, 1_000_000)
    assert (len(redis.setup), len(redis.watch), redis.restored_by) == (4, 3, "restart")
    assert (zodb.is_measured, zodb.processes, zodb.lost) == (False, None, None)


def test_every_board_has_its_row_in_words_and_figures() -> None:
    running, setting_up = operations_section(Measurements(measured(lost=ACKNOWLEDGED))).tables
    redis, zodb = ([value.text for value in row] for row in running.rows)
    assert redis == [
        "redis",
        "memory only",
        "1",
        "2",
        "0.50 s",
        "1,000,000",
        "9.0 s",
        "loading again",
        "1,200 of 1,200",
    ]
    assert zodb[2:] == ["-"] * 7
    assert running.note.startswith("-: no crash")
    assert [value.text for value in setting_up.rows[1]] == ["zodb", "1", "a step", "a figure"]
    assert setting_up.title.endswith("stated, not measured")
