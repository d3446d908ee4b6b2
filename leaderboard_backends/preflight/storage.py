"""Whether the storage answers: all that follows asks it. The board that is opened here serves most other checks."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Final

from ..errors import BackendError, ConfigurationError
from ..numerals import elapsed, whole
from ..protocol import LeaderboardBackend
from .finding import Finding, failed, passed
from .subject import Subject

PINGS: Final = 20


def check_storage(subject: Subject) -> Finding:
    """Open a scratch board with all layers, fill it, and ask the storage a few times."""
    try:
        board = subject.stack
    except BackendError as error:
        return failed(
            str(error), "Start the storage, or correct the board's url. Checks that need the storage were not run."
        )
    except ConfigurationError as error:
        return failed(str(error), f"Correct {subject.table} in the file.")
    filled = subject.filled
    return passed(
        f"{board.storage or 'Python objects'}: answers in {elapsed(_answers_in(board))}; {whole(filled.players)} "
        f"players loaded in {elapsed(filled.seconds)}"
    )


def _answers_in(board: LeaderboardBackend) -> float:
    times = []
    for _ in range(PINGS):
        started = perf_counter()
        board.ping()
        times.append(perf_counter() - started)
    return median(times)
