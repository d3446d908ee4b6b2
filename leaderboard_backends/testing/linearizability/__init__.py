"""Whether what several threads or processes saw of one board can have come from one board at all.

A `Recorder` notes each call with its answer and its times. `assert_linearizable` then looks for an order of all
operations, each at some moment between its call and its return, in which a board that does one thing at a time gives
the same answers. An operation without an answer may have happened, at any later moment, or not::

    recorder = Recorder(board, process=1)
    recorder.call("update_score", "ada", "Ada", 3)
    assert_linearizable(recorder.operations, board.order, board.keep)

`assert_per_player` judges a board over several shards, `assert_allowed` any board by the level that it declares.
"""

from __future__ import annotations

from .history import ANY, UNKNOWN, Operation, Recorder, told
from .per_player import assert_allowed, assert_per_player
from .search import BUDGET, Linearization, SearchBudgetError, linearize
from .sequential import EMPTY, READS, WRITES, Standing, State, apply, state_of
from .verdict import assert_linearizable

__all__ = [
    "ANY",
    "BUDGET",
    "EMPTY",
    "READS",
    "UNKNOWN",
    "WRITES",
    "Linearization",
    "Operation",
    "Recorder",
    "SearchBudgetError",
    "Standing",
    "State",
    "apply",
    "assert_allowed",
    "assert_linearizable",
    "assert_per_player",
    "linearize",
    "state_of",
    "told",
]
