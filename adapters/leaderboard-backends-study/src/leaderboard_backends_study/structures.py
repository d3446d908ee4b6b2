"""Claims that are judged by programs of the study, which use data structures as the study shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from leaderboard_backends.numerals import counted, significant, size, times, whole

from .evidence import SORTED, Evaluator, Evidence, Judged, decide, timed
from .inputs import Claim
from .programs import board, maps, misuse, patterns

ABOUT: Final = 1.5
"""A figure is "about" another up to this factor above or below it."""

NEGLIGIBLE: Final = 1.1
"""An impact of up to a tenth is called negligible."""

TREES: Final = {"RBTree": maps.RB_TREE, "AVLTree": maps.AVL_TREE}
"""Programs by the name of the tree."""

MAP_OPERATIONS: Final = (maps.INSERT, maps.DELETE, maps.MOVE, maps.LOOK_UP, maps.EXTREMES, maps.FIRST_10)


def is_about(measured: float, claimed: float) -> bool:
    """Whether a figure is at most a factor of `ABOUT` away from another."""
    return claimed / ABOUT <= measured <= claimed * ABOUT


# ---------------------------------------------------------------------- bintrees


def bintrees_speed(claim: Claim, evidence: Evidence) -> Judged:
    """Judge each operation's time on bintrees' trees relative to SortedDict, against a range."""
    low, high = claim.needs("low"), claim.needs("high")
    by = {
        f"{tree} {name}": evidence.timing(program, name).middle / evidence.timing(maps.SORTED_DICT, name).middle
        for tree, program in TREES.items()
        for name in MAP_OPERATIONS
    }
    inside = [low <= one <= high for one in by.values()]
    said = ", ".join(f"{name} {times(one)}" for name, one in by.items())
    above, under = sum(one > high for one in by.values()), sum(one < low for one in by.values())
    return Judged(
        f"time relative to SortedDict: {said}; of {len(by)}, {above} above the claimed range and {under} below it",
        decide(inside),
    )


def bintrees_memory(claim: Claim, evidence: Evidence) -> Judged:
    """Judge the memory of bintrees' trees relative to SortedDict; it holds down to 1 / 1.1 of the claim."""
    mine = evidence.program_memory(maps.SORTED_DICT)
    by = {program: evidence.program_memory(program) / mine for program in TREES.values()}
    said = ", ".join(f"{tree} {times(one)}" for tree, one in by.items())
    least = claim.needs("value") / NEGLIGIBLE
    return Judged(
        f"memory relative to SortedDict ({size(mine)}): {said}", decide([one >= least for one in by.values()])
    )


def adapter_matches(_: Claim, evidence: Evidence) -> Judged:
    """Judge an adapter by how many of bintrees' methods it has."""
    every, covered = (evidence.count(maps.ADAPTER, what) for what in (maps.ALL, maps.COVERED))
    return Judged(adapter(evidence), decide([covered >= every]))


def adapter(evidence: Evidence) -> str:
    """Return how many of bintrees' methods the study's adapter has, as text."""
    every, covered, warned = (
        evidence.count(maps.ADAPTER, what) for what in (maps.ALL, maps.COVERED, maps.DEPRECATIONS)
    )
    return (
        f"{whole(covered)} of {whole(every)} public methods of bintrees.RBTree are in the adapter; its `iloc` gave "
        f"{counted(warned, 'deprecation warning')}"
    )


def adapter_hours(_: Claim, evidence: Evidence) -> Judged:
    """Report which methods the adapter has; hours are not measured."""
    return Judged(adapter(evidence), "opinion")


# ---------------------------------------------------------------------- dict and sort


