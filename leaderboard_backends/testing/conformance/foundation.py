"""What every part of the kit stands on: how boards are made, named, deleted and closed, and the rules they run under.

A part of the kit is a class of tests for one theme. A test takes the fixture `board` (which runs it under all four
combinations of order and keep) or `plain_board` (where they cannot matter), and compares with `OracleBoard` or with
what the contract says. Where a test meets an operation that the backend declares unsupported, the refusal is what is
tested: the operation must raise `UnsupportedOperationError`, and an operation that is not declared must not.
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from threading import Event
from time import monotonic
from typing import Any, ClassVar, Final, NamedTuple, Protocol, TypeVar

import pytest

from ...errors import BackendUnavailableError, UnsupportedOperationError
from ...model import Entry, Keep, Order, Score
from ...protocol import LeaderboardBackend
from ..honesty import NOT_RUN, HonestKit, base_name
from ..limit import limited
from ..oracle import OracleBoard
from ..subject import unique_name

SETTLING: Final = 5.0
"""Seconds in which an eventually consistent board must show what was written."""

AnyBoard = LeaderboardBackend | OracleBoard
"""The operations are the same on both."""

Value = TypeVar("Value")


class Rules(NamedTuple):
    """One combination of order and keep."""

    order: Order
    keep: Keep

    def better(self, score: Score, by: Score = 1) -> Score:
        """Return a score that ranks before `score`."""
        return score + by if self.order == "descending" else score - by

    def worse(self, score: Score, by: Score = 1) -> Score:
        """Return a score that ranks after `score`."""
        return self.better(score, -by)

    def best_first(self, scores: Iterable[Score]) -> list[Score]:
        """Return the scores as a board shows them."""
        return sorted(scores, reverse=self.order == "descending")

    def __str__(self) -> str:
        return f"{self.order}-{self.keep}"


ALL_RULES: Final = [
    Rules("descending", "last"),
    Rules("descending", "best"),
    Rules("ascending", "last"),
    Rules("ascending", "best"),
]

OPERATIONS: Final[dict[str, Callable[[LeaderboardBackend], object]]] = {
    "update_score": lambda board: board.update_score("ada", "Ada", 1),
    "increment_score": lambda board: board.increment_score("ada", "Ada", 1),
    "update_scores": lambda board: board.update_scores([("ada", "Ada", 1)]),
    "remove_player": lambda board: board.remove_player("ada"),
    "clear": lambda board: board.clear(),
    "get_score": lambda board: board.get_score("ada"),
    "get_rank": lambda board: board.get_rank("ada"),
    "get_entry": lambda board: board.get_entry("ada"),
    "get_entries": lambda board: board.get_entries(["ada"]),
    "get_percentile": lambda board: board.get_percentile("ada"),
    "get_top_n": lambda board: board.get_top_n(3),
    "get_range": lambda board: board.get_range(1, 3),
    "get_around": lambda board: board.get_around("ada", 1),
    "get_by_score": lambda board: board.get_by_score(0, 9),
    "count_by_score": lambda board: board.count_by_score(0, 9),
    "count": lambda board: board.count(),
    "contains": lambda board: board.contains("ada"),
    "ping": lambda board: board.ping(),
    "__len__": len,
    "__contains__": lambda board: "ada" in board,
    "__iter__": list,
}
"""Every public operation but `close`, with a valid call."""


SHOWN_WHOLE: Final = 60
"""Entries up to which a failure shows two lists whole."""

SHOWN_OF_A_CASE: Final = 160
"""Characters of what each further failing case of a table says."""


class OpenBoard(Protocol):
    """What the fixture `open_board` gives: opens one more board, with a name of its own unless one is given."""

    def __call__(self, rules: Rules = ..., name: str | None = None, **options: Any) -> LeaderboardBackend:
        """Open one more board."""
        ...


class ConformancePart(HonestKit):
    """The part that all parts share. `make` is what a backend's author writes."""

    open_names = frozenset({"make", "reopen"})
    efforts: ClassVar[Mapping[str, int]] = {"examples": 5, "steps": 20, "bulk": 1001, "rounds": 20}

    examples: int = 60
    """How many random programs the property test runs under each of the four rules."""
    steps: int = 40
    """How many operations a random program has at most."""
    bulk: int = 3000
    """How many players "thousands" are."""
    rounds: int = 60
    """How many operations each thread does in the tests with threads."""

    _open_board: OpenBoard
    """What the fixture `open_board` gave the running test."""

    def make(self, *, name: str, order: Order, keep: Keep, **options: Any) -> LeaderboardBackend:
        """Return a new board object, opened at the place that `name` stands for; empty where the name is new.

        `options` is `feed` where the board's class declares a change feed, and empty elsewhere.
        """
        raise NotImplementedError(
            f"{type(self).__name__} needs make(self, **options) that returns an open board; options are name, order "
            f"and keep: def make(self, **options): return MyBoard(**options)"
        )

    def reopen(self, board: LeaderboardBackend) -> LeaderboardBackend:
        """Close a board and return a new object on the same data; `make` with its name unless overridden."""
        board.close()
        return self.make(name=board.name, order=board.order, keep=board.keep)

    # ------------------------------------------------------------------ boards

    @pytest.fixture(params=ALL_RULES, ids=str)
    def rules(self, request: pytest.FixtureRequest) -> Rules:
        """Each combination of order and keep in turn."""
        rules: Rules = request.param
        return rules

    @pytest.fixture
    def open_board(self) -> Iterator[OpenBoard]:
        """Return a function that opens boards; all of them are deleted and closed after the test."""
        opened: list[LeaderboardBackend] = []

        def open_one(rules: Rules = ALL_RULES[0], name: str | None = None, **options: Any) -> LeaderboardBackend:
            _check_asserts()
            chosen = name or unique_name()
            board = self._reach(lambda: self.make(name=chosen, order=rules.order, keep=rules.keep, **options))
            opened.append(board)
            return board

        self._open_board = open_one
        try:
            yield open_one
        finally:
            self._dispose_all(opened)

    @pytest.fixture
    def board(self, open_board: OpenBoard, rules: Rules) -> LeaderboardBackend:
        """An empty board, under each combination of order and keep."""
        return open_board(rules)

    @pytest.fixture
    def plain_board(self, open_board: OpenBoard) -> LeaderboardBackend:
        """An empty board, where order and keep cannot matter."""
        return open_board()

    @pytest.fixture
    def oracle(self, rules: Rules) -> OracleBoard:
        """The judge of `board`."""
        return OracleBoard(rules.order, rules.keep)

    def dispose(self, board: LeaderboardBackend) -> None:
        """Leave nothing behind: delete the board, reopened if need be, and close it."""
        capabilities = board.capabilities
        if board.closed and (capabilities.durable or capabilities.shared):
            board = self.reopen(board)
        try:
            if not board.closed and "clear" not in capabilities.unsupported:
                board.delete()
        finally:
            board.close()

    def _emptied(self, found: object) -> object:
        """Return what a fixture gave, empty again where it is a board: for the next case of a table."""
        if isinstance(found, LeaderboardBackend) and "clear" in found.capabilities.unsupported and not found.closed:
            return self._open_board(Rules(found.order, found.keep))
        if isinstance(found, OracleBoard) or (isinstance(found, LeaderboardBackend) and not found.closed):
            found.clear()
        return found

    def _dispose_all(self, boards: list[LeaderboardBackend]) -> None:
        errors: list[Exception] = []
        for board in reversed(boards):  # one that is open still, before one that was closed is opened to be deleted
            try:
                with limited(self.time_limit):
                    self.dispose(board)
            except Exception as error:  # noqa: BLE001 - one board that cannot be closed must not keep the others open
                errors.append(error)
        if errors:
            raise errors[0]

    def _judge_cases(self, test: str, table: Collection[str], failed: Mapping[str, BaseException]) -> None:
        """Raise the first failure of a table that is not in `known_failures`, else the first; with a line on each."""
        __tracebackhide__ = True
        known = [label for label in table if f"{test}[{label}]" in self.known_failures]
        if passed := [label for label in known if label not in failed]:
            pytest.fail(f"{test}[{passed[0]}] is in known_failures, but it passed: remove it.", pytrace=False)
        if not failed:
            return
        first = next((label for label in failed if label not in known), known[0] if known else "")
        self._case = f"{test}[{first}]"
        failed[first].add_note(f"{len(failed)} of {len(table)} cases fail:")
        for label, error in failed.items():
            failed[first].add_note(f"[{label}] {_first_line(error)}")
        raise failed[first]

    # ------------------------------------------------------------------ unsupported, as declared

    def __init_subclass__(cls, **options: Any) -> None:
        if cls.__module__.startswith(f"{__package__}."):
            for name, test in list(vars(cls).items()):
                if name.startswith("test_") and inspect.isfunction(test):
                    setattr(cls, name, _accept_declared_refusals(test))
        super().__init_subclass__(**options)


