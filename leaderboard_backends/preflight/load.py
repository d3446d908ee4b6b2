"""Twice the expected load for some seconds: response times from the intended start, held against the targets."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from time import perf_counter_ns
from typing import Any, Final, NamedTuple

from ..comparison.measure.response import Arrival, at_rate
from ..comparison.samples import P99, percentile
from ..errors import LeaderboardError, RateLimitExceededError
from ..numerals import elapsed, whole
from .finding import Finding, failed, not_applicable, passed, together, warning
from .subject import DEFAULT_RATE, TWICE, WARM_UP, Subject

TOP: Final = 100

LABELS: Final = {"update": "update_latency", "top-100": "top_latency", "rank": "rank_latency"}
"""What is called, with the setting of its target."""


class ResponseTimes:
    """Times of each operation in nanoseconds, from the moment at which a call was meant to start, and the errors."""

    def __init__(self) -> None:
        self.samples: Final[dict[str, array[int]]] = {}
        self.errors: Final = Counter[type[LeaderboardError]]()
        self.first_error = ""
        self.last = 0.0
        """Seconds from the moment at which the last call was meant to start until it ended."""
        self._started = 0

    def begin(self) -> None:
        """Note the start, from which the calls' moments count."""
        self._started = perf_counter_ns()

    def timed(self, operation: str, call: Callable[..., object]) -> Callable[..., None]:
        """Return a call that takes the moment at which it is meant to start, and its arguments."""
        samples = self.samples.setdefault(operation, array("q"))

        def run(moment: int, *arguments: Any) -> None:
            try:
                call(*arguments)
            except LeaderboardError as error:
                self.errors[type(error)] += 1
                self.first_error = self.first_error or str(error)
            taken = perf_counter_ns() - self._started - moment
            samples.append(taken)
            self.last = taken / 1e9

        return run

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return sum(map(len, self.samples.values()))


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
    times = ResponseTimes()
    figures, done = at_rate(_arrivals(subject, times), load.rate, give_up=max(load.seconds, _longest_target(subject)))
    findings = [_stated(subject), *_latencies(subject, times), *_errors(subject, times)]
    if figures.response is None and (done <= load.calls or times.last > _longest_target(subject)):
        findings.append(_too_slow(load.rate, figures.achieved))
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


def _arrivals(subject: Subject, times: ResponseTimes) -> list[Arrival]:
    """Return the calls with gaps as of independent callers, 1 on average."""
    load = subject.load
    rng = Random(2)  # noqa: S311 - nothing here is a secret
    gaps = [rng.expovariate(1.0) for _ in range(load.calls)]
    stretch = (load.calls + 1) / sum(gaps)
    arrivals: list[Arrival] = [(times.begin, (), 0.0)]
    moment = 0.0
    for gap, step in zip(gaps, _steps(subject), strict=False):
        moment += gap * stretch
        run = times.timed(step.operation, step.call)
        arrivals.append((run, (int(moment * 1e9 / load.rate), *step.arguments), gap * stretch))
    return arrivals


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


def _latencies(subject: Subject, times: ResponseTimes) -> Iterator[Finding]:
    for operation, setting in LABELS.items():
        if samples := sorted(times.samples.get(operation, ())):
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


def _errors(subject: Subject, times: ResponseTimes) -> Iterator[Finding]:
    if not times.errors:
        yield passed("no errors")
        return
    kinds = ", ".join(f"{count} {kind.__name__}" for kind, count in times.errors.most_common())
    figure = f"{sum(times.errors.values())} of {times.calls} calls failed ({kinds}): {times.first_error}"
    if RateLimitExceededError in times.errors:
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