def sorting(claim: Claim, evidence: Evidence) -> Judged:
    """Judge a ratio by the code that the study shows; the form that reads only ten entries is reported as well."""
    least = claim.needs("value") / NEGLIGIBLE
    sort = evidence.timing(misuse.DICT_AND_SORT, misuse.SORT).middle
    shown, short = (sort / evidence.timing(misuse.DICT_AND_SORT, name).middle for name in (misuse.LIST, misuse.ISLICE))
    return Judged(
        f"time of {misuse.SORT} relative to SortedDict: {times(shown)} with {misuse.LIST}, the study's code; "
        f"{times(short)} with {misuse.ISLICE}, not its code",
        decide([shown >= least]),
    )


def top_10_in_k(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether listing all values costs about what walking ten of them costs."""
    walk, short = (evidence.timing(misuse.DICT_AND_SORT, name) for name in (misuse.LIST, misuse.ISLICE))
    by = walk.middle / short.middle
    return Judged(
        f"{misuse.LIST} {timed(walk)}, {misuse.ISLICE} {timed(short)}: {times(by)}, because the list has all players",
        decide([by <= ABOUT]),
    )


def dict_is_faster(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether a dict is faster at both setting and getting."""
    program = misuse.DICT_OR_SORTED_DICT
    pairs = {"set": (misuse.SORTED_DICT_SET, misuse.DICT_SET), "get": (misuse.SORTED_DICT_GET, misuse.DICT_GET)}
    by = {
        what: evidence.timing(program, ordered).middle / evidence.timing(program, plain).middle
        for what, (ordered, plain) in pairs.items()
    }
    ordered, plain = evidence.program_memory(program), evidence.count(program, misuse.DICT_BYTES)
    said = ", ".join(f"{what} {times(one)}" for what, one in by.items())
    return Judged(
        f"time of SortedDict relative to dict: {said}; memory: SortedDict {size(ordered)}, dict {size(plain)}",
        decide([one > NEGLIGIBLE for one in by.values()]),
    )


# ---------------------------------------------------------------------- ties


def _losses(evidence: Evidence, keys: tuple[str, ...]) -> dict[str, float]:
    return {
        f"{key}, {crowd}": evidence.count(misuse.TIES, misuse.lost(key, crowd))
        for key in keys
        for crowd in misuse.CROWDS
    }


def _losses_text(losses: Mapping[str, float]) -> str:
    return "players lost by key and scores: " + "; ".join(f"{where}: {whole(lost)}" for where, lost in losses.items())


def score_overwrites(_: Claim, evidence: Evidence) -> Judged:
    """Judge a key of the score alone: it holds where players get lost with every set of scores."""
    losses = _losses(evidence, (misuse.SCORE_ALONE,))
    return Judged(_losses_text(losses), decide([lost > 0 for lost in losses.values()]))


def timestamp_is_unique(_: Claim, evidence: Evidence) -> Judged:
    """Judge a timestamp in the key: it holds where no player gets lost, with any clock and any set of scores."""
    losses = _losses(evidence, tuple(misuse.CLOCKS))
    return Judged(_losses_text(losses), decide([lost == 0 for lost in losses.values()]))


def timestamp_is_fair(claim: Claim, evidence: Evidence) -> Judged:
    """Judge the order of ties by the same losses, and report the kit's verdict on a board without a clock."""
    judged = timestamp_is_unique(claim, evidence)
    facts = evidence.result.facts(SORTED)
    if facts is None or facts.verdict is None:
        return judged
    kit = f"the conformance kit on `{SORTED}`, which has no clock: {facts.verdict.verdict}"
    return judged._replace(measured=f"{judged.measured}; {kit}")


# ---------------------------------------------------------------------- entries


def player_takes(claim: Claim, evidence: Evidence) -> Judged:
    """Judge the bytes of a whole player object: about as many as claimed."""
    whole_, reference = (
        evidence.count(misuse.ENTRY_SIZES, what) for what in (misuse.PLAYER_WITH_TEXTS, misuse.REFERENCE)
    )
    said = (
        f"{significant(whole_)} bytes with its strings; {significant(reference)} for a reference to an object elsewhere"
    )
    return Judged(said, decide([is_about(whole_, claim.needs("value"))]))


def tuple_takes(claim: Claim, evidence: Evidence) -> Judged:
    """Judge the bytes of an entry of two strings: about as many as claimed, with the strings and without."""
    bare, full = (evidence.count(misuse.ENTRY_SIZES, what) for what in (misuse.TUPLE, misuse.TUPLE_WITH_TEXTS))
    said = f"{significant(bare)} bytes for the tuple, {significant(full)} with its strings"
    return Judged(said, decide([is_about(each, claim.needs("value")) for each in (bare, full)]))


def profiles_apart(_: Claim, evidence: Evidence) -> Judged:
    """Judge keeping profiles apart: it saves memory if they leave the process, and costs memory if they stay."""
    full, player = (
        evidence.count(misuse.ENTRY_SIZES, what) for what in (misuse.TUPLE_WITH_TEXTS, misuse.PLAYER_WITH_TEXTS)
    )
    bare, reference = (evidence.count(misuse.ENTRY_SIZES, what) for what in (misuse.TUPLE, misuse.REFERENCE))
    return Judged(
        f"profiles outside the process: {significant(full)} bytes per entry instead of {significant(player)}; profiles "
        f"in the process: {significant(bare)} for a tuple instead of {significant(reference)} for a reference",
        decide([full < player, bare < reference]),
    )


# ---------------------------------------------------------------------- hardening


def rate_limit_is_negligible(_: Claim, evidence: Evidence) -> Judged:
    """Judge the impact of a rate limit on updates: of random players, and of a player close to the limit."""
    plain = evidence.timing(patterns.RATE_LIMIT, board.UPDATE).middle
    limited, last = (
        evidence.timing(patterns.RATE_LIMIT, name).middle for name in (patterns.LIMITED, patterns.LIMITED_60TH)
    )
    more = evidence.program_memory(patterns.RATE_LIMIT) / evidence.program_memory(board.STUDY_BOARD)
    return Judged(
        f"time relative to an update without the limit: {times(limited / plain)}, {times(last / plain)} for a player's "
        f"60th in a minute; {times(more)} the memory of the board",
        decide([limited / plain <= NEGLIGIBLE, last / plain <= NEGLIGIBLE]),
    )


def rate_limit_lets_pass(claim: Claim, evidence: Evidence) -> Judged:
    """Judge how many of a hundred updates in quick succession pass."""
    passed = evidence.count(patterns.RATE_LIMIT, patterns.PASSED)
    return Judged(
        f"{whole(passed)} of 100 updates in quick succession passed", decide([passed == claim.needs("value")])
    )


def cached_top_is_fresh(_: Claim, evidence: Evidence) -> Judged:
    """Report whether the cache misses a new best player; that it is at most a second old is read from its code."""
    stale = evidence.count(patterns.CACHED_TOP_100, patterns.STALE)
    said = "is missing from it until it is refreshed" if stale else "is in it at once"
    return Judged(f"read from the code, not measured; a new best player {said}", "holds")


def cached_top_serves(claim: Claim, evidence: Evidence) -> Judged:
    """Judge how many of the requested entries the cache returns."""
    given, asked = evidence.count(patterns.CACHED_TOP_100, patterns.GIVEN), claim.needs("value")
    return Judged(f"returns {whole(given)} entries where {whole(asked)} are requested", decide([given >= asked]))


def cached_top_is_faster(_: Claim, evidence: Evidence) -> Judged:
    """Judge the time of the live top relative to the cached one."""
    live, cached = (evidence.timing(patterns.CACHED_TOP_100, name) for name in (board.TOP, patterns.CACHED_TOP))
    by = live.middle / cached.middle
    return Judged(f"top 100 live {timed(live)}, cached {timed(cached)}: {times(by)}", decide([by > NEGLIGIBLE]))


def read_only_refuses(_: Claim, evidence: Evidence) -> Judged:
    """Judge read-only mode by whether all updates were refused and all reads were right during it."""
    names = (patterns.READ_ONLY_REFUSED, patterns.READS_RIGHT, patterns.TAKEN_AGAIN)
    out, reads, again = (evidence.count(patterns.READ_ONLY_MODE, name) for name in names)
    said = f"in read-only mode {whole(out)} of 100 updates raised and {whole(reads)} of 200 reads were right"
    every = [out == patterns.TRIED, reads == 2 * patterns.TRIED]
    return Judged(f"{said}; after it, {whole(again)} of 100 updates were accepted", decide(every))


def range_is_refused(_: Claim, evidence: Evidence) -> Judged:
    """Judge the range of scores by the updates refused beyond it, and accepted at its ends."""
    out, ends = (evidence.count(patterns.VALIDATION, name) for name in (patterns.OUT_REFUSED, patterns.EDGES_TAKEN))
    said = f"{whole(out)} of 100 updates beyond the range were refused, {whole(ends)} of 2 at its ends accepted"
    return Judged(said, decide([out == patterns.TRIED, ends == patterns.ENDS]))


def jumps_are_flagged(_: Claim, evidence: Evidence) -> Judged:
    """Judge flags by jumps just beyond the bound, and by first scores, which are no jumps."""
    names = (patterns.JUMPS_FLAGGED, patterns.STEPS_FLAGGED, patterns.FIRST_FLAGGED)
    jumps, steps, first = (evidence.count(patterns.VALIDATION, name) for name in names)
    return Judged(
        f"flagged: {whole(jumps)} of 100 jumps by 1,001 points, {whole(steps)} of 100 by 1,000; and {whole(first)} of "
        "100 new players whose first score is 1,001, who count as coming from 0",
        decide([jumps == patterns.TRIED and steps == 0, first == 0]),
    )


def top_is_merged(_: Claim, evidence: Evidence) -> Judged:
    """Judge the merge of a top by its time, compared with the top of one board; a rank is reported as well."""
    one, ten = (evidence.timing(misuse.TEN_SHARDS, operation) for operation in (misuse.ONE_TOP, misuse.TEN_TOP))
    rank, ten_ranks = (
        evidence.timing(misuse.TEN_SHARDS, operation).middle for operation in (misuse.ONE_RANK, misuse.TEN_RANK)
    )
    return Judged(
        f"a top 100 merged from ten boards of one process takes {timed(ten)}, that of one board {timed(one)}; a rank "
        f"over ten boards takes {times(ten_ranks / rank)} as long as on one",
        decide([ten.middle > one.middle]),
    )


EVALUATORS: Final[dict[str, Evaluator]] = {
    "bintrees-2-to-5-times-faster": bintrees_speed,
    "bintrees-10-times-the-memory": bintrees_memory,
    "bintrees-adapter-matches": adapter_matches,
    "bintrees-adapter-1-to-2-hours": adapter_hours,
    "dict-and-sort-182-times": sorting,
    "sorted-dict-top-10-in-k": top_10_in_k,
    "dict-faster-without-order": dict_is_faster,
    "score-key-overwrites": score_overwrites,
    "timestamp-ensures-unique-keys": timestamp_is_unique,
    "timestamp-makes-order-deterministic": timestamp_is_fair,
    "entry-1-kb": player_takes,
    "entry-50-bytes": tuple_takes,
    "separate-profiles-save-memory": profiles_apart,
    "rate-limiting-negligible-time": rate_limit_is_negligible,
    "rate-limit-60-a-minute": rate_limit_lets_pass,
    "cached-top-fresh-1-s": cached_top_is_fresh,
    "cached-top-serves-any-n": cached_top_serves,
    "cached-top-is-faster": cached_top_is_faster,
    "read-only-mode-refuses-updates": read_only_refuses,
    "validation-refuses-scores-out-of-range": range_is_refused,
    "validation-flags-jumps-over-1000": jumps_are_flagged,
    "shards-need-a-merge": top_is_merged,
}
"""By the claim's id."""
