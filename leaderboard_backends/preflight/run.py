"""The list, in order, run on one board after the other; the storage is first, as the other checks need it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import Final

from ..config import Opening
from ..errors import BackendError, ConfigurationError, LeaderboardError
from ..numerals import elapsed, whole
from ..protocol import LeaderboardBackend
from ..wrapper import layers
from .access import check_access
from .alerts import check_alerts
from .backup import check_backup
from .configured import check_configured
from .degradation import check_degradation
from .documents import check_document
from .expectations import Expectations
from .finding import Check, Finding, Line, Report, failed, not_applicable, passed
from .load import check_load
from .memory import check_eviction, check_memory
from .metrics import check_metrics
from .migration import check_migration
from .patterns import check_fat_entries, check_sharding, check_sorting, check_ties, check_unneeded_order
from .persistence import check_persistence
from .rate_limit import check_rate_limit
from .replication import check_replication
from .scratch import CLEAR, LEFT, Scratch
from .subject import OneServerHolds, Subject, not_known
from .validation import check_validation
from .workers import check_workers

PINGS: Final = 20


def check_storage(subject: Subject) -> Finding:
    """Open a scratch board with all layers, fill it, and ask the storage a few times.

    All that follows asks this storage, and most other checks this board.
    """
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


STORAGE: Final = Check("storage answers", "the storage that the other checks need", check_storage)

CHECKS: Final[Sequence[Check]] = (
    STORAGE,
    Check("configured board", "the board as it is (read only)", check_configured),
    Check("workers", "one board for all processes of the app", check_workers, needs_board=False),
    Check("load", "Performance testing at 2x expected load; load testing completed", check_load),
    Check("rate limit", "Rate limiting implemented and tested", check_rate_limit),
    Check("validation", "Data validation rules defined", check_validation),
    Check("metrics", "Monitoring dashboards configured", check_metrics),
    Check("alerts", "Alerting thresholds set", check_alerts, needs_board=False),
    Check("persistence", "Disaster recovery: what an acknowledged update survives", check_persistence),
    Check("replication", "what the loss of a server takes", check_replication),
    Check("backup and restore", "Disaster recovery: a backup and its restore", check_backup),
    Check("recovery plan", "Disaster recovery plan documented", check_document("disaster_recovery"), needs_board=False),
    Check("runbook", "Operational runbooks documented", check_document("runbook"), needs_board=False),
    Check("API documentation", "API documentation complete", check_document("api"), needs_board=False),
    Check("eviction", "the server's memory policy", check_eviction),
    Check("memory", "enough memory for the expected players", check_memory),
    Check("access", "TLS and password for a remote server", check_access),
    Check("migration", "a live board's move to another storage", check_migration, needs_board=False),
    Check("degraded answers", "Graceful degradation", check_degradation),
    Check("order where none is needed", "Anti-pattern 1", check_unneeded_order, needs_board=False),
    Check("sorting at every query", "Anti-pattern: dict and repeated sorting", check_sorting),
    Check("premature sharding", "Anti-pattern 2", check_sharding, needs_board=False),
    Check("ties ignored", "Anti-pattern 3", check_ties, needs_board=False),
    Check("fat entries", "Anti-pattern 4", check_fat_entries),
)
"""In the order in which they are run; the first one decides whether there is a board to ask."""

SAID_BY_A_CHECK: Final = ".*evicts keys that have no expiry"
"""What a backend warns of at each opening, and the check of eviction says once."""

FINE: Final = ("passed", "not applicable")
"""Statuses after which nobody has to ask whether the storage still answers."""

Progress = Callable[[str], object]
"""Hears the name of each check before it is run."""


def run_checks(
    name: str,
    openings: Mapping[str, Opening],
    expectations: Mapping[str, Expectations],
    seconds: float,
    progress: Progress = str,
    one_server_holds: OneServerHolds = not_known,
) -> Report:
    """Run every check on one board of a file, with what is expected of each; `seconds` is how long the load takes.

    Returns one line per check, in order; what a check raises becomes its finding. Nothing is left behind, whatever ends
    the run; where something had to be, the last line says what, or a note of the exception that ended the run.
    """
    opening = openings[name]
    with warnings.catch_warnings(), Scratch(opening) as scratch:
        warnings.filterwarnings("ignore", message=SAID_BY_A_CHECK)
        subject = Subject(name, openings, expectations[name], scratch, seconds, one_server_holds)
        lines: list[Line] = []
        answers = True
        for check in CHECKS:
            progress(check.name)
            lines.append(_run(check, subject, answers=answers))
            answers = answers and (lines[-1].finding.status in FINE or _still_answers(check, subject))
    lines.append(Line("clean-up", "nothing is left behind", _gone(scratch), 0.0))
    return Report(name, opening.location.shown, lines)


def _still_answers(check: Check, subject: Subject) -> bool:
    """Whether the storage can be asked on, after a check that found something: it may have gone down meanwhile."""
    if not check.needs_board:
        return True
    try:
        *_, storage = layers(subject.stack)
        storage.ping()
    except Exception:  # noqa: BLE001 - whatever it is, the check before has said it
        return False
    return True


def _run(check: Check, subject: Subject, *, answers: bool) -> Line:
    started = perf_counter()
    if check.needs_board and not answers:
        finding = not_applicable("not checked: the storage does not answer")
    else:
        finding = _finding(check, subject)
    return Line(check.name, check.line, finding, perf_counter() - started)


def _finding(check: Check, subject: Subject) -> Finding:
    try:
        return check.run(subject)
    except LeaderboardError as error:
        return failed(str(error), "The check could not be finished: fix this error first.")
    except Exception as error:  # noqa: BLE001 - a plug-in, or a function of the app, may raise anything
        return failed(
            f"{type(error).__name__}: {error}", "The check itself failed: report it, with the file of the boards."
        )


def _gone(scratch: Scratch) -> Finding:
    if scratch.left:
        return failed(f"{LEFT}: {'; '.join(scratch.left)}", CLEAR)
    return passed(f"{scratch.opened} scratch boards deleted")
