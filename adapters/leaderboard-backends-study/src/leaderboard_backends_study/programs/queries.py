"""`study: dict and sort` and `study: dict or SortedDict`: what sorting at every query costs, and what order costs.

The study claims a factor of 182 for 10,000 players and 10,000 queries, and shows `list(leaderboard.values())[:10]`,
which walks the whole board at every query, O(n). The forms that touch ten entries only are timed beside it, in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, TypeAlias

from sortedcontainers import SortedDict

from leaderboard_backends.comparison.programs import Program, Setting, WrongProgramError
from leaderboard_backends.comparison.schema import ProgramFigures

from .players import Standings, draw_names
from .program import check_order, timings
from .sorted_dict import Key, StudyBoard, load
from .turns import Operation, take_turns, with_growth

Scores: TypeAlias = dict[str, int]

SORT: Final = "sorted(items)[:10]"
LIST: Final = "list(values())[:10]"
SLICE: Final = "values()[:10]"
ISLICE: Final = "islice(values(), 10)"

DICT_SET: Final = "dict: set"
SORTED_DICT_SET: Final = "SortedDict: set"
DICT_GET: Final = "dict: get"
SORTED_DICT_GET: Final = "SortedDict: get"

DICT_BYTES: Final = "bytes of the dict"


def sort_for_top_10(scores: Scores) -> list[tuple[str, int]]:
    """Sort all players for the best ten. O(n log n)."""
    return sorted(scores.items(), key=lambda item: item[1], reverse=True)[:10]


def list_for_top_10(order: SortedDict[Key, str]) -> list[str]:
    """List all players, in order already, for the best ten. O(n): the form that the study shows."""
    return list(order.values())[:10]


def slice_for_top_10(order: SortedDict[Key, str]) -> list[str]:
    """Slice the view of the values. O(10)."""
    return order.values()[:10]


def islice_for_top_10(order: SortedDict[Key, str]) -> list[str]:
    """Walk the first ten values. O(10)."""
    return list(islice(order.values(), 10))


def run_queries(setting: Setting) -> ProgramFigures:
    """Time the same query on both, in turn, once both have given the same ten players."""
    standings = Standings(setting.players, setting.seed)
    scores, memory = with_growth(lambda: dict(standings.load()))
    board = load(StudyBoard(), standings)
    board.check(standings)
    expected = standings.order()[:10]
    check_order(SORT, [player for player, _ in sort_for_top_10(scores)], expected)
    for name, form in ((LIST, list_for_top_10), (SLICE, slice_for_top_10), (ISLICE, islice_for_top_10)):
        check_order(name, form(board.order), expected)
    samples = take_turns(
        [
            Operation(SORT, sort_for_top_10, lambda: (scores,)),
            Operation(LIST, list_for_top_10, lambda: (board.order,)),
            Operation(SLICE, slice_for_top_10, lambda: (board.order,)),
            Operation(ISLICE, islice_for_top_10, lambda: (board.order,)),
        ],
        setting.seconds,
    )
    return ProgramFigures(timings(samples), memory)


def run_unordered(setting: Setting) -> ProgramFigures:
    """Time new keys and look-ups where no order is needed: first anti-pattern."""
    names = draw_names(setting.players)
    plain, plain_bytes = with_growth(lambda: dict.fromkeys(names, 0))
    ordered, memory = with_growth(lambda: SortedDict(dict.fromkeys(names, 0)))
    known, new, other = _cycle(names), _new_keys(), _new_keys()
    samples = take_turns(
        [
            Operation(DICT_SET, plain.__setitem__, lambda: next(new)),
            Operation(SORTED_DICT_SET, ordered.__setitem__, lambda: next(other)),
            Operation(DICT_GET, plain.__getitem__, lambda: next(known)),
            Operation(SORTED_DICT_GET, ordered.__getitem__, lambda: next(known)),
        ],
        setting.seconds,
    )
    if not ordered.keys() >= set(names) or list(ordered) != sorted(ordered):
        raise WrongProgramError("the SortedDict lost keys, or its order")
    return ProgramFigures(timings(samples), memory, {DICT_BYTES: plain_bytes})


def _cycle(names: list[str]) -> Iterator[tuple[str]]:
    """Yield names from all over, in strides that no order of memory or text helps."""
    place = 0
    while True:
        place = (place + 7_919) % len(names)
        yield (names[place],)


def _new_keys() -> Iterator[tuple[str, int]]:
    number = 0
    while True:
        number = (number * 1_103_515_245 + 12_345) % 2**31
        yield f"player-{number:010d}", 0


PROGRAMS: Final = (
    Program(
        "study: dict and sort",
        "The best 10 by sorting a dict at every query, beside three ways to ask a SortedDict: the 182x claim.",
        10_000,
        run_queries,
    ),
    Program(
        "study: dict or SortedDict",
        "New keys and look-ups in a dict and in a SortedDict, where order is not needed.",
        100_000,
        run_unordered,
    ),
)
