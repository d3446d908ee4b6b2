"""Twice the expected load for some seconds: response times from the intended start, held against the targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any, Final, NamedTuple

from ..errors import LeaderboardError, RateLimitExceededError
from ..numerals import elapsed, whole
from ..timing import P99, Arrival, Paced, at_rate, percentile
from .finding import Finding, failed, not_applicable, passed, together, warning
from .subject import DEFAULT_RATE, TWICE, WARM_UP, Subject

TOP: Final = 100

LABELS: Final = {"update": "update_latency", "top-100": "top_latency", "rank": "rank_latency"}
"""What is called, with the setting of its target."""


class Errors:
    """The errors of calls: how many of each kind, and the text of the first."""

    def __init__(self) -> None:
        self.kinds: Final = Counter[type[LeaderboardError]]()
        self.first = ""

    def counted(self, call: Callable[..., object]) -> Callable[..., None]:
        """Return a call that counts its error instead of raising it."""

        def run(*arguments: Any) -> None:
            try:
                call(*arguments)
            except LeaderboardError as error:
                self.kinds[type(error)] += 1
                self.first = self.first or str(error)

        return run


class _Step(NamedTuple):
    """One call to come."""

    operation: str
    call: Callable[..., object]
    arguments: tuple[Any, ...]


def check_load(subject: Subject) -> Finding:
    """Run updates and reads at twice the expected rate, all on one board with all its layers."""
    load = subject.load
    if not load.calls:
        return not_applicable("no load to test: expected_updates and expected_reads are 0")
    _warm_up(subject)
    steps, errors = list(islice(_steps(subject), load.calls)), Errors()
    longest = _longest_target(subject)
    paced = at_rate(_arrivals(steps, errors), load.rate, give_up=max(load.seconds, longest))
    findings = [_stated(subject), *_latencies(subject, steps, paced.samples), *_errors(subject, errors, paced)]
    if not paced.kept_up and (len(paced.samples) < load.calls or paced.samples[-1] / 1e9 > longest):
        findings.append(_too_slow(load.rate, paced.reached))
    return together(findings)


def _longest_target(subject: Subject) -> float:
    """Return the seconds by which a short run may end late, as a stall at its end makes it: no target is missed."""
    expected = subject.expectations
    return max(expected.update_latency, expected.top_latency, expected.rank_latency)


def _warm_up(subject: Subject) -> None:
    """Make some calls of each kind; what they raise, those that are measured will raise too."""
    for step in islice(_steps(subject), WARM_UP):
        try:
            step.call(*step.arguments)
        except LeaderboardError:
            return


def _arrivals(steps: Sequence[_Step], errors: Errors) -> list[Arrival]:
    """Return the calls with gaps as of independent callers."""
    rng = Random(2)  # noqa: S311 - nothing here is a secret
    return [(errors.counted(step.call), step.arguments, rng.expovariate(1.0)) for step in steps]


def _steps(subject: Subject) -> Iterator[_Step]:
    """Yield updates, top-100 queries and ranks in their shares, in random order, without end."""
    board, traffic, load = subject.stack, subject.traffic, subject.load
    rng = Random(3)  # noqa: S311 - nothing here is a secret
    shares = (load.updates, load.reads / 2, load.reads / 2)
    top = min(TOP, _most(subject))
    while True:
        (operation,) = rng.choices(tuple(LABELS), shares)
        if operation == "update":
            yield _Step(operation, subject.send, traffic.draw_update())
        elif operation == "rank":
            yield _Step(operation, board.get_rank, (traffic.draw_player(),))
        else:
            yield _Step(operation, board.get_top_n, (top,))


def _most(subject: Subject) -> int:
    """Return the largest n that the board's own rules allow."""
    found = (subject.settings("validation") or {}).get("max_n")
    return TOP if found is None else int(found)


# ---------------------------------------------------------------------- what came of it


def _stated(subject: Subject) -> Finding:
    """Tell what was run, and whether anybody said that this is what to expect."""
    load = subject.load
    figure = (
        f"{TWICE} x ({whole(load.updates / TWICE)} updates + {whole(load.reads / TWICE)} reads) per second for "
        f"{elapsed(load.seconds)} on {whole(subject.traffic.players)} players"
    )
    if subject.expectations.load_is_given:
        return passed(figure)
    return warning(
        figure,
        f"The expected load is not given, so {DEFAULT_RATE:g} updates and {DEFAULT_RATE:g} reads per second were "
        f"assumed: set expected_updates and expected_reads in [preflight.{subject.name}].",
    )


def _latencies(subject: Subject, steps: Sequence[_Step], times: Sequence[int]) -> Iterator[Finding]:
    for operation, setting in LABELS.items():
        if samples := sorted(time for step, time in zip(steps, times, strict=False) if step.operation == operation):
            target: float = getattr(subject.expectations, setting)
            told = percentile(samples, P99)
            name, value = ("max", samples[-1]) if told is None else ("p99", told)
            figure = f"{operation} {name} {elapsed(value / 1e9)}, target {elapsed(target)}"
            yield passed(figure) if value / 1e9 <= target else _missed(subject, figure)


def _missed(subject: Subject, figure: str) -> Finding:
    return failed(
        f"{figure}: missed",
        "Compare backends at this load (leaderboard advise), cache the top (cache_top of degradation), or raise the "
        f"target: {', '.join(LABELS.values())} in [preflight.{subject.name}].",
    )


def _errors(subject: Subject, errors: Errors, paced: Paced) -> Iterator[Finding]:
    if not errors.kinds:
        yield passed("no errors")
        return
    kinds = ", ".join(f"{count} {kind.__name__}" for kind, count in errors.kinds.most_common())
    figure = f"{errors.kinds.total()} of {len(paced.samples)} calls failed ({kinds}): {errors.first}"
    if RateLimitExceededError in errors.kinds:
        yield failed(
            figure,
            f"Raise updates_a_second in [{subject.table}.rate_limit] above {whole(subject.load.updates)}, twice the "
            f"expected rate, with room for bursts.",
        )
    else:
        yield failed(figure, "No call may fail at twice the expected load: see the error.")


def _too_slow(rate: float, reached: float) -> Finding:
    return failed(
        f"reached {whole(reached)} of {whole(rate)} calls per second",
        "One process, as preflight is, cannot make this load. If several processes of the app share it, set the rate "
        "of one of them; otherwise choose a faster backend (leaderboard advise).",
    )
