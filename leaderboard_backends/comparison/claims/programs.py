"""Claims that programs of the study are about: structures used in the way that the study shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..cost.bill import counted
from ..document.numerals import significant, size, times, whole
from ..study import entries, hardening, migration, ordered_maps, queries, refusals, ties
from .catalogue import Claim
from .evidence import MEMORY, Evaluator, Evidence, told
from .findings import Judged, decide
from .speed import STUDY_BOARD

ABOUT: Final = 1.5
"""What is called "about" a figure may be so many times as much, or that part of it."""

NEGLIGIBLE: Final = 1.1
"""An impact of up to a tenth is called negligible."""

TREES: Final = ("bintrees: RBTree", "bintrees: AVLTree")
SORTED_DICT: Final = "sortedcontainers: SortedDict"
MAP_OPERATIONS: Final = (
    ordered_maps.INSERT,
    ordered_maps.DELETE,
    ordered_maps.MOVE,
    ordered_maps.LOOK_UP,
    ordered_maps.EXTREMES,
    ordered_maps.FIRST_10,
)

QUERIES: Final = "study: dict and sort"
UNORDERED: Final = "study: dict or SortedDict"
TIES: Final = "study: ties"
ENTRIES: Final = "study: entry sizes"
RATE_LIMIT: Final = "study: rate limit"
CACHED_TOP: Final = "study: cached top 100"
READ_ONLY: Final = "study: read-only mode"
VALIDATION: Final = "study: validation"
ADAPTER: Final = "study: bintrees adapter"


def is_about(measured: float, claimed: float) -> bool:
    """Whether a figure is about another."""
    return claimed / ABOUT <= measured <= claimed * ABOUT


# ---------------------------------------------------------------------- bintrees


def bintrees_speed(claim: Claim, found: Evidence) -> Judged:
    """Judge how many times as long each operation takes on bintrees' trees, against a range."""
    low, high = claim.needs("low"), claim.needs("high")
    by = {
        f"{tree.partition(' ')[2]} {name}": found.timing(tree, name).middle / found.timing(SORTED_DICT, name).middle
        for tree in TREES
        for name in MAP_OPERATIONS
    }
    inside = [low <= one <= high for one in by.values()]
    said = ", ".join(f"{name} {times(one)}" for name, one in by.items())
    above, under = sum(one > high for one in by.values()), sum(one < low for one in by.values())
    return Judged(f"{said}: {above} of {len(by)} more than claimed, {under} less", decide(inside))


def bintrees_memory(claim: Claim, found: Evidence) -> Judged:
    """Judge how many times as much memory bintrees' trees take; it holds from nine tenths of the claim on."""
    mine = found.program_memory(SORTED_DICT)
    by = {tree: found.program_memory(tree) / mine for tree in TREES}
    said = ", ".join(f"{tree} {times(one)}" for tree, one in by.items())
    least = claim.needs("value") / NEGLIGIBLE
    return Judged(f"{said} of SortedDict's {size(mine)}", decide([one >= least for one in by.values()]))


def adapter_matches(_: Claim, found: Evidence) -> Judged:
    """Judge an adapter by how many of the methods it has."""
    every, covered = (found.count(ADAPTER, what) for what in (migration.ALL, migration.COVERED))
    return Judged(adapter(found), decide([covered >= every]))


def adapter(found: Evidence) -> str:
    """Return what the study's adapter has of bintrees' methods."""
    every, covered, warned = (
        found.count(ADAPTER, what) for what in (migration.ALL, migration.COVERED, migration.DEPRECATIONS)
    )
    return (
        f"{whole(covered)} of {whole(every)} public methods of bintrees.RBTree are in the adapter; its `iloc` gave "
        f"{counted(warned, 'deprecation warning')}"
    )


def adapter_hours(_: Claim, found: Evidence) -> Judged:
    """Tell what the adapter has: hours are not measured."""
    return Judged(adapter(found), "opinion")


# ---------------------------------------------------------------------- dict and sort


def sorting(claim: Claim, found: Evidence) -> Judged:
    """Judge a ratio by the code that the study shows; what touches ten entries alone stands beside it."""
    least = claim.needs("value") / NEGLIGIBLE
    sort = found.timing(QUERIES, queries.SORT).middle
    shown, short = (sort / found.timing(QUERIES, name).middle for name in (queries.LIST, queries.ISLICE))
    return Judged(
        f"{times(shown)} with {queries.LIST}, the study's code; {times(short)} with {queries.ISLICE}, not its code",
        decide([shown >= least]),
    )


