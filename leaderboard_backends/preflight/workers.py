"""Whether a board can serve as many worker processes as the app has, and whether rules, limits and metrics span them.

Each worker of a server such as gunicorn or uvicorn is a process. A board in memory is then a separate board in each of
them, and a file for a single process opens only in the first. The backend's `capabilities` say what a board can do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..config import Opening
from ..protocol import Capabilities
from ..wrapper import layers
from .finding import Finding, failed, not_applicable, passed, together, warning
from .subject import Subject

REMEDY: Final = "Use a backend that processes can share, such as redis:// or sqlite://, or run one worker."
_JUDGED: Final = {"score_min": "score_action", "score_max": "score_action", "max_change": "change_action"}


def check_workers(subject: Subject) -> Finding:
    """Judge the number of workers that is expected, `workers` of `[preflight.NAME]`."""
    workers, opening = subject.expectations.workers, subject.opening
    promises = _promised(subject)
    if not isinstance(promises, Capabilities):
        return not_applicable("what the board promises depends on the board inside it")
    if workers is not None and (problem := too_many_workers(opening, workers, promises)):
        return failed(problem, REMEDY)
    apart = list(_apart(subject, workers or 1))
    rules = unsafe_rules(opening.layers.get("validation", {}))
    if rules and promises.shared and not promises.limits and workers != 1:
        apart.append(
            warning(
                f"{', '.join(rules)} of validation: the storage does not check them in the same step as the write, so "
                "they hold only if one process writes",
                "Write from one process, or use a backend whose capabilities.limits is true.",
            )
        )
    if apart:
        return together(apart)
    if promises.shared:
        return passed("any number of processes can share the board")
    if workers is None:
        return not_applicable(
            "one process at a time can use the board; set workers in [preflight.NAME] if the app has several"
        )
    return passed("one worker, on a board for one process")


def _promised(subject: Subject) -> object:
    """Return what a board promises: an open scratch board knows its storage, which `zodb+config://` reads in a file."""
    if subject.is_open:
        *_, storage = layers(subject.stack)
        return storage.capabilities
    return subject.opening.backend.capabilities


def _apart(subject: Subject, workers: int) -> Iterator[Finding]:
    """Yield what each worker would do for itself alone."""
    from ..hardening.observability.families import in_several_processes  # noqa: PLC0415 - needed by preflight alone

    limit = subject.settings("rate_limit")
    if workers > 1 and limit is not None and limit.get("storage", "memory") == "memory":
        yield warning(
            f"{workers} workers, but the rate limit counts in the memory of each: together they let {workers} times as "
            "many updates through",
            f"Set storage in [{subject.table}.rate_limit] to the URL of a Redis or Valkey.",
        )
    if workers > 1 and subject.settings("monitoring") is not None and not in_several_processes():
        yield warning(
            f"{workers} workers, but PROMETHEUS_MULTIPROC_DIR is not set here: each scrape shows the metrics of one",
            "Set it to an empty folder, for the app and for this command.",
        )


def too_many_workers(opening: Opening, workers: int, promises: object = None) -> str:
    """Return why a board does not serve so many processes, empty where it does; nothing is opened.

    Judged by what the board's class promises, unless it is known what the board does.
    """
    promises = promises or opening.backend.capabilities
    if workers < 2 or not isinstance(promises, Capabilities) or promises.shared:  # noqa: PLR2004 - more than one
        return ""
    scheme = f"{opening.location.scheme}://"
    if promises.durable:
        return f"{workers} workers, but a {scheme} file serves one process at a time: the others could not open it"
    return f"{workers} workers, but {scheme} lives in one process: each worker would have its own separate board"


def unsafe_rules(settings: Mapping[str, Any]) -> list[str]:
    """Return the rules of validation that refuse by the score that stands."""
    return [
        rule
        for rule, action in _JUDGED.items()
        if settings.get(rule) is not None and settings.get(action, "refuse") == "refuse"
    ]
