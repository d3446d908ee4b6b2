"""Random programs of all operations, few players and few scores, so that ties are everywhere; the oracle judges."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from ...protocol import LeaderboardBackend
from .foundation import ConformancePart, OpenBoard, Rules

if TYPE_CHECKING:
    from .stateful import BoardMachine

SLOW: Final = 3.0
"""Milliseconds an operation from which a program that fails is not shortened: it is run a thousand times for that."""


class MachinePart(ConformancePart):
    """The property test."""

    def test_random_programs_end_as_the_oracle_says(self, open_board: OpenBoard, rules: Rules) -> None:
        from .stateful import BoardMachine, run_programs  # noqa: PLC0415 - only this test needs Hypothesis

        def machine() -> BoardMachine:
            return BoardMachine(lambda: open_board(rules), rules, self.dispose)

        slow = self._milliseconds(open_board(rules)) > SLOW
        try:
            run_programs(machine, number=self.seed, examples=self.examples, steps=self.steps, shrink=not slow)
        except Exception as error:
            error.add_note(
                f"To repeat the same programs: seed = {self.seed}, examples = {self.examples}, rules {rules}."
            )
            if slow:
                error.add_note(f"The failing program was not minimized: an operation takes more than {SLOW:g} ms here.")
            raise

    @staticmethod
    def _milliseconds(board: LeaderboardBackend) -> float:
        """Return about how long an operation takes."""
        started = perf_counter()
        for score in range(10):
            board.update_score("ada", "", score)
            board.get_top_n(1)
        return (perf_counter() - started) * 1000 / 20
