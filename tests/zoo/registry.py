"""The list of mutants: each broken board, the part of the kit that is about its bug, and the test that must see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from leaderboard_backends import LeaderboardBackend
from leaderboard_backends.testing.honesty import base_name
from leaderboard_backends.testing.report import Outcome

Board = TypeVar("Board", bound=LeaderboardBackend)

CRASH: Final = re.compile(r"^E +(?:AttributeError|ImportError|KeyError|NameError|TypeError)\b", re.MULTILINE)
"""A broken board that no longer fits the code it is made from fails too, and shows nothing of the kit."""

SEEN: Final = re.compile(
    r"^E +(?:assert |AssertionError|Failed: |RuntimeError|RecursionError|leaderboard_backends\.errors\.)", re.MULTILINE
)
"""What the kit says of a bug: an assertion, a missing refusal, or the error that the board raised where it must not."""


class Mutant(NamedTuple):
    """A board with one bug."""

    board: type[LeaderboardBackend]
    part: str
    test: str
    """Must fail, under at least one of the rules, and not because the board crashed; `test[value]`: for that value."""

    players: int = 5000
    """How large a large board must be for the bug to show."""

    @property
    def name(self) -> str:
        """The board's class."""
        return self.board.__name__

    @property
    def bug(self) -> str:
        """The bug as a user would meet it."""
        return self.board.__doc__ or ""


MUTANTS: Final[list[Mutant]] = []
"""All of them, in the order of their modules; complete once the package is imported."""


def killed_by(part: str, test: str, players: int = 5000) -> Callable[[type[Board]], type[Board]]:
    """Enter a board in the list, with the test of the kit that must fail on it."""

    def enter(board: type[Board]) -> type[Board]:
        MUTANTS.append(Mutant(board, part, test, players))
        return board

    return enter


def is_about(mutant: Mutant, outcome: Outcome) -> bool:
    """Whether an outcome is that of the test that must see the bug, under one of the rules."""
    return base_name(outcome.test) == base_name(mutant.test)


def saw_the_bug(mutant: Mutant, outcome: Outcome) -> bool:
    """Whether a test failed over what the board did, for the value that it must, and not because the board crashed."""
    if outcome.result != "failed":
        return False
    if value := mutant.test.removeprefix(base_name(mutant.test)):
        said = re.search(rf"^E +{re.escape(value)} (.*)", outcome.text, re.MULTILINE)
        return said is not None and not CRASH.match(f"E {said[1]}")
    return bool(SEEN.search(outcome.text)) and not CRASH.search(outcome.text)
