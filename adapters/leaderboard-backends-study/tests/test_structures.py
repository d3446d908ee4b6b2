"""Claims on data structures are judged by programs of the study, at their bounds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from claimed_results import judged, program
from leaderboard_backends_study.evidence import NotMeasuredError, Verdict
from leaderboard_backends_study.programs import board, maps, misuse, patterns
from leaderboard_backends_study.structures import MAP_OPERATIONS, is_about

from leaderboard_backends.comparison.schema import Cell, Run


def of_maps(trees: float, *, memory: float = 1.0, last: float | None = None) -> list[list[Run]]:
    """Return runs in which each operation of the trees takes so many times as long, the last one another time."""
    times = dict.fromkeys(MAP_OPERATIONS, 10.0 * trees)
    times[MAP_OPERATIONS[-1]] = 10.0 * (trees if last is None else last)
    return [
        program("sortedcontainers: SortedDict", dict.fromkeys(MAP_OPERATIONS, 10.0), bytes_=1_000),
        program("bintrees: RBTree", times, bytes_=round(1_000 * memory)),
        program("bintrees: AVLTree", times, bytes_=round(1_000 * memory)),
    ]


@pytest.mark.parametrize(
    ("trees", "last", "verdict"),
    [(2.0, 5.0, "holds"), (3.0, 1.9, "holds in part"), (3.0, 5.1, "holds in part"), (9.0, 9.0, "does not hold")],
)
def test_bintrees_takes_2_to_5_times_as_long(trees: float, last: float, verdict: Verdict) -> None:
    found = judged("bintrees-2-to-5-times-faster", *of_maps(trees, last=last))
    assert found.verdict == verdict
    assert "RBTree insert" in found.measured


@pytest.mark.parametrize(("memory", "verdict"), [(10.0, "holds"), (9.2, "holds"), (9.0, "does not hold")])
def test_bintrees_takes_ten_times_the_memory_or_nearly(memory: float, verdict: Verdict) -> None:
    assert judged("bintrees-10-times-the-memory", *of_maps(3.0, memory=memory)).verdict == verdict


def test_a_program_that_could_not_run_says_why() -> None:
    cell = Cell("program", "", 100_000, "bintrees: RBTree")
    absent = [Run(cell, number, "unavailable", "bintrees is not installed") for number in range(5)]
    with pytest.raises(NotMeasuredError, match="bintrees is not installed"):
        judged("bintrees-2-to-5-times-faster", absent)


def test_an_adapter_matches_with_all_methods() -> None:
    for covered, verdict in ((40.0, "holds"), (39.0, "does not hold")):
        counts = {maps.ALL: 40.0, maps.COVERED: covered, maps.DEPRECATIONS: 2.0}
        assert judged("bintrees-adapter-matches", program("study: bintrees adapter", counts=counts)).verdict == verdict


@pytest.mark.parametrize(
    ("shown", "short", "verdict"),
    [(182.0, 999.0, "holds"), (1.91, 1_100.0, "does not hold"), (12.0, 12.0, "does not hold"), (166.0, 1.0, "holds")],
)
def test_182_times_is_judged_by_the_code_that_the_study_shows(shown: float, short: float, verdict: Verdict) -> None:
    times = {misuse.SORT: 1_000.0, misuse.LIST: 1_000.0 / shown, misuse.ISLICE: 1_000.0 / short}
    found = judged("dict-and-sort-182-times", program("study: dict and sort", times))
    assert found.verdict == verdict
    assert "islice(values(), 10), not its code" in found.measured


@pytest.mark.parametrize(("walk", "verdict"), [(1.5, "holds"), (1.6, "does not hold")])
def test_listing_all_values_is_not_walking_ten(walk: float, verdict: Verdict) -> None:
    times = {misuse.LIST: walk, misuse.ISLICE: 1.0}
    assert judged("sorted-dict-top-10-in-k", program("study: dict and sort", times)).verdict == verdict


@pytest.mark.parametrize(
    ("put", "got", "verdict"), [(5.0, 1.2, "holds"), (5.0, 1.1, "holds in part"), (1.0, 1.0, "does not hold")]
)
def test_a_dict_is_faster_by_more_than_a_tenth(put: float, got: float, verdict: Verdict) -> None:
    times = {
        misuse.SORTED_DICT_SET: put,
        misuse.DICT_SET: 1.0,
        misuse.SORTED_DICT_GET: got,
        misuse.DICT_GET: 1.0,
    }
    runs = program("study: dict or SortedDict", times, {misuse.DICT_BYTES: 1e6}, 2_000_000)
    assert judged("dict-faster-without-order", runs).verdict == verdict


def tied(lost: Mapping[str, int]) -> list[Run]:
    """Return runs in which a key loses so many players in each crowd, and no others do."""
    keys = (misuse.SCORE_ALONE, *misuse.CLOCKS)
    return program(
        "study: ties",
        counts={misuse.lost(key, crowd): lost.get(key, 0) for key in keys for crowd in misuse.CROWDS},
    )


def test_ties_are_judged_by_players_lost() -> None:
    first, *others = misuse.CLOCKS
    assert judged("score-key-overwrites", tied({misuse.SCORE_ALONE: 5})).verdict == "holds"
    assert judged("score-key-overwrites", tied({})).verdict == "does not hold"
    assert judged("timestamp-ensures-unique-keys", tied({misuse.SCORE_ALONE: 5})).verdict == "holds"
    assert judged("timestamp-ensures-unique-keys", tied({first: 5})).verdict == "holds in part"
    assert judged("timestamp-makes-order-deterministic", tied(dict.fromkeys((first, *others), 5))).verdict == (
        "does not hold"
    )


@pytest.mark.parametrize(
    ("measured", "about"), [(1_000, True), (1_500, True), (667, True), (1_501, False), (666, False), (0, False)]
)
def test_about_is_up_to_half_as_much_again(measured: float, *, about: bool) -> None:
    assert is_about(measured, 1_000) == about


def test_entries_are_judged_with_and_without_their_texts() -> None:
    counts = {
        misuse.TUPLE: 64.0,
        misuse.TUPLE_WITH_TEXTS: 190.0,
        misuse.PLAYER_WITH_TEXTS: 900.0,
        misuse.REFERENCE: 8.0,
    }
    runs = program("study: entry sizes", counts=counts)
    assert judged("entry-50-bytes", runs).verdict == "holds in part"
    assert judged("entry-1-kb", runs).verdict == "holds"
    assert judged("separate-profiles-save-memory", runs).verdict == "holds in part"


@pytest.mark.parametrize(
    ("limited", "last", "verdict"),
    [(11.0, 11.0, "holds"), (11.0, 20.0, "holds in part"), (12.0, 20.0, "does not hold")],
)
def test_a_tenth_more_is_negligible(limited: float, last: float, verdict: Verdict) -> None:
    times = {board.UPDATE: 10.0, patterns.LIMITED: limited, patterns.LIMITED_60TH: last}
    runs = program("study: rate limit", times, bytes_=60), program("study: SortedDict", bytes_=30)
    found = judged("rate-limiting-negligible-time", *runs)
    assert found.verdict == verdict
    assert "2.0x the memory" in found.measured


def test_hardening_is_judged_by_its_counts() -> None:
    for passed, verdict in ((60.0, "holds"), (61.0, "does not hold")):
        runs = program("study: rate limit", counts={patterns.PASSED: passed})
        assert judged("rate-limit-60-a-minute", runs).verdict == verdict
    times = {board.TOP: 10.0, patterns.CACHED_TOP: 1.0}
    cached = program("study: cached top 100", times, {patterns.GIVEN: 100.0, patterns.STALE: 1.0})
    assert judged("cached-top-serves-any-n", cached).verdict == "does not hold"
    assert judged("cached-top-is-faster", cached).verdict == "holds"
    assert "is missing from it" in judged("cached-top-fresh-1-s", cached).measured


@pytest.mark.parametrize(
    ("raised", "right", "verdict"), [(100, 200, "holds"), (99, 200, "holds in part"), (0, 199, "does not hold")]
)
def test_read_only_mode_is_judged_by_what_raised_and_what_was_right(raised: int, right: int, verdict: Verdict) -> None:
    counts = {patterns.READ_ONLY_REFUSED: raised, patterns.READS_RIGHT: right, patterns.TAKEN_AGAIN: 100}
    found = judged("read-only-mode-refuses-updates", program("study: read-only mode", counts=counts))
    assert found.verdict == verdict
    assert found.measured == (
        f"in read-only mode {raised} of 100 updates raised and {right} of 200 reads were right; after it, 100 of 100 "
        "updates were accepted"
    )


@pytest.mark.parametrize(
    ("jumps", "steps", "first", "verdict"),
    [(100, 0, 0, "holds"), (100, 0, 100, "holds in part"), (100, 1, 100, "does not hold"), (99, 0, 1, "does not hold")],
)
def test_flags_are_for_jumps_and_first_scores_are_none(jumps: int, steps: int, first: int, verdict: Verdict) -> None:
    names = (patterns.JUMPS_FLAGGED, patterns.STEPS_FLAGGED, patterns.FIRST_FLAGGED)
    runs = program("study: validation", counts=dict(zip(names, (jumps, steps, first), strict=True)))
    assert judged("validation-flags-jumps-over-1000", runs).verdict == verdict


@pytest.mark.parametrize(
    ("out", "ends", "verdict"), [(100, 2, "holds"), (100, 1, "holds in part"), (99, 1, "does not hold")]
)
def test_a_range_is_judged_beyond_it_and_at_its_ends(out: int, ends: int, verdict: Verdict) -> None:
    runs = program("study: validation", counts={patterns.OUT_REFUSED: out, patterns.EDGES_TAKEN: ends})
    assert judged("validation-refuses-scores-out-of-range", runs).verdict == verdict