def case(value: object) -> str:
    """Return the name of a case of a table: printable ASCII."""
    shown = value if isinstance(value, str) else repr(value)
    plain = {char for char in shown if char.isascii() and char.isprintable() and char != "\\"}
    return "".join(char if char in plain else f"<{ord(char):x}>" for char in shown)


def each(
    values: Collection[Value], name: Callable[[Value], str] = case
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make one test over a table of values out of a test of one value, which is its last parameter.

    The boards of its fixtures are empty for each value. All values that fail are in the failure, by name, with what
    each raised; the first as it is. One value is `test_name[value]` in `known_failures`.
    """
    table = {name(value): value for value in values}
    if len(table) < len(values):
        raise ValueError("two values of the table have one name")

    def over_table(test: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(test)
        *fixtures, last = signature.parameters.values()
        of_one = _accept_declared_refusals(test)

        @functools.wraps(test)
        def of_all(self: ConformancePart, **given: object) -> None:
            __tracebackhide__ = True
            failed: dict[str, BaseException] = {}
            deadline = monotonic() + self.time_limit
            for number, (label, value) in enumerate(table.items()):
                try:
                    found = {key: self._emptied(one) for key, one in given.items()} if number else given
                    of_one(self, **found, **{last.name: value})
                except NOT_RUN:
                    raise
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - the values after it are tried too
                    failed[label] = error
                    if isinstance(error, BackendUnavailableError) or monotonic() >= deadline:
                        break
            self._judge_cases(base_name(self._case), table, failed)

        vars(of_all).update(__signature__=signature.replace(parameters=fixtures), cases=tuple(table))
        return of_all

    return over_table


def _accept_declared_refusals(test: Callable[..., None]) -> Callable[..., None]:
    """Let a test end where an operation that is declared unsupported refuses; any other refusal stays an error."""

    @functools.wraps(test)
    def accepting(self: ConformancePart, *arguments: object, **fixtures: object) -> None:
        __tracebackhide__ = True
        try:
            test(self, *arguments, **fixtures)
        except UnsupportedOperationError as error:
            operation = _declared(error)
            if operation is None:
                raise
            self._note("refused", operation)

    return accepting


def _declared(error: UnsupportedOperationError) -> str | None:
    """Return the public operation that raised, where its board declares it unsupported."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name, caller = frame.f_code.co_name, frame.f_locals.get("self")
        if name in OPERATIONS and isinstance(caller, LeaderboardBackend):
            return name if name in caller.capabilities.unsupported else None
    return None


def _check_asserts() -> None:
    """Raise `RuntimeError` where Python leaves asserts out: then no test could fail."""
    try:
        assert not OPERATIONS
    except AssertionError:
        return
    raise RuntimeError(
        "asserts are off (python -O, PYTHONOPTIMIZE), and the kit's tests consist of them: turn them on."
    )


def _first_line(error: BaseException) -> str:
    text = f"{error}".strip().partition("\n")[0][:SHOWN_OF_A_CASE]
    return text if isinstance(error, (AssertionError, pytest.fail.Exception)) else f"{type(error).__name__}: {text}"


def fill(board: AnyBoard, updates: Iterable[tuple[str, str, Score]]) -> None:
    """Store scores in order, one by one."""
    for player_id, username, score in updates:
        board.update_score(player_id, username, score)


def load(board: AnyBoard, updates: Iterable[tuple[str, str, Score]]) -> None:
    """Store scores in order, in bulk where the backend can."""
    if isinstance(board, LeaderboardBackend) and "update_scores" in board.capabilities.unsupported:
        fill(board, updates)
    else:
        board.update_scores(updates)


def ids(entries: Iterable[Entry]) -> list[str]:
    """Return the player ids of entries, in their order."""
    return [entry.player_id for entry in entries]


def assert_same(actual: object, expected: object) -> None:
    """Equal, and of the same types all through: `1` is not `1.0`, a tuple is not an `Entry`.

    Of long lists, a failure shows where they part: a whole difference of thousands of lines takes minutes to find.
    """
    __tracebackhide__ = True
    if isinstance(actual, list) and isinstance(expected, list) and max(len(actual), len(expected)) > SHOWN_WHOLE:
        if actual == expected and None is not _types(actual) == _types(expected):
            return
        pairs = zip(actual, expected, strict=False)
        parting = next(
            (at for at, (one, other) in enumerate(pairs) if one != other or repr(one) != repr(other)),
            min(len(actual), len(expected)),
        )
        around = slice(max(0, parting - 3), parting + 4)
        assert_same([f"from place {around.start}", *actual[around]], [f"from place {around.start}", *expected[around]])
        assert len(actual) == len(expected)
        return
    assert actual == expected
    assert repr(actual) == repr(expected)


def _types(values: list[object]) -> list[type] | None:
    """Return the types of entries and their fields, much quicker than their texts; `None` where others are among."""
    entries = [value for value in values if isinstance(value, Entry)]
    return [*map(type, values), *map(type, chain.from_iterable(entries))] if len(entries) == len(values) else None


def assert_follows(board: LeaderboardBackend, oracle: OracleBoard) -> None:
    """The whole board is what the oracle says, to the last place; an eventually consistent one `soon`."""
    __tracebackhide__ = True

    def follows() -> None:
        __tracebackhide__ = True
        assert_same(list(board), list(oracle))
        assert len(board) == len(oracle)

    soon(board, follows)


def joins_shards(board: LeaderboardBackend) -> bool:
    """Whether what spans players joins states of them: a board that is consistent per player, or a copy of one."""
    promised = board.capabilities
    if promised.consistency == "eventual" and promised.feed:
        return bool(board.get_version().shards)
    return promised.consistency == "per player"


def soon(board: LeaderboardBackend, check: Callable[[], None]) -> None:
    """Check what other objects wrote: at once; where the board is eventually consistent, within `SETTLING` seconds."""
    __tracebackhide__ = True
    deadline, waiting = monotonic() + SETTLING, Event()
    while board.capabilities.consistency == "eventual" and monotonic() < deadline:
        with suppress(AssertionError):
            return check()
        waiting.wait(0.01)
    return check()