def top_10_in_k(_: Claim, found: Evidence) -> Judged:
    """Judge whether listing all values costs about what walking ten of them costs."""
    walk, short = (found.timing(QUERIES, name) for name in (queries.LIST, queries.ISLICE))
    by = walk.middle / short.middle
    return Judged(
        f"{queries.LIST} {told(walk)}, {queries.ISLICE} {told(short)}: {times(by)}, as it lists all players",
        decide([by <= ABOUT]),
    )


def dict_is_faster(_: Claim, found: Evidence) -> Judged:
    """Judge whether a dict is faster at both setting and getting."""
    pairs = {"set": (queries.SORTED_DICT_SET, queries.DICT_SET), "get": (queries.SORTED_DICT_GET, queries.DICT_GET)}
    by = {
        what: found.timing(UNORDERED, ordered).middle / found.timing(UNORDERED, plain).middle
        for what, (ordered, plain) in pairs.items()
    }
    ordered, plain = found.program_memory(UNORDERED), found.count(UNORDERED, queries.DICT_BYTES)
    said = ", ".join(f"{what} {times(one)}" for what, one in by.items())
    return Judged(
        f"SortedDict by dict: {said}; memory {size(ordered)} and {size(plain)}",
        decide([one > NEGLIGIBLE for one in by.values()]),
    )


# ---------------------------------------------------------------------- ties


def _losses(found: Evidence, keys: tuple[str, ...]) -> dict[str, float]:
    return {f"{key}, {crowd}": found.count(TIES, ties.lost(key, crowd)) for key in keys for crowd in ties.CROWDS}


def _told_losses(losses: Mapping[str, float]) -> str:
    return "players lost: " + "; ".join(f"{where} {whole(lost)}" for where, lost in losses.items())


def score_overwrites(_: Claim, found: Evidence) -> Judged:
    """Judge a key of the score alone by whether players get lost in every crowd."""
    losses = _losses(found, (ties.SCORE_ALONE,))
    return Judged(_told_losses(losses), decide([lost > 0 for lost in losses.values()]))


def timestamp_is_unique(_: Claim, found: Evidence) -> Judged:
    """Judge a timestamp in the key by whether nobody gets lost, whatever the clock and the crowd."""
    losses = _losses(found, tuple(ties.CLOCKS))
    return Judged(_told_losses(losses), decide([lost == 0 for lost in losses.values()]))


def timestamp_is_fair(claim: Claim, found: Evidence) -> Judged:
    """Judge the order of ties by the same losses; what keeps it without a clock is beside it."""
    judged = timestamp_is_unique(claim, found)
    facts = found.result.facts(MEMORY)
    if facts is None or facts.verdict is None:
        return judged
    kit = f"the conformance kit on `{MEMORY}`, which has no clock: {facts.verdict.verdict}"
    return judged._replace(measured=f"{judged.measured}; {kit}")


# ---------------------------------------------------------------------- entries


def player_takes(claim: Claim, found: Evidence) -> Judged:
    """Judge the bytes of a whole player object: about the claim."""
    whole_, reference = (found.count(ENTRIES, what) for what in (entries.PLAYER_WITH_TEXTS, entries.REFERENCE))
    said = f"{significant(whole_)} bytes with its texts; {significant(reference)} for a reference to one kept elsewhere"
    return Judged(said, decide([is_about(whole_, claim.needs("value"))]))


def tuple_takes(claim: Claim, found: Evidence) -> Judged:
    """Judge the bytes of an entry of two names: about the claim, with its texts and without."""
    bare, full = (found.count(ENTRIES, what) for what in (entries.TUPLE, entries.TUPLE_WITH_TEXTS))
    said = f"{significant(bare)} bytes for the tuple, {significant(full)} with its texts"
    return Judged(said, decide([is_about(each, claim.needs("value")) for each in (bare, full)]))


def profiles_apart(_: Claim, found: Evidence) -> Judged:
    """Judge keeping profiles apart: it saves where they leave the process, and costs where they stay in it."""
    full, player = (found.count(ENTRIES, what) for what in (entries.TUPLE_WITH_TEXTS, entries.PLAYER_WITH_TEXTS))
    bare, reference = (found.count(ENTRIES, what) for what in (entries.TUPLE, entries.REFERENCE))
    return Judged(
        f"kept outside the process: {significant(full)} bytes an entry in place of {significant(player)}; kept in it: "
        f"{significant(bare)} more in place of {significant(reference)} for a reference",
        decide([full < player, bare < reference]),
    )


# ---------------------------------------------------------------------- hardening


def rate_limit_is_negligible(_: Claim, found: Evidence) -> Judged:
    """Judge the impact of a rate limit on updates: of players at random, and of one who is close to it."""
    plain = found.timing(RATE_LIMIT, hardening.UPDATE).middle
    limited, last = (found.timing(RATE_LIMIT, name).middle for name in (hardening.LIMITED, hardening.LIMITED_60TH))
    more = found.program_memory(RATE_LIMIT) / found.program_memory(STUDY_BOARD)
    return Judged(
        f"{times(limited / plain)} of an update without it, {times(last / plain)} for a player's 60th in a minute; "
        f"{times(more)} the memory of the board",
        decide([limited / plain <= NEGLIGIBLE, last / plain <= NEGLIGIBLE]),
    )


def rate_limit_lets_pass(claim: Claim, found: Evidence) -> Judged:
    """Judge how many of a hundred updates at once pass."""
    passed = found.count(RATE_LIMIT, hardening.PASSED)
    return Judged(f"{whole(passed)} of 100 updates at once", decide([passed == claim.needs("value")]))


def cached_top_is_fresh(_: Claim, found: Evidence) -> Judged:
    """Tell what the cache leaves out; that it is a second old at most is so by its code."""
    stale = found.count(CACHED_TOP, hardening.STALE)
    said = "is missing from it until then" if stale else "is in it at once"
    return Judged(f"by its code; a new best player {said}", "holds")


def cached_top_serves(claim: Claim, found: Evidence) -> Judged:
    """Judge how many entries the cache gives of those that are asked for."""
    given, asked = found.count(CACHED_TOP, hardening.GIVEN), claim.needs("value")
    return Judged(f"{whole(given)} entries where {whole(asked)} are asked for", decide([given >= asked]))


def cached_top_is_faster(_: Claim, found: Evidence) -> Judged:
    """Judge the cached top against the live one."""
    live, cached = (found.timing(CACHED_TOP, name) for name in (hardening.TOP, hardening.CACHED_TOP))
    by = live.middle / cached.middle
    return Judged(f"live {told(live)}, cached {told(cached)}: {times(by)}", decide([by > NEGLIGIBLE]))


def read_only_refuses(_: Claim, found: Evidence) -> Judged:
    """Judge read-only mode by whether all updates were refused and all reads were right meanwhile."""
    names = (refusals.READ_ONLY_REFUSED, refusals.READS_RIGHT, refusals.TAKEN_AGAIN)
    out, reads, again = (found.count(READ_ONLY, name) for name in names)
    said = f"in read-only mode {whole(out)} of 100 updates raised and {whole(reads)} of 200 reads were right"
    every = [out == refusals.TRIED, reads == 2 * refusals.TRIED]
    return Judged(f"{said}; after it, {whole(again)} of 100 updates were taken", decide(every))


def range_is_refused(_: Claim, found: Evidence) -> Judged:
    """Judge the range of scores by what is refused beyond it, and taken at its ends."""
    out, ends = (found.count(VALIDATION, name) for name in (refusals.OUT_REFUSED, refusals.EDGES_TAKEN))
    said = f"{whole(out)} of 100 updates beyond the range were refused, {whole(ends)} of 2 at its ends taken"
    return Judged(said, decide([out == refusals.TRIED, ends == refusals.ENDS]))


def jumps_are_flagged(_: Claim, found: Evidence) -> Judged:
    """Judge flags by jumps just beyond the bound, and by first scores, which are no jumps."""
    names = (refusals.JUMPS_FLAGGED, refusals.STEPS_FLAGGED, refusals.FIRST_FLAGGED)
    jumps, steps, first = (found.count(VALIDATION, name) for name in names)
    return Judged(
        f"flagged: {whole(jumps)} of 100 jumps by 1,001 points, {whole(steps)} of 100 by 1,000; and {whole(first)} of "
        "100 new players whose first score is 1,001, who count as coming from 0",
        decide([jumps == refusals.TRIED and steps == 0, first == 0]),
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
}
"""By the claim's id."""
